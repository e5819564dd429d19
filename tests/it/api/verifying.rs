//! What operators are told about a callback that was refused, or that they ask about.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rstest::rstest;
use serde_json::{Value, json};

use crate::harness::app::Extra;
use crate::harness::callback::{hmac, signature};
use crate::harness::{App, Database, Kind, SECRET, START};

const OTHERS: &str = "the secret of another generator and a long one";

async fn finding(app: &App, expected: usize) -> Value {
    let newest = app.rejections(expected).await[0].clone();
    let whole = app.get(&format!("/api/callbacks/{}", newest["id"].as_str().expect("an id"))).await.good(200);
    assert_eq!(newest["finding"], whole["finding"], "lists have it, too");
    whole["finding"].clone()
}

#[rstest]
#[tokio::test]
async fn a_rejected_receipt_says_why_and_the_sender_is_not_told(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[("GENERATOR_QUIET_SECRET", OTHERS)]).await;
    let body = json!({"event": "completed"}).to_string();
    let prefixed = |content: &str| format!("sha256={}", hex::encode(hmac(SECRET, content.as_bytes())));
    let of_others = hex::encode(hmac(OTHERS, body.as_bytes()));
    let cases = [
        ("x-webhook-signature", prefixed(&format!("{body}\n")), "content", json!(["newline_added"]), true),
        ("x-webhook-signature", prefixed("{\"event\": \"completed\"}"), "content", json!(["python_json"]), true),
        ("x-webhook-signature", of_others, "secret", json!(["other_generators_secret"]), true),
        ("x-webhook-signature", format!("v1={}", &prefixed(&body)[7..]), "prefix", json!(["prefix_unexpected"]), true),
        ("x-hub-signature", prefixed(&body), "header", json!(["other_header"]), true),
        ("x-webhook-signature", "0".repeat(64), "signature", json!([]), false),
        ("x-webhook-signature", "0".repeat(40), "length", json!([]), false),
    ];
    for (number, (header, value, check, causes, certain)) in cases.into_iter().enumerate() {
        let answer = app.raw_callback("t", body.clone()).unsigned().header(header, value.as_str()).send().await;
        assert_eq!(answer.status, 401, "{check}");
        let detail = answer.json()["detail"].as_str().expect("a sentence").to_owned();
        let finding = finding(&app, number + 1).await;
        assert_eq!((&finding["check"], &finding["causes"], &finding["certain"]), (&json!(check), &causes, &json!(certain)));
        let told = finding["detail"].as_str().expect("sentences");
        assert!(!answer.text.contains(told) && !causes[0].as_str().is_some_and(|cause| answer.text.contains(cause)));
        assert!(detail == "The signature is wrong" || detail.contains("signature is needed"), "always the same: {detail}");
        assert!(!told.contains(OTHERS) && !told.contains(SECRET), "{told}");
    }
    let kept = app.items("/api/callbacks?verdict=rejected&code=signature_invalid").await;
    assert!(kept.iter().all(|receipt| receipt["finding"].is_object()), "{kept:?}");
    app.raw_callback("t", "[]").refused().await;
    assert_eq!(finding(&app, 8).await, Value::Null, "it was not its proof");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn late_ones_and_wrong_tokens_are_explained(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    for (number, (sent, cause)) in [
        (format!("{START}000"), "timestamp_in_milliseconds"),
        ((START - 400).to_string(), "timestamp_old"),
        ((START + 301).to_string(), "timestamp_ahead"),
        ("today".to_owned(), "timestamp_unreadable"),
    ]
    .into_iter()
    .enumerate()
    {
        let refused = app.raw_callback("t", "{}").of("stamped").stamped(&sent).refused().await;
        assert_eq!(refused.1, "timestamp_out_of_tolerance");
        let finding = finding(&app, number + 1).await;
        assert_eq!((&finding["check"], &finding["causes"]), (&json!("timestamp"), &json!([cause])));
        assert!(finding["detail"].as_str().is_some_and(|told| told.ends_with("The signature itself is right")), "{finding}");
    }
    let task = app.created(&json!({"id": "b", "generator": "bearer"})).await;
    let url = task["callback_url"].as_str().expect("a URL").replace("attempt=1", "attempt=2");
    assert_eq!(app.callback_to(&url, "{}").unsigned().refused().await.1, "signature_invalid");
    let finding = finding(&app, 5).await;
    assert_eq!((&finding["check"], &finding["causes"]), (&json!("token"), &json!(["token_of_other_attempt"])));
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn no_more_than_sixty_a_minute_are_examined(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    for name in ["default", "quiet"] {
        for _ in 0..40 {
            app.callback("t", &json!({})).of(name).secret("a guess").refused().await;
        }
    }
    let kept = app.rejections(80).await;
    assert_eq!(kept.iter().filter(|receipt| receipt["finding"].is_object()).count(), 60);
    app.clock.advance(std::time::Duration::from_secs(60));
    app.callback("t", &json!({})).secret("a guess").refused().await;
    assert!(finding(&app, 81).await.is_object());
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn of_a_cut_body_only_the_form_is_judged(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    let body = format!("{{\"x\":\"{}\"}}", "x".repeat(70_000));
    let wrong = app.raw_callback("t", body.clone()).unsigned().header("x-webhook-signature", signature(b"other"));
    wrong.refused().await;
    let found = finding(&app, 1).await;
    assert_eq!((&found["check"], &found["certain"]), (&json!("signature"), &json!(false)));
    assert!(found["detail"].as_str().is_some_and(|told| told.contains("only the beginning")), "{found}");
    let asked = json!({"generator": "default", "headers": {"x-webhook-signature": signature(format!("{body}\n").as_bytes())}, "body": body});
    let answer = app.post("/api/callbacks/verify", &asked).await.good(200);
    assert_eq!(answer["finding"]["causes"], json!(["newline_added"]), "who has the whole body learns more");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn an_operator_may_ask_about_any_callback(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    let ask = async |asked: Value| app.post("/api/callbacks/verify", &asked).await;
    let body = "{\"event\":\"completed\",\"taskId\":\"job-1\",\"result\":{}}";
    let good = json!({"generator": "default", "headers": {"X-Webhook-Signature": signature(body.as_bytes())}, "body": body});
    let answer = ask(good.clone()).await.good(200);
    let said = json!({"event": "completed", "word": "completed", "task": "job-1"});
    assert_eq!((&answer["holds"], &answer["proven"], &answer["decoded"]), (&json!(true), &json!(true), &said));
    assert_eq!((&answer["code"], &answer["finding"], &answer["undecoded"]), (&Value::Null, &Value::Null, &Value::Null));

    let mut other = good.clone();
    other["body"] = json!(format!("{body}\n"));
    let answer = ask(other).await.good(200);
    assert_eq!(
        (&answer["holds"], &answer["code"], &answer["check"]),
        (&json!(false), &json!("signature_invalid"), &json!("content"))
    );
    assert_eq!(answer["finding"]["causes"], json!(["newline_stripped"]));
    assert_eq!(answer["decoded"], said, "what it says is told all the same");

    let unreadable = b"\xff";
    let in_base64 = json!({
        "generator": "default",
        "headers": {"x-webhook-signature": [signature(unreadable)]},
        "body_base64": STANDARD.encode(unreadable)
    });
    let answer = ask(in_base64).await.good(200);
    assert_eq!((&answer["holds"], &answer["undecoded"]["code"]), (&json!(true), &json!("malformed_body")));

    let at = |at: Value| {
        let content = format!("{}.{{}}", START - 1_000);
        let headers = json!({"x-timestamp": (START - 1_000).to_string(), "x-webhook-signature": hex::encode(hmac(SECRET, content.as_bytes()))});
        json!({"generator": "stamped", "headers": headers, "body": "{}", "at": at})
    };
    assert_eq!(ask(at(Value::Null)).await.good(200)["finding"]["causes"], json!(["timestamp_old"]));
    assert_eq!(ask(at(json!(START - 1_000))).await.good(200)["holds"], true);
    assert_eq!(ask(at(json!("2027-01-15T07:43:20Z"))).await.good(200)["holds"], true);

    let task = app.created(&json!({"id": "b", "generator": "bearer"})).await;
    let by_url = json!({"generator": "bearer", "url": task["callback_url"], "body": "{}"});
    assert_eq!(ask(by_url).await.good(200)["proven"], true);
    let by_query = json!({"generator": "bearer", "query": {"token": "guess"}, "body": "{}"});
    assert_eq!(ask(by_query).await.good(200)["check"], "token");
    assert!(app.items("/api/callbacks").await.is_empty(), "nothing is recorded");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_question_that_cannot_be_answered_says_what_it_lacks(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let database = Arc::new(Database::fresh(kind).await);
    let app = App::with(&database, Extra { settings: &[("API_KEYS", "a-key-of-the-settings")], ..Extra::default() }).await;
    let locked = app.post("/api/callbacks/verify", &json!({"generator": "default", "body": "{}"})).await;
    assert_eq!(locked.problem(), (401, "unauthorized".to_owned()));
    let ask = async |asked: &Value| {
        let request = app.client.post(format!("{}/api/callbacks/verify", app.base)).bearer_auth("a-key-of-the-settings");
        app.send(request.body(asked.to_string())).await
    };
    for (asked, fields) in [
        (json!({}), vec!["body", "generator"]),
        (json!({"generator": "default", "body": "{}", "body_base64": "e30="}), vec!["body"]),
        (json!({"generator": "default", "body_base64": "!"}), vec!["body_base64", "body"]),
        (json!({"generator": "default", "body": "{}", "headers": {"a": 1}}), vec!["headers"]),
        (json!({"generator": "default", "body": "{}", "at": "noon"}), vec!["at"]),
        (json!({"generator": "default", "body": "{}", "header": {}}), vec!["header"]),
        (json!({"generator": 1, "body": {}}), vec!["generator", "body"]),
    ] {
        let answer = ask(&asked).await;
        assert_eq!(answer.problem(), (422, "invalid_request".to_owned()), "{asked}");
        for field in fields {
            assert!(answer.fields().iter().any(|found| found == field), "{field} in {:?}", answer.fields());
        }
    }
    assert_eq!(ask(&json!({"generator": "nobody", "body": "{}"})).await.problem(), (404, "unknown_generator".to_owned()));
    app.stop().await;
}
