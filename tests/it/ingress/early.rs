//! Callbacks that come before their task is known.

use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};

use super::{DAY, done, hook, ok, progress, receipts, start};
use crate::harness::watcher::Watcher;
use crate::harness::{App, Kind};

/// One job, and how its task becomes known.
async fn park(app: &App) -> String {
    let answer = hook(app, "account", &done("gen-1")).send().await;
    assert_eq!(answer.outcome(), ok("parked"));
    let body = answer.json();
    assert_eq!(
        (&body["task_id"], &body["status"], &body["details"]["waiting_for"]),
        (&Value::Null, &Value::Null, &json!("gen-1"))
    );
    assert_eq!(app.work_off().await, 0, "nothing is due yet");
    body["callback_id"].as_str().expect("an id").to_owned()
}

async fn assert_applied(app: &App, callback: &str) {
    assert_eq!(app.status("t").await, "submitted", "nobody has looked yet");
    assert_eq!(app.work_off().await, 1);
    let task = app.task("t").await;
    assert_eq!(
        (&task["status"], &task["result"], &task["settled_by"]),
        (&json!("completed"), &json!({"of": "gen-1"}), &json!("callback"))
    );
    let receipt = app.get(&format!("/api/callbacks/{callback}")).await.good(200);
    assert_eq!((&receipt["task_id"], &receipt["outcome"], &receipt["attempt"]), (&json!("t"), &json!("applied"), &json!(1)));
    assert_eq!((&receipt["body"], &receipt["waiting_for"]), (&json!(done("gen-1").to_string()), &Value::Null));
    assert_eq!(app.items("/api/tasks/t/callbacks").await[0]["id"], callback, "it keeps its id");
    assert_eq!(app.database.count("hub_parked").await, 0);
    assert_eq!(hook(app, "account", &done("gen-1")).taken().await, ok("duplicate"), "as if it had come just now");
    assert_eq!(app.work_off().await, 0);
}

