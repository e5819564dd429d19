//! A secret that was promised to hold holds, whatever comes after it.

use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};

use super::{HERE, is_signed, path};
use crate::harness::callback::hmac;
use crate::harness::{Answer, App, Kind, Subscriber};

async fn rotate(app: &App, webhook: &Value, secret: &str, overlap: u64) -> Answer {
    app.post(&format!("{}/rotate-secret", path(webhook)), &json!({"secret": secret, "overlap_seconds": overlap})).await
}

/// Which of the secrets a sample sent now is signed with.
async fn held<const N: usize>(app: &App, subscriber: &Subscriber, webhook: &Value, secrets: [&str; N]) -> [bool; N] {
    app.post(&format!("{}/test", path(webhook)), &json!({})).await.good(200);
    let told = subscriber.told("/").pop().expect("a request");
    secrets.map(|secret| is_signed(&told, secret))
}

#[rstest]
#[tokio::test]
async fn each_old_secret_holds_as_long_as_was_said(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, subscriber) = (App::start(kind, &HERE).await, Subscriber::start().await);
    let made = app.post("/api/webhooks", &json!({"url": subscriber.url("/"), "secret": "one"})).await.good(201);
    rotate(&app, &made, "two", 100).await.good(200);
    app.clock.advance(Duration::from_secs(10));
    let rotated = rotate(&app, &made, "three", 60).await.good(200);
    assert_eq!(rotated["previous_secret_until"], "2027-01-15T08:01:10Z");
    let now = async || held(&app, &subscriber, &made, ["one", "two", "three"]).await;
    assert_eq!(now().await, [true, true, true]);
    app.clock.advance(Duration::from_secs(60));
    assert_eq!(now().await, [true, false, true], "the first was promised for longer");
    app.clock.advance(Duration::from_secs(30));
    assert_eq!(now().await, [false, false, true]);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn one_signature_is_of_the_secret_that_everybody_knows_still(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
    #[values("sha256", "idp")] signature: &str,
) {
    let (app, subscriber) = (App::start(kind, &HERE).await, Subscriber::start().await);
    let wish = json!({"url": subscriber.url("/"), "secret": "one", "signature": signature});
    let made = app.post("/api/webhooks", &wish).await.good(201);
    rotate(&app, &made, "two", 100).await.good(200);
    rotate(&app, &made, "three", 200).await.good(200);
    let header = if signature == "idp" { "x-idp-signature" } else { "x-webhook-signature" };
    for secret in ["one", "two", "three"] {
        app.post(&format!("{}/test", path(&made)), &json!({})).await.good(200);
        let told = subscriber.told("/").pop().expect("a request");
        assert_eq!(told.header(header), format!("sha256={}", hex::encode(hmac(secret, &told.body))));
        app.clock.advance(Duration::from_secs(100));
    }
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn so_many_hold_at_a_time_and_all_can_be_ended(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, subscriber) = (App::start(kind, &HERE).await, Subscriber::start().await);
    let made = app.post("/api/webhooks", &json!({"url": subscriber.url("/"), "secret": "0"})).await.good(201);
    for secret in ["1", "2", "3", "4"] {
        rotate(&app, &made, secret, 100).await.good(200);
    }
    let refused = rotate(&app, &made, "5", 100).await;
    assert_eq!((refused.problem().0, refused.fields()), (422, vec!["overlap_seconds".to_owned()]));
    assert_eq!(held(&app, &subscriber, &made, ["0", "1", "2", "3", "4", "5"]).await, [true, true, true, true, true, false]);
    rotate(&app, &made, "5", 0).await.good(200);
    assert_eq!(held(&app, &subscriber, &made, ["0", "1", "2", "3", "4", "5"]).await, [false, false, false, false, false, true]);
    rotate(&app, &made, "6", 100).await.good(200);
    app.patch(&path(&made), &json!({"secret": "7"})).await.good(200);
    assert_eq!(held(&app, &subscriber, &made, ["5", "6", "7"]).await, [false, false, true], "a change replaces it at once");
    app.stop().await;
}
