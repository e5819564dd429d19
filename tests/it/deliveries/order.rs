//! What comes first to a webhook, and what does not come at all.

use rstest::rstest;
use serde_json::json;

use super::{complete, deliveries, progress, secs, start, states, webhook};
use crate::harness::{Kind, Say};

#[rstest]
#[tokio::test]
async fn a_dead_one_holds_up_nothing(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, subscriber) = start(kind).await;
    subscriber.say("/", [Say::Status(400)]);
    webhook(&app, subscriber.url("/"), json!({})).await;
    app.created(&json!({"id": "t"})).await;
    app.post("/api/tasks/t/cancel", &json!({})).await.good(200);
    app.post("/api/tasks/t/retry", &json!({})).await.good(200);
    app.work_off().await;
    app.later(secs(1)).await;
    assert_eq!(states(&app).await, ["task.cancelled dead", "task.submitted delivered"]);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn others_pass_by_those_that_wait(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, subscriber) = start(kind).await;
    subscriber.say("/", [Say::Status(500)]);
    webhook(&app, subscriber.url("/"), json!({})).await;
    for id in ["t", "u"] {
        app.created(&json!({"id": id})).await;
    }
    for (action, task) in [("cancel", "t"), ("retry", "t"), ("cancel", "t"), ("retry", "t"), ("cancel", "u")] {
        app.post(&format!("/api/tasks/{task}/{action}"), &json!({})).await.good(200);
    }
    app.work_off().await;
    let told = subscriber.told("/");
    let about: Vec<_> = told.iter().map(|told| told.json()["data"]["task_id"].clone()).collect();
    assert_eq!(about, ["t", "u"], "the other three wait for the first of their task, at once");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn progress_that_failed_is_not_tried_again_once_there_is_more(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, subscriber) = start(kind).await;
    subscriber.say("/", [Say::Status(500)]);
    webhook(&app, subscriber.url("/"), json!({})).await;
    app.created(&json!({"id": "t"})).await;
    progress(&app, "t", 10).await;
    app.work_off().await;
    complete(&app, "t").await;
    app.later(secs(60)).await;
    assert_eq!(subscriber.events("/"), ["task.progress", "task.completed"]);
    let found = deliveries(&app, "&status=superseded").await;
    assert_eq!((found.len(), &found[0]["attempts"]), (1, &json!(1)));
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn progress_that_is_overtaken_on_its_way_is_let_finish(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, subscriber) = start(kind).await;
    subscriber.say("/", [Say::Never]);
    webhook(&app, subscriber.url("/"), json!({"timeout_seconds": 1})).await;
    app.created(&json!({"id": "t"})).await;
    progress(&app, "t", 10).await;
    let overtake = async {
        app.until(async || subscriber.told("/").len() == 1).await;
        let on_its_way = deliveries(&app, "").await;
        assert!(on_its_way[0]["next_attempt_at"].is_null(), "while it is being sent");
        complete(&app, "t").await;
    };
    futures_util::future::join(app.work_off(), overtake).await;
    app.later(secs(60)).await;
    assert_eq!(subscriber.events("/"), ["task.progress", "task.completed"]);
    assert_eq!(states(&app).await, ["task.progress superseded", "task.completed delivered"]);
    app.stop().await;
}
