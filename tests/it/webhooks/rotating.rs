//! `secrets rotate`: what one key has sealed, the newest seals anew.

use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};

use super::{HERE, KEY, OTHER_KEY, is_signed, path};
use crate::commands::run;
use crate::harness::app::Extra;
use crate::harness::{App, Kind, Subscriber};

#[rstest]
#[tokio::test]
async fn credentials_move_to_the_newest_key(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, subscriber) = (App::start(kind, &HERE).await, Subscriber::start().await);
    let made = app.post("/api/webhooks", &json!({"url": subscriber.url("/"), "secret": "the secret"})).await.good(201);
    app.post("/api/webhooks", &json!({"url": subscriber.url("/b"), "signature": "none"})).await.good(201);
    app.created(&json!({"webhook": {"url": subscriber.url("/c"), "secret": "of the task"}})).await;
    let database = app.stop().await;
    let both = format!("{OTHER_KEY},{KEY}");
    let rotate =
        async |key: &str| run(&["secrets", "rotate", "--json"], &[("DATABASE_URL", &database.url), ("SECRETS_KEY", key)]).await;

    let (code, _, told) = run(&["secrets", "rotate"], &[("DATABASE_URL", &database.url)]).await;
    assert!(code == Some(2) && told.contains("SECRETS_KEY is not set"), "{told}");
    let (code, _, told) = rotate(OTHER_KEY).await;
    assert!(code == Some(1) && told.contains("no longer in SECRETS_KEY") && told.contains("nothing was changed"), "{told}");
    for counts in [json!({"rotated": 2, "unchanged": 0}), json!({"rotated": 0, "unchanged": 2})] {
        let (code, told, errors) = rotate(&both).await;
        assert_eq!((code, serde_json::from_str::<Value>(&told).ok()), (Some(0), Some(counts)), "{told}{errors}");
    }
    assert_eq!(rotate(OTHER_KEY).await.0, Some(0), "the old key may go");

    let app = App::with(&database, Extra { settings: &[HERE[0], ("SECRETS_KEY", OTHER_KEY)], ..Extra::default() }).await;
    app.post(&format!("{}/test", path(&made)), &json!({})).await.good(200);
    assert!(is_signed(&subscriber.told("/")[0], "the secret"));
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn what_waits_for_its_key_is_sent_as_its_template_makes_it(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, subscriber) = (App::start(kind, &HERE).await, Subscriber::start().await);
    let webhook = json!({"url": subscriber.url("/"), "secret": "the secret", "template": {"what": "{{event}}"}});
    app.post("/api/webhooks", &webhook).await.good(201);
    app.post("/api/events", &json!({"event": "a", "data": 1})).await.good(202);
    let database = app.stop().await;
    let app = App::with(&database, Extra { settings: &[HERE[0], ("SECRETS_KEY", OTHER_KEY)], ..Extra::default() }).await;
    app.work_off().await;
    assert!(subscriber.told("/").is_empty());
    app.stop().await;
    let app = App::with(&database, Extra { settings: &HERE, ..Extra::default() }).await;
    app.later(Duration::from_secs(61)).await;
    let told = subscriber.told("/");
    assert_eq!((told.len(), &told[0].body[..]), (1, br#"{"what":"a"}"#.as_slice()));
    app.stop().await;
}
