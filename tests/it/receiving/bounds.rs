//! What goes into rows has bounds, and is what every reader of JSON takes; the receipt keeps the whole.

use rstest::rstest;
use serde_json::{Value, json};

use crate::harness::{App, Kind};

#[rstest]
#[tokio::test]
async fn long_texts_are_kept_by_the_receipt_and_begun_by_the_task(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    app.created(&json!({"id": "t"})).await;
    let long = "ä".repeat(100_000);
    let progress = json!({"event": "progress", "progress": {"message": long, "stage": long}});
    assert_eq!(app.callback("t", &progress).taken().await.1, "applied");
    let error = json!({"message": long, "code": long, "type": "T", "details": {"log": long}});
    let answer = app.callback("t", &json!({"event": "failed", "error": error})).send().await.good(200);
    let task = app.task("t").await;
    for text in [&task["progress"]["message"], &task["progress"]["stage"], &task["error"]["message"], &task["error"]["code"]] {
        let text = text.as_str().expect("a text");
        assert!(text.len() <= 4096 && text.starts_with("ää"), "{} bytes", text.len());
    }
    let details = task["error"]["details"].as_str().expect("the beginning of what was too long").len();
    assert!(details <= 64 << 10, "{details} bytes");
    let receipt = app.get(&format!("/api/callbacks/{}", answer["callback_id"].as_str().expect("an id"))).await.good(200);
    let body: Value = serde_json::from_str(receipt["body"].as_str().expect("a body")).expect("JSON");
    assert_eq!(body["error"], error);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_result_has_no_surrogates_on_their_own(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    app.created(&json!({"id": "t"})).await;
    let body = r#"{"event":"completed","result":{"lone":"a\ud800b","low":"\udc00","pair":"\ud83d\ude00","plain":"\\ud800"}}"#;
    assert_eq!(app.raw_callback("t", body).taken().await.1, "applied");
    let expected = json!({"lone": "a\u{fffd}b", "low": "\u{fffd}", "pair": "😀", "plain": "\\ud800"});
    assert_eq!(app.task("t").await["result"], expected);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn kept_headers_have_no_tokens_of_copied_urls(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    app.created(&json!({"id": "t"})).await;
    let body = json!({"event": "progress"});
    let answer = app.callback("t", &body).header("x-original-uri", "/callback/t?attempt=1&token=abc").send().await.good(200);
    let receipt = app.get(&format!("/api/callbacks/{}", answer["callback_id"].as_str().expect("an id"))).await.good(200);
    assert_eq!(receipt["headers"]["x-original-uri"], "/callback/t");
    app.stop().await;
}
