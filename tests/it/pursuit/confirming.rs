//! Generators whose callbacks are not believed: what they say counts once their status endpoint says it, too.

use rstest::rstest;
use serde_json::{Value, json};

use super::{MINUTE, SECOND, history, shown, start, submitted};
use crate::harness::callback::hmac;
use crate::harness::generator::{Generator, Reply};
use crate::harness::{App, Kind, SECRET};

async fn says(app: &App, body: &Value) -> String {
    let url = app.task("t").await["callback_url"].as_str().expect("a URL").to_owned();
    let (status, outcome) = app.callback_to(&url, body.to_string()).send().await.outcome();
    assert_eq!(status, 200, "{body}");
    outcome
}

fn asked(generator: &Generator) -> usize {
    generator.count("GET /jobs")
}

#[rstest]
#[case::completed(json!({"event": "completed", "result": "forged"}))]
#[case::failed(json!({"event": "failed", "error": {"message": "forged"}}))]
#[case::cancelled(json!({"event": "cancelled"}))]
#[tokio::test]
async fn a_forged_end_is_never_believed_and_a_true_one_within_a_step(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
    #[case] forged: Value,
) {
    let (app, generator) = start(kind, &[]).await;
    let job = submitted(&app, &generator, "doubted").await;
    generator.set(&job, &json!({"status": "running"}));
    assert_eq!(says(&app, &forged).await, "hint");
    assert_eq!((app.status("t").await.as_str(), asked(&generator)), ("submitted", 0), "nothing but a reason to ask");
    app.work_off().await;
    assert_eq!(
        (shown(&app, &["status", "result", "error"]).await, asked(&generator)),
        (vec![json!("processing"), Value::Null, Value::Null], 1)
    );

    app.clock.advance(3 * SECOND);
    generator.set(&job, &json!({"status": "done", "result": {"file": "a.png"}}));
    assert_eq!(says(&app, &json!({"event": "completed", "result": {"file": "a.png"}})).await, "hint");
    app.work_off().await;
    let end = [json!("completed"), json!({"file": "a.png"}), json!("poll")];
    assert_eq!((shown(&app, &["status", "result", "settled_by"]).await, asked(&generator)), (end.to_vec(), 2));
    let told = [
        "submit submitted applied",
        "callback hint hint",
        "poll progress applied",
        "callback hint hint",
        "poll completed applied",
    ];
    assert_eq!(history(&app).await, told);

    assert_eq!(says(&app, &json!({"event": "completed", "result": {"file": "a.png"}})).await, "duplicate");
    assert_eq!(says(&app, &json!({"event": "failed"})).await, "ignored already_settled");
    assert_eq!(shown(&app, &["status", "result", "settled_by"]).await, end);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn only_an_end_that_no_callback_told_of_is_rescued(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, generator) = start(kind, &[]).await;
    let rescued = async || {
        let stats = app.get("/api/stats").await.good(200);
        (stats["rescued"].clone(), stats["rescued_by_generator"]["doubted"]["tasks"].clone())
    };
    let job = submitted(&app, &generator, "doubted").await;
    generator.set(&job, &json!({"status": "failed", "error": {"message": "no"}}));
    assert_eq!(says(&app, &json!({"event": "failed"})).await, "hint");
    app.work_off().await;
    assert_eq!(shown(&app, &["status", "settled_by"]).await, [json!("failed"), json!("poll")]);
    assert_eq!(rescued().await, (json!(0), Value::Null));

    // the next attempt begins in silence
    app.post("/api/tasks/t/retry", &json!({})).await.good(200);
    app.work_off().await;
    let job = app.task("t").await["external_id"].as_str().expect("an id").to_owned();
    generator.set(&job, &json!({"status": "done", "result": 7}));
    app.later(2 * MINUTE).await;
    assert_eq!(shown(&app, &["status", "settled_by"]).await, [json!("completed"), json!("poll")]);
    assert_eq!(rescued().await, (json!(1), json!(1)));
    app.stop().await;
}

