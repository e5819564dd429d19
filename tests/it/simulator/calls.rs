//! The callbacks: signed, and lost, late, doubled, out of order or forged as the seed says.

use callback_hub::simulator::{Fault, Faults, Line, Odds, Temper};
use serde_json::Value;

use super::stage::{CALM, Call, HONEST, HOUR, NO_FAULTS, Stage, reply, until};
use crate::harness::signing::signature;

fn is_signed(call: &Call) -> bool {
    format!("sha256={}", call.signature.trim_start_matches("sha256=")) == signature(&call.body)
}

#[tokio::test]
async fn an_honest_job_tells_everything_once_and_signed_and_its_end_is_what_its_status_says() {
    let stage = Stage::set(CALM).await;
    let id = stage.submitted("one").await;
    stage.played().await;
    let calls = stage.calls();
    assert!(calls.iter().all(is_signed) && calls.iter().all(|call| call.json()["taskId"] == id.as_str()));
    let end: Vec<Value> = calls.iter().map(Call::json).filter(|body| body["event"] == "completed").collect();
    let [end] = end.as_slice() else { panic!("{end:?}") };
    assert_eq!(end["result"], stage.get(&format!("/jobs/{id}/result")).await.body["result"]);
    let entry = &stage.ledger().await.jobs[0];
    assert_eq!((entry.counts.sent as usize, entry.counts.lost), (calls.len(), 0));
    let summary = stage.desk().summary();
    assert_eq!((summary.tasks, summary.ended, summary.sent), (1, 1, calls.len() as u64));
}

#[tokio::test]
async fn a_job_without_a_callback_url_calls_nobody() {
    let stage = Stage::set(CALM).await;
    assert_eq!(reply(stage.post("/jobs").body("{}")).await.status, 202);
    // the one that follows is heard
    stage.submitted("two").await;
    stage.played().await;
    assert!(stage.calls().iter().all(|call| call.json()["taskId"] == "job-2"));
    let counts = stage.ledger().await.jobs[0].counts;
    assert_eq!((counts.sent, counts.lost), (0, 0));
}

#[tokio::test]
async fn lost_callbacks_are_never_sent_and_the_job_ends_all_the_same() {
    let stage = Stage::set(Temper { faults: Faults { lose: 1.0, ..NO_FAULTS }, ..CALM }).await;
    let id = stage.submitted("one").await;
    stage.played().await;
    assert_eq!(stage.calls().len(), 0);
    assert_eq!(stage.status(&id).await["status"], "completed");
    let entry = &stage.ledger().await.jobs[0];
    assert_eq!((entry.counts.sent, u64::from(entry.counts.lost)), (0, stage.desk().summary().lost));
    assert!(entry.counts.lost > 2);
}

#[tokio::test]
async fn the_end_is_known_to_who_asks_before_a_late_callback_tells_it() {
    let stage = Stage::set(Temper { faults: Faults { delay: HOUR, ..NO_FAULTS }, ..CALM }).await;
    let id = stage.submitted("one").await;
    assert_eq!(stage.status(&id).await["status"], "completed");
    assert_eq!(stage.ledger().await.jobs[0].counts.sent, 0);
}

#[tokio::test]
async fn duplicates_overtaken_events_and_forgeries_are_all_seen_and_no_forgery_is_well_signed() {
    let odds = Odds { duplicates: 0.5, reorders: 0.5, forgeries: 0.5, ..HONEST };
    let stage = Stage::set(Temper { odds, ..CALM }).await;
    for number in 0..10 {
        stage.submitted(&format!("key-{number}")).await;
    }
    stage.played().await;
    let mut faults: Vec<Fault> = Vec::new();
    let mut forged = 0;
    for line in stage.lines() {
        if let Line::Sent(sent) = line {
            forged += usize::from(sent.fault.is_some_and(Fault::is_forgery));
            faults.extend(sent.fault);
        }
    }
    for fault in [Fault::Duplicate, Fault::Overtaken, Fault::WrongSecret, Fault::Tampered] {
        assert!(faults.contains(&fault), "{fault:?}");
    }
    let calls = stage.calls();
    assert_eq!(calls.iter().filter(|call| !is_signed(call)).count(), forged);
    assert_eq!(stage.desk().summary().forgeries_taken, forged as u64, "whoever takes everything is found out");
}

#[tokio::test]
async fn a_cancelled_job_says_so_and_nothing_else_any_more() {
    // its script begins in an hour
    let stage = Stage::set(Temper { pace: HOUR, seed: 1, ..CALM }).await;
    let id = stage.submitted("one").await;
    for _ in 0..2 {
        assert_eq!(reply(stage.post(&format!("/jobs/{id}/cancel"))).await.status, 200);
    }
    until(async || stage.calls().iter().any(|call| call.json()["event"] == "cancelled")).await;
    let bodies: Vec<Value> = stage.calls().iter().map(Call::json).collect();
    let ends: Vec<&Value> = bodies.iter().map(|body| &body["event"]).filter(|event| *event != "started").collect();
    assert_eq!(ends, ["cancelled"]);
    assert!(stage.calls().iter().all(is_signed));
}

#[tokio::test]
async fn the_same_seed_tells_the_same_of_each_key_in_whatever_order_jobs_come() {
    let odds = Odds { duplicates: 0.4, reorders: 0.4, forgeries: 0.4, failures: 0.3, cancellations: 0.3 };
    let mut told: Vec<Vec<String>> = Vec::new();
    for (seed, keys) in [(7, ["one", "two", "three"]), (7, ["three", "one", "two"]), (8, ["one", "two", "three"])] {
        let temper = Temper { seed, odds, faults: Faults { lose: 0.3, ..NO_FAULTS }, ..CALM };
        let stage = Stage::set(temper).await;
        let mut names = Vec::new();
        for key in keys {
            names.push((stage.submitted(key).await, key));
        }
        stage.played().await;
        let name = |id: &str| names.iter().find(|(known, _)| known == id).map_or("", |(_, key)| *key);
        let mut events: Vec<String> = stage.lines().iter().filter_map(|line| event(line, name)).collect();
        events.sort();
        told.push(events);
    }
    assert_eq!(told[0], told[1]);
    assert_ne!(told[0], told[2]);
}

/// What a seed decides of a callback.
fn event<'a>(line: &Line, name: impl Fn(&str) -> &'a str) -> Option<String> {
    match line {
        Line::Sent(sent) => {
            let key = name(&sent.task);
            Some(format!("{key} {} {} {:?} {:?}", sent.number, sent.event, sent.percent, sent.fault))
        }
        Line::Unsent(lost) => Some(format!("{} {} {} {:?} lost", name(&lost.task), lost.number, lost.event, lost.percent)),
        _ => None,
    }
}
