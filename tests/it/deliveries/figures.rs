//! What the figures say of deliveries.

use rstest::rstest;
use serde_json::{Value, json};

use super::{publish_many, secs, start, webhook};
use crate::harness::{App, Kind, Say};

async fn figures(app: &App, query: &str) -> Value {
    app.get(&format!("/api/stats{query}")).await.good(200)["deliveries"].clone()
}

#[rstest]
#[tokio::test]
async fn each_webhook_has_its_own(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, subscriber) = start(kind).await;
    let none = figures(&app, "").await;
    assert_eq!((&none["pending"], &none["success_rate"], &none["webhooks"]), (&json!(0), &Value::Null, &json!([])));
    subscriber.say("/", [Say::Status(404), Say::Status(500)]);
    let id = webhook(&app, subscriber.url("/"), json!({"name": "orders"})).await;
    publish_many(&app, "a", 5).await;
    app.work_off().await;
    app.clock.advance(secs(8));
    let found = figures(&app, "").await;
    assert_eq!((&found["delivered"], &found["pending"], &found["dead"]), (&json!(3), &json!(1), &json!(1)));
    assert_eq!((&found["oldest_pending_seconds"], &found["success_rate"]), (&json!(8), &json!(0.75)));
    let one = &found["webhooks"][0];
    assert_eq!((&one["webhook_id"], &one["name"]), (&json!(id), &json!("orders")));
    assert_eq!((&one["attempts"], &one["delivered"], &one["dead"]), (&json!(5), &json!(3), &json!(1)));
    assert_eq!((&one["pending_now"], &one["dead_now"], &one["tries"]), (&json!(1), &json!(1), &json!({"1": 4})));
    assert!(one["mean_ms"].is_number() && one["p95_ms"].is_number());

    app.later(secs(12)).await;
    assert_eq!(figures(&app, "").await["webhooks"][0]["tries"], json!({"1": 4, "2": 1}));
    app.clock.advance(secs(2 * 3600));
    assert_eq!(figures(&app, "?hours=24").await["delivered"], 4);
    let hour = figures(&app, "?hours=1").await;
    assert_eq!((&hour["hours"], &hour["delivered"], &hour["dead"]), (&json!(1), &json!(0), &json!(1)), "the dead are there");
    for hours in ["0", "721", "x"] {
        assert_eq!(app.get(&format!("/api/stats?hours={hours}")).await.problem(), (422, "invalid_request".to_owned()));
    }
    app.stop().await;
}
