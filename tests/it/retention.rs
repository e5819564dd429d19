//! What is left of tasks goes when its time is over, and all of it when somebody says so.

mod every_copy;

use std::sync::Arc;
use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};

use crate::harness::app::Extra;
use crate::harness::{App, Database, Kind, SECRET, Subscriber};

const DAY: Duration = Duration::from_secs(24 * 3600);
const SETTINGS: [(&str, &str); 4] = [
    ("GENERATOR_CONTENT_CREATOR_SECRET", SECRET),
    ("TASK_AUTO_APPROVE", "false"),
    ("DELIVERY_ALLOWED_NETWORKS", "private"),
    ("SECRETS_KEY", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="),
];

async fn tidy(app: &App) {
    app.loops.housekeeper.step().await.expect("the step succeeds");
}

fn progress(percent: u32) -> Value {
    json!({"event": "progress", "progress": {"percentage": percent}, "event_id": format!("p{percent}")})
}

fn completed() -> Value {
    json!({"event": "completed", "result": {"text": "the result"}})
}

async fn receipts(app: &App, task: &str) -> Vec<Value> {
    let mut found = Vec::new();
    for receipt in app.items(&format!("/api/tasks/{task}/callbacks")).await {
        found.push(app.get(&format!("/api/callbacks/{}", receipt["id"].as_str().expect("an id"))).await.good(200));
    }
    found
}

/// The events of those callbacks whose bodies there still are, oldest first.
async fn with_bodies(app: &App, task: &str) -> Vec<String> {
    let mut found = receipts(app, task).await;
    found.retain(|receipt| !receipt["body"].is_null());
    found.iter().rev().map(|receipt| receipt["event"].as_str().expect("an event").to_owned()).collect()
}

#[rstest]
#[tokio::test]
async fn bodies_go_before_callbacks_and_these_before_their_task(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    for id in ["t", "open"] {
        app.created(&json!({"id": id, "input": {"a": 1}})).await;
        app.callback(id, &progress(10)).taken().await;
    }
    // all is counted from the end
    app.clock.advance(40 * DAY);
    app.callback("t", &completed()).taken().await;
    app.clock.advance(7 * DAY);
    tidy(&app).await;
    assert_eq!(with_bodies(&app, "t").await, ["progress", "completed"]);
    app.clock.advance(Duration::from_secs(1));
    tidy(&app).await;
    assert_eq!(with_bodies(&app, "t").await, ["completed"], "it holds the result");
    assert_eq!(receipts(&app, "t").await.len(), 2);
    let without = app.items("/api/tasks/t/callbacks").await.pop().expect("the oldest");
    let replay = app.post(&format!("/api/callbacks/{}/replay", without["id"].as_str().expect("an id")), &json!({})).await;
    assert_eq!(replay.problem().1, "not_replayable");
    app.clock.advance(23 * DAY);
    tidy(&app).await;
    assert_eq!(receipts(&app, "t").await, [] as [Value; 0]);
    let task = app.task("t").await;
    assert_eq!((&task["result"], &task["input"]), (&json!({"text": "the result"}), &json!({"a": 1})));
    assert_eq!(app.callback("t", &completed()).taken().await.1, "duplicate", "what a task has heard it knows");
    app.clock.advance(150 * DAY);
    tidy(&app).await;
    assert_eq!(app.get("/api/tasks/t").await.status, 404);
    assert_eq!(with_bodies(&app, "open").await, ["progress"], "what has not ended stays");
    assert_eq!(app.created(&json!({"id": "t"})).await["status"], "submitted", "the id is free again");
    app.stop().await;
}

/// The hub's own format, and events that no task is about.
const OWN: &str = r#"
[[sign]]
scheme = "hmac"
header = ["x-webhook-signature"]
content = "{body}"

[event]
task = "json:taskId"
id = "json:event_id"
state = "json:event"
progress = "json:progress.percentage"
message = "json:progress.message"
result = "json:result"
error = "json:error"
data = "json:data"

[event.map]
completed = "completed"
failed = "failed"
progress = "progress"
event = "artist.*"
"#;

async fn start(kind: Kind) -> App {
    let settings = [&SETTINGS[..], &[("GENERATOR_OWN_SECRET", SECRET)]].concat();
    let extra = Extra { settings: &settings, generators: &[("own", OWN)], ..Extra::default() };
    App::with(&Arc::new(Database::fresh(kind).await), extra).await
}

/// Everything that a task can have.
async fn rich(app: &App, subscriber: &Subscriber, id: &str) {
    let new = json!({"id": id, "generator": "own", "input": {"i": 1}, "params": {"p": "2"}, "metadata": {"m": 3},
        "webhook": {"url": subscriber.url("/own"), "secret": "a secret of its own, of this task"}});
    let made = app.client.post(format!("{}/api/tasks", app.base)).header("idempotency-key", format!("key of {id}"));
    assert_eq!(app.send(made.body(new.to_string())).await.status, 201);
    // more than its row remembers
    for percent in 0..40 {
        app.callback(id, &progress(percent)).of("own").taken().await;
    }
    let custom = json!({"event": "artist.uploaded", "event_id": "c1", "data": {"said": "on its path"}});
    app.callback(id, &custom).of("own").taken().await;
    app.callback(id, &json!({"event": "failed", "error": {"message": "no"}, "event_id": "f"})).of("own").taken().await;
    app.post(&format!("/api/tasks/{id}/retry"), &json!({})).await.good(200);
    app.callback(id, &json!({"event": "completed", "result": "x\0y", "event_id": "d"})).of("own").taken().await;
    app.work_off().await;
}

#[rstest]
#[tokio::test]
async fn nothing_is_left_of_a_task_that_goes(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, subscriber) = (start(kind).await, Subscriber::start().await);
    rich(&app, &subscriber, "t").await;
    app.clock.advance(181 * DAY);
    tidy(&app).await;
    let told = ["hub_marks", "hub_migrations", "hub_keys", "hub_secrets", "hub_versions", "hub_delivery_figures", "hub_pulses"];
    for table in migration::TABLES.into_iter().filter(|table| !told.contains(table)) {
        assert_eq!(app.database.count(table).await, 0, "{table}");
    }
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn what_somebody_waits_for_keeps_its_task(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, subscriber) = (App::start(kind, &SETTINGS).await, Subscriber::start().await);
    let paused = json!({"url": subscriber.url("/"), "events": ["task.*"], "status": "paused"});
    let webhook = app.post("/api/webhooks", &paused).await.good(201);
    app.created(&json!({"id": "told"})).await;
    app.callback("told", &completed()).taken().await;
    app.patch(&format!("/api/webhooks/{}", webhook["id"].as_str().expect("an id")), &json!({"events": ["other"]}))
        .await
        .good(200);
    app.created(&json!({"id": "reviewed", "generator": "content-creator", "input": {"topic": "a"}})).await;
    let article = crate::contents::article("reviewed");
    app.callback("reviewed", &article).of("content-creator").send().await.good(200);
    app.created(&json!({"id": "neither"})).await;
    app.callback("neither", &completed()).taken().await;
    app.clock.advance(400 * DAY);
    tidy(&app).await;
    assert_eq!((app.status("told").await, app.status("reviewed").await), ("completed".to_owned(), "completed".to_owned()));
    assert_eq!(app.get("/api/tasks/neither").await.status, 404);
    app.post("/api/tasks/told/retry-push", &json!({})).await.good(200);
    let content = app.items("/api/contents").await.remove(0);
    app.post(&format!("/api/contents/{}/reject", content["id"].as_str().expect("an id")), &json!({})).await.good(200);
    app.patch(&format!("/api/webhooks/{}", webhook["id"].as_str().expect("an id")), &json!({"status": "active"})).await.good(200);
    app.work_off().await;
    assert_eq!(subscriber.told("/").len(), 1, "it was kept for this");
    tidy(&app).await;
    assert_eq!((app.status("told").await, app.get("/api/tasks/reviewed").await.status), ("completed".to_owned(), 404));
    // for as long it could be sent once more
    app.clock.advance(31 * DAY);
    tidy(&app).await;
    for id in ["told", "reviewed"] {
        assert_eq!(app.get(&format!("/api/tasks/{id}")).await.status, 404, "{id}");
    }
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn long_chains_go_in_parts_and_what_came_late_stays_longer(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    app.created(&json!({"id": "t"})).await;
    let many: Vec<_> = (0..600)
        .map(|n| json!({"task_id": "t", "event": "progress", "event_id": n, "progress": {"message": n.to_string()}}))
        .collect();
    for part in many.chunks(100) {
        app.batch(part).send().await.good(200);
    }
    app.callback("t", &completed()).taken().await;
    app.clock.advance(8 * DAY);
    tidy(&app).await;
    assert_eq!(with_bodies(&app, "t").await, ["completed"], "the result");
    app.clock.advance(12 * DAY);
    app.callback("t", &json!({"event": "failed", "error": {"message": "late"}})).taken().await;
    app.clock.advance(11 * DAY);
    tidy(&app).await;
    assert_eq!((app.database.count("hub_receipts").await, with_bodies(&app, "t").await), (1, vec!["failed".to_owned()]));
    app.clock.advance(150 * DAY);
    tidy(&app).await;
    assert_eq!((app.database.count("hub_receipts").await, app.database.count("hub_payloads").await), (0, 0));
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn each_of_many_tasks_is_looked_at_once(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    for id in 0..260 {
        app.created(&json!({"id": id.to_string()})).await;
        app.callback(&id.to_string(), &progress(1)).taken().await;
        app.callback(&id.to_string(), &completed()).taken().await;
    }
    app.clock.advance(8 * DAY);
    let handled = async || app.loops.housekeeper.step().await.expect("the step succeeds").handled;
    assert_eq!(handled().await, 260);
    assert_eq!(app.database.count("hub_payloads").await, 260, "results");
    assert_eq!(handled().await, 0);
    app.clock.advance(173 * DAY);
    assert_eq!(handled().await, 520, "as callbacks, and as tasks");
    assert_eq!((app.database.count("hub_tasks").await, app.database.count("hub_payloads").await), (0, 0));
    app.stop().await;
}
