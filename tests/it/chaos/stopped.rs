//! PostgreSQL is stopped for a while: the hub lives, says when to come again, and is back without anybody's help.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::json;
use tokio::time::timeout;

use super::audit::audit;
use super::chance::Chance;
use super::client::{Client, Trouble};
use super::history::{Creation, Sent};
use super::load::Load;
use super::outage::recovers;
use crate::harness::cluster::Cluster;
use crate::harness::process::Process;

const PATIENCE: Duration = Duration::from_secs(10);
/// Callbacks that are sent at once, again and again, while the server is away.
const AT_ONCE: usize = 8;

/// In the long grade half a minute, else as long as one round of callbacks takes.
fn outage() -> Duration {
    let rounds: usize = std::env::var("KILL_ROUNDS").map_or(3, |rounds| rounds.parse().expect("KILL_ROUNDS is a number"));
    Duration::from_secs(if rounds > 3 { 30 } else { 5 })
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_server_is_stopped_callbacks_are_told_to_come_again() {
    let mut chance = Chance::of_this_run();
    let cluster = Cluster::start();
    let hub = Process::start(&cluster.url()).await;
    let client = Client::new();
    let mut creation = Creation::new("own", false);
    let task = client.create(hub.address, &mut creation).await.expect("the hub runs");
    let load = Load::start(&mut chance, hub.address);
    load.until(100).await;

    cluster.stop();
    let mut ticks = tokio::time::interval(Duration::from_millis(50));
    let noticed = timeout(PATIENCE, async {
        while client.is_ready(hub.address).await {
            ticks.tick().await;
        }
    });
    noticed.await.expect("readiness ends with the database");
    let (begun, mut turned_away) = (Instant::now(), Vec::new());
    while turned_away.is_empty() || begun.elapsed() < outage() {
        let first = turned_away.len();
        let callbacks = (first..first + AT_ONCE).map(async |number| {
            let mark = format!("outage-{number}");
            let mut sent = Sent::new(&task, &mark, true, json!({"event": "progress", "progress": {"percentage": 50}}));
            let answer = client.send(hub.address, std::slice::from_mut(&mut sent)).await;
            // a 503 that says when to come again: the client takes no other one
            assert_eq!(answer, Err(Trouble::Unavailable), "{mark}");
            (mark, sent)
        });
        turned_away.extend(join_all(callbacks).await);
        assert_eq!(client.status(hub.address, "/health/live").await, Some(200), "it lives: {}", hub.log());
        assert_eq!(client.status(hub.address, "/health/ready").await, Some(503), "it is not ready");
        let looked = client.status(hub.address, &format!("/api/tasks/{task}")).await;
        assert_eq!(looked, Some(503), "who looks is told the same");
    }
    let (away, count) = (begun.elapsed(), turned_away.len());
    cluster.start_again();
    recovers(&hub).await;
    for (mark, sent) in &mut turned_away {
        let answer = client.send(hub.address, std::slice::from_mut(sent)).await;
        assert_eq!(answer, Ok(()), "{mark}, sent again");
    }
    load.until(100).await;

    let mut history = load.finish().await;
    history.creations.insert("own".to_owned(), creation);
    history.events.extend(turned_away);
    println!("{count} callbacks turned away in {away:.1?} without a server:");
    audit(history, &cluster.url(), hub.address).await;
}
