//! A generator that is down: nobody gets through to it, and it calls nobody.

use std::time::Duration;

use callback_hub::simulator::{Faults, Outage, Temper};

use super::stage::{CALM, HOUR, NO_FAULTS, Stage, reply, until};

fn down(after: Duration, lasts: Duration) -> Temper {
    Temper { faults: Faults { outage: Some(Outage { after, lasts }), ..NO_FAULTS }, ..CALM }
}

/// Whether somebody who was never there before is let in.
async fn is_refused(stage: &Stage) -> bool {
    let stranger = reqwest::Client::builder().no_proxy().build().expect("a client");
    stranger.get(format!("{}/jobs", stage.url)).send().await.is_err_and(|error| error.is_connect())
}

#[tokio::test]
async fn before_its_outage_a_generator_serves() {
    let stage = Stage::set(down(HOUR, HOUR)).await;
    stage.submitted("one").await;
    assert!(!is_refused(&stage).await);
}

#[tokio::test]
async fn while_it_is_down_connections_are_refused_and_old_ones_are_of_no_use() {
    let stage = Stage::set(down(Duration::from_millis(300), HOUR)).await;
    // on a connection that is kept
    let jobs = async || stage.client.get(format!("{}/jobs", stage.url)).send().await;
    until(async || {
        let _ = jobs().await;
        is_refused(&stage).await
    })
    .await;
    for _ in 0..3 {
        assert!(jobs().await.is_ok_and(|answer| answer.status() == 503) || is_refused(&stage).await);
        assert!(!jobs().await.is_ok_and(|answer| answer.status().is_success()));
    }
}

#[tokio::test]
async fn after_its_outage_a_generator_is_back_at_the_same_address_and_knows_its_jobs() {
    let stage = Stage::set(down(Duration::from_millis(100), Duration::from_millis(100))).await;
    let job = stage.client.post(format!("{}/jobs", stage.url)).header("idempotency-key", "one").json(&serde_json::json!({}));
    until(async || {
        let answer = job.try_clone().expect("a request that can be repeated").send().await;
        answer.is_ok_and(|answer| answer.status().is_success())
    })
    .await;
    until(async || stage.desk().outages() == 1).await;
    until(async || !is_refused(&stage).await).await;
    let again = reply(stage.post("/jobs").header("idempotency-key", "one").json(&serde_json::json!({}))).await;
    assert_eq!((again.status, again.body["id"].as_str()), (200, Some("job-1")));
}

#[tokio::test]
async fn callbacks_of_a_generator_that_is_down_are_lost() {
    let mut after = Duration::from_millis(50);
    let stage = loop {
        // the first events come before the outage, the last ones in it
        let stage = Stage::set(Temper { pace: after, ..down(after, HOUR) }).await;
        let job = stage.post("/jobs").json(&serde_json::json!({"callback_url": stage.callback_url}));
        if job.send().await.is_ok_and(|answer| answer.status() == 202) {
            break stage;
        }
        after *= 2;
    };
    stage.played().await;
    let summary = stage.desk().summary();
    assert!(summary.lost > 0 && summary.sent == stage.calls().len() as u64, "{summary:?}");
}
