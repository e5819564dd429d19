//! `kill -9` under load. `KILL_ROUNDS` says how often, `SEED` repeats a run's choices.

use rstest::rstest;

use super::audit::audit;
use super::chance::Chance;
use super::load::Load;
use crate::harness::database::{Database, Kind};
use crate::harness::process::Process;

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn no_acknowledged_callback_is_lost_by_kill_9(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let rounds: usize = std::env::var("KILL_ROUNDS").map_or(3, |rounds| rounds.parse().expect("KILL_ROUNDS is a number"));
    let mut chance = Chance::of_this_run();
    let database = Database::fresh(kind).await;
    let mut hub = Process::start(&database.url).await;
    let load = Load::start(&mut chance, hub.address);
    for _ in 0..rounds {
        let acknowledged = 100 + chance.below(300);
        load.moment(&mut chance, acknowledged).await;
        hub.kill().await;
        hub = Process::start(&database.url).await;
        load.moved(hub.address);
    }
    load.until(50).await;
    hub.kill().await;
    let history = load.finish().await;

    assert!(history.unknown_answers() >= rounds, "the hub was killed under load: {}", history.figures());
    let hub = Process::start(&database.url).await;
    println!("{kind:?}, {} kills:", rounds + 1);
    audit(history, &database.url, hub.address).await;
    assert_eq!(hub.log(), "", "the last life of the hub has nothing to complain about");
}
