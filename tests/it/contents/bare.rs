//! A result in which there is nothing to publish is published by nobody until somebody has looked at it.

use rstest::rstest;
use serde_json::{Value, json};

use super::{REVIEWED, creator, text};
use crate::harness::{App, Kind};

async fn completed(app: &App, task: &str, result: Value) -> Value {
    app.created(&json!({"id": task, "generator": "content-creator", "input": {"topic": "Lighthouses"}})).await;
    app.callback(task, &json!({"event": "completed", "result": result})).of("content-creator").send().await.good(200);
    app.content_of(task).await
}

#[rstest]
#[tokio::test]
async fn it_waits_and_says_why(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = creator(kind, &[]).await;
    let empty = [json!({}), json!(""), json!([]), json!(7), json!({"content": " \n", "images": [], "htmlContent": ""})];
    for (number, result) in empty.into_iter().enumerate() {
        let content = completed(&app, &format!("t{number}"), result).await;
        assert_eq!(
            (&content["title"], &content["review_status"]),
            (&json!("Lighthouses"), &json!("pending_review")),
            "{content}"
        );
        assert!(text(&content["review_note"]).contains("no text, no pictures and no fields"), "{content}");
    }
    assert!(app.claim(json!({"limit": 100})).await.is_empty());
    let content = app.content_of("t0").await;
    app.patch(&format!("/api/contents/{}", text(&content["id"])), &json!({"content": "At dusk."})).await.good(200);
    app.decide(&content, "approve", json!({"note": "mended"})).await.good(200);
    assert_eq!(app.claim(json!({})).await[0]["content"]["content"], "At dusk.");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_picture_or_a_field_is_something(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = creator(kind, &[]).await;
    let results =
        [json!({"content": "x"}), json!({"images": ["https://e.x/1.png"]}), json!({"summary": "x"}), json!({"qualityScore": 8})];
    for (number, result) in results.into_iter().enumerate() {
        let content = completed(&app, &format!("t{number}"), result).await;
        assert_eq!((&content["review_status"], &content["review_note"]), (&json!("approved"), &Value::Null), "{content}");
    }
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn where_everything_is_reviewed_it_says_why_too(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = creator(kind, &[REVIEWED]).await;
    let (bare, other) = (completed(&app, "a", json!({})).await, completed(&app, "b", json!({"content": "x"})).await);
    assert!(bare["review_note"].is_string() && other["review_note"].is_null());
    app.stop().await;
}
