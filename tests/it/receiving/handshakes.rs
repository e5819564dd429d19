//! Senders that want a challenge given back before they send anything.

use rstest::rstest;
use serde_json::json;

use crate::harness::app::Extra;
use crate::harness::{App, Database, Kind, SECRET};

const SIGNED: &str = r#"
[[sign]]
scheme = "hmac"
header = "x-webhook-signature"
[event]
state = "json:type"
[event.map]
completed = "done"
[handshake]
when = "json:type=url_verification"
reply = "json:challenge"
signed = true
"#;

/// A signed one, and one that anybody may ask for.
async fn start(kind: Kind) -> App {
    let by_query =
        SIGNED.replace("json:type=url_verification", "query:validationToken").replace("json:challenge", "query:validationToken");
    let open = by_query.replace("signed = true", "");
    let files = [("signed", SIGNED), ("open", open.as_str())];
    let settings = [("GENERATOR_SIGNED_SECRET", SECRET), ("GENERATOR_OPEN_SECRET", SECRET)];
    let database = Database::fresh(kind).await.into();
    App::with(&database, Extra { settings: &settings, generators: &files, ..Extra::default() }).await
}

#[rstest]
#[tokio::test]
async fn a_challenge_is_given_back_and_nothing_is_kept(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = start(kind).await;
    let challenge = json!({"type": "url_verification", "challenge": "3eZbrw1aBm2rZgRNFdxV"});
    // no such task: nobody looks
    let answer = app.callback("nobody", &challenge).of("signed").send().await;
    assert_eq!((answer.status, answer.text.as_str()), (200, "3eZbrw1aBm2rZgRNFdxV"));
    assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    let answer = app.raw_callback("nobody", "").unsigned().of("open").query("validationToken", "a%20b").send().await;
    assert_eq!((answer.status, answer.text.as_str()), (200, "a b"));
    let answer = app.raw_callback("nobody", "").by_put().unsigned().of("open").query("validationToken", "7").send().await;
    assert_eq!((answer.status, answer.text.as_str()), (200, "7"));
    assert!(app.items("/api/callbacks").await.is_empty(), "neither receipt nor rejection");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_challenge_that_its_sender_signs_is_proven_first(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = start(kind).await;
    let challenge = json!({"type": "url_verification", "challenge": "c"});
    let unsigned = app.callback("nobody", &challenge).of("signed").unsigned();
    assert_eq!(unsigned.refused().await, (401, "signature_missing".to_owned()));
    let forged = app.callback("nobody", &challenge).of("signed").secret("another");
    assert_eq!(forged.refused().await, (401, "signature_invalid".to_owned()));
    let nobodys = app.raw_callback("nobody", "").of("nobody").query("validationToken", "T");
    assert_eq!(nobodys.refused().await, (404, "unknown_generator".to_owned()), "row 5 comes before");
    let long = app.raw_callback("nobody", "").unsigned().of("open").query("validationToken", "x".repeat(1_025));
    assert_eq!(long.refused().await, (401, "signature_missing".to_owned()), "no challenge is so long");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn everything_else_is_a_callback(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = start(kind).await;
    for name in ["signed", "open"] {
        app.created(&json!({"id": name, "generator": name})).await;
        let done = json!({"type": "done", "challenge": "c"});
        assert_eq!(app.callback(name, &done).of(name).taken().await, (200, "applied".to_owned()));
    }
    app.stop().await;
}
