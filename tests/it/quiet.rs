//! Generators that used to call back, and do not any more.

use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};

use crate::harness::{App, Kind};

const MINUTE: Duration = Duration::from_secs(60);

async fn quiet(app: &App) -> Value {
    app.loops.pulses.step().await.expect("a step");
    app.get("/api/stats").await.good(200)["quiet"].clone()
}

/// Three hours of tasks, one each five minutes, that are called back about after a minute.
async fn usually(app: &App) {
    for number in 0..36 {
        app.created(&json!({"id": format!("t{number}")})).await;
        app.clock.advance(MINUTE);
        app.callback(&format!("t{number}"), &json!({"event": "completed", "result": number})).taken().await;
        app.clock.advance(4 * MINUTE);
    }
}

#[rstest]
#[tokio::test]
async fn who_has_gone_quiet_is_told_until_he_calls_back(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[("TASK_TIMEOUT", "1d")]).await;
    usually(&app).await;
    assert_eq!(quiet(&app).await, json!([]));
    app.created(&json!({"id": "waits"})).await;
    app.clock.advance(40 * MINUTE);
    assert_eq!(quiet(&app).await, json!([]), "ten times the usual gap are not over");
    app.clock.advance(15 * MINUTE);
    assert_eq!(quiet(&app).await, json!(["default"]));
    assert!(app.get("/console").await.text.contains("gone quiet"));
    app.callback("waits", &json!({"event": "progress", "progress": {"percentage": 1}})).taken().await;
    assert_eq!(quiet(&app).await, json!([]));
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn nobody_has_to_call_about_nothing_or_about_what_was_just_begun(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[("TASK_TIMEOUT", "1d")]).await;
    usually(&app).await;
    app.clock.advance(12 * 60 * MINUTE);
    assert_eq!(quiet(&app).await, json!([]), "no task runs");
    app.created(&json!({"id": "early"})).await;
    app.clock.advance(MINUTE);
    assert_eq!(quiet(&app).await, json!([]), "it has not waited for long itself");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn what_is_usual_is_known_after_a_restart(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[("TASK_TIMEOUT", "1d")]).await;
    usually(&app).await;
    app.created(&json!({"id": "waits"})).await;
    assert_eq!(quiet(&app).await, json!([]));
    let clock = app.clock.clone();
    let database = app.stop().await;
    let extra = crate::harness::app::Extra { settings: &[("TASK_TIMEOUT", "1d")], clock: Some(clock), ..Default::default() };
    let app = App::with(&database, extra).await;
    app.clock.advance(60 * MINUTE);
    assert_eq!(quiet(&app).await, json!(["default"]));
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn what_is_refused_is_no_sign_of_life(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[("TASK_TIMEOUT", "1d")]).await;
    usually(&app).await;
    app.created(&json!({"id": "waits"})).await;
    app.clock.advance(60 * MINUTE);
    let refused = app.callback("waits", &json!({"event": "completed", "result": 1})).secret("the new secret of the generator");
    assert_eq!(refused.refused().await.1, "signature_invalid");
    assert_eq!(quiet(&app).await, json!(["default"]));
    app.stop().await;
}

/// Whoever mends a secret replays what was refused: that is no call of the generator.
#[rstest]
#[tokio::test]
async fn what_is_replayed_is_no_sign_of_life(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[("TASK_TIMEOUT", "1d")]).await;
    usually(&app).await;
    app.created(&json!({"id": "waits"})).await;
    app.clock.advance(60 * MINUTE);
    let receipts = app.items("/api/tasks/t0/callbacks").await;
    let first = receipts[0]["id"].as_str().expect("an id");
    app.post(&format!("/api/callbacks/{first}/replay"), &json!({})).await.good(200);
    assert_eq!(quiet(&app).await, json!(["default"]));
    app.stop().await;
}

/// Callbacks of a burst come close to each other; what is usual between two jobs says how long the jobs take.
#[rstest]
#[tokio::test]
async fn whose_tasks_take_long_may_be_silent_for_long(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[("TASK_TIMEOUT", "1d")]).await;
    for number in 0..30 {
        app.created(&json!({"id": format!("t{number}")})).await;
    }
    app.clock.advance(120 * MINUTE);
    for number in 0..30 {
        app.callback(&format!("t{number}"), &json!({"event": "completed", "result": number})).taken().await;
    }
    app.created(&json!({"id": "waits"})).await;
    app.clock.advance(300 * MINUTE);
    assert_eq!(quiet(&app).await, json!([]), "three times two hours are not over");
    app.clock.advance(61 * MINUTE);
    assert_eq!(quiet(&app).await, json!(["default"]));
    app.stop().await;
}

/// A replica whose clock is years ahead must not silence the alarm until then.
#[rstest]
#[tokio::test]
async fn what_was_heard_in_the_future_is_no_sign_of_life(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[("TASK_TIMEOUT", "1d")]).await;
    usually(&app).await;
    app.created(&json!({"id": "waits"})).await;
    app.clock.advance(60 * MINUTE);
    app.database.execute("INSERT INTO hub_pulses VALUES ('default', 900000, 1, 3240000000000000)").await;
    assert_eq!(quiet(&app).await, json!(["default"]));
    app.stop().await;
}
