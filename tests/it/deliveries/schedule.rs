//! When a delivery is tried again, and when it is given up.

use rstest::rstest;
use serde_json::{Value, json};

use super::{deliveries, only, publish, publish_many, secs, start, states, webhook};
use crate::harness::{Kind, Say};

const DELAYS: [u64; 7] = [10, 30, 90, 600, 3600, 14400, 43200];

#[rstest]
#[tokio::test]
async fn who_never_answers_well_is_tried_eight_times(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, subscriber) = start(kind).await;
    subscriber.always("/", Say::Status(503));
    webhook(&app, subscriber.url("/"), json!({})).await;
    publish(&app, "order.shipped").await;
    app.work_off().await;
    for (before, delay) in DELAYS.into_iter().enumerate() {
        let waiting = only(&app).await;
        assert_eq!((&waiting["status"], &waiting["attempts"]), (&json!("pending"), &json!(before + 1)));
        assert!(waiting["next_attempt_at"].is_string());
        app.later(secs(delay - 1)).await;
        assert_eq!(subscriber.told("/").len(), before + 1, "not before {delay} s");
        app.later(secs(delay / 10 + 1)).await;
        assert_eq!(subscriber.told("/").len(), before + 2, "{delay} s later, and a tenth of it");
    }
    let dead = only(&app).await;
    assert_eq!((&dead["status"], &dead["attempts"], &dead["next_attempt_at"]), (&json!("dead"), &json!(8), &Value::Null));
    assert_eq!(dead["last_error"], "503 Service Unavailable");
    let log = dead["log"].as_array().expect("a log");
    let attempts: Vec<_> = log.iter().map(|line| (line["attempt"].as_u64(), line["status"].as_u64())).collect();
    assert_eq!(attempts, (1..=8).map(|number| (Some(number), Some(503))).collect::<Vec<_>>());
    app.later(secs(100_000)).await;
    let told = subscriber.told("/");
    assert_eq!(told.len(), 8, "and never again");
    assert!(told.iter().all(|told| told.header("webhook-id") == dead["id"]));
    assert!(told.iter().all(|again| again.body == told[0].body));
    assert_eq!(dead["body"], String::from_utf8_lossy(&told[0].body).as_ref());
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_wish_for_rest_is_followed(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, subscriber) = start(kind).await;
    subscriber.say("/", [Say::With(429, "retry-after", "120".to_owned())]);
    webhook(&app, subscriber.url("/"), json!({})).await;
    publish(&app, "a").await;
    app.work_off().await;
    app.later(secs(119)).await;
    assert_eq!(subscriber.told("/").len(), 1);
    app.later(secs(2)).await;
    assert_eq!((subscriber.told("/").len(), states(&app).await), (2, vec!["a delivered".to_owned()]));
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn who_is_gone_is_disabled_and_told_nothing_more(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, subscriber) = start(kind).await;
    subscriber.say("/", [Say::Status(410)]);
    let id = webhook(&app, subscriber.url("/"), json!({})).await;
    publish_many(&app, "a", 3).await;
    app.work_off().await;
    publish(&app, "b").await;
    app.work_off().await;
    assert_eq!(subscriber.told("/").len(), 1);
    let errors: Vec<_> = deliveries(&app, "&status=dead").await.iter().map(|dead| dead["last_error"].clone()).collect();
    assert_eq!(errors, ["webhook_disabled", "webhook_disabled", "webhook_disabled", "410 Gone"]);
    assert_eq!(app.get(&format!("/api/webhooks/{id}")).await.good(200)["status"], "disabled");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_refusal_is_final_and_a_redirect_is_not_followed(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, subscriber) = start(kind).await;
    subscriber.say("/no", [Say::Status(404)]);
    subscriber.say("/moved", [Say::With(307, "location", subscriber.url("/elsewhere"))]);
    webhook(&app, subscriber.url("/no"), json!({"events": ["no"]})).await;
    webhook(&app, subscriber.url("/moved"), json!({"events": ["moved"]})).await;
    publish(&app, "no").await;
    publish(&app, "moved").await;
    app.work_off().await;
    assert_eq!(states(&app).await, ["no dead", "moved pending"]);
    app.later(secs(12)).await;
    assert_eq!(states(&app).await, ["no dead", "moved delivered"]);
    assert!(subscriber.told("/elsewhere").is_empty());
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn ten_failures_in_a_row_leave_a_webhook_alone_until_a_probe(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, subscriber) = start(kind).await;
    subscriber.always("/", Say::Status(500));
    webhook(&app, subscriber.url("/"), json!({})).await;
    publish_many(&app, "a", 12).await;
    app.work_off().await;
    assert_eq!(subscriber.told("/").len(), 10);
    let figures = app.get("/api/stats").await.good(200)["deliveries"].clone();
    assert_eq!((&figures["breakers_open"], &figures["pending"]), (&json!(1), &json!(12)));
    app.later(secs(9)).await;
    assert_eq!(subscriber.told("/").len(), 10);
    app.later(secs(1)).await;
    assert_eq!(subscriber.told("/").len(), 11, "a probe");
    subscriber.always("/", Say::Status(200));
    app.later(secs(19)).await;
    assert_eq!(subscriber.told("/").len(), 11, "pauses double");
    app.later(secs(1)).await;
    assert_eq!(states(&app).await, vec!["a delivered"; 12]);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_paused_webhook_gets_what_it_has_missed(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, subscriber) = start(kind).await;
    let id = webhook(&app, subscriber.url("/"), json!({"status": "paused"})).await;
    publish(&app, "a").await;
    app.work_off().await;
    app.later(secs(300)).await;
    assert_eq!((subscriber.told("/").len(), states(&app).await), (0, vec!["a pending".to_owned()]));
    app.patch(&format!("/api/webhooks/{id}"), &json!({"status": "active"})).await.good(200);
    app.later(secs(60)).await;
    assert_eq!(states(&app).await, ["a delivered"]);
    assert_eq!(only(&app).await["attempts"], 1, "waiting uses no attempt");
    app.stop().await;
}