#[rstest]
#[tokio::test]
async fn creation_with_the_id_applies_it(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = start(kind).await;
    let callback = park(&app).await;
    app.created(&json!({"id": "t", "generator": "account", "external_id": "gen-1"})).await;
    assert_applied(&app, &callback).await;
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn whoever_watches_the_task_is_told_how_it_stands_then(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = start(kind).await;
    park(&app).await;
    app.created(&json!({"id": "t", "generator": "account", "external_id": "gen-1"})).await;
    let mut watcher = Watcher::open(&app, "/api/tasks/t/events", None).await;
    assert_eq!(watcher.next().await.data["task"]["status"], "submitted");
    assert_eq!(app.work_off().await, 1);
    app.clock.advance(Duration::from_secs(6));
    let heard = watcher.next().await;
    assert_eq!((&heard.data["event"], &heard.data["task"]["status"]), (&json!("current"), &json!("completed")));
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn the_report_of_the_id_applies_it(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = start(kind).await;
    let callback = park(&app).await;
    app.created(&json!({"id": "t", "generator": "account"})).await;
    assert_eq!(app.work_off().await, 0, "its task is not known by that");
    app.patch("/api/tasks/t", &json!({"external_id": "gen-1"})).await.good(200);
    assert_applied(&app, &callback).await;
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_callback_that_brings_the_id_applies_it(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = start(kind).await;
    let callback = park(&app).await;
    app.created(&json!({"id": "t", "generator": "account"})).await;
    assert_eq!(
        app.callback("t", &json!({"type": "ping", "data": {"id": "gen-1"}})).of("account").taken().await,
        ok("ignored not_of_interest")
    );
    assert_applied(&app, &callback).await;
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn on_a_tasks_own_path_creation_under_that_id_applies_it(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = start(kind).await;
    let answer = app.callback("t", &done("gen-1")).of("eager").send().await;
    assert_eq!((answer.outcome(), &answer.json()["task_id"]), (ok("parked"), &json!("t")));
    app.created(&json!({"id": "u", "generator": "eager", "external_id": "gen-1"})).await;
    assert_eq!(app.work_off().await, 0, "who has its generator's id is not its task");
    app.delete("/api/tasks/u").await;
    app.created(&json!({"id": "v", "generator": "eager", "external_id": "t"})).await;
    app.work_off().await;
    assert_eq!(app.status("v").await, "submitted", "nor is who has the task's id for its generator's");
    assert_eq!(app.callback("w", &done("w")).of("eager").taken().await, ok("parked"));
    app.created(&json!({"id": "w", "generator": "eager"})).await;
    app.work_off().await;
    assert_eq!(app.status("w").await, "completed");
    assert_eq!(
        app.callback("nobody", &json!({"event": "failed"})).refused().await.1,
        "unknown_task",
        "others are refused as ever"
    );
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_batch_parks_what_it_must(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = start(kind).await;
    app.created(&json!({"id": "t", "generator": "eager"})).await;
    let item =
        |task: &str, kind: &str, n: u32| json!({"task_id": task, "id": n, "type": kind, "data": {"id": task, "percent": n}});
    let items = [
        item("t", "job.progress", 1),
        item("u", "job.progress", 2),
        item("u", "job.progress", 2),
        item("t", "customer.created", 3),
        json!({"type": "customer.created", "id": 4}),
        json!({"task_id": "u", "type": "job.done", "data": {"id": "another"}}),
    ];
    let body = app.batch(&items).of("eager").send().await.good(200);
    let outcomes: Vec<&Value> = body["results"].as_array().expect("results").iter().map(|result| &result["outcome"]).collect();
    assert_eq!(outcomes, ["applied", "parked", "duplicate", "event", "event", "parked"], "{body}");
    app.created(&json!({"id": "u", "generator": "eager"})).await;
    assert_eq!(app.work_off().await, 2);
    let history: Vec<Value> = app.items("/api/tasks/u/callbacks").await;
    assert_eq!(history.len(), 1, "the other one names an id that nobody may adopt there, which cannot be told any more");
    let given_up = app.items("/api/callbacks?outcome=ignored").await;
    assert_eq!((&given_up[0]["reason"], &given_up[0]["task_id"]), (&json!("not_of_interest"), &Value::Null));
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_redelivery_of_what_waits_is_a_duplicate(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = start(kind).await;
    park(&app).await;
    for _ in 0..2 {
        let answer = hook(&app, "account", &done("gen-1")).send().await;
        assert_eq!((answer.outcome(), &answer.json()["task_id"]), (ok("duplicate"), &Value::Null));
    }
    assert_eq!(hook(&app, "account", &done("gen-2")).taken().await, ok("parked"), "another task's");
    assert_eq!(hook(&app, "account", &progress("gen-1", 5)).taken().await, ok("parked"), "another event");
    assert_eq!(app.database.count("hub_parked").await, 3);
    assert_eq!(receipts(&app).await[..3], ["completed parked -", "completed duplicate -", "completed duplicate -"]);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn after_a_day_it_is_given_up(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = start(kind).await;
    let callback = park(&app).await;
    for _ in 0..4 {
        app.later(Duration::from_secs(3600)).await;
    }
    assert_eq!(app.database.count("hub_parked").await, 1);
    app.later(DAY - Duration::from_secs(4 * 3600 + 1)).await;
    assert_eq!(app.database.count("hub_parked").await, 1, "a second is left");
    app.later(Duration::from_secs(1)).await;
    assert_eq!(app.database.count("hub_parked").await, 0);
    let receipt = app.get(&format!("/api/callbacks/{callback}")).await.good(200);
    assert_eq!(
        (&receipt["outcome"], &receipt["reason"], &receipt["task_id"]),
        (&json!("ignored"), &json!("not_of_interest"), &Value::Null)
    );
    assert_eq!(hook(&app, "account", &done("gen-1")).taken().await, ok("duplicate"), "it is not waited for again");
    assert_eq!(hook(&app, "account", &progress("gen-1", 5)).taken().await, ok("parked"), "another event is");
    assert_eq!(hook(&app, "account", &done("gen-2")).taken().await, ok("parked"), "and another task's");
    app.created(&json!({"id": "t", "generator": "account", "external_id": "gen-1"})).await;
    app.work_off().await;
    assert_eq!(app.status("t").await, "processing", "too late for the result");
    // an operator may still want it to count
    let replayed = app.post(&format!("/api/callbacks/{callback}/replay"), &json!({})).await;
    assert_eq!(replayed.outcome(), ok("applied"));
    assert_eq!(app.status("t").await, "completed");
    app.stop().await;
}

/// Fewer looks than minutes: each pause is longer than the one before.
#[rstest]
#[tokio::test]
async fn the_pauses_between_two_looks_grow(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = start(kind).await;
    park(&app).await;
    let mut looks = Vec::new();
    for second in 0..400_u32 {
        if app.later(Duration::from_secs(1)).await > 0 {
            looks.push(second + 1);
        }
    }
    assert_eq!(looks, [1, 5, 21, 85, 341]);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn more_than_ten_thousand_do_not_wait(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = start(kind).await;
    let nil = if kind == Kind::Sqlite { "randomblob(16)" } else { "gen_random_uuid()" };
    let fill = |generator: &str, rows: u32| {
        format!(
            "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {rows})
             INSERT INTO hub_parked (id, generator, awaits, named, may_adopt, query, signed, arrived_at, due_at, expires_at, looks)
             SELECT {nil}, '{generator}', 'job-' || n, true, false, '[]', true, 0, 9e17, 9e17, 0 FROM numbers"
        )
    };
    app.database.execute(&fill("account", 9_998)).await;
    app.database.execute(&fill("eager", 1)).await;
    assert_eq!(hook(&app, "account", &done("gen-1")).taken().await, ok("parked"));
    assert_eq!(hook(&app, "account", &done("gen-2")).taken().await, ok("parked"));
    assert_eq!(hook(&app, "account", &done("gen-3")).refused().await, (503, "unavailable".to_owned()));
    assert_eq!(hook(&app, "account", &done("gen-2")).taken().await, ok("duplicate"), "which is parked already");
    assert_eq!(
        app.callback("t", &done("gen-3")).of("eager").taken().await,
        ok("parked"),
        "every generator has a place of its own"
    );
    app.created(&json!({"id": "t", "generator": "account", "external_id": "gen-1"})).await;
    app.work_off().await;
    assert_eq!(app.status("t").await, "completed");
    assert_eq!(hook(&app, "account", &done("gen-3")).taken().await, ok("parked"), "there is room again");
    app.stop().await;
}
