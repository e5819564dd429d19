//! External ids: the first proven callback brings one, and then it is the attempt's.

use rstest::rstest;
use serde_json::{Value, json};

use crate::harness::{App, Kind};

fn naming(id: &str, n: u32) -> Value {
    json!({"event": "progress", "taskId": id, "event_id": n})
}

fn applied() -> (u16, String) {
    (200, "applied".to_owned())
}

fn mismatch() -> (u16, String) {
    (400, "task_mismatch".to_owned())
}

#[rstest]
#[tokio::test]
async fn the_first_proven_callback_sets_the_id_and_others_do_not_match(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    app.created(&json!({"id": "t"})).await;
    assert_eq!(app.callback("t", &naming("ext-1", 1)).secret("a guess").refused().await.0, 401);
    assert_eq!(app.task("t").await["external_id"], Value::Null);
    assert_eq!(app.callback("t", &naming("t", 1)).taken().await, applied(), "its own id is no external one");
    assert_eq!(app.task("t").await["external_id"], Value::Null);
    assert_eq!(app.callback("t", &naming("ext-1", 2)).taken().await, applied());
    assert_eq!(app.task("t").await["external_id"], "ext-1");
    assert_eq!(app.callback("t", &naming("ext-2", 3)).refused().await, mismatch());
    assert_eq!(app.callback("t", &naming("ext-1", 4)).taken().await, applied());
    assert_eq!(app.callback("t", &naming("t", 5)).taken().await, applied());
    let found = app.items("/api/tasks?external_id=ext-1").await;
    assert_eq!(found[0]["id"], "t");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn an_id_belongs_to_one_task_of_its_generator(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    for id in ["t", "u"] {
        app.created(&json!({"id": id})).await;
    }
    app.created(&json!({"id": "q", "generator": "quiet"})).await;
    assert_eq!(app.callback("t", &naming("ext-1", 1)).taken().await, applied());
    assert_eq!(app.callback("u", &naming("ext-1", 1)).refused().await, mismatch());
    assert_eq!(app.callback("q", &naming("ext-1", 1)).of("quiet").taken().await.0, 202, "another generator has its own ids");

    let taken = app.create(&json!({"id": "v", "external_id": "ext-1"})).await;
    assert_eq!((taken.problem(), taken.fields()), ((409, "conflict".to_owned()), vec!["external_id".to_owned()]));
    let taken = app.patch("/api/tasks/u", &json!({"external_id": "ext-1"})).await;
    assert_eq!((taken.problem(), taken.fields()), ((409, "conflict".to_owned()), vec!["external_id".to_owned()]));
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn an_id_that_cannot_be_one_is_not_adopted(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    app.created(&json!({"id": "t"})).await;
    for impossible in ["", "line\nbreak", &"x".repeat(257)] {
        assert_eq!(app.callback("t", &naming(impossible, 1)).refused().await, mismatch(), "{impossible}");
    }
    assert_eq!(app.callback("t", &naming(&"ä".repeat(128), 2)).taken().await, applied(), "256 bytes of anything else");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn an_external_id_says_which_attempt_is_meant(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    app.created(&json!({"id": "t", "external_id": "ext-1"})).await;
    assert_eq!(app.callback("t", &json!({"event": "failed"})).taken().await, applied());
    app.post("/api/tasks/t/retry", &json!({})).await.good(200);
    assert_eq!(app.callback("t", &naming("ext-1", 1)).taken().await.1, "ignored stale_attempt");
    assert_eq!(app.callback("t", &naming("ext-2", 2)).taken().await, applied(), "the new attempt's id");
    let task = app.task("t").await;
    assert_eq!((&task["external_id"], &task["attempt"]), (&json!("ext-2"), &json!(2)));
    // a result of an older attempt is a result
    let result = json!({"event": "completed", "taskId": "ext-1", "result": "old but good"});
    assert_eq!(app.callback("t", &result).taken().await, applied());
    assert_eq!(app.task("t").await["result"], "old but good");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_batch_adopts_nothing(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    app.created(&json!({"id": "t"})).await;
    let item = json!({"task_id": "t", "event": "progress", "taskId": "ext-1"});
    let body = app.batch(&[item]).send().await.good(200);
    assert_eq!(body["results"][0]["code"], "task_mismatch", "{body}");
    assert_eq!(app.task("t").await["external_id"], Value::Null);
    app.stop().await;
}
