//! Replicas restart in turn, under load, behind a balancer: nobody who calls notices.

use rstest::rstest;

use super::audit::audit;
use super::chance::Chance;
use super::load::Load;
use crate::harness::balancer::Balancer;
use crate::harness::database::{Database, Kind};
use crate::harness::process::Process;

/// A balancer that is told first is what `deploy/kubernetes.yaml` brings about with its `preStop`. One that is not told asks, and
/// has to be given the time. (Where it has neither, a connection may be on its way while the port closes.)
#[rstest]
#[case::of_which_the_balancer_is_told_first(true, "0s")]
#[case::that_say_so_for_a_while(false, "2s")]
#[tokio::test(flavor = "multi_thread")]
async fn replicas_that_restart_in_turn_fail_no_callback(#[case] is_told: bool, #[case] drain: &str) {
    let mut chance = Chance::of_this_run();
    let database = Database::fresh(Kind::Postgres).await;
    let start = async |port: &str| Process::with(&database.url, &[("SERVER_PORT", port), ("SERVER_DRAIN", drain)], &[]).await;
    let mut hubs = [start("0").await, start("0").await];
    let balancer = Balancer::before(&[hubs[0].address, hubs[1].address]).await;
    let load = Load::start(&mut chance, balancer.address);
    load.until(100).await;
    for (number, hub) in hubs.iter_mut().enumerate() {
        if is_told {
            balancer.take_out(number).await;
        }
        hub.terminate();
        let status = hub.ended().await;
        assert!(status.success(), "a soft stop is no failure: {status}: {}", hub.log());
        // the other one alone
        load.until(50).await;
        let port = hub.address.port().to_string();
        *hub = start(&port).await;
        balancer.until_ready(number).await;
        load.until(100).await;
    }
    let history = load.finish().await;
    let failed = (history.unavailable, history.lost);
    assert_eq!(failed, (0, 0), "turned away, and not answered: {}", history.figures());
    println!("two replicas that were restarted in turn:");
    audit(history, &database.url, hubs[0].address).await;
}
