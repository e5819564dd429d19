//! A test is one request at once, and its answer tells what was heard.

use rstest::rstest;
use serde_json::{Value, json};

use super::{HERE, KEY, is_signed, path};
use crate::harness::app::Extra;
use crate::harness::{App, Kind, Say, Subscriber};

#[rstest]
#[tokio::test]
async fn a_test_tells_what_was_heard(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, subscriber) = (App::start(kind, &HERE).await, Subscriber::start().await);
    let wish = json!({"url": subscriber.url("/in"), "secret": "the secret", "status": "paused", "timeout_seconds": 0.3});
    let made = app.post("/api/webhooks", &wish).await.good(201);
    let test = async || app.post(&format!("{}/test", path(&made)), &json!({})).await.good(200);
    let good = test().await;
    assert_eq!((&good["success"], &good["status_code"], &good["answer"]), (&json!(true), &json!(200), &json!("{}")));
    let told = &subscriber.told("/in")[0];
    assert_eq!((told.event().as_str(), told.header("webhook-id")), ("webhook.test", good["id"].as_str().expect("an id")));
    assert!(is_signed(told, "the secret"));

    subscriber.say("/in", [Say::Status(500), Say::Status(302), Say::HangUp, Say::Never]);
    for status in [json!(500), json!(302), Value::Null, Value::Null] {
        let bad = test().await;
        assert_eq!((&bad["success"], &bad["status_code"]), (&json!(false), &status), "{bad}");
        assert!(bad["detail"].as_str().is_some_and(|detail| !detail.is_empty()));
    }
    assert_eq!(subscriber.told("/in").len(), 5, "nothing is repeated");
    assert_eq!(app.database.count("hub_deliveries").await, 0, "no delivery stands for it");
    assert_eq!(app.post("/api/webhooks/nobody/test", &json!({})).await.problem(), (404, "not_found".to_owned()));
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_template_makes_the_body_of_a_test(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, subscriber) = (App::start(kind, &HERE).await, Subscriber::start().await);
    let wish = json!({"url": subscriber.url("/"), "signature": "none", "template": {"what": "{{ event }}"}});
    let made = app.post("/api/webhooks", &wish).await.good(201);
    app.post(&format!("{}/test", path(&made)), &json!({})).await.good(200);
    assert_eq!(subscriber.told("/")[0].json(), json!({"what": "webhook.test"}));
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn nobody_is_tried_where_nothing_may_go(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, subscriber) = (App::start(kind, &HERE).await, Subscriber::start().await);
    let made = app.post("/api/webhooks", &json!({"url": subscriber.url("/")})).await.good(201);
    let database = app.stop().await;
    let app = App::with(&database, Extra { settings: &[("SECRETS_KEY", KEY)], ..Extra::default() }).await;
    let answer = app.post(&format!("{}/test", path(&made)), &json!({})).await;
    assert_eq!(answer.problem(), (422, "invalid_request".to_owned()));
    assert!(answer.about("url").contains("DELIVERY_ALLOWED_NETWORKS"), "{}", answer.text);
    assert!(subscriber.told("/").is_empty());
    app.patch(&path(&made), &json!({"status": "paused"})).await.good(200);
    app.stop().await;
}
