//! What the figures say of deliveries.

use rstest::rstest;
use serde_json::{Value, json};

use super::{complete, progress, publish, publish_many, secs, start, webhook};
use crate::harness::{App, Kind, START, Say};

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

/// Figures of a lane in an hour: before the test's own hour.
async fn counted(app: &App, lane: &str, hours_ago: i64, figures: &[(&str, i64)]) {
    let hour = START / 3600 - hours_ago;
    for (figure, amount) in figures {
        let row = format!("('{lane}', {hour}, '{figure}', {amount})");
        app.database.execute(&format!("INSERT INTO hub_delivery_figures (lane, hour, figure, amount) VALUES {row}")).await;
    }
}

#[rstest]
#[tokio::test]
async fn they_are_true_to_what_happened_in_the_window(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, subscriber) = start(kind).await;
    let id = webhook(&app, subscriber.url("/"), json!({"name": "orders"})).await;
    let now = [
        ("attempts", 10),
        ("duration_ms", 1000),
        ("delivered", 8),
        ("dead", 2),
        ("tries:1", 6),
        ("tries:2", 2),
        ("tries:10", 2),
        ("took:5", 6),
        ("took:100", 3),
        ("took:more", 1),
    ];
    counted(&app, &id, 0, &now).await;
    let yesterday = [("attempts", 90), ("duration_ms", 900), ("delivered", 90), ("tries:1", 90), ("took:5", 90)];
    counted(&app, &id, 24, &yesterday).await;
    counted(&app, &id, 25, &[("attempts", 900), ("duration_ms", 90_000), ("delivered", 102), ("dead", 48), ("took:250", 900)])
        .await;
    counted(&app, "tasks at hooks.example", 2, &[("attempts", 4), ("duration_ms", 10), ("delivered", 2), ("dead", 23)]).await;
    let shown = async |hours: u64| {
        let found = figures(&app, &format!("?hours={hours}")).await;
        let webhooks = found["webhooks"].as_array().expect("a list");
        let one = webhooks.iter().find(|one| one["webhook_id"] == json!(id)).expect("it").clone();
        let words = ["attempts", "delivered", "dead", "success_rate", "mean_ms", "p95_ms"].map(|name| one[name].clone());
        (Value::from(words.to_vec()), one["tries"].clone(), found)
    };
    let (words, tries, _) = shown(1).await;
    assert_eq!((words, tries), (json!([10, 8, 2, 0.8, 100.0, 120_000]), json!({"1": 6, "2": 2, "10": 2})));
    let (words, tries, all) = shown(24).await;
    assert_eq!((words, tries), (json!([100, 98, 2, 0.98, 19.0, 5]), json!({"1": 96, "2": 2, "10": 2})));
    assert_eq!((&all["delivered"], &all["success_rate"]), (&json!(100), &json!(0.8)));
    let shared = all["webhooks"].as_array().expect("a list").iter().find(|one| one["webhook_id"].is_null()).expect("it");
    assert_eq!((&shared["name"], &shared["mean_ms"]), (&json!("tasks at hooks.example"), &json!(2.5)));
    assert_eq!(shown(25).await.0, json!([1000, 200, 50, 0.8, 91.9, 250]));
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn whatever_ends_without_a_turn_is_counted_too(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, subscriber) = start(kind).await;
    let id = webhook(&app, subscriber.url("/"), json!({})).await;
    let counted = async |figure: &str, amount: u32| {
        let table = format!("hub_delivery_figures WHERE lane = '{id}' AND figure = '{figure}' AND amount = {amount}");
        app.database.count(&table).await == 1
    };
    app.created(&json!({"id": "t"})).await;
    for percentage in [10, 20] {
        progress(&app, "t", percentage).await;
    }
    complete(&app, "t").await;
    assert!(counted("superseded", 2).await);
    app.patch(&format!("/api/webhooks/{id}"), &json!({"status": "disabled"})).await.good(200);
    publish(&app, "a").await;
    app.work_off().await;
    assert!(counted("dead", 2).await, "one was buried, and one nobody heard from the start");
    assert!(counted("superseded", 2).await);
    assert!(subscriber.told("/").is_empty());
    let one = figures(&app, "").await["webhooks"][0].clone();
    assert_eq!((&one["dead"], &one["attempts"], &one["dead_now"]), (&json!(2), &json!(0), &json!(2)));
    app.stop().await;
}
