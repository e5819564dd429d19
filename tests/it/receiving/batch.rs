//! Many callbacks in one body: an outcome each, in order.

use rstest::rstest;
use serde_json::{Value, json};

use crate::harness::answer::outcome_of;
use crate::harness::{App, Kind};

fn outcomes(answer: &Value) -> Vec<String> {
    answer["results"].as_array().expect("a list").iter().map(outcome_of).collect()
}

fn completed(task: &str) -> Value {
    json!({"task_id": task, "event": "completed", "result": task})
}

#[rstest]
#[tokio::test]
async fn every_item_has_its_own_outcome_in_order(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    for id in ["t", "u"] {
        app.created(&json!({"id": id})).await;
    }
    let items = [
        json!({"task_id": "t", "event": "progress", "progress": {"percentage": 50}}),
        completed("nobody"),
        json!({"task_id": "t", "event": "progress", "progress": {"percentage": 50}}),
        json!({"task_id": "t", "event": "progress", "progress": {"percentage": 40}}),
        json!({"task_id": "t", "event": "bogus"}),
        json!({"task_id": "t"}),
        json!({"task_id": "t", "event": "progress", "progress": {"percentage": 400}}),
        json!({"event": "completed", "result": 1}),
        json!({"task_id": "not an id", "event": "completed", "result": 1}),
        json!({"task_id": "t", "event": "completed", "result": 1, "taskId": "somebody-else"}),
        completed("t"),
        completed("u"),
        completed("t"),
        json!("no object"),
        json!({"task_id": "u", "event": "failed"}),
    ];
    let answer = app.batch(&items).send().await.good(200);
    let expected = [
        "applied",
        "unknown_task",
        "duplicate",
        "ignored stale_progress",
        "unknown_event",
        "missing_event",
        "invalid_event",
        "invalid_event",
        "invalid_event",
        "task_mismatch",
        "applied",
        "applied",
        "duplicate",
        "malformed_body",
        "ignored already_settled",
    ];
    assert_eq!(outcomes(&answer), expected);
    assert_eq!(answer["success"], false);
    for (item, result) in items.iter().zip(answer["results"].as_array().expect("a list")) {
        let taken = result["outcome"].is_string();
        assert_eq!(result["success"], taken, "{result}");
        if taken {
            assert_eq!(result["task_id"], item["task_id"]);
        }
    }
    assert_eq!((app.task("t").await["result"].clone(), app.task("u").await["result"].clone()), (json!("t"), json!("u")));
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn two_events_of_one_task_are_both_applied_in_order(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    app.created(&json!({"id": "t"})).await;
    let items = [json!({"task_id": "t", "event": "progress", "progress": {"percentage": 10}}), completed("t")];
    let answer = app.batch(&items).send().await.good(200);
    assert_eq!(outcomes(&answer), ["applied", "applied"]);
    assert_eq!((&answer["success"], &answer["results"][0]["status"]), (&json!(true), &json!("processing")));
    let task = app.task("t").await;
    assert_eq!((&task["status"], &task["progress"]["percent"]), (&json!("completed"), &json!(10.0)));
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_thousand_items_and_one_more(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    let ids: Vec<String> = (0..1_001).map(|number| format!("t{number}")).collect();
    for id in ids.iter().step_by(100) {
        app.created(&json!({"id": id})).await;
    }
    let items: Vec<Value> = ids.iter().map(|id| completed(id)).collect();
    let answer = app.batch(&items).send().await;
    assert_eq!(answer.problem(), (400, "malformed_body".to_owned()));
    assert!(answer.json()["detail"].as_str().expect("a sentence").contains("at most 1000 items"), "{}", answer.text);
    assert_eq!(app.status("t0").await, "submitted", "none of them was taken");
    let answer = app.batch(&items[..1_000]).send().await.good(200);
    let outcomes = outcomes(&answer);
    assert_eq!(outcomes.len(), 1_000);
    for (number, outcome) in outcomes.iter().enumerate() {
        assert_eq!(outcome, if number % 100 == 0 { "applied" } else { "unknown_task" }, "{number}");
    }
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_batch_is_proven_and_read_as_a_whole(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    app.created(&json!({"id": "t"})).await;
    let items = [completed("t")];
    assert_eq!(app.batch(&items).secret("a guess").refused().await, (401, "signature_invalid".to_owned()));
    assert_eq!(app.batch(&items).unsigned().refused().await, (401, "signature_missing".to_owned()));
    assert_eq!(app.batch(&items).of("nobody").refused().await, (404, "unknown_generator".to_owned()));
    assert_eq!(app.batch(&items).of("quiet").send().await.json()["results"][0]["code"], "unknown_task");
    for body in ["{}", "[]", "{\"callbacks\":{}}", "{\"callbacks\":null}", "{\"callbacks\":[1,]}"] {
        assert_eq!(app.callback_to("/callback", body).refused().await, (400, "malformed_body".to_owned()), "{body}");
    }
    assert_eq!(app.status("t").await, "submitted");
    let empty = app.batch(&[]).send().await.good(200);
    assert_eq!(empty, json!({"success": true, "results": []}));
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn an_item_to_come_again_brings_the_whole_batch_again(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    app.created(&json!({"id": "t", "generator": "patient"})).await;
    let items = [completed("t"), completed("later")];
    let answer = app.batch(&items).of("patient").send().await;
    assert_eq!((answer.problem(), answer.retry_after()), ((503, "unavailable".to_owned()), Some(7)));
    app.created(&json!({"id": "later", "generator": "patient"})).await;
    let again = outcomes(&app.batch(&items).of("patient").send().await.good(200));
    assert!(["applied", "duplicate"].contains(&again[0].as_str()) && again[1] == "applied", "{again:?}");
    assert_eq!((app.status("t").await, app.status("later").await), ("completed".to_owned(), "completed".to_owned()));
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn an_item_counts_by_its_own_bytes(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    app.created(&json!({"id": "t"})).await;
    let item = json!({"task_id": "t", "event": "progress"});
    assert_eq!(outcomes(&app.batch(std::slice::from_ref(&item)).send().await.good(200)), ["applied"]);
    let other_batch = app.batch(&[completed("nobody"), item]).send().await.good(200);
    assert_eq!(outcomes(&other_batch), ["unknown_task", "duplicate"]);
    let receipts = app.items("/api/tasks/t/callbacks").await;
    let first = receipts.last().expect("a receipt")["id"].as_str().expect("an id");
    let kept = app.get(&format!("/api/callbacks/{first}")).await.good(200);
    assert_eq!(kept["body"], r#"{"event":"progress","task_id":"t"}"#);
    app.stop().await;
}
