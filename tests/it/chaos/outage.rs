//! PostgreSQL goes away under load: its sessions end, or it crashes as a whole. The hub stays, says 503, and recovers.

use std::time::Duration;

use sea_orm::ConnectionTrait;
use tokio::time::timeout;

use super::audit::audit;
use super::chance::Chance;
use super::client::Client;
use super::load::Load;
use crate::harness::cluster::Cluster;
use crate::harness::database::{Database, Kind};
use crate::harness::process::Process;

const ROUNDS: usize = 12;
const CRASHES: usize = 3;
const RECOVERY: Duration = Duration::from_secs(90);

const TERMINATE: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'callback-hub'";

#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_are_terminated_lose_nothing() {
    let mut chance = Chance::of_this_run();
    let database = Database::fresh(Kind::Postgres).await;
    let hub = Process::start(&database.url).await;
    let harm = database.connect().await;
    let load = Load::start(&mut chance, hub.address);
    let mut terminated = 0;
    for _ in 0..ROUNDS {
        let acknowledged = 20 + chance.below(60);
        load.moment(&mut chance, acknowledged).await;
        terminated += harm.execute_unprepared(TERMINATE).await.expect("a superuser may").rows_affected();
    }
    assert!(terminated >= ROUNDS as u64, "there were sessions to terminate: {terminated}");
    recovers(&hub).await;
    load.until(50).await;
    let history = load.finish().await;
    harm.close().await.expect("a connection closes");
    println!("{terminated} sessions terminated in {ROUNDS} rounds:");
    audit(history, &database.url, hub.address).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_crashes_loses_nothing() {
    let mut chance = Chance::of_this_run();
    let cluster = Cluster::start();
    let hub = Process::start(&cluster.url()).await;
    let load = Load::start(&mut chance, hub.address);
    for _ in 0..CRASHES {
        load.until(50 + chance.below(150)).await;
        cluster.crash();
        recovers(&hub).await;
    }
    load.until(50).await;
    let history = load.finish().await;
    assert!(history.unknown_answers() >= CRASHES, "the server crashed under load: {}", history.figures());
    println!("{CRASHES} crashes of the server:");
    audit(history, &cluster.url(), hub.address).await;
}

/// Nobody helps: readiness comes back by itself.
pub(super) async fn recovers(hub: &Process) {
    let client = Client::new();
    let mut ticks = tokio::time::interval(Duration::from_millis(50));
    let recovered = timeout(RECOVERY, async {
        while !client.is_ready(hub.address).await {
            ticks.tick().await;
        }
    });
    recovered.await.unwrap_or_else(|_| panic!("the hub does not recover: {}", hub.log()));
}
