//! Custom events, of clients and of generators, reach those who want them, once.

use rstest::rstest;
use serde_json::{Value, json};

use super::{SETTINGS, complete, publish, secs, start, webhook};
use crate::harness::app::Extra;
use crate::harness::{Answer, App, Database, Kind, Subscriber};
use crate::ingress;

async fn with_key(app: &App, key: &str, body: &Value) -> Answer {
    let request = app.client.post(format!("{}/api/events", app.base)).header("idempotency-key", key);
    app.send(request.body(body.to_string())).await
}

#[rstest]
#[tokio::test]
async fn whoever_wants_it_is_told_in_its_own_words(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, subscriber) = start(kind).await;
    webhook(&app, subscriber.url("/orders"), json!({"events": ["order.*"]})).await;
    webhook(&app, subscriber.url("/others"), json!({"events": ["*.paid"]})).await;
    let body = json!({"event": "order.shipped", "data": {"n": 1, "note": "zwölf"}, "metadata": {"source": "shop"}});
    let published = app.post("/api/events", &body).await.good(202);
    assert_eq!(
        (&published["event"], &published["repeated"], &published["task_id"]),
        (&body["event"], &json!(false), &Value::Null)
    );
    app.post("/api/events", &json!({"event": "nobody wants this", "data": null})).await.good(202);
    app.work_off().await;
    assert_eq!(subscriber.events("/"), ["order.shipped"]);
    let letter = subscriber.told("/orders")[0].json();
    assert_eq!((&letter["event"], &letter["data"]), (&body["event"], &body["data"]));
    assert_eq!(letter["metadata"]["source"], "shop");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn the_same_key_publishes_once(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, subscriber) = start(kind).await;
    webhook(&app, subscriber.url("/"), json!({})).await;
    let body = json!({"event": "a", "data": 1});
    let first = with_key(&app, "k", &body).await.good(202);
    let again = with_key(&app, "k", &json!({"data": 1.0, "event": "a"})).await.good(202);
    assert_eq!((&again["id"], &again["repeated"]), (&first["id"], &json!(true)));
    let other = with_key(&app, "k", &json!({"event": "a", "data": 2})).await;
    assert_eq!(other.problem(), (409, "conflict".to_owned()));
    let task = app.client.post(format!("{}/api/tasks", app.base)).header("idempotency-key", "k");
    app.send(task.body(json!({"id": "t"}).to_string())).await.good(201);
    app.work_off().await;
    assert_eq!(subscriber.events("/"), ["a"]);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn wrong_ones_are_refused_by_field(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, _) = start(kind).await;
    let long = "x".repeat(129);
    for (field, body) in [
        ("event", json!({"data": 1})),
        ("event", json!({"event": 7, "data": 1})),
        ("event", json!({"event": "", "data": 1})),
        ("event", json!({"event": long, "data": 1})),
        ("event", json!({"event": "a\nb", "data": 1})),
        ("event", json!({"event": "a\u{0}", "data": 1})),
        ("data", json!({"event": "a", "data": ["\u{0}"]})),
        ("data", json!({"event": "a", "data": {"\u{0}": 1}})),
        ("metadata", json!({"event": "a", "data": 1, "metadata": {"a": "\u{0}"}})),
        ("task_id", json!({"event": "a", "data": 1, "task_id": "\u{0}"})),
        ("event", json!({"event": "task.completed", "data": 1})),
        ("event", json!({"event": "content.approved", "data": 1})),
        ("event", json!({"event": "webhook.test", "data": 1})),
        ("data", json!({"event": "a"})),
        ("metadata", json!({"event": "a", "data": 1, "metadata": [1]})),
        ("task_id", json!({"event": "a", "data": 1, "task_id": "no id"})),
        ("payload", json!({"event": "a", "data": 1, "payload": 1})),
    ] {
        let answer = app.post("/api/events", &body).await;
        assert_eq!(answer.problem(), (422, "invalid_request".to_owned()), "{body}");
        assert_eq!(answer.fields(), [field], "{body}");
    }
    let answer = app.post("/api/events", &json!({"event": "a", "data": 1, "task_id": "nobody"})).await;
    assert_eq!(answer.problem(), (404, "unknown_task".to_owned()));
    assert_eq!(answer.json()["errors"][0]["field"], "task_id");
    assert_eq!(app.database.count("hub_events").await, 0);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn about_a_task_it_keeps_its_place_and_goes_with_it(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, subscriber) = start(kind).await;
    webhook(&app, subscriber.url("/"), json!({"template": {"n": "{{metadata.sequence}}", "what": "{{event}}"}})).await;
    app.created(&json!({"id": "t", "metadata": {"secret": 1}})).await;
    app.post("/api/events", &json!({"event": "seen", "data": {"by": "me"}, "metadata": {"a": 1}, "task_id": "t"}))
        .await
        .good(202);
    complete(&app, "t").await;
    app.work_off().await;
    app.later(secs(2)).await;
    let told: Vec<Value> = subscriber.told("/").iter().map(|told| told.json()).collect();
    assert_eq!(told, [json!({"n": 1, "what": "seen"}), json!({"n": 2, "what": "task.completed"})]);
    assert_eq!(app.items("/api/tasks/t/deliveries").await.len(), 2);

    assert_eq!(app.delete("/api/tasks/t").await.status, 204);
    assert!(app.items("/api/tasks/t/deliveries").await.is_empty());
    assert_eq!(app.database.count("hub_deliveries").await, 0);
    assert_eq!(app.database.count("hub_payloads").await, 0, "letters, bodies, data, metadata, result");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_generators_event_is_handed_on_once(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let subscriber = Subscriber::start().await;
    let (files, own) = (ingress::generators(), ingress::settings("http://127.0.0.1:1"));
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let own = own.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let settings: Vec<(&str, &str)> = SETTINGS.into_iter().chain(own).collect();
    let database = std::sync::Arc::new(Database::fresh(kind).await);
    let app = App::with(&database, Extra { settings: &settings, generators: &files, ..Extra::default() }).await;
    webhook(&app, subscriber.url("/"), json!({"events": ["customer.*"]})).await;
    let body = json!({"id": "evt-1", "type": "customer.created", "data": {"name": "Ada"}});
    for _ in 0..3 {
        app.callback_to("/hooks/account", body.to_string()).send().await.good(200);
    }
    publish(&app, "customer.paid").await;
    app.work_off().await;
    assert_eq!(subscriber.events("/"), ["customer.created", "customer.paid"]);
    assert_eq!(subscriber.told("/")[0].json()["data"], body["data"]);
    app.stop().await;
}