/// A thin callback can be forged to the letter; the true one that comes later is the same to the byte.
#[rstest]
#[tokio::test]
async fn a_true_end_that_was_foretold_is_followed_although_it_is_a_duplicate(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, generator) = start(kind, &[]).await;
    let job = submitted(&app, &generator, "doubted").await;
    let thin = json!({"taskId": job, "event": "completed"});
    assert_eq!(says(&app, &thin).await, "hint");
    app.work_off().await;
    generator.set(&job, &json!({"status": "done", "result": 7}));
    app.clock.advance(3 * SECOND);
    assert_eq!(says(&app, &thin).await, "duplicate");
    app.work_off().await;
    assert_eq!(shown(&app, &["status", "result"]).await, [json!("completed"), json!(7)]);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn while_the_status_endpoint_is_down_the_task_runs_on_and_is_asked_about_again(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let (app, generator) = start(kind, &[]).await;
    let job = submitted(&app, &generator, "doubted").await;
    generator.set(&job, &json!({"status": "done", "result": 1}));
    generator.want("GET /jobs", [Reply::Json(503, json!({})), Reply::HangUp]);
    assert_eq!(says(&app, &json!({"event": "completed", "result": 1})).await, "hint");
    app.work_off().await;
    assert_eq!((app.status("t").await.as_str(), asked(&generator)), ("submitted", 1));
    for _ in 0..2 {
        app.later(2 * MINUTE).await;
    }
    assert_eq!((shown(&app, &["status", "settled_by"]).await, asked(&generator)), (vec![json!("completed"), json!("poll")], 3));
    app.stop().await;
}

#[rstest]
#[case::doubted("doubted", "applied", 90.0, 0)]
#[case::distrusted("distrusted", "hint", 40.0, 1)]
#[tokio::test]
async fn progress_is_believed_unless_nothing_is(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
    #[case] name: &str,
    #[case] outcome: &str,
    #[case] percent: f64,
    #[case] questions: usize,
) {
    let (app, generator) = start(kind, &[]).await;
    let job = submitted(&app, &generator, name).await;
    generator.set(&job, &json!({"status": "running", "progress": 40}));
    assert_eq!(says(&app, &json!({"event": "progress", "progress": 90})).await, outcome);
    app.work_off().await;
    assert_eq!((&app.task("t").await["progress"]["percent"], asked(&generator)), (&json!(percent), questions));
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn who_keeps_saying_the_same_is_not_asked_more_often_than_every_two_seconds(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let (app, generator) = start(kind, &[]).await;
    submitted(&app, &generator, "distrusted").await;
    for percent in 0..20 {
        assert_eq!(says(&app, &json!({"event": "progress", "progress": percent})).await, "hint");
        app.work_off().await;
    }
    assert_eq!(asked(&generator), 1);
    app.later(2 * SECOND).await;
    assert_eq!(asked(&generator), 2);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_body_that_no_signature_covers_changes_nothing_by_itself(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, generator) = start(kind, &[]).await;
    let job = submitted(&app, &generator, "unsealed").await;
    let proof = hex::encode(hmac(SECRET, job.as_bytes()));
    let send = async |body: Value| {
        let callback = app.callback_to("/callback/t?generator=unsealed", body.to_string()).unsigned();
        callback.header("x-webhook-signature", proof.clone()).send().await
    };
    let forged = json!({"taskId": job, "event": "completed", "result": "tampered"});
    assert_eq!(send(forged).await.outcome(), (200, "hint".to_owned()));
    assert_eq!(send(json!({"taskId": "another", "event": "completed"})).await.problem(), (401, "signature_invalid".to_owned()));
    app.work_off().await;
    assert_eq!(app.status("t").await, "processing", "the generator says that it is queued");
    generator.set(&job, &json!({"status": "done", "result": "true"}));
    app.later(2 * MINUTE).await;
    assert_eq!(shown(&app, &["status", "result"]).await, [json!("completed"), json!("true")]);
    app.stop().await;
}
