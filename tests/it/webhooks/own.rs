//! A task brings a webhook of its own: it hears of that task, beside whoever has registered.

use rstest::rstest;
use serde_json::{Value, json};

use super::{HERE, is_signed};
use crate::harness::callback::hmac;
use crate::harness::{App, Kind, Subscriber};

const SECRET: &str = "a secret for all tasks of these tests";

#[rstest]
#[tokio::test]
async fn it_is_told_beside_the_others_and_signed_with_the_settings_secret(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let settings = [HERE[0], HERE[1], ("DELIVERY_SECRET", SECRET)];
    let (app, subscriber) = (App::start(kind, &settings).await, Subscriber::start().await);
    app.post("/api/webhooks", &json!({"url": subscriber.url("/all")})).await.good(201);
    let own = |path: &str, more: Value| {
        let mut own = json!({"url": subscriber.url(path)});
        own.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        own
    };
    let task = app.created(&json!({"id": "t", "webhook": own("/t", json!({"events": ["task.completed"]}))})).await;
    app.created(&json!({"id": "u", "webhook": own("/u", json!({"secret": "of u", "signature": "sha256"}))})).await;
    app.created(&json!({"id": "v", "webhook": own("/v", json!({"signature": "none"}))})).await;
    for id in ["t", "u", "v"] {
        app.callback(id, &json!({"event": "progress", "progress": {"percentage": 10}})).taken().await;
        app.work_off().await;
        app.callback(id, &json!({"event": "completed", "result": 1})).taken().await;
        app.work_off().await;
    }
    assert_eq!(subscriber.told("/all").len(), 6);
    let (t, u, v) = (subscriber.told("/t"), subscriber.told("/u"), subscriber.told("/v"));
    assert_eq!((t.len(), u.len(), v.len()), (1, 2, 2));
    assert!(is_signed(&t[0], SECRET));
    assert_eq!(u[0].header("x-webhook-signature"), format!("sha256={}", hex::encode(hmac("of u", &u[0].body))));
    assert!(v[0].headers.keys().all(|name| !name.contains("signature")), "{:?}", v[0].headers);

    let id = task["webhook_id"].as_str().expect("an id");
    let webhook = app.get(&format!("/api/webhooks/{id}")).await.good(200);
    assert_eq!((&webhook["task_id"], &webhook["has_secret"]), (&json!("t"), &json!(false)));
    assert_eq!(app.items("/api/webhooks").await.len(), 1, "it is in no list");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_repeated_creation_makes_no_second_one(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &HERE).await;
    let body = json!({"id": "t", "webhook": {"url": "http://127.0.0.1:9999/", "secret": "mine"}});
    let first = app.created(&body).await;
    assert_eq!(app.create(&body).await.good(200)["webhook_id"], first["webhook_id"]);
    let keyed = || app.client.post(format!("{}/api/tasks", app.base)).header("Idempotency-Key", "k");
    let body = json!({"webhook": {"url": "http://127.0.0.1:9999/", "secret": "mine"}}).to_string();
    for status in [201, 200] {
        app.send(keyed().body(body.clone())).await.good(status);
    }
    assert_eq!(app.database.count("hub_webhooks").await, 2);
    app.stop().await;
}

#[rstest]
#[case(json!({"webhook": {}}), "webhook.url")]
#[case(json!({"webhook": 5}), "webhook")]
#[case(json!({"webhook": {"url": "ftp://a", "signature": "none"}}), "webhook.url")]
#[case(json!({"webhook": {"url": "http://169.254.169.254/", "signature": "none"}}), "webhook.url")]
#[case(json!({"webhook": {"url": "http://127.0.0.1:9999/", "signature": "none", "events": [""]}}), "webhook.events[0]")]
#[case(json!({"webhook": {"url": "http://127.0.0.1:9999/", "signature": "none", "headers": {}}}), "webhook.headers")]
#[case(json!({"webhook": {"url": "http://127.0.0.1:9999/"}}), "webhook.secret")]
#[case(json!({"webhook": {"url": "http://127.0.0.1:9999/", "secret": "whsk_a"}}), "webhook.secret")]
#[case(json!({"auto_approve": "yes"}), "auto_approve")]
#[case(json!({"callback_url": "http://127.0.0.1:9999/"}), "callback_url")]
#[tokio::test]
async fn its_faults_are_named(#[case] body: Value, #[case] field: &str) {
    let app = App::start(Kind::Sqlite, &HERE).await;
    let answer = app.create(&body).await;
    assert_eq!(answer.problem(), (422, "invalid_request".to_owned()), "{}", answer.text);
    assert!(answer.fields().contains(&field.to_owned()), "{}", answer.text);
    if field == "webhook.secret" && body["webhook"]["secret"].is_null() {
        assert!(answer.about(field).contains("DELIVERY_SECRET"), "{}", answer.text);
    }
    assert_eq!((app.database.count("hub_webhooks").await, app.database.count("hub_tasks").await), (0, 0));
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_task_says_whether_its_result_needs_review(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[("TASK_AUTO_APPROVE", "false")]).await;
    for (body, shown) in [(json!({}), false), (json!({"auto_approve": true}), true), (json!({"auto_approve": null}), false)] {
        assert_eq!(app.created(&body).await["auto_approve"], shown, "{body}");
    }
    app.stop().await;
}
