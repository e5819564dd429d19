//! What happens to tasks is told to webhooks: once, in order, until it is heard.

mod away;
mod bounds;
mod destinations;
mod verifiers;

use std::time::Duration;

use callback_hub::domain::webhook::Webhook;
use rstest::rstest;
use serde_json::json;

use crate::harness::webhooks::webhook;
use crate::harness::{App, Kind, Say, Subscriber};

/// Subscribers of the tests are on this machine.
const HERE: [(&str, &str); 1] = [("DELIVERY_ALLOWED_NETWORKS", "private")];

async fn delivered(app: &App) -> i64 {
    app.database.count("hub_deliveries WHERE status = 'delivered'").await
}

#[rstest]
#[tokio::test]
async fn a_completed_callback_is_told_to_whoever_listens(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, subscriber) = (App::start(kind, &HERE).await, Subscriber::start().await);
    app.register(webhook(subscriber.url("/all"))).await;
    app.register(Webhook { events: vec!["task.failed".to_owned()], ..webhook(subscriber.url("/failed")) }).await;
    app.created(&json!({"id": "t", "metadata": {"order": 7}})).await;
    app.callback("t", &json!({"event": "progress", "progress": {"percentage": 30}})).send().await.good(200);
    app.work_off().await;
    app.callback("t", &json!({"event": "completed", "result": {"n": 12345678901234567890_u64}})).send().await.good(200);
    app.callback("t", &json!({"event": "completed", "result": {"n": 12345678901234567890_u64}})).send().await.good(200);
    app.work_off().await;

    let told = subscriber.told("/all");
    assert_eq!(subscriber.events("/all"), ["task.progress", "task.completed"]);
    assert!(subscriber.told("/failed").is_empty());
    let letter = told[1].json();
    assert_eq!(letter["data"]["task_id"], "t");
    assert_eq!(letter["data"]["status"], "completed");
    assert_eq!(letter["data"]["metadata"], json!({"order": 7}));
    assert_eq!(letter["metadata"]["sequence"], 2);
    assert!(std::str::from_utf8(&told[1].body).expect("UTF-8").contains(r#""result":{"n":12345678901234567890}"#));
    assert_eq!(delivered(&app).await, 2);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn what_is_not_heard_is_told_again_with_the_same_body(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, subscriber) = (App::start(kind, &HERE).await, Subscriber::start().await);
    subscriber.say("/", [Say::Status(500), Say::HangUp, Say::Status(302)]);
    app.register(webhook(subscriber.url("/"))).await;
    app.created(&json!({"id": "t"})).await;
    app.callback("t", &json!({"event": "completed", "result": 1})).send().await.good(200);
    app.work_off().await;
    for seconds in [9, 3, 33, 99] {
        app.later(Duration::from_secs(seconds)).await;
    }
    let told = subscriber.told("/");
    assert_eq!(told.len(), 4, "at once, and after 10, 30 and 90 seconds");
    assert!(told.iter().all(|again| again.body == told[0].body));
    assert_eq!(delivered(&app).await, 1);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_younger_event_waits_for_the_older_one(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, subscriber) = (App::start(kind, &HERE).await, Subscriber::start().await);
    subscriber.say("/", [Say::Status(500)]);
    app.register(webhook(subscriber.url("/"))).await;
    app.created(&json!({"id": "t"})).await;
    app.post("/api/tasks/t/cancel", &json!({})).await.good(200);
    app.work_off().await;
    app.post("/api/tasks/t/retry", &json!({})).await.good(200);
    app.work_off().await;
    assert_eq!(subscriber.events("/"), ["task.cancelled"]);
    app.later(Duration::from_secs(12)).await;
    assert_eq!(subscriber.events("/"), ["task.cancelled", "task.cancelled", "task.submitted"]);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn progress_gives_way_to_what_comes_after_it(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, subscriber) = (App::start(kind, &HERE).await, Subscriber::start().await);
    app.register(webhook(subscriber.url("/"))).await;
    app.created(&json!({"id": "t"})).await;
    for percentage in [10, 20, 30] {
        let progress = json!({"event": "progress", "progress": {"percentage": percentage}});
        app.callback("t", &progress).send().await.good(200);
    }
    app.callback("t", &json!({"event": "completed", "result": 1})).send().await.good(200);
    app.work_off().await;
    assert_eq!(subscriber.events("/"), ["task.completed"]);
    assert_eq!(app.database.count("hub_deliveries WHERE status = 'superseded'").await, 3);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_webhook_at_a_private_address_gets_nothing(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, subscriber) = (App::start(kind, &[]).await, Subscriber::start().await);
    app.register(webhook(subscriber.url("/"))).await;
    app.created(&json!({"id": "t"})).await;
    app.callback("t", &json!({"event": "completed", "result": 1})).send().await.good(200);
    app.work_off().await;
    assert!(subscriber.told("/").is_empty());
    assert_eq!(
        app.database.count("hub_deliveries WHERE status = 'dead' AND last_error LIKE '%DELIVERY_ALLOWED_NETWORKS%'").await,
        1
    );
    app.stop().await;
}
