//! How results become contents: one a task, as its generator's file says.

use std::time::Duration;

use rstest::rstest;
use serde_json::json;

use super::{REVIEWED, article, creator, tasks};
use crate::harness::Kind;

#[rstest]
#[tokio::test]
async fn an_article_of_content_creator_is_a_whole_content(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = creator(kind, &[]).await;
    let mut content = app.article("a", json!({"input": {"topic": "Lighthouses at dusk"}})).await;
    assert_eq!(content, app.content(&content["id"]).await, "lists show the same");
    let fields = content.as_object_mut().expect("an object");
    fields.remove("id").expect("an id");
    fields.remove("created_at").expect("a time");
    assert_eq!(
        content,
        json!({
            "task_id": "a", "generator": "content-creator", "title": "Lighthouses at dusk", "summary": null,
            "content": "# 标题\n\n正文😀", "html": "<p>正文</p>",
            "images": [{"url": "https://e.x/1.png"}, "https://e.x/2.png"], "cover_image": "https://e.x/1.png",
            "word_count": 9, "fields": {"quality_score": 8.0},
            "review_status": "approved", "review_note": null, "publish_status": "pooled",
        })
    );
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_callback_that_comes_again_or_is_replayed_makes_no_other_content(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = creator(kind, &[]).await;
    let first = app.article("a", json!({})).await;
    assert_eq!(app.callback("a", &article("a")).of("content-creator").taken().await.1, "duplicate");
    let mut other = article("a");
    other["result"]["content"] = json!("another text");
    assert_eq!(app.callback("a", &other).of("content-creator").taken().await.1, "ignored already_settled");
    for receipt in app.items("/api/tasks/a/callbacks").await {
        app.post(&format!("/api/callbacks/{}/replay", super::text(&receipt["id"])), &json!({})).await;
    }
    assert_eq!(app.content_of("a").await, first);
    assert_eq!(app.database.count("hub_contents").await, 1);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_result_that_comes_too_late_is_a_content_all_the_same(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = creator(kind, &[REVIEWED]).await;
    app.created(&json!({"id": "a", "generator": "content-creator", "timeout_seconds": 60})).await;
    app.later(Duration::from_secs(61)).await;
    assert_eq!(app.status("a").await, "timed_out");
    assert!(app.items("/api/contents").await.is_empty());
    app.callback("a", &article("a")).of("content-creator").send().await.good(200);
    assert_eq!(app.task("a").await["late"], true);
    assert_eq!(app.content_of("a").await["review_status"], "pending_review");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn generators_without_a_recipe_make_no_contents(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = creator(kind, &[]).await;
    app.created(&json!({"id": "a"})).await;
    app.callback("a", &json!({"event": "completed", "result": {"content": "a text", "title": "a title"}})).send().await.good(200);
    app.created(&json!({"id": "b", "generator": "content-creator"})).await;
    let failed = json!({"event": "failed", "taskId": "job-b", "error": {"message": "no", "details": {"retryable": false}}});
    app.callback("b", &failed).of("content-creator").send().await.good(200);
    assert!(app.items("/api/contents").await.is_empty(), "what has failed has no content either");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn contents_are_listed_in_pages(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = creator(kind, &[REVIEWED]).await;
    for task in ["a", "b", "c"] {
        app.article(task, json!({})).await;
    }
    app.decide(&app.content_of("b").await, "approve", json!({})).await.good(200);
    for (query, expected) in [
        ("", vec!["c", "b", "a"]),
        ("?review_status=pending_review", vec!["c", "a"]),
        ("?review_status=approved", vec!["b"]),
        ("?publish_status=draft", vec!["c", "a"]),
        ("?publish_status=pooled&generator=content-creator", vec!["b"]),
        ("?generator=default", vec![]),
        ("?task_id=a", vec!["a"]),
        ("?task_id=nobody", vec![]),
    ] {
        assert_eq!(tasks(&app.items(&format!("/api/contents{query}")).await), expected, "{query}");
    }
    let mut seen = Vec::new();
    let mut path = "/api/contents?limit=2".to_owned();
    loop {
        let page = app.get(&path).await.good(200);
        seen.extend(tasks(page["items"].as_array().expect("a list")).into_iter().map(str::to_owned));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/api/contents?limit=2&cursor={cursor}");
    }
    assert_eq!(seen, ["c", "b", "a"]);
    let refused = app.get("/api/contents?review_status=new&publish_status=pending&limit=0&cursor=x&q=y").await;
    assert_eq!(refused.problem(), (422, "invalid_request".to_owned()));
    assert_eq!(refused.fields(), ["publish_status", "review_status", "limit", "cursor", "q"]);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_page_of_long_texts_ends_early_and_goes_on(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = creator(kind, &[]).await;
    for number in 0..12 {
        let task = format!("t{number:02}");
        app.created(&json!({"id": task, "generator": "content-creator"})).await;
        let mut article = article(&task);
        article["result"]["content"] = json!("x".repeat(1 << 20));
        app.callback(&task, &article).of("content-creator").send().await.good(200);
    }
    let first = app.get("/api/contents?limit=12").await.good(200);
    let items = first["items"].as_array().expect("a list");
    assert!((5..9).contains(&items.len()), "8 MiB are enough: {}", items.len());
    let rest = format!("/api/contents?limit=12&cursor={}", super::text(&first["next_cursor"]));
    assert_eq!(items.len() + app.items(&rest).await.len(), 12);
    app.stop().await;
}
