//! What is over goes, and takes along what only it needed.

use rstest::rstest;
use serde_json::json;

use super::{SETTINGS, complete, publish, secs, start, states, webhook};
use crate::harness::{App, Kind, Say, Subscriber};

const DAY: u64 = 24 * 3600;

async fn tidy(app: &App) -> u64 {
    app.loops.housekeeper.step().await.expect("the step succeeds").handled
}

#[rstest]
#[tokio::test]
async fn settled_deliveries_go_after_their_time(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, subscriber) = start(kind).await;
    app.created(&json!({"id": "t"})).await;
    complete(&app, "t").await;
    let before = app.database.count("hub_payloads").await;
    subscriber.say("/dead", [Say::Status(404)]);
    for (path, more) in [("/", json!({})), ("/made", json!({"template": {"what": "{{event}}"}})), ("/dead", json!({}))] {
        webhook(&app, subscriber.url(path), more).await;
    }
    let paused = webhook(&app, subscriber.url("/later"), json!({"status": "paused", "events": ["b"]})).await;
    for event in ["a", "b"] {
        publish(&app, event).await;
    }
    app.post("/api/tasks/t/retry", &json!({})).await;
    app.work_off().await;
    app.clock.advance(secs(29 * DAY));
    assert_eq!(tidy(&app).await, 1, "the task, whose callback's body is its result");
    app.clock.advance(secs(2 * DAY));
    assert!(tidy(&app).await >= 6);
    assert_eq!(states(&app).await, ["b pending"], "what waits is kept, however old");
    assert_eq!(app.database.count("hub_events").await, 1);
    assert_eq!(app.database.count("hub_payloads").await, before + 2, "its letter, and its data");

    app.patch(&format!("/api/webhooks/{paused}"), &json!({"status": "active"})).await.good(200);
    app.later(secs(60)).await;
    assert_eq!(subscriber.events("/later"), ["b"]);
    app.clock.advance(secs(31 * DAY));
    assert_eq!(tidy(&app).await, 1);
    assert_eq!((app.database.count("hub_events").await, app.database.count("hub_payloads").await), (0, before));
    app.clock.advance(secs(60 * DAY));
    tidy(&app).await;
    assert_eq!(app.database.count("hub_delivery_figures").await, 0);
    assert_eq!(tidy(&app).await, 0);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn many_go_in_small_parts(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let settings: Vec<_> = SETTINGS.into_iter().chain([("RETENTION_DELIVERIES", "1d")]).collect();
    let (app, subscriber) = (App::start(kind, &settings).await, Subscriber::start().await);
    webhook(&app, subscriber.url("/"), json!({"status": "disabled"})).await;
    super::publish_many(&app, "a", 260).await;
    app.clock.advance(secs(2 * DAY));
    assert_eq!(tidy(&app).await, 260);
    assert_eq!(app.database.count("hub_payloads").await, 0);
    app.stop().await;
}
