//! What a callback is a part of, its news is a part of, too: the subscriber gets the `traceparent` that the callback brought, also
//! after a restart. A hub that sends spans of its own is in `exported`; the apps here do not, whatever they were built with.

#[cfg(feature = "otel")]
mod exported;

use std::sync::Arc;
use std::time::Duration;

use callback_hub::domain::webhook::Webhook;
use callback_hub::journal::Limits;
use rstest::rstest;
use serde_json::json;

use crate::harness::app::Extra;
use crate::harness::subscriber::Told;
use crate::harness::webhooks::webhook;
use crate::harness::{App, Database, Kind, Say, Subscriber};
use crate::ingress;

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const OTHER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

/// Subscribers of the tests are on this machine, and have headers of their own.
const SETTINGS: [(&str, &str); 2] =
    [("DELIVERY_ALLOWED_NETWORKS", "private"), ("SECRETS_KEY", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=")];

/// With generators whose tasks share a path, and one who writes.
async fn on(database: &Arc<Database>) -> App {
    let (files, own) = (ingress::generators(), ingress::settings("http://127.0.0.1:1"));
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let own = own.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let settings: Vec<(&str, &str)> = SETTINGS.into_iter().chain(own).collect();
    let journal = Some(Limits::default());
    App::with(database, Extra { settings: &settings, generators: &files, journal, ..Extra::default() }).await
}

/// With a webhook that wants to hear of ends, and of what is no task's business.
async fn start(kind: Kind) -> (App, Subscriber) {
    let (app, subscriber) = (on(&Arc::new(Database::fresh(kind).await)).await, Subscriber::start().await);
    let events = Vec::from(["task.completed", "task.cancelled", "customer.*"].map(str::to_owned));
    app.register(Webhook { events, ..webhook(subscriber.url("/")) }).await;
    (app, subscriber)
}

async fn restarted(app: App) -> App {
    on(&app.stop().await).await
}

/// The events that the subscriber was told, by name, each with its trace.
fn heard(subscriber: &Subscriber) -> Vec<(String, Option<String>)> {
    let pair = |told: &Told| (told.event(), told.headers.get("traceparent").cloned());
    let mut heard: Vec<_> = subscriber.told("/").iter().map(pair).collect();
    heard.sort();
    heard
}

fn with(event: &str, trace: &str) -> (String, Option<String>) {
    (event.to_owned(), Some(trace.to_owned()))
}

#[rstest]
#[tokio::test]
async fn news_of_a_task_goes_on_with_the_callbacks_trace(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, subscriber) = start(kind).await;
    subscriber.say("/", [Say::Status(500)]);
    app.created(&json!({"id": "t"})).await;
    let callback = app.callback("t", &json!({"event": "completed", "result": 1})).header("traceparent", TRACE);
    callback.send().await.good(200);
    // a redelivery, which has a trace of its own, is no news
    let again = app.callback("t", &json!({"event": "completed", "result": 1})).header("traceparent", OTHER);
    assert_eq!(again.taken().await, (200, "duplicate".to_owned()));
    let app = restarted(app).await;
    app.work_off().await;
    let app = restarted(app).await;
    app.later(Duration::from_secs(3600)).await;
    let completed = with("task.completed", TRACE);
    assert_eq!(heard(&subscriber), [completed.clone(), completed], "each attempt has it");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn custom_events_go_on_with_it(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, subscriber) = start(kind).await;
    let body = json!({"id": "evt-1", "type": "customer.created", "data": {"name": "Ada"}});
    app.callback_to("/hooks/account", body.to_string()).header("Traceparent", TRACE).send().await.good(200);
    let app = restarted(app).await;
    app.work_off().await;
    assert_eq!(heard(&subscriber), [with("customer.created", TRACE)]);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn so_does_what_has_waited_for_its_task(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, subscriber) = start(kind).await;
    let body = json!({"id": "done", "type": "job.done", "data": {"id": "gen-1", "result": 1}});
    let early = app.callback_to("/hooks/account", body.to_string()).header("traceparent", TRACE);
    assert_eq!(early.taken().await, (200, "parked".to_owned()));
    let app = restarted(app).await;
    app.created(&json!({"id": "t", "generator": "account", "external_id": "gen-1"})).await;
    app.work_off().await;
    assert_eq!(heard(&subscriber), [with("task.completed", TRACE)]);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn all_items_of_a_batch_have_its_trace(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, subscriber) = start(kind).await;
    let ids = ["t", "u"];
    for id in ids {
        app.created(&json!({"id": id})).await;
    }
    let items = ids.map(|id| json!({"task_id": id, "event": "completed", "result": id}));
    app.batch(&items).header("traceparent", TRACE).send().await.good(200);
    app.work_off().await;
    assert_eq!(heard(&subscriber), [with("task.completed", TRACE), with("task.completed", TRACE)]);
    app.stop().await;
}

/// Each callback has its own, though they share a transaction.
#[rstest]
#[tokio::test]
async fn traces_are_not_mixed_up(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, subscriber) = start(kind).await;
    for id in ["t", "u", "v"] {
        app.created(&json!({"id": id})).await;
    }
    let hold = app.database.hold().await;
    let completed = |id: &str| app.callback(id, &json!({"event": "completed", "result": id}));
    let sending = async {
        let all = [completed("t").header("traceparent", TRACE), completed("u"), completed("v").header("traceparent", OTHER)];
        futures_util::future::join_all(all.into_iter().map(|callback| callback.taken())).await
    };
    let releasing = async {
        app.until_queued(2).await;
        hold.release().await;
    };
    futures_util::future::join(sending, releasing).await;
    app.work_off().await;
    let told = subscriber.told("/");
    let mut found: Vec<_> =
        told.iter().map(|told| (told.json()["data"]["task_id"].clone(), told.header("traceparent"))).collect();
    found.sort_by_key(|(task, _)| task.to_string());
    assert_eq!(found, [(json!("t"), TRACE), (json!("u"), ""), (json!("v"), OTHER)]);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn what_is_no_trace_is_not_passed_on(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, subscriber) = start(kind).await;
    let capitals = TRACE.to_uppercase();
    let (later, more, none) = (TRACE.replacen("00-", "01-", 1), format!("{TRACE}-00"), format!("00-{:032}-{:016}-01", 0, 0));
    let wrong = ["", "hello", &capitals, &later, &more, &none];
    for (nth, value) in wrong.iter().enumerate() {
        let id = format!("t{nth}");
        app.created(&json!({"id": id})).await;
        let callback = app.callback(&id, &json!({"event": "completed", "result": 1})).header("traceparent", *value);
        callback.send().await.good(200);
    }
    app.created(&json!({"id": "two"})).await;
    let two = app.callback("two", &json!({"event": "completed", "result": 1}));
    two.header("traceparent", TRACE).header("traceparent", TRACE).send().await.good(200);
    app.work_off().await;
    let told = heard(&subscriber);
    assert_eq!(told.len(), wrong.len() + 1);
    assert!(told.iter().all(|(_, trace)| trace.is_none()), "{told:?}");
    assert_eq!(app.database.count("hub_events WHERE traceparent IS NOT NULL").await, 0);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn without_one_nothing_is_stored_or_sent(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, subscriber) = start(kind).await;
    for id in ["t", "u"] {
        app.created(&json!({"id": id})).await;
    }
    app.callback("t", &json!({"event": "completed", "result": 1})).send().await.good(200);
    // its progress had one; what an operator wishes has not
    let progress = app.callback("u", &json!({"event": "progress", "progress": {"percentage": 1}}));
    progress.header("traceparent", TRACE).send().await.good(200);
    app.post("/api/tasks/u/cancel", &json!({})).await.good(200);
    app.work_off().await;
    assert_eq!(heard(&subscriber), [("task.cancelled".to_owned(), None), ("task.completed".to_owned(), None)]);
    assert_eq!(app.database.count("hub_events").await, 2, "nobody wants to hear of progress");
    assert_eq!(app.database.count("hub_events WHERE traceparent IS NOT NULL").await, 0);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_webhooks_own_header_of_that_name_stays(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, subscriber) = (on(&Arc::new(Database::fresh(kind).await)).await, Subscriber::start().await);
    let own = json!({
        "url": subscriber.url("/"), "name": "its own", "events": ["task.completed"], "secret": "a secret of the subscriber",
        "headers": {"Traceparent": "mine"},
    });
    app.post("/api/webhooks", &own).await.good(201);
    app.created(&json!({"id": "t"})).await;
    let callback = app.callback("t", &json!({"event": "completed", "result": 1})).header("traceparent", TRACE);
    callback.send().await.good(200);
    app.work_off().await;
    assert_eq!(heard(&subscriber), [with("task.completed", "mine")]);
    app.stop().await;
}
