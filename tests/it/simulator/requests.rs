//! Submission, status, result, cancellation, and the errors that may come instead.

use std::time::Duration;

use callback_hub::simulator::{End, Faults, Odds, Temper};
use serde_json::json;

use super::stage::{CALM, HONEST, HOUR, NO_FAULTS, Reply, Stage, reply};

const TICK: Duration = Duration::from_secs(1);

/// Jobs take their time, by the stage's clock.
fn slow(faults: Faults, odds: Odds) -> Temper {
    Temper { pace: TICK, faults, odds, ..CALM }
}

#[tokio::test]
async fn a_job_gets_on_with_time_and_its_result_is_there_when_it_is_completed() {
    let stage = Stage::set(slow(NO_FAULTS, HONEST)).await;
    let id = stage.submitted("one").await;
    let (mut states, mut progress) = (vec![stage.status(&id).await], Vec::new());
    while states.last().is_some_and(|status| status["status"] != "completed") {
        assert_eq!(stage.get(&format!("/jobs/{id}/result")).await.status, 409);
        stage.clock.advance(TICK);
        states.push(stage.status(&id).await);
        assert!(states.len() < 100, "it ends");
    }
    for status in &states {
        progress.push(status["progress"].as_u64().expect("a number"));
        assert_eq!(status["finished_at"].is_string(), status["status"] == "completed", "{status}");
    }
    let mut words: Vec<&str> = states.iter().filter_map(|status| status["status"].as_str()).collect();
    words.dedup();
    assert_eq!(words, ["queued", "running", "completed"]);
    assert!(progress.is_sorted() && progress.last() == Some(&100), "{progress:?}");
    let Reply { status, body, .. } = stage.get(&format!("/jobs/{id}/result")).await;
    assert_eq!((status, &body["result"]["file"]), (200, &json!(format!("{id}.png"))));
}

#[tokio::test]
async fn a_failed_job_says_why_and_has_no_result() {
    let stage = Stage::set(Temper { odds: Odds { failures: 1.0, ..HONEST }, ..CALM }).await;
    let id = stage.submitted("one").await;
    let status = stage.status(&id).await;
    assert_eq!((&status["status"], &status["error"]["code"]), (&json!("failed"), &json!("OUT_OF_MEMORY")));
    assert_eq!(stage.get(&format!("/jobs/{id}/result")).await.status, 409);
}

#[tokio::test]
async fn a_known_key_brings_the_first_job_and_every_submission_is_counted() {
    let stage = Stage::set(CALM).await;
    let first = stage.submitted("one").await;
    let Reply { status, body, .. } = stage.submit("one").await;
    assert_eq!((status, body["id"].as_str()), (200, Some(first.as_str())));
    let second = stage.submitted("two").await;
    assert_ne!(first, second);

    let ledger = stage.ledger().await;
    let totals = &ledger.totals;
    assert_eq!((totals.jobs, totals.counts.submissions, totals.repeated), (2, 3, 1));
    assert_eq!(totals.doubled, 1, "two jobs would call the same URL");
    let counts: Vec<_> = ledger.jobs.iter().map(|job| (job.key.as_deref(), job.counts.submissions)).collect();
    assert_eq!(counts, [(Some("one"), 2), (Some("two"), 1)]);
}

#[tokio::test]
async fn what_is_no_job_is_refused_and_what_is_unknown_is_not_found() {
    let stage = Stage::set(CALM).await;
    for body in ["", "[]", "{\"callback_url\": 7}", "{\"callback_url\": \"ftp://127.0.0.1\"}"] {
        let answer = reply(stage.post("/jobs").body(body)).await;
        assert_eq!((answer.status, answer.body["error"]["message"].is_string()), (400, true), "{body}");
    }
    for path in ["/jobs/job-1", "/jobs/job-1/result"] {
        assert_eq!(stage.get(path).await.status, 404);
    }
    assert_eq!(reply(stage.post("/jobs/job-1/cancel")).await.status, 404);
    assert_eq!(stage.ledger().await.totals.jobs, 0);
}

#[tokio::test]
async fn a_result_is_removed_after_its_time_and_the_status_stays() {
    let stage = Stage::set(Temper { faults: Faults { result_ttl: Some(HOUR), ..NO_FAULTS }, ..CALM }).await;
    let id = stage.submitted("one").await;
    let result = format!("/jobs/{id}/result");
    stage.clock.advance(HOUR - Duration::from_secs(1));
    assert_eq!(stage.get(&result).await.status, 200);
    stage.clock.advance(Duration::from_secs(1));
    assert_eq!(stage.get(&result).await.status, 410);
    assert_eq!(stage.status(&id).await["status"], "completed");
}

