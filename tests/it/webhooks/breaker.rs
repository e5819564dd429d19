//! Who fails again and again is left alone, and whoever looks at the webhook sees that.

use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};

use super::{HERE, path};
use crate::harness::{App, Kind, Say, Subscriber};

#[rstest]
#[tokio::test]
async fn a_webhook_shows_how_it_is_treated(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, subscriber) = (App::start(kind, &HERE).await, Subscriber::start().await);
    subscriber.always("/", Say::Status(500));
    let wish = json!({"url": subscriber.url("/"), "signature": "none", "retry_delays": [3600]});
    let made = app.post("/api/webhooks", &wish).await.good(201);
    let closed = json!({"state": "closed", "until": null});
    assert_eq!(made["breaker"], closed);
    for number in 0..11 {
        app.post("/api/events", &json!({"event": "a", "data": number})).await.good(202);
    }
    app.work_off().await;
    assert_eq!(subscriber.told("/").len(), 10);
    let until = app.clock.now().plus(Duration::from_secs(10)).to_string();
    let open = json!({"state": "open", "until": until});
    assert_eq!(app.get(&path(&made)).await.good(200)["breaker"], open);
    assert_eq!(app.items("/api/webhooks").await[0]["breaker"], open);
    assert_eq!(app.items("/api/webhooks").await[0]["status"], "active", "which is something else");

    app.clock.advance(Duration::from_secs(10));
    let read = async || app.get(&path(&made)).await.good(200)["breaker"].clone();
    assert_eq!(read().await, json!({"state": "probing", "until": Value::Null}));
    subscriber.always("/", Say::Status(200));
    app.work_off().await;
    assert_eq!((subscriber.told("/").len(), read().await), (11, closed));
    app.stop().await;
}
