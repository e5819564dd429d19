//! What clients and operators do to a task that exists.

use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};

use crate::harness::{App, Kind};

fn conflict() -> (u16, String) {
    (409, "conflict".to_owned())
}

fn unknown() -> (u16, String) {
    (404, "unknown_task".to_owned())
}

#[rstest]
#[tokio::test]
async fn own_code_reports_the_generators_id_once(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    app.created(&json!({"id": "t", "metadata": {"a": 1}})).await;
    let patch = async |body: Value| app.patch("/api/tasks/t", &body).await;
    let task = patch(json!({"external_id": "ext-1", "priority": 2, "metadata": {"b": 2}})).await.good(200);
    assert_eq!((&task["external_id"], &task["priority"], &task["metadata"]), (&json!("ext-1"), &json!(2), &json!({"b": 2})));
    assert!(task.get("callback_url").is_none());
    assert_eq!(patch(json!({"external_id": "ext-1"})).await.status, 200);
    let other = patch(json!({"external_id": "ext-2"})).await;
    assert_eq!((other.problem(), other.fields()), (conflict(), vec!["external_id".to_owned()]));
    assert_eq!(patch(json!({})).await.good(200)["metadata"], json!({"b": 2}));
    assert_eq!(app.database.count("hub_payloads").await, 1, "replaced metadata is gone");
    assert_eq!(
        patch(json!({"external_id": 5, "priority": 0, "status": "completed"})).await.fields(),
        ["external_id", "priority", "status"]
    );
    assert_eq!(app.patch("/api/tasks/nobody", &json!({})).await.problem(), unknown());
    app.stop().await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_changes_at_once_only_the_last_ones_text_is_kept(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    app.created(&json!({"id": "t"})).await;
    let bodies: Vec<Value> = (0..20).map(|n| json!({"metadata": n})).collect();
    let hold = app.database.hold().await;
    let patches = futures_util::future::join_all(bodies.iter().map(|body| app.patch("/api/tasks/t", body)));
    let release = async {
        // they wait behind the one that is being written, to be written together
        app.until_queued(10).await;
        hold.release().await;
    };
    let (answers, ()) = futures_util::future::join(patches, release).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
    assert!(app.task("t").await["metadata"].is_u64());
    assert_eq!(app.database.count("hub_payloads").await, 1);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn erasing_takes_everything_but_the_id(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    let new = json!({"id": "t", "input": {"secret": 1}, "metadata": 2, "params": {"p": "3"}});
    app.created(&new).await;
    let running = app.delete("/api/tasks/t").await;
    assert_eq!(running.problem(), conflict());
    let progress = json!({"event": "progress", "progress": {"message": "secret"}, "event_id": 1});
    app.callback("t", &progress).header("x-note", "secret").taken().await;
    assert_eq!(app.callback("t", &json!({"event": "completed", "result": "secret\0"})).taken().await.1, "applied");
    assert_eq!(
        app.callback("t", &json!({"event": "completed", "result": "another\0"})).taken().await.1,
        "ignored already_settled"
    );
    assert_eq!(app.callback("t", &json!({"event": "bogus", "note": "secret"})).refused().await.0, 400);
    app.rejections(1).await;

    assert_eq!(app.delete("/api/tasks/t").await.status, 204);
    assert_eq!(app.database.count("hub_payloads").await, 0);
    let task = app.task("t").await;
    for member in ["result", "input", "params", "metadata"] {
        assert_eq!(task[member], Value::Null, "{member}");
    }
    assert_eq!((&task["status"], &task["progress"]["message"]), (&json!("completed"), &Value::Null));
    assert!(task["erased_at"].is_string());
    for receipt in app.items("/api/tasks/t/callbacks").await {
        let kept = app.get(&format!("/api/callbacks/{}", receipt["id"].as_str().expect("an id"))).await;
        assert!(!kept.text.contains("secret"), "{}", kept.text);
        assert_eq!(
            app.post(&format!("/api/callbacks/{}/replay", receipt["id"].as_str().expect("an id")), &json!({})).await.problem().1,
            "not_replayable"
        );
    }

    assert_eq!(app.delete("/api/tasks/t").await.status, 204, "twice is once");
    assert_eq!(app.create(&json!({"id": "t"})).await.problem(), conflict(), "the id stays taken");
    assert_eq!(app.create(&new).await.status, 200);
    assert_eq!(app.patch("/api/tasks/t", &json!({"metadata": 5})).await.problem(), conflict());
    let late = json!({"event": "failed", "error": {"message": "secret"}});
    assert_eq!(app.callback("t", &late).header("x-note", "secret").taken().await.1, "ignored already_settled");
    let late = app.items("/api/tasks/t/callbacks").await.remove(0);
    let kept = app.get(&format!("/api/callbacks/{}", late["id"].as_str().expect("an id"))).await;
    assert!(!kept.text.contains("secret"), "{}", kept.text);
    assert_eq!(app.database.count("hub_payloads").await, 0, "and nothing new is kept");
    assert_eq!(app.delete("/api/tasks/nobody").await.problem(), unknown());
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn an_erased_failure_says_no_more_than_that(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    app.created(&json!({"id": "t"})).await;
    app.callback("t", &json!({"event": "failed", "error": {"message": "m", "details": {"secret": 1}}})).taken().await;
    assert_eq!(app.delete("/api/tasks/t").await.status, 204);
    let error = &app.task("t").await["error"];
    assert_eq!((&error["details"], &error["message"]), (&Value::Null, &json!("Erased with its task")));
    assert_eq!(app.post("/api/tasks/t/retry", &json!({})).await.problem(), conflict());
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn cancelling_is_for_what_runs(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    for id in ["t", "done"] {
        app.created(&json!({"id": id})).await;
    }
    let task = app.post("/api/tasks/t/cancel", &json!({})).await.good(200);
    assert_eq!((&task["status"], &task["settled_by"]), (&json!("cancelled"), &json!("operator")));
    app.clock.advance(Duration::from_secs(1));
    assert_eq!(app.post("/api/tasks/t/cancel", &json!({})).await.good(200), task, "unchanged");
    app.callback("done", &json!({"event": "completed", "result": 1})).taken().await;
    assert_eq!(app.post("/api/tasks/done/cancel", &json!({})).await.problem(), conflict());
    assert_eq!(app.post("/api/tasks/nobody/cancel", &json!({})).await.problem(), unknown());
    assert_eq!(app.callback("t", &json!({"event": "completed", "result": 1})).taken().await.1, "ignored already_settled");
    let receipts = app.items("/api/tasks/t/callbacks?limit=10").await;
    assert_eq!(
        receipts.last().map(|receipt| (&receipt["source"], &receipt["event"])),
        Some((&json!("operator"), &json!("cancel")))
    );
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_retry_is_a_new_attempt_with_a_deadline_of_its_own(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    let first = app.created(&json!({"id": "t", "max_retries": 0, "external_id": "ext-1"})).await;
    assert_eq!(app.post("/api/tasks/t/retry", &json!({})).await.problem(), conflict(), "it runs");
    app.callback("t", &json!({"event": "progress", "progress": {"percentage": 70}})).taken().await;
    app.callback("t", &json!({"event": "failed"})).taken().await;
    app.clock.advance(Duration::from_secs(600));
    let second = app.post("/api/tasks/t/retry", &json!({})).await.good(200);
    assert_eq!((&second["status"], &second["attempt"], &second["external_id"]), (&json!("submitted"), &json!(2), &Value::Null));
    assert_eq!((&second["error"], &second["progress"]["percent"]), (&Value::Null, &Value::Null));
    assert_eq!((&first["deadline_at"], &second["deadline_at"]), (&json!("2027-01-15T08:30:00Z"), &json!("2027-01-15T08:40:00Z")));
    assert_ne!(first["callback_url"], second["callback_url"]);
    let url = second["callback_url"].as_str().expect("a URL");
    assert_eq!(app.callback_to(url, r#"{"event":"completed","result":2}"#).taken().await.1, "applied");
    assert_eq!(app.post("/api/tasks/t/retry", &json!({})).await.problem(), conflict(), "what is completed is completed");
    assert_eq!(app.post("/api/tasks/nobody/retry", &json!({})).await.problem(), unknown());
    app.stop().await;
}
