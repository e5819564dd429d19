//! Who is believed.

use std::sync::Arc;

use rstest::rstest;
use serde_json::{Value, json};

use crate::harness::app::Extra;
use crate::harness::callback::hmac;
use crate::harness::{App, Database, Kind, SECRET, generators};

fn progress(n: u32) -> Value {
    json!({"event": "progress", "event_id": n})
}

fn applied() -> (u16, String) {
    (200, "applied".to_owned())
}

fn invalid() -> (u16, String) {
    (401, "signature_invalid".to_owned())
}

fn missing() -> (u16, String) {
    (401, "signature_missing".to_owned())
}

#[rstest]
#[tokio::test]
async fn a_signature_may_be_hex_or_base64_with_or_without_its_prefix(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    app.created(&json!({"id": "t"})).await;
    assert_eq!(app.callback("t", &progress(1)).taken().await, applied());
    assert_eq!(app.callback("t", &progress(2)).in_hex().taken().await, applied());
    assert_eq!(app.callback("t", &progress(3)).in_base64().taken().await, applied());
    for wrong in ["", "sha256=", "sha256", "0", &"0".repeat(64), &"zz".repeat(32), "sha256=sha256=", &"A".repeat(10_000)] {
        let callback = app.callback("t", &progress(4)).unsigned().header("x-webhook-signature", wrong);
        assert_eq!(callback.refused().await, invalid(), "{wrong}");
    }
    let cut = app.callback("t", &progress(4)).unsigned();
    let tag = crate::harness::callback::signature(progress(4).to_string().as_bytes());
    assert_eq!(cut.header("x-webhook-signature", &tag[..tag.len() - 2]).refused().await, invalid());
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn every_live_secret_verifies(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (new, old) = ("the newest secret of all and long enough", "the secret before it and also long enough");
    let app = App::start(kind, &[("CALLBACK_SECRET_KEY", &format!("{new},{old}"))]).await;
    app.created(&json!({"id": "t"})).await;
    assert_eq!(app.callback("t", &progress(1)).secret(new).taken().await, applied());
    assert_eq!(app.callback("t", &progress(2)).secret(old).taken().await, applied());
    assert_eq!(app.callback("t", &progress(3)).secret(SECRET).refused().await, invalid(), "another generator's");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_generator_without_a_secret_has_nobodys(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[("GENERATOR_QUIET_SECRET", "")]).await;
    app.created(&json!({"id": "t", "generator": "quiet"})).await;
    assert_eq!(app.callback("t", &progress(1)).of("quiet").refused().await, invalid());
    assert_eq!(app.callback("t", &progress(1)).of("quiet").secret("").refused().await, invalid());
    assert_eq!(app.callback("t", &progress(1)).of("quiet").unsigned().refused().await, missing());
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn unsigned_callbacks_are_taken_where_none_are_required_but_wrong_ones_are_not(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let database = Arc::new(Database::fresh(kind).await);
    let extra = Extra {
        settings: &[("CALLBACK_REQUIRE_SIGNATURE", "false"), ("GENERATOR_OPEN_SECRET", SECRET)],
        generators: &[("open", &generators::unsigned())],
        ..Extra::default()
    };
    let app = App::with(&database, extra).await;
    for (task, generator) in [("t", "default"), ("o", "open")] {
        app.created(&json!({"id": task, "generator": generator})).await;
        assert_eq!(app.callback(task, &progress(1)).of(generator).unsigned().taken().await, applied());
        assert_eq!(app.callback(task, &progress(2)).of(generator).taken().await, applied());
        assert_eq!(app.callback(task, &progress(3)).of(generator).secret("a guess").refused().await, invalid());
        let bad_token = app.callback(task, &progress(3)).of(generator).unsigned().query("token", "guess");
        assert_eq!(bad_token.refused().await, invalid());
    }
    // and nobody else's signature is lifted by that
    app.created(&json!({"id": "q", "generator": "quiet"})).await;
    assert_eq!(app.callback("q", &progress(1)).of("quiet").unsigned().refused().await, missing());
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn without_any_secret_an_unsigned_hub_refuses_signatures_that_it_cannot_check(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let app = App::start(kind, &[("CALLBACK_REQUIRE_SIGNATURE", "false"), ("CALLBACK_SECRET_KEY", "")]).await;
    app.created(&json!({"id": "t"})).await;
    assert_eq!(app.callback("t", &progress(1)).refused().await, invalid());
    assert_eq!(app.callback("t", &progress(1)).unsigned().taken().await, applied());
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn contenthubs_path_means_its_generator(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    let task = app.created(&json!({"id": "t", "generator": "content-creator"})).await;
    let url = task["callback_url"].as_str().expect("a URL");
    let query = url.split_once('?').expect("a query").1;
    let path = format!("/api/v1/content/callback/t?{query}");
    let body = json!({"event": "progress", "taskId": "task-of-its-own", "progress": {"percentage": 10}}).to_string();

    let bare = app.client.post(format!("{}/api/v1/content/callback/t", app.base)).body(body.clone());
    assert_eq!(app.send(bare).await.problem(), missing());
    let request = app.client.post(format!("{}{path}", app.base)).body(body.clone());
    assert_eq!(app.send(request).await.outcome(), applied());
    let token = query.split('&').find(|pair| pair.starts_with("token=")).expect("a token");
    let without_generator = app.client.post(format!("{}/api/v1/content/callback/t?{token}", app.base)).body(body);
    assert_eq!(app.send(without_generator).await.outcome().1, "duplicate");
    assert_eq!(app.task("t").await["external_id"], "task-of-its-own");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn contenthubs_generator_may_sign_once_it_has_a_secret(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[("GENERATOR_CONTENT_CREATOR_SECRET", SECRET)]).await;
    app.created(&json!({"id": "t", "generator": "content-creator"})).await;
    let to = |n: u32| app.callback_to("/api/v1/content/callback/t", progress(n).to_string());
    assert_eq!(to(1).in_base64().taken().await, applied());
    assert_eq!(to(2).in_hex().taken().await, applied());
    assert_eq!(to(3).secret("a guess").refused().await, invalid());
    assert_eq!(to(3).unsigned().refused().await, missing());
    app.stop().await;
}

const SIGNS_ITS_URL: &str = "[[sign]]\nscheme = \"hmac\"\nheader = \"x-signature\"\nencoding = \"hex\"\ncontent = \"{url}{body}\"\n[event]\nstate = \"json:s\"\nmap.completed = \"ok\"\n";

#[rstest]
#[tokio::test]
async fn a_url_is_signed_as_it_was_handed_out(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let secret = [("GENERATOR_URL_SECRET", "the secret of one that signs URLs")];
    let extra = Extra { generators: &[("url", SIGNS_ITS_URL)], settings: &secret, ..Extra::default() };
    let app = App::with(&Arc::new(Database::fresh(kind).await), extra).await;
    let url = app.created(&json!({"id": "t", "generator": "url"})).await["callback_url"].as_str().expect("a URL").to_owned();
    let body = r#"{"s":"ok"}"#;
    let signed = |url: &str| hex::encode(hmac(secret[0].1, format!("{url}{body}").as_bytes()));
    let bare = url.split('?').next().expect("a path");
    let post = |signature: String| app.send(app.client.post(&url).header("x-signature", signature).body(body));
    assert_eq!(post(signed(bare)).await.problem(), invalid());
    assert_eq!(post(signed(&url)).await.outcome(), applied());
    app.stop().await;
}
