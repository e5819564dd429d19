//! `POST /api/callbacks/{id}/replay`

use rstest::rstest;
use serde_json::{Value, json};

use crate::harness::{Answer, App, Kind, SECRET, START};

async fn replay(app: &App, id: &str) -> Answer {
    app.post(&format!("/api/callbacks/{id}/replay"), &json!({})).await
}

async fn refused(app: &App, expected: usize) -> String {
    app.rejections(expected).await[0]["id"].as_str().expect("an id").to_owned()
}

fn not_replayable() -> (u16, String) {
    (409, "not_replayable".to_owned())
}

fn completed() -> Value {
    json!({"event": "completed", "result": "the result"})
}

#[rstest]
#[tokio::test]
async fn an_accepted_callback_counts_again_through_the_grid(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    app.created(&json!({"id": "t"})).await;
    let id_of = |answer: Answer| answer.json()["callback_id"].as_str().expect("an id").to_owned();
    let failed = id_of(app.callback("t", &json!({"event": "failed", "error": {"code": "E"}})).send().await);
    assert_eq!(replay(&app, &failed).await.outcome(), (200, "ignored already_settled".to_owned()));
    app.post("/api/tasks/t/retry", &json!({})).await.good(200);
    assert_eq!(replay(&app, &failed).await.outcome().1, "ignored stale_attempt", "it is the first attempt's");
    let done = id_of(app.callback("t", &completed()).send().await);
    assert_eq!(replay(&app, &done).await.outcome().1, "ignored already_settled");
    let duplicate = id_of(app.callback("t", &completed()).send().await);
    assert_eq!(replay(&app, &duplicate).await.problem(), not_replayable(), "its body is the first one's");
    let receipts = app.items("/api/tasks/t/callbacks").await;
    let operators = receipts.iter().find(|receipt| receipt["source"] == "operator").expect("the retry");
    assert_eq!(replay(&app, operators["id"].as_str().expect("an id")).await.problem(), not_replayable());
    for nobody in ["nonsense", "00000000-0000-7000-8000-000000000000"] {
        assert_eq!(replay(&app, nobody).await.problem(), (404, "not_found".to_owned()));
    }
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_refused_callback_is_verified_again_as_of_its_arrival(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    app.created(&json!({"id": "t"})).await;
    app.created(&json!({"id": "s", "generator": "stamped"})).await;
    let theirs = "the secret that the operator forgot";
    assert_eq!(app.callback("t", &completed()).secret(theirs).refused().await.0, 401);
    let wrong = refused(&app, 1).await;
    assert_eq!(app.callback("s", &completed()).of("stamped").stamped(START).secret(theirs).refused().await.0, 401);
    let stamped = refused(&app, 2).await;
    assert_eq!(replay(&app, &wrong).await.problem(), not_replayable());
    let database = app.stop().await;

    let keys = [("CALLBACK_SECRET_KEY", format!("{SECRET},{theirs}")), ("GENERATOR_STAMPED_SECRET", theirs.to_owned())];
    let app = App::on(&database, &keys.each_ref().map(|(name, value)| (*name, value.as_str()))).await;
    app.clock.advance(std::time::Duration::from_secs(86_400));
    for id in [&wrong, &stamped] {
        assert_eq!(replay(&app, id).await.outcome(), (200, "applied".to_owned()));
        assert_eq!(replay(&app, id).await.outcome().1, "ignored already_settled");
    }
    for id in ["t", "s"] {
        assert_eq!(app.task(id).await["result"], "the result");
    }
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn one_that_came_too_early_is_replayed_once_its_task_is_there(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    assert_eq!(app.callback("later", &completed()).refused().await.1, "unknown_task");
    let early = refused(&app, 1).await;
    assert_eq!(replay(&app, &early).await.problem(), (404, "unknown_task".to_owned()));
    app.created(&json!({"id": "later"})).await;
    assert_eq!(replay(&app, &early).await.outcome().1, "applied");
    assert_eq!(app.task("later").await["result"], "the result");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_secret_that_is_no_longer_good_replays_nothing(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    assert_eq!(app.callback("later", &completed()).refused().await.1, "unknown_task");
    let early = refused(&app, 1).await;
    let database = app.stop().await;
    let app = App::on(&database, &[("CALLBACK_SECRET_KEY", "another secret because the first one has leaked")]).await;
    app.created(&json!({"id": "later"})).await;
    assert_eq!(replay(&app, &early).await.problem(), not_replayable());
    assert_eq!(app.status("later").await, "submitted");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn what_is_cut_unsigned_or_unreadable_is_not_replayable(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    let task = app.created(&json!({"id": "t", "generator": "bearer"})).await;
    let large = json!({"event": "completed", "result": "x".repeat(70_000), "taskId": 1.5});
    let cut = app.callback("t", &large).of("bearer");
    assert_eq!(cut.refused().await.1, "invalid_event");
    assert_eq!(app.callback("t", &completed()).of("bearer").unsigned().refused().await.1, "signature_missing");
    assert_eq!(app.callback("t", &json!({"event": "progress", "progress": 5})).of("bearer").refused().await.1, "invalid_event");
    assert_eq!(app.batch(&[]).of("bearer").secret("a guess").refused().await.1, "signature_invalid");
    for rejection in app.rejections(4).await {
        assert_eq!(replay(&app, rejection["id"].as_str().expect("an id")).await.problem(), not_replayable(), "{rejection}");
    }
    // a token is not kept, but that it held is
    let url = task["callback_url"].as_str().expect("a URL");
    app.callback("t", &json!({"event": "progress", "taskId": "ext-1"})).of("bearer").taken().await;
    let mismatch = r#"{"event":"completed","result":1,"taskId":"ext-2"}"#;
    assert_eq!(app.callback_to(url, mismatch).unsigned().refused().await.1, "task_mismatch");
    assert_eq!(replay(&app, &refused(&app, 5).await).await.problem(), (400, "task_mismatch".to_owned()));
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn an_unsigned_callback_proves_nothing_later_either(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let unsigned = [("CALLBACK_REQUIRE_SIGNATURE", "false")];
    let app = App::start(kind, &unsigned).await;
    assert_eq!(app.callback("later", &completed()).unsigned().refused().await.1, "unknown_task");
    let early = refused(&app, 1).await;
    app.created(&json!({"id": "later"})).await;
    assert_eq!(replay(&app, &early).await.problem(), not_replayable());
    let database = app.stop().await;
    let app = App::on(&database, &[]).await;
    assert_eq!(replay(&app, &early).await.problem(), not_replayable(), "nor where signatures are required by now");
    assert_eq!(app.status("later").await, "submitted");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn what_a_replay_applied_is_known_to_a_redelivery(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    let failed = json!({"event": "failed", "error": {"code": "E1"}});
    assert_eq!(app.callback("later", &failed).refused().await.1, "unknown_task");
    app.created(&json!({"id": "later"})).await;
    assert_eq!(replay(&app, &refused(&app, 1).await).await.outcome().1, "applied");
    app.post("/api/tasks/later/retry", &json!({})).await.good(200);
    assert_eq!(app.callback("later", &failed).taken().await.1, "duplicate", "the old failure must not end the new attempt");
    assert_eq!(app.status("later").await, "submitted");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_token_that_was_wrong_stays_wrong(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    app.created(&json!({"id": "t"})).await;
    let other = app.created(&json!({"id": "other"})).await;
    let url = other["callback_url"].as_str().expect("a URL").replace("/callback/other", "/callback/t");
    assert_eq!(app.callback_to(&url, completed().to_string()).refused().await.1, "signature_invalid");
    assert_eq!(replay(&app, &refused(&app, 1).await).await.problem(), not_replayable());
    assert_eq!(app.status("t").await, "submitted");
    // a good token beside a wrong signature is noted, and serves once the secret is right
    let url = app.task("t").await["callback_url"].as_str().expect("a URL").to_owned();
    let theirs = "the secret that the operator forgot";
    assert_eq!(app.callback_to(&url, completed().to_string()).secret(theirs).refused().await.1, "signature_invalid");
    let early = refused(&app, 2).await;
    let database = app.stop().await;
    let app = App::on(&database, &[("CALLBACK_SECRET_KEY", &format!("{SECRET},{theirs}"))]).await;
    assert_eq!(replay(&app, &early).await.outcome().1, "applied");
    app.stop().await;
}
