//! `GET /api/tasks/{id}?wait=`

use std::time::{Duration, Instant};

use futures_util::future::join;
use rstest::rstest;
use serde_json::{Value, json};

use crate::harness::{App, Kind};

fn completed() -> Value {
    json!({"event": "completed", "result": 1})
}

#[rstest]
#[tokio::test]
async fn a_task_that_settles_is_told_at_once(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    for id in ["t", "u"] {
        app.created(&json!({"id": id})).await;
    }
    let begun = Instant::now();
    let waiting = app.get("/api/tasks/t?wait=30");
    let settling = async {
        app.callback("t", &json!({"event": "progress"})).taken().await;
        app.callback("u", &completed()).taken().await;
        app.callback("t", &completed()).taken().await;
    };
    let (answer, ()) = join(waiting, settling).await;
    assert_eq!(answer.good(200)["status"], "completed");
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert_eq!(app.get("/api/tasks/t?wait=60").await.good(200)["status"], "completed", "settled already");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_task_that_another_app_settles_is_told_soon(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    let other = App::on(&app.database, &[]).await;
    app.created(&json!({"id": "t"})).await;
    let waiting = app.get("/api/tasks/t?wait=30");
    let settling = async {
        other.callback("t", &completed()).taken().await;
        Instant::now()
    };
    let (answer, settled) = join(waiting, settling).await;
    assert_eq!(answer.good(200)["status"], "completed");
    assert!(settled.elapsed() < Duration::from_secs(2), "{:?}", settled.elapsed());
    other.stop().await;
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn waiting_ends_with_its_time_or_with_the_service(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    app.created(&json!({"id": "t"})).await;
    for wait in [0, 1] {
        let task = app.get(&format!("/api/tasks/t?wait={wait}")).await.good(200);
        assert_eq!(task["status"], "submitted");
    }
    assert_eq!(app.get("/api/tasks/nobody?wait=30").await.problem(), (404, "unknown_task".to_owned()));
    for wrong in ["61", "-1", "long", "1.5"] {
        assert_eq!(app.get(&format!("/api/tasks/t?wait={wrong}")).await.fields(), ["wait"], "{wrong}");
    }
    let client = app.client.clone();
    let waiting = client.get(format!("{}/api/tasks/t?wait=60", app.base)).send();
    let begun = Instant::now();
    let stopping = async {
        app.get("/health/live").await;
        app.stop().await
    };
    let (answer, _) = join(waiting, stopping).await;
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    // it either was answered, or came too late to be heard at all
    assert!(answer.is_err() || answer.is_ok_and(|answer| answer.status().as_u16() == 200));
}
