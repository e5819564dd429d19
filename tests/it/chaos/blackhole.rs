//! The way to PostgreSQL turns into a black hole in the middle of a commit: nothing is refused, nothing is answered.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use rstest::rstest;
use serde_json::json;
use tokio::time::timeout;

use super::audit::audit;
use super::chance::Chance;
use super::client::{Client, Trouble};
use super::history::{Creation, Sent};
use super::load::Load;
use super::outage::recovers;
use crate::harness::cluster::Cluster;
use crate::harness::hole::Hole;
use crate::harness::process::Process;

/// So long a sender waits for an answer, whatever becomes of it.
const BOUND: Duration = Duration::from_secs(15);
const AT_ONCE: usize = 8;

#[rstest]
#[case::of_which_both_ends_hear_later(true)]
#[case::of_which_nobody_ever_hears(false)]
#[tokio::test(flavor = "multi_thread")]
async fn a_black_hole_keeps_nobody_waiting_and_loses_nothing(#[case] is_told: bool) {
    let mut chance = Chance::of_this_run();
    let cluster = Cluster::start();
    let hole = Hole::before(cluster.address()).await;
    let mut hub = Process::start(&cluster.url_by_way_of(hole.address())).await;
    let client = Client::new();
    let mut creation = Creation::new("own", false);
    let task = client.create(hub.address, &mut creation).await.expect("the hub runs");
    let load = Load::start(&mut chance, hub.address);
    load.until(100).await;

    let send = async |(mark, mut sent): (String, Sent)| {
        let begun = Instant::now();
        let answer = client.send(hub.address, std::slice::from_mut(&mut sent)).await;
        assert_eq!(answer, Err(Trouble::Unavailable), "{mark}");
        assert!(begun.elapsed() < BOUND, "{mark} was answered after {:?}", begun.elapsed());
        (mark, sent)
    };
    hole.open_behind_commit(&task);
    let committed = send(progress(&task, "committed")).await;
    timeout(BOUND, hole.is_open()).await.expect("it was the commit that was not answered");
    let mut unanswered = join_all((0..AT_ONCE).map(|number| send(progress(&task, &format!("behind-{number}"))))).await;
    assert_eq!(client.status(hub.address, "/health/live").await, Some(200), "it lives: {}", hub.log());
    assert_eq!(client.status(hub.address, "/health/ready").await, Some(503), "it is not ready");
    assert_eq!(client.status(hub.address, &format!("/api/tasks/{task}")).await, Some(503), "who looks is told the same");

    assert_eq!(client.status(hub.address, "/metrics").await, Some(200), "whoever watches is told, too");

    hole.close();
    if is_told {
        hole.hang_up();
    }
    recovers(&hub).await;
    unanswered.push(committed);
    for (mark, sent) in &mut unanswered {
        // one after the other, the connections that were swallowed are given up
        let sending = async { while client.send(hub.address, std::slice::from_mut(sent)).await.is_err() {} };
        timeout(BOUND, sending).await.unwrap_or_else(|_| panic!("{mark} is not taken, sent again: {}", hub.log()));
        let outcome = sent.acknowledgements().last().map(|told| told.outcome.as_str());
        assert!(mark.as_str() != "committed" || outcome == Some("duplicate"), "{mark} had been committed: {outcome:?}");
    }
    load.until(100).await;
    let mut history = load.finish().await;
    assert_eq!(history.lost, 0, "every request was answered: {}", history.figures());
    history.creations.insert("own".to_owned(), creation);
    history.events.extend(unanswered);
    println!("a black hole behind a commit:");
    audit(history, &cluster.url(), hub.address).await;
    hub.terminate();
    assert!(hub.ended().await.success(), "nothing waits for an answer any more: {}", hub.log());
}

fn progress(task: &str, mark: &str) -> (String, Sent) {
    let event = json!({"event": "progress", "progress": {"percentage": 50, "message": mark}});
    (mark.to_owned(), Sent::new(task, mark, true, event))
}