#[tokio::test]
async fn a_job_that_hangs_runs_for_ever() {
    let stage = Stage::set(slow(Faults { hang: 1.0, ..NO_FAULTS }, HONEST)).await;
    let id = stage.submitted("one").await;
    stage.clock.advance(HOUR * 24 * 365);
    assert_eq!(stage.status(&id).await["status"], "running");
    assert_eq!(stage.ledger().await.jobs[0].end, None);
}

#[tokio::test]
async fn a_running_job_can_be_cancelled_and_one_that_has_ended_cannot() {
    let stage = Stage::set(slow(NO_FAULTS, HONEST)).await;
    let id = stage.submitted("one").await;
    let cancel = || async { reply(stage.post(&format!("/jobs/{id}/cancel"))).await };
    for _ in 0..2 {
        let Reply { status, body, .. } = cancel().await;
        assert_eq!((status, &body["status"]), (200, &json!("cancelled")));
        stage.clock.advance(HOUR);
    }
    assert_eq!(stage.status(&id).await["status"], "cancelled");
    let ended = stage.submitted("two").await;
    stage.clock.advance(HOUR);
    assert_eq!(reply(stage.post(&format!("/jobs/{ended}/cancel"))).await.status, 409);
    let ends: Vec<_> = stage.ledger().await.jobs.iter().map(|job| (job.end, job.counts.cancellations)).collect();
    assert_eq!(ends, [(Some(End::Cancelled), 2), (Some(End::Completed), 1)]);
}

#[tokio::test]
async fn errors_come_and_go_and_each_key_has_one_job_all_the_same() {
    let stage = Stage::set(Temper { faults: Faults { errors: 0.5, ..NO_FAULTS }, ..CALM }).await;
    let mut seen = Vec::new();
    let mut note = |answer: &Reply| {
        assert_eq!(answer.retry_after.is_some(), answer.status == 429);
        seen.push(answer.status);
    };
    for key in (0..30).map(|number| format!("key-{number}")) {
        let id = loop {
            let answer = stage.submit(&key).await;
            note(&answer);
            if let Some(id) = answer.body["id"].as_str() {
                break id.to_owned();
            }
        };
        loop {
            let answer = stage.get(&format!("/jobs/{id}")).await;
            note(&answer);
            if answer.status == 200 {
                break assert_eq!(answer.body["status"], "completed");
            }
        }
    }
    // 200 to a submission: an earlier one was taken and answered with 500
    let submissions = stage.ledger().await.totals;
    assert!(submissions.repeated > 0, "{submissions:?}");
    let errors = seen.iter().filter(|status| matches!(status, 429 | 500)).count();
    assert_eq!((submissions.jobs, submissions.errors as usize), (30, errors));
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen, [200, 202, 404, 429, 500]);
}

#[tokio::test]
async fn the_same_keys_meet_the_same_errors_in_whatever_order_they_come() {
    let keys: Vec<String> = (0..20).map(|number| format!("key-{number}")).collect();
    let mut met: Vec<Vec<(String, u16)>> = Vec::new();
    for seed in [7, 7, 8] {
        let stage = Stage::set(Temper { seed, faults: Faults { errors: 0.5, ..NO_FAULTS }, ..CALM }).await;
        let mut answers = Vec::new();
        let order: Vec<&String> = if met.len() == 1 { keys.iter().rev().collect() } else { keys.iter().collect() };
        for key in order {
            answers.push((key.clone(), stage.submit(key).await.status));
        }
        answers.sort();
        met.push(answers);
    }
    assert_eq!(met[0], met[1]);
    assert_ne!(met[0], met[2]);
}

#[tokio::test]
async fn the_ledger_is_never_in_error() {
    let stage = Stage::set(Temper { faults: Faults { errors: 1.0, ..NO_FAULTS }, ..CALM }).await;
    assert_ne!(stage.submit("one").await.status, 202);
    let Reply { status, body, .. } = stage.get("/jobs").await;
    assert_eq!((status, &body["totals"]["submissions"], &body["totals"]["errors"]), (200, &json!(1), &json!(1)));
}
