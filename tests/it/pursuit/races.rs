//! A poll's answer and a callback at the same instant: one of the two ends the task, and the other changes nothing.

use std::collections::BTreeMap;

use futures_util::future::{join, join_all};
use rstest::rstest;
use serde_json::{Value, json};

use super::{MINUTE, SECOND, start};
use crate::harness::generator::Generator;
use crate::harness::{App, Kind};

/// 500 races on each database.
const ROUNDS: usize = 10;
const TASKS: usize = 50;

/// Who won, and how often.
type Wins = BTreeMap<String, usize>;

struct Racer {
    id: String,
    callback_url: String,
    kind: Race,
}

/// What the two roads say.
#[derive(Clone, Copy)]
enum Race {
    /// The task is completed; each with a result of its own.
    Completed,
    /// The attempt has failed, and may be retried.
    Failed,
    /// A generator that contradicts itself: completed by poll, cancelled by callback.
    AtOdds,
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_poll_and_a_callback_at_the_same_instant_have_one_effect(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, generator) = start(kind, &[("POLL_CONCURRENCY", "50"), ("TASK_TIMEOUT", "1d")]).await;
    let mut wins = Wins::new();
    for round in 0..ROUNDS {
        let racers = join_all((0..TASKS).map(|number| racer(&app, round, number))).await;
        app.work_off().await;
        for racer in &racers {
            generator.set(&racer.job(1), &racer.kind.polled());
        }
        app.clock.advance(MINUTE + SECOND);
        race(&app, &generator, &racers, round % 2 == 0).await;
        for winner in join_all(racers.iter().map(|racer| check(&app, racer))).await {
            *wins.entry(winner).or_default() += 1;
        }
        retried(&app, &generator, racers.iter().filter(|racer| matches!(racer.kind, Race::Failed))).await;
    }
    println!("{kind:?}: {wins:?}");
    assert!(wins.len() == 2 && wins.values().all(|wins| *wins > 0), "both roads have won: {wins:?}");
    app.stop().await;
}

async fn racer(app: &App, round: usize, number: usize) -> Racer {
    let id = format!("t-{round}-{number}");
    let task = app.created(&json!({"id": id, "generator": "secure", "max_retries": 2})).await;
    let kind = [Race::Completed, Race::Failed, Race::AtOdds][number % 3];
    Racer { id, callback_url: task["callback_url"].as_str().expect("a URL").to_owned(), kind }
}

/// All questions are asked and none is answered; then all answers and all callbacks come at once.
async fn race(app: &App, generator: &Generator, racers: &[Racer], answers_first: bool) {
    generator.close().await;
    let asked = generator.count("GET /jobs") + racers.len();
    let callbacks = racers.iter().map(|racer| app.callback_to(&racer.callback_url, racer.kind.called(racer).to_string()).taken());
    let start = async {
        app.until(async || generator.count("GET /jobs") == asked).await;
        let (open, callbacks) = (async { generator.open() }, join_all(callbacks));
        if answers_first { join(open, callbacks).await.1 } else { join(callbacks, open).await.0 }
    };
    let (_, outcomes) = join(app.work_off(), start).await;
    assert!(outcomes.iter().all(|(status, _)| *status == 200), "{outcomes:?}");
}

/// One retry was burnt, and it comes to its end.
async fn retried(app: &App, generator: &Generator, racers: impl Iterator<Item = &Racer> + Clone) {
    let submitted = generator.count("POST /jobs");
    app.later(MINUTE).await;
    assert_eq!(generator.count("POST /jobs"), submitted + racers.clone().count());
    racers.clone().for_each(|racer| generator.set(&racer.job(2), &Race::Completed.polled()));
    app.later(MINUTE + SECOND).await;
    for racer in racers {
        assert_eq!(app.status(&racer.id).await, "completed");
    }
}

/// The road that won.
async fn check(app: &App, racer: &Racer) -> String {
    let (task, receipts) = join(app.task(&racer.id), app.items(&format!("/api/tasks/{}/callbacks", racer.id))).await;
    let ends: Vec<&Value> = receipts.iter().filter(|receipt| receipt["event"] != "submitted").collect();
    let (applied, others): (Vec<&Value>, Vec<&Value>) = ends.iter().partition(|receipt| receipt["outcome"] == "applied");
    assert_eq!(applied.len(), 1, "{receipts:?}");
    let winner = applied[0]["source"].as_str().expect("a road");
    let shown = ["status", "attempt", "result", "settled_by"].map(|member| task[member].clone());
    let settled = |status: &str, result: Value| [json!(status), json!(1), result, json!(winner)];
    let (expected, reason) = match (racer.kind, winner) {
        (Race::AtOdds, "callback") => (settled("cancelled", Value::Null), "already_settled"),
        (Race::Completed | Race::AtOdds, _) => (settled("completed", json!({"by": winner})), "already_settled"),
        (Race::Failed, _) => ([json!("pending"), json!(2), Value::Null, Value::Null], "stale_attempt"),
    };
    assert_eq!(shown, expected, "{receipts:?}");
    // every callback is accounted for; the lease of whoever asks ends with the attempt, and its answer with it
    let losers: Vec<_> = others.iter().map(|receipt| (receipt["source"].as_str(), receipt["reason"].as_str())).collect();
    let late = (Some("callback"), Some(reason));
    assert_eq!(losers, if winner == "callback" { vec![] } else { vec![late] }, "{receipts:?}");
    winner.to_owned()
}

impl Racer {
    /// As generator `secure` calls it.
    fn job(&self, attempt: u32) -> String {
        format!("job-{}-{attempt}", self.id)
    }
}

impl Race {
    fn polled(self) -> Value {
        match self {
            Self::Completed | Self::AtOdds => json!({"status": "done", "result": {"by": "poll"}}),
            Self::Failed => json!({"status": "failed", "error": {"code": "BUSY"}}),
        }
    }

    fn called(self, racer: &Racer) -> Value {
        let job = racer.job(1);
        match self {
            Self::Completed => json!({"event": "done", "taskId": job, "result": {"by": "callback"}}),
            Self::Failed => json!({"event": "failed", "taskId": job, "error": {"code": "BUSY"}}),
            Self::AtOdds => json!({"event": "cancelled", "taskId": job}),
        }
    }
}
