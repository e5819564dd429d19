//! Neither database keeps a NUL in a text, and some do not even in JSON: from generators and for them it is taken, and comes
//! back as U+FFFD; what is said about webhooks, deliveries, contents and events is refused.

use rstest::rstest;
use serde_json::{Value, json};

use crate::harness::{App, Kind};

#[rstest]
#[tokio::test]
async fn in_callbacks(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    for id in ["progress", "failed", "completed", "ignored"] {
        app.created(&json!({"id": id})).await;
    }
    let send = async |task: &str, body: Value| app.callback(task, &body).taken().await.1;
    let report =
        json!({"event": "progress", "progress": {"message": "a\0b", "stage": "\0"}, "event_id": "\0", "metadata": {"\0": "\0"}});
    assert_eq!(send("progress", report).await, "applied");
    let task = app.task("progress").await;
    assert_eq!((&task["progress"]["message"], &task["progress"]["stage"]), (&json!("a\u{fffd}b"), &json!("\u{fffd}")));

    let error = json!({"message": "\0m", "code": "c\0", "type": "t\0", "details": {"k\0": ["\0"]}});
    assert_eq!(send("failed", json!({"event": "failed", "error": error})).await, "applied");
    let error = json!({"message": "\u{fffd}m", "code": "c\u{fffd}", "type": "t\u{fffd}", "details": {"k\u{fffd}": ["\u{fffd}"]}});
    assert_eq!(app.task("failed").await["error"], error);

    let result = json!({"event": "completed", "result": {"text\0": "\0 and \\u0000"}});
    assert_eq!(send("completed", result).await, "applied");
    assert_eq!(app.task("completed").await["result"], json!({"text\u{fffd}": "\u{fffd} and \\u0000"}));

    let named = json!({"event": "progress", "taskId": "ext\0"});
    assert_eq!(send("ignored", named).await, "applied", "a replaced character is no control character");
    assert_eq!(app.task("ignored").await["external_id"], "ext\u{fffd}");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn in_tasks(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    let new = json!({"id": "t", "input": {"a\0": "\0"}, "metadata": ["\0"], "params": {"model\0": "m\0"}});
    let task = app.created(&new).await;
    assert_eq!(task["input"], json!({"a\u{fffd}": "\u{fffd}"}));
    assert_eq!(task["metadata"], json!(["\u{fffd}"]));
    assert_eq!(task["params"], json!({"model\u{fffd}": "m\u{fffd}"}));
    assert_eq!(app.create(&new).await.status, 200, "and it is the same request again");
    let patched = app.patch("/api/tasks/t", &json!({"metadata": "\0"})).await.good(200);
    assert_eq!(patched["metadata"], "\u{fffd}");
    for field in ["id", "external_id", "generator"] {
        let answer = app.create(&json!({field: "a\0b"})).await;
        assert_eq!((answer.problem().0, answer.fields()), (422, vec![field.to_owned()]));
    }
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn in_queries_and_in_what_is_refused(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    for path in ["/api/tasks?q=%00", "/api/tasks?external_id=%00", "/api/tasks?generator=%00", "/api/callbacks?code=%00"]
        .into_iter()
        .chain(["/api/webhooks?customer_id=%00", "/api/deliveries?event=%00", "/api/contents?generator=a%00"])
    {
        assert_eq!(app.get(path).await.problem().0, 422, "{path}");
    }
    assert_eq!(app.get("/api/tasks/%00").await.problem().0, 404);
    assert_eq!(app.get("/api/tasks?cursor=AB8A").await.problem().0, 422);
    let unknown = app.callback("t%00", &json!({"event": "\0"})).send().await;
    assert_eq!(unknown.problem(), (400, "unknown_event".to_owned()));
    let odd = app.callback("t", &json!({"event": "\0", "x": "\0"})).of("%00").send().await;
    assert_eq!(odd.problem(), (404, "unknown_generator".to_owned()));
    let kept = app.rejections(2).await;
    assert_eq!(kept[1]["code"], "unknown_event", "{kept:?}");
    app.stop().await;
}
