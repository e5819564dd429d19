//! What is not said stays, null takes away, and states mean what they say.

use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};

use super::{HERE, KEY, OTHER_KEY, is_signed, path};
use crate::harness::app::Extra;
use crate::harness::{App, Kind, Subscriber};

#[rstest]
#[tokio::test]
async fn absent_stays_and_null_takes_away(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &HERE).await;
    let wish = json!({
        "name": "n", "url": "https://93.184.215.14/", "secret": "s", "events": ["task.*"], "filter": "true", "template": {"a": 1},
        "headers": {"x-a": "1", "x-b": "2"}, "auth": {"type": "bearer", "token": "t"}, "retry_delays": [1], "timeout_seconds": 5,
        "customer_id": "c",
    });
    let made = app.post("/api/webhooks", &wish).await.good(201);
    app.clock.advance(Duration::from_secs(1));
    let patch = async |body: Value| app.patch(&path(&made), &body).await;
    let mut same = patch(json!({})).await.good(200);
    assert_ne!(same["updated_at"], made["updated_at"]);
    same["updated_at"] = made["updated_at"].clone();
    assert_eq!(same, made);

    for member in ["filter", "template", "auth", "retry_delays", "timeout_seconds", "customer_id"] {
        assert_eq!(patch(json!({member: null})).await.good(200)[member], Value::Null, "{member}");
    }
    assert_eq!(
        patch(json!({"headers": {"x-b": "***", "x-c": "3"}})).await.good(200)["headers"],
        json!({"x-b": "***", "x-c": "***"})
    );
    assert_eq!(patch(json!({"headers": null, "name": null})).await.good(200)["headers"], json!({}));
    for member in ["url", "secret", "events", "signature", "status"] {
        assert_eq!(patch(json!({member: null})).await.about(member), "cannot be taken away");
    }
    let now = patch(json!({"events": ["x"], "url": "https://93.184.215.14/b"})).await.good(200);
    assert_eq!(
        (&now["events"], &now["url"], &now["has_secret"]),
        (&json!(["x"]), &json!("https://93.184.215.14/b"), &json!(true))
    );
    assert_eq!(app.patch("/api/webhooks/nobody", &json!({})).await.problem(), (404, "not_found".to_owned()));
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_masked_header_goes_on_being_sent(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, subscriber) = (App::start(kind, &HERE).await, Subscriber::start().await);
    let wish = json!({"url": subscriber.url("/"), "headers": {"x-team": "blue"}, "signature": "none"});
    let made = app.post("/api/webhooks", &wish).await.good(201);
    app.patch(&path(&made), &json!({"headers": {"x-team": "***"}})).await.good(200);
    app.post(&format!("{}/test", path(&made)), &json!({})).await.good(200);
    assert_eq!(subscriber.told("/")[0].header("x-team"), "blue");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn who_wants_signatures_later_gets_a_secret_then(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &HERE).await;
    let made = app.post("/api/webhooks", &json!({"url": "https://93.184.215.14/", "signature": "none"})).await.good(201);
    assert!(made.get("secret").is_none() && made["has_secret"] == false);
    let signed = app.patch(&path(&made), &json!({"signature": "standard"})).await.good(200);
    assert!(signed["secret"].as_str().expect("a secret").starts_with("whsec_") && signed["has_secret"] == true);
    let again = app.patch(&path(&made), &json!({"signature": "sha256"})).await.good(200);
    assert!(again.get("secret").is_none(), "{again}");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn paused_waits_active_sends_at_once_and_disabled_is_dead(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, subscriber) = (App::start(kind, &HERE).await, Subscriber::start().await);
    let made = app.post("/api/webhooks", &json!({"url": subscriber.url("/"), "signature": "none"})).await.good(201);
    let state = async |status: &str| app.patch(&path(&made), &json!({"status": status, "reason": "so"})).await.good(200);
    assert_eq!(state("paused").await["reason"], "so");
    app.created(&json!({"id": "t"})).await;
    app.callback("t", &json!({"event": "completed", "result": 1})).taken().await;
    app.work_off().await;
    assert!(subscriber.told("/").is_empty());
    assert_eq!(state("active").await["reason"], Value::Null);
    app.work_off().await;
    assert_eq!(subscriber.events("/"), ["task.completed"], "without waiting for its next look");

    state("paused").await;
    app.created(&json!({"id": "u"})).await;
    app.callback("u", &json!({"event": "completed", "result": 1})).taken().await;
    assert_eq!(app.database.count("hub_deliveries WHERE status = 'pending'").await, 1);
    assert_eq!(state("disabled").await["status"], "disabled");
    assert_eq!(app.database.count("hub_deliveries WHERE status = 'dead' AND last_error = 'webhook_disabled'").await, 1);
    assert_eq!(app.delete(&path(&made)).await.status, 204);
    app.created(&json!({"id": "v"})).await;
    app.callback("v", &json!({"event": "completed", "result": 1})).taken().await;
    assert_eq!(app.database.count("hub_deliveries").await, 2, "nobody is told any more");
    assert_eq!(app.database.count("hub_webhooks WHERE credentials IS NOT NULL").await, 0);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn both_secrets_hold_while_one_replaces_the_other(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, subscriber) = (App::start(kind, &HERE).await, Subscriber::start().await);
    let made = app.post("/api/webhooks", &json!({"url": subscriber.url("/"), "secret": "the first one"})).await.good(201);
    let rotate = async |body: Value| app.post(&format!("{}/rotate-secret", path(&made)), &body).await;
    let test = async || app.post(&format!("{}/test", path(&made)), &json!({})).await.good(200);
    let rotated = rotate(json!({"overlap_seconds": 60})).await.good(200);
    let second = rotated["secret"].as_str().expect("a secret").to_owned();
    assert_eq!(rotated["previous_secret_until"], "2027-01-15T08:01:00Z");
    test().await;
    app.clock.advance(Duration::from_secs(61));
    test().await;
    assert_eq!(app.get(&path(&made)).await.good(200)["previous_secret_until"], Value::Null);
    let third = rotate(json!({"secret": "the third one", "overlap_seconds": 0})).await.good(200);
    assert!(third.get("secret").is_none());
    test().await;
    let held: Vec<_> = subscriber
        .told("/")
        .iter()
        .map(|told| ["the first one", &second, "the third one"].map(|secret| is_signed(told, secret)))
        .collect();
    assert_eq!(held, [[true, true, false], [false, true, false], [false, false, true]]);
    for (body, field) in
        [(json!({"overlap_seconds": -1}), "overlap_seconds"), (json!({"secret": "whsec_!"}), "secret"), (json!({"a": 1}), "a")]
    {
        assert_eq!(rotate(body).await.fields(), [field]);
    }
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_webhook_whose_key_is_gone_can_be_seen_and_stopped(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[("SECRETS_KEY", KEY)]).await;
    let made = app.post("/api/webhooks", &json!({"url": "https://93.184.215.14/"})).await.good(201);
    let database = app.stop().await;
    let app = App::with(&database, Extra { settings: &[("SECRETS_KEY", OTHER_KEY)], ..Extra::default() }).await;
    let read = app.get(&path(&made)).await.good(200);
    assert!(read["fault"].as_str().expect("a sentence").contains("SECRETS_KEY"), "{read}");
    assert_eq!(read["has_secret"], true, "there is one, and it cannot be read");
    assert!(app.patch(&path(&made), &json!({"headers": {"x-a": "1"}})).await.about("secret").contains("SECRETS_KEY"));
    assert_eq!(app.post(&format!("{}/test", path(&made)), &json!({})).await.problem(), (409, "conflict".to_owned()));
    app.created(&json!({"id": "t"})).await;
    app.callback("t", &json!({"event": "completed", "result": 1})).taken().await;
    app.work_off().await;
    assert_eq!(app.database.count("hub_deliveries WHERE status = 'pending' AND attempts = 0").await, 1, "it waits for the key");
    assert_eq!(app.patch(&path(&made), &json!({"status": "disabled"})).await.good(200)["status"], "disabled");
    app.stop().await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_at_once_lose_nothing_and_all_are_made(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &HERE).await;
    let wish = json!({"url": "https://93.184.215.14/", "headers": {"x-team": "blue"}});
    let made = app.post("/api/webhooks", &wish).await.good(201);
    let bodies = [
        json!({"name": "a"}),
        json!({"customer_id": "b"}),
        json!({"events": ["c"]}),
        json!({"timeout_seconds": 4}),
        json!({"filter": "true"}),
        json!({"retry_delays": [5]}),
        json!({"headers": {"x-team": "***", "x-other": "6"}}),
        json!({"template": {"a": 7}}),
        json!({"status": "paused"}),
    ];
    let id = path(&made);
    let answers = futures_util::future::join_all(bodies.iter().map(|body| app.patch(&id, body))).await;
    assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
    let now = app.get(&path(&made)).await.good(200);
    for body in &bodies {
        let (member, value) = body.as_object().expect("an object").iter().next().expect("a member");
        let shown = if member == "headers" { &json!({"x-team": "***", "x-other": "***"}) } else { value };
        assert_eq!(&now[member], shown, "{member}: {now}");
    }
    app.stop().await;
}
