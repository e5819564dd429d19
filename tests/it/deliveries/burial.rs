//! What a webhook that hears nothing any more has not got: it is dead, however much it is, and kept.

use rstest::rstest;
use serde_json::{Value, json};

use super::{complete, publish, secs, start, states, webhook};
use crate::harness::{App, Kind, Say};

/// More than two parts, and less than three.
const MANY: i64 = 2500;

/// As many as there shall be in all, by copies of the only one: every other one is due only in hours.
async fn multiply(app: &App) {
    let id = match app.database.kind {
        Kind::Sqlite => "randomblob(16)",
        Kind::Postgres => "gen_random_uuid()",
    };
    app.database
        .execute(&format!(
            "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {MANY} - 1)
             INSERT INTO hub_deliveries (id, event, topic, task_id, sequence, webhook, lane, status, attempts, due_at, outdated,
             created_at, log)
             SELECT {id}, event, topic, task_id, sequence + n, webhook, lane, status, attempts,
             due_at + (n % 2) * 36000000000 + n, outdated, created_at, log FROM numbers, hub_deliveries"
        ))
        .await;
    assert_eq!(counted(app, "status = 'pending'").await, MANY);
}

async fn counted(app: &App, which: &str) -> i64 {
    app.database.count(&format!("hub_deliveries WHERE {which}")).await
}

async fn figures(app: &App) -> Value {
    app.get("/api/stats").await.good(200)["deliveries"]["webhooks"][0].clone()
}

#[rstest]
#[tokio::test]
async fn it_is_buried_in_parts(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
    #[values("disabled", "deleted")] status: &str,
) {
    let (app, subscriber) = start(kind).await;
    let id = webhook(&app, subscriber.url("/"), json!({})).await;
    publish(&app, "a").await;
    multiply(&app).await;
    let path = format!("/api/webhooks/{id}");
    match status {
        "deleted" => assert_eq!(app.delete(&path).await.status, 204),
        _ => drop(app.patch(&path, &json!({"status": status})).await.good(200)),
    }
    assert_eq!(counted(&app, "status = 'dead'").await, 1000, "the change itself is a short one");
    app.work_off().await;
    assert_eq!(counted(&app, "status = 'dead' AND last_error = 'webhook_disabled' AND settled_at IS NOT NULL").await, MANY);
    assert_eq!(counted(&app, "due_at IS NOT NULL OR lease IS NOT NULL").await, 0);
    assert!(subscriber.told("/").is_empty());
    let figures = figures(&app).await;
    assert_eq!((&figures["dead"], &figures["dead_now"], &figures["attempts"]), (&json!(MANY), &json!(MANY), &json!(0)));
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn so_it_is_when_the_subscriber_is_gone(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, subscriber) = start(kind).await;
    subscriber.always("/", Say::Status(410));
    webhook(&app, subscriber.url("/"), json!({})).await;
    publish(&app, "a").await;
    multiply(&app).await;
    app.work_off().await;
    assert_eq!(subscriber.told("/").len(), 1);
    assert_eq!(counted(&app, "status = 'dead' AND last_error = 'webhook_disabled'").await, MANY - 1);
    assert_eq!(counted(&app, "status = 'dead' AND last_error = '410 Gone'").await, 1);
    let figures = figures(&app).await;
    assert_eq!((&figures["dead"], &figures["attempts"]), (&json!(MANY), &json!(1)));
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_tasks_own_webhook_takes_nobody_else_along(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, subscriber) = start(kind).await;
    let own = |path: &str| json!({"url": subscriber.url(path), "signature": "none"});
    let task = app.created(&json!({"id": "t", "webhook": own("/t")})).await;
    complete(&app, "t").await;
    multiply(&app).await;
    app.created(&json!({"id": "u", "webhook": own("/u")})).await;
    complete(&app, "u").await;
    let id = task["webhook_id"].as_str().expect("an id");
    app.patch(&format!("/api/webhooks/{id}"), &json!({"status": "disabled"})).await.good(200);
    assert_eq!(counted(&app, "status = 'dead'").await, 1000);
    app.work_off().await;
    assert_eq!(counted(&app, "status = 'dead' AND task_id = 't'").await, MANY);
    assert_eq!((subscriber.told("/t").len(), subscriber.told("/u").len()), (0, 1));
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn what_has_waited_for_a_webhook_wakes_in_a_part_and_the_rest_by_itself(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
    #[values(true, false)] is_own: bool,
) {
    let (app, subscriber) = start(kind).await;
    let paused = json!({"status": "paused"});
    let id = if is_own {
        let own = json!({"url": subscriber.url("/"), "signature": "none"});
        let task = app.created(&json!({"id": "t", "webhook": own})).await;
        complete(&app, "t").await;
        let id = task["webhook_id"].as_str().expect("an id").to_owned();
        app.patch(&format!("/api/webhooks/{id}"), &paused).await.good(200);
        id
    } else {
        let id = webhook(&app, subscriber.url("/"), paused).await;
        publish(&app, "a").await;
        id
    };
    multiply(&app).await;
    let (now, soon) = (app.clock.now(), app.clock.now().plus(secs(30)));
    app.database.execute(&format!("UPDATE hub_deliveries SET due_at = {}", soon.micros())).await;
    app.patch(&format!("/api/webhooks/{id}"), &json!({"status": "active"})).await.good(200);
    assert_eq!(counted(&app, &format!("due_at <= {}", now.micros())).await, 1000, "the change itself is a short one");
    assert_eq!(counted(&app, &format!("due_at <= {}", soon.micros())).await, MANY);
    app.delete(&format!("/api/webhooks/{id}")).await;
    app.work_off().await;
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn what_is_on_its_way_is_let_finish_and_not_tried_again(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, subscriber) = start(kind).await;
    subscriber.say("/", [Say::Never]);
    let id = webhook(&app, subscriber.url("/"), json!({"timeout_seconds": 1})).await;
    publish(&app, "a").await;
    let disable = async {
        app.until(async || subscriber.told("/").len() == 1).await;
        app.patch(&format!("/api/webhooks/{id}"), &json!({"status": "disabled"})).await.good(200);
        assert_eq!(states(&app).await, ["a pending"]);
    };
    futures_util::future::join(app.work_off(), disable).await;
    assert_eq!(states(&app).await, ["a dead"], "it does not wait for its next attempt");
    app.later(secs(3600)).await;
    assert_eq!(subscriber.told("/").len(), 1);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn what_waits_moves_to_another_host_with_its_webhook(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, subscriber) = start(kind).await;
    let task = app.created(&json!({"id": "t", "webhook": {"url": "http://127.0.0.1:65001/", "signature": "none"}})).await;
    complete(&app, "t").await;
    assert_eq!(counted(&app, "lane = 'tasks at 127.0.0.1:65001'").await, 1);
    let id = task["webhook_id"].as_str().expect("an id");
    app.patch(&format!("/api/webhooks/{id}"), &json!({"url": subscriber.url("/new")})).await.good(200);
    let host = subscriber.base.trim_start_matches("http://");
    assert_eq!(counted(&app, &format!("lane = 'tasks at {host}'")).await, 1);
    app.work_off().await;
    assert_eq!(subscriber.events("/new"), ["task.completed"]);
    app.stop().await;
}
