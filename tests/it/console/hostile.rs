//! Whatever senders write: it is shown, and nothing more.

use rstest::rstest;
use serde_json::json;

use super::{Browser, start};
use crate::harness::Kind;

const SCRIPT: &str = "<script>alert(1)</script><img src=x onerror=alert(2)>";

fn is_harmless(page: &str) {
    assert!(!page.contains("<script>") && !page.contains("<img src=x"), "{page}");
}

#[rstest]
#[tokio::test]
async fn markup_is_text_wherever_it_was_written(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = start(kind).await;
    let browser = Browser::logged_in(&app).await;
    let everywhere = json!({"a": SCRIPT, SCRIPT: "a"});
    let new = json!({"id": "t", "metadata": everywhere, "input": everywhere, "params": everywhere});
    browser.ask("/api/tasks", &new).await;
    let progress = json!({"event": "progress", "progress": {"percentage": 10, "stage": SCRIPT, "message": SCRIPT}});
    app.callback("t", &progress).taken().await;
    is_harmless(&browser.page("/console/tasks/t").await);
    is_harmless(&browser.page("/console/tasks").await);
    let error = json!({"message": SCRIPT, "code": SCRIPT, "type": SCRIPT, "details": everywhere});
    app.callback("t", &json!({"event": "failed", "error": error})).taken().await;
    let page = browser.page("/console/tasks/t").await;
    is_harmless(&page);
    assert!(page.contains("&lt;script&gt;alert(1)"), "it is shown");

    let webhook = json!({"name": SCRIPT, "url": "http://127.0.0.1:1025/", "customer_id": SCRIPT, "headers": {"x-a": SCRIPT}});
    browser.ask("/api/webhooks", &webhook).await;
    let id = browser.first_id("/api/webhooks").await;
    for path in ["/console/webhooks".to_owned(), format!("/console/webhooks/{id}"), format!("/console/webhooks/{id}?edit=1")] {
        is_harmless(&browser.page(&path).await);
    }
    let content =
        json!({"event": "completed", "result": {"title": SCRIPT, "content": SCRIPT, "html": SCRIPT, "summary": SCRIPT}});
    browser.ask("/api/tasks", &json!({"id": "c", "generator": "content-creator", "input": {"topic": SCRIPT}})).await;
    app.callback("c", &content).of("content-creator").send().await.good(200);
    let id = browser.first_id("/api/contents").await;
    is_harmless(&browser.page("/console/review").await);
    is_harmless(&browser.page(&format!("/console/review/{id}")).await);
    let query: String = form_urlencoded::byte_serialize(SCRIPT.as_bytes()).collect();
    for path in ["tasks?q=", "callbacks?code=", "deliveries?event=", "tasks?said=", "tasks/t?found=", "check?generator="] {
        let answer = browser.get(&format!("/console/{path}{query}")).await;
        assert!(answer.status < 500, "{path}");
        is_harmless(&answer.text);
    }
    is_harmless(&browser.post("/console/login", &[("key", SCRIPT), ("to", SCRIPT)]).await.text);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn bodies_of_any_kind_and_size_are_shown(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = start(kind).await;
    let browser = Browser::logged_in(&app).await;
    browser.task("t").await;
    let large = format!(r#"{{"event":"progress","filler":"{}"}}"#, "0123456789".repeat(500_000));
    let deep = format!(r#"{{"event":"progress","deep":{}1{}}}"#, "[".repeat(100), "]".repeat(100));
    let bodies: [(&[u8], &str); 6] = [
        (large.as_bytes(), "5\u{202f}000"),
        (deep.as_bytes(), "json"),
        (b"\xff\xfe\x00<script>", "ff fe 00 3c"),
        ("{\"event\":\"\u{202e}gnp.exe\"}".as_bytes(), "U+202E"),
        (b"event=completed&x=<script>", "text"),
        (b"", "0 bytes"),
    ];
    for (body, expected) in bodies {
        app.raw_callback("t", body.to_vec()).send().await;
        // the refused ones are written behind the answer's back
        app.until(async || browser.api("/api/callbacks?limit=1").await["items"][0]["id"].is_string()).await;
        let mut page = String::new();
        app.until(async || {
            let id = browser.first_id("/api/callbacks?limit=1").await;
            page = browser.page(&format!("/console/callbacks/{id}")).await;
            page.contains(expected)
        })
        .await;
        is_harmless(&page);
        assert!(!page.contains('\u{202e}') && page.len() < 300_000, "{} bytes", page.len());
    }
    let id = browser.first_id("/api/callbacks?verdict=accepted&limit=1").await;
    let request = app.client.get(format!("{}/console/callbacks/{id}/body", app.base)).header("cookie", &browser.cookie);
    let file = app.send(request).await;
    assert_eq!((file.status, file.header("content-type")), (200, Some("application/octet-stream")));
    assert!(file.header("content-disposition").is_some_and(|how| how.starts_with("attachment")));
    assert_eq!(file.text, deep);
    app.stop().await;
}
