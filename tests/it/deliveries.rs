//! Deliveries: what becomes of what webhooks are to be told, and what operators make of it.

mod bulk;
mod burial;
mod crowd;
mod erasing;
mod events;
mod figures;
mod order;
mod retention;
mod retrying;
mod schedule;

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{App, Kind, Subscriber};

/// Subscribers of the tests are on this machine, and have secrets.
const SETTINGS: [(&str, &str); 2] =
    [("DELIVERY_ALLOWED_NETWORKS", "private"), ("SECRETS_KEY", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=")];

async fn start(kind: Kind) -> (App, Subscriber) {
    (App::start(kind, &SETTINGS).await, Subscriber::start().await)
}

/// A webhook that wants everything, but for what a test says.
async fn webhook(app: &App, url: String, more: Value) -> String {
    let mut wanted = json!({"url": url, "name": "of the tests", "events": ["*"], "secret": "a secret of the subscriber"});
    for (name, value) in more.as_object().expect("an object") {
        wanted[name] = value.clone();
    }
    let made = app.post("/api/webhooks", &wanted).await.good(201);
    made["id"].as_str().expect("an id").to_owned()
}

async fn publish(app: &App, event: &str) -> Value {
    app.post("/api/events", &json!({"event": event, "data": {"of": event}})).await.good(202)
}

async fn publish_many(app: &App, event: &str, count: usize) {
    for _ in 0..count {
        publish(app, event).await;
    }
}

/// The newest first, as they are shown.
async fn deliveries(app: &App, query: &str) -> Vec<Value> {
    app.items(&format!("/api/deliveries?limit=200{query}")).await
}

async fn only(app: &App) -> Value {
    let found = deliveries(app, "").await;
    assert_eq!(found.len(), 1, "{found:?}");
    let id = found[0]["id"].as_str().expect("an id");
    app.get(&format!("/api/deliveries/{id}")).await.good(200)
}

/// Event and status of all, oldest first.
async fn states(app: &App) -> Vec<String> {
    let words = |item: &Value| ["event", "status"].map(|name| item[name].as_str().unwrap_or("-").to_owned()).join(" ");
    deliveries(app, "").await.iter().rev().map(words).collect()
}

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

async fn progress(app: &App, task: &str, percentage: u32) {
    let body = json!({"event": "progress", "progress": {"percentage": percentage}});
    app.callback(task, &body).send().await.good(200);
}

async fn complete(app: &App, task: &str) {
    app.callback(task, &json!({"event": "completed", "result": 1})).send().await.good(200);
}
