//! What was refused, and how much of it is kept.

use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};

use crate::harness::{App, Kind};

#[rstest]
#[tokio::test]
async fn a_refused_callback_is_kept_with_its_signature_and_without_secrets(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    let task = app.created(&json!({"id": "t"})).await;
    let token = task["callback_url"].as_str().and_then(|url| url.split_once("token=")).expect("a token").1;
    let body = json!({"event": "completed", "result": 1});
    let callback = app.callback("t", &body).query("attempt", 1).query("token", token).secret("a guess");
    assert_eq!(callback.header("x-api-key", "hush").refused().await, (401, "signature_invalid".to_owned()));
    let id = app.rejections(1).await[0]["id"].as_str().expect("an id").to_owned();
    let answer = app.get(&format!("/api/callbacks/{id}")).await;
    let kept = answer.good(200);
    for (member, value) in [
        ("verdict", json!("rejected")),
        ("code", json!("signature_invalid")),
        ("outcome", Value::Null),
        ("task_id", json!("t")),
        ("generator", json!("default")),
        ("attempt", json!(1)),
        ("body", json!(body.to_string())),
        ("body_cut", json!(false)),
    ] {
        assert_eq!(kept[member], value, "{member}");
    }
    assert!(kept["headers"]["x-webhook-signature"].as_str().is_some_and(|text| text.len() > 64));
    assert_eq!(kept["headers"]["x-api-key"], "***");
    assert!(!answer.text.contains(token), "capability tokens are not kept");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn of_a_large_body_the_beginning_is_kept(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    for length in [65_536, 65_537] {
        assert_eq!(app.raw_callback("t", "x".repeat(length)).refused().await.1, "malformed_body");
    }
    let kept = app.rejections(2).await;
    for (rejection, cut) in kept.iter().zip([true, false]) {
        let kept = app.get(&format!("/api/callbacks/{}", rejection["id"].as_str().expect("an id"))).await.good(200);
        assert_eq!((kept["body"].as_str().map(str::len), &kept["body_cut"]), (Some(65_536), &json!(cut)));
    }
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn sixty_of_a_kind_are_kept_a_minute(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    for _ in 0..65 {
        assert_eq!(app.callback("t", &json!({})).secret("a guess").refused().await.0, 401);
    }
    assert_eq!(app.callback("t", &json!({})).refused().await.1, "missing_event", "another code has its own sixty");
    assert_eq!(app.callback("t", &json!({})).of("quiet").secret("a guess").refused().await.0, 401, "and another generator");
    let kept = app.rejections(62).await;
    assert_eq!(kept.iter().filter(|rejection| rejection["code"] == "signature_invalid").count(), 61);
    let stats = app.get("/api/stats").await.good(200);
    assert_eq!(
        (&stats["callbacks"]["rejected_not_kept"], &stats["callbacks"]["rejected"]["signature_invalid"]),
        (&json!(5), &json!(66))
    );
    app.clock.advance(Duration::from_secs(60));
    app.callback("t", &json!({})).secret("a guess").refused().await;
    app.rejections(63).await;
    // names that are made up are one kind together
    for number in 0..65 {
        app.callback("t", &json!({})).of(&format!("made-up-{number}")).refused().await;
    }
    app.rejections(123).await;
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_refused_item_of_a_batch_is_kept_with_its_own_bytes(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    app.created(&json!({"id": "t"})).await;
    let items = [
        json!({"task_id": "t", "event": "bogus"}),
        json!({"task_id": "nobody", "event": "failed"}),
        json!({"task_id": "t", "event": "failed"}),
    ];
    assert_eq!(app.batch(&items).send().await.status, 200);
    let kept = app.rejections(2).await;
    for (rejection, (code, task, body)) in
        kept.iter().rev().zip([("unknown_event", "t", &items[0]), ("unknown_task", "nobody", &items[1])])
    {
        assert_eq!((&rejection["code"], &rejection["task_id"]), (&json!(code), &json!(task)));
        let kept = app.get(&format!("/api/callbacks/{}", rejection["id"].as_str().expect("an id"))).await.good(200);
        assert_eq!(kept["body"], json!(body.to_string()));
    }
    app.stop().await;
}
