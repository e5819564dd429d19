//! Custom events: no task's business, and stored once.

use rstest::rstest;
use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};

use super::{hook, ok, receipts, start};
use crate::harness::{App, Kind};

fn customer(id: &str) -> Value {
    json!({"id": id, "type": "customer.created", "data": {"name": "Ada", "note": "x\u{0}y"}})
}

/// Name, generator, task and data of all events.
async fn stored(app: &App) -> Vec<[String; 4]> {
    let connection = app.database.connect().await;
    let text = match app.database.kind {
        Kind::Sqlite => "CAST(substr(p.bytes, e.data_start + 1, e.data_end - e.data_start) AS TEXT)",
        Kind::Postgres => "convert_from(substr(p.bytes, e.data_start::int + 1, (e.data_end - e.data_start)::int), 'UTF8')",
    };
    let query = format!(
        "SELECT e.name, e.generator, COALESCE(e.task_id, '-') AS task_id, COALESCE({text}, '-') AS data
         FROM hub_events AS e LEFT JOIN hub_payloads AS p ON p.id = e.data ORDER BY e.id"
    );
    let statement = Statement::from_string(connection.get_database_backend(), query);
    let rows = connection.query_all_raw(statement).await.expect("the events");
    let row =
        |row: &sea_orm::QueryResult| ["name", "generator", "task_id", "data"].map(|name| row.try_get("", name).expect(name));
    let found = rows.iter().map(row).collect();
    connection.close().await.expect("a connection closes");
    found
}

#[rstest]
#[tokio::test]
async fn it_is_stored_once_and_known_again(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = start(kind).await;
    let answer = hook(&app, "account", &customer("evt-1")).send().await;
    assert_eq!(answer.outcome(), ok("event"));
    let body = answer.json();
    assert_eq!(
        (&body["task_id"], &body["status"], &body["details"]["event"]),
        (&Value::Null, &Value::Null, &json!("customer.created"))
    );
    assert_eq!(hook(&app, "account", &customer("evt-1")).taken().await, ok("duplicate"));
    assert_eq!(hook(&app, "account", &customer("evt-2")).taken().await, ok("event"));
    assert_eq!(hook(&app, "strict", &customer("evt-1")).taken().await, ok("event"), "another generator's");
    let data = json!({"name": "Ada", "note": "x\u{fffd}y"});
    let events = stored(&app).await;
    assert_eq!(events.len(), 3);
    for (event, generator) in events.iter().zip(["account", "account", "strict"]) {
        assert_eq!(event[..3], ["customer.created", generator, "-"]);
        assert_eq!(serde_json::from_str::<Value>(&event[3]).expect("JSON"), data);
    }
    let callback = body["callback_id"].as_str().expect("an id");
    let receipt = app.get(&format!("/api/callbacks/{callback}")).await.good(200);
    assert_eq!(
        (&receipt["event"], &receipt["outcome"], &receipt["task_id"]),
        (&json!("customer.created"), &json!("event"), &Value::Null)
    );
    assert_eq!(receipt["body"], customer("evt-1").to_string());
    assert_eq!(receipts(&app).await[..2], ["customer.created event -", "customer.created duplicate -"]);
    let replayed = app.post(&format!("/api/callbacks/{callback}/replay"), &json!({})).await;
    assert_eq!(replayed.problem(), (409, "not_replayable".to_owned()), "it is stored already");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn on_a_tasks_path_it_is_told_about_that_task_and_goes_with_it(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = start(kind).await;
    for id in ["t", "u"] {
        app.created(&json!({"id": id, "generator": "eager"})).await;
    }
    let body = json!({"type": "customer.created", "data": {"name": "Ada"}});
    let tell = |path: &str| app.callback(path, &body).of("eager");
    let answer = tell("t").send().await;
    assert_eq!((answer.outcome(), &answer.json()["task_id"]), (ok("event"), &json!("t")));
    assert_eq!(tell("t").taken().await, ok("duplicate"));
    assert_eq!(tell("u").taken().await, ok("event"), "the same bytes about another task");
    assert_eq!(tell("nobody").taken().await, ok("event"), "no task is needed");
    assert_eq!(tell("nobody").taken().await, ok("duplicate"));
    let events = stored(&app).await;
    assert_eq!(events.iter().map(|event| event[2].as_str()).collect::<Vec<_>>(), ["t", "u", "-"]);
    assert_eq!(app.status("t").await, "submitted", "it changes no task");

    app.post("/api/tasks/t/cancel", &json!({})).await.good(200);
    assert_eq!(app.delete("/api/tasks/t").await.status, 204);
    let left = stored(&app).await;
    assert_eq!(left.iter().map(|event| event[3].as_str()).collect::<Vec<_>>(), ["-", r#"{"name":"Ada"}"#, r#"{"name":"Ada"}"#]);
    app.stop().await;
}

/// At once, from two sides.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn told_at_two_apps_at_once_it_is_stored_once(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let one = start(kind).await;
    let two = super::on(&one.database, "http://127.0.0.1:1").await;
    for round in 0..10 {
        let body = customer(&format!("evt-{round}"));
        let sent = [&one, &two, &one, &two].map(|app| hook(app, "account", &body).taken());
        let outcomes = futures_util::future::join_all(sent).await;
        assert_eq!(outcomes.iter().filter(|outcome| **outcome == ok("event")).count(), 1, "{outcomes:?}");
        assert_eq!(outcomes.iter().filter(|outcome| **outcome == ok("duplicate")).count(), 3, "{outcomes:?}");
    }
    assert_eq!(stored(&one).await.len(), 10);
    two.stop().await;
    one.stop().await;
}
