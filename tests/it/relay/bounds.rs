//! One event, one batch, one lane: what each may cost, and whom it may hold up.

use std::sync::Arc;
use std::time::Duration;

use callback_hub::domain::webhook::Webhook;
use rstest::rstest;
use serde_json::json;

use super::{HERE, delivered};
use crate::harness::app::Extra;
use crate::harness::webhooks::webhook;
use crate::harness::{App, Database, Kind, Say, Subscriber};

/// More subscribers that do not answer than a loop usually has steps.
const SLOW: usize = 80;

#[rstest]
#[tokio::test]
async fn many_that_do_not_answer_hold_up_nobody_else(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let settings = [HERE[0], ("DELIVERY_CONCURRENCY", "200")];
    let extra = Extra { settings: &settings, loops_run: true, ..Extra::default() };
    let (app, subscriber) = (App::with(&Arc::new(Database::fresh(kind).await), extra).await, Subscriber::start().await);
    subscriber.always("/slow", Say::Never);
    for number in 0..SLOW {
        let events = vec![format!("slow.{number}")];
        app.register(Webhook { events, ..webhook(subscriber.url("/slow")) }).await;
    }
    app.register(Webhook { events: vec!["quick".to_owned()], ..webhook(subscriber.url("/quick")) }).await;
    // one after the other, so that each has a step of its own
    for number in 0..SLOW {
        app.post("/api/events", &json!({"event": format!("slow.{number}"), "data": {}})).await.good(202);
        app.until(async || subscriber.told("/slow").len() > number).await;
    }
    app.post("/api/events", &json!({"event": "quick", "data": {}})).await.good(202);
    app.until(async || subscriber.told("/quick").len() == 1).await;
    app.until(async || delivered(&app).await == 1).await;
    drop(subscriber);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn whoever_wants_rest_at_a_shared_host_speaks_for_himself(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, subscriber) = (App::start(kind, &HERE).await, Subscriber::start().await);
    subscriber.say("/busy", [Say::With(429, "retry-after", "3600".to_owned())]);
    for (task, path) in [("a", "/busy"), ("b", "/free")] {
        let own = json!({"url": subscriber.url(path), "signature": "none"});
        app.created(&json!({"id": task, "webhook": own})).await;
    }
    app.callback("a", &json!({"event": "completed", "result": 1})).taken().await;
    app.work_off().await;
    app.callback("b", &json!({"event": "completed", "result": 1})).taken().await;
    app.work_off().await;
    assert_eq!((subscriber.told("/busy").len(), subscriber.told("/free").len()), (1, 1), "the other one is told at once");
    app.later(Duration::from_secs(3590)).await;
    assert_eq!(subscriber.told("/busy").len(), 1, "who has asked for an hour has it");
    app.later(Duration::from_secs(400)).await;
    assert_eq!((subscriber.told("/busy").len(), delivered(&app).await), (2, 2));
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_tasks_own_webhook_that_cannot_be_read_costs_nobody_his_callback(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, subscriber) = (App::start(kind, &HERE).await, Subscriber::start().await);
    app.register(webhook(subscriber.url("/all"))).await;
    let own = json!({"url": subscriber.url("/own"), "signature": "none"});
    app.created(&json!({"id": "t", "webhook": own})).await;
    app.database.execute("UPDATE hub_webhooks SET signature = 'of a newer version' WHERE task_id = 't'").await;
    app.callback("t", &json!({"event": "completed", "result": 1})).send().await.good(200);
    app.work_off().await;
    assert_eq!((app.status("t").await.as_str(), subscriber.events("/all")), ("completed", vec!["task.completed".to_owned()]));
    assert!(subscriber.told("/own").is_empty());
    app.stop().await;
}
