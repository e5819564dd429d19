//! What becomes of callbacks that are believed.

use futures_util::future::join_all;
use rstest::rstest;
use serde_json::{Value, json};

use crate::harness::{App, Kind};

fn completed() -> Value {
    json!({"event": "completed", "result": {"n": 1}})
}

fn progress(percentage: f64) -> Value {
    json!({"event": "progress", "progress": {"percentage": percentage}})
}

fn is(outcome: &str) -> (u16, String) {
    (200, outcome.to_owned())
}

#[rstest]
#[tokio::test]
async fn a_taken_callback_is_told_what_it_did(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    app.created(&json!({"id": "t"})).await;
    let answer = app.callback("t", &completed()).send().await;
    assert_eq!(answer.outcome(), is("applied"));
    let body = answer.json();
    let mut members: Vec<&String> = body.as_object().expect("an object").keys().collect();
    members.sort();
    assert_eq!(members, ["callback_id", "details", "message", "outcome", "status", "success", "task_id"]);
    assert_eq!(
        (&body["task_id"], &body["status"], &body["message"]),
        (&json!("t"), &json!("completed"), &json!("Task completed"))
    );
    assert_eq!(answer.header("content-type"), Some("application/json"));

    let task = app.task("t").await;
    assert_eq!((&task["result"], &task["settled_by"], &task["late"]), (&json!({"n": 1}), &json!("callback"), &json!(false)));
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn every_word_of_the_vocabulary_has_its_effect(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    for (event, status, percent) in [
        ("submitted", "processing", Value::Null),
        ("started", "processing", Value::Null),
        ("progress", "processing", json!(40.0)),
        ("completed", "completed", Value::Null),
        ("failed", "failed", Value::Null),
        ("cancelled", "cancelled", Value::Null),
    ] {
        app.created(&json!({"id": event})).await;
        let body =
            json!({"event": event, "result": 1, "progress": {"percentage": 40, "stage": "drawing", "message": "half way"}});
        assert_eq!(app.callback(event, &body).taken().await, is("applied"), "{event}");
        let task = app.task(event).await;
        assert_eq!((&task["status"], &task["progress"]["percent"]), (&json!(status), &percent), "{event}");
    }
    let task = app.task("progress").await;
    assert_eq!((&task["progress"]["stage"], &task["progress"]["message"]), (&json!("drawing"), &json!("half way")));
    let task = app.task("failed").await;
    assert_eq!(task["error"], json!({"code": "UNKNOWN", "type": "GeneralError", "message": "Unknown error", "details": null}));
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn what_changes_nothing_says_why(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    for id in ["t", "c"] {
        let generator = if id == "c" { "content-creator" } else { "default" };
        app.created(&json!({"id": id, "generator": generator})).await;
    }
    assert_eq!(app.callback("t", &progress(50.0)).taken().await, is("applied"));
    assert_eq!(app.callback("t", &progress(40.0)).taken().await, is("ignored stale_progress"));
    assert_eq!(app.callback("t", &progress(50.0)).taken().await, is("duplicate"));
    assert_eq!(app.task("t").await["progress"]["percent"], 50.0);

    assert_eq!(app.callback("t", &json!({"event": "failed"})).taken().await, is("applied"));
    app.post("/api/tasks/t/retry", &json!({})).await.good(200);
    assert_eq!(app.callback("t", &progress(60.0)).query("attempt", 1).taken().await, is("ignored stale_attempt"));
    assert_eq!(app.callback("t", &completed()).taken().await, is("applied"));
    for late in [json!({"event": "failed", "event_id": 2}), progress(99.0), json!({"event": "completed", "result": 2})] {
        assert_eq!(app.callback("t", &late).taken().await, is("ignored already_settled"), "{late}");
    }
    assert_eq!(app.task("t").await["result"], json!({"n": 1}));

    let url = app.task("c").await["callback_url"].as_str().expect("a URL").to_owned();
    let odd = app.callback_to(&url, r#"{"event":"reviewed"}"#).unsigned();
    assert_eq!(odd.taken().await, is("ignored not_of_interest"));
    assert_eq!(app.status("c").await, "submitted");
    app.stop().await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_twenty_identical_results_at_once_one_counts(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    app.created(&json!({"id": "t"})).await;
    let outcomes = join_all((0..20).map(|_| app.callback("t", &completed()).taken())).await;
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == is("applied")).count(), 1, "{outcomes:?}");
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == is("duplicate")).count(), 19, "{outcomes:?}");
    assert_eq!(app.task("t").await["result"], json!({"n": 1}));
    let receipts = app.items("/api/tasks/t/callbacks").await;
    assert_eq!(receipts.len(), 20);
    assert_eq!(app.database.count("hub_payloads").await, 1, "one body, that of the first");
    app.stop().await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_twenty_different_results_at_once_one_counts(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    app.created(&json!({"id": "t"})).await;
    let results: Vec<Value> = (0..20).map(|n| json!({"event": "completed", "result": n})).collect();
    let outcomes = join_all(results.iter().map(|body| app.callback("t", body).taken())).await;
    let winner = outcomes.iter().position(|outcome| *outcome == is("applied")).expect("one is applied");
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == is("ignored already_settled")).count(), 19, "{outcomes:?}");
    assert_eq!(app.task("t").await["result"], winner);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn the_same_failure_of_another_attempt_is_another_failure(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    app.created(&json!({"id": "t"})).await;
    let failed = json!({"event": "failed", "error": {"code": "E1"}});
    let on = async |attempt: u32| app.callback("t", &failed).query("attempt", attempt).taken().await;
    assert_eq!(on(1).await, is("applied"));
    app.post("/api/tasks/t/retry", &json!({})).await.good(200);

    assert_eq!(on(1).await, is("duplicate"), "a redelivery of the first attempt's");
    assert_eq!(app.status("t").await, "submitted");
    assert_eq!(app.callback("t", &failed).taken().await, is("duplicate"), "nobody says which attempt: seen under any is seen");
    assert_eq!(on(2).await, is("applied"));
    assert_eq!(app.status("t").await, "failed");
    assert_eq!(on(2).await, is("duplicate"));
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn an_event_id_tells_events_apart_and_knows_them_again(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    app.created(&json!({"id": "t"})).await;
    let event = |id: &str, note: u32| json!({"event": "progress", "event_id": id, "note": note});
    assert_eq!(app.callback("t", &event("e1", 1)).taken().await, is("applied"));
    assert_eq!(app.callback("t", &event("e1", 2)).taken().await, is("duplicate"), "other bytes, same event");
    assert_eq!(app.callback("t", &event("e2", 1)).taken().await, is("applied"));
    let same_id_other_state = json!({"event": "completed", "event_id": "e1", "result": 1});
    assert_eq!(app.callback("t", &same_id_other_state).taken().await, is("applied"));
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn duplicates_are_known_after_any_number_of_events(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    app.created(&json!({"id": "t"})).await;
    let events: Vec<Value> = (0..40).map(|n| json!({"task_id": "t", "event": "progress", "event_id": n})).collect();
    for expected in ["applied", "duplicate"] {
        let answer = app.batch(&events).send().await.good(200);
        let outcomes: Vec<_> = answer["results"].as_array().expect("a list").iter().map(|item| &item["outcome"]).collect();
        assert!(outcomes.iter().all(|outcome| *outcome == expected), "{expected}: {outcomes:?}");
    }
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn put_and_an_answer_of_202_where_a_file_wants_it(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    app.created(&json!({"id": "t"})).await;
    assert_eq!(app.callback("t", &completed()).by_put().taken().await, is("applied"));
    assert_eq!(app.callback("t", &completed()).taken().await, is("duplicate"));

    app.created(&json!({"id": "q", "generator": "quiet"})).await;
    assert_eq!(app.callback("q", &completed()).of("quiet").taken().await, (202, "applied".to_owned()));
    assert_eq!(app.callback("q", &completed()).of("quiet").taken().await, (202, "duplicate".to_owned()));
    let item = json!({"task_id": "q", "event": "failed"});
    assert_eq!(app.batch(&[item]).of("quiet").send().await.status, 202);
    assert_eq!(app.callback("nobody", &completed()).of("quiet").refused().await.0, 404);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_result_may_be_anything_but_null(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    for (number, result) in [json!({}), json!([]), json!(""), json!(0), json!(false)].into_iter().enumerate() {
        let id = format!("t{number}");
        app.created(&json!({"id": id})).await;
        assert_eq!(app.callback(&id, &json!({"event": "completed", "result": result})).taken().await, is("applied"));
        let task = app.task(&id).await;
        assert_eq!((&task["status"], &task["result"]), (&json!("completed"), &result));
    }
    for (id, body) in [("null", json!({"event": "completed", "result": null})), ("absent", json!({"event": "completed"}))] {
        app.created(&json!({"id": id})).await;
        assert_eq!(app.callback(id, &body).taken().await, is("applied"));
        let task = app.task(id).await;
        assert_eq!((&task["status"], &task["error"]["code"]), (&json!("failed"), &json!("INVALID_RESULT")));
    }
    app.stop().await;
}
