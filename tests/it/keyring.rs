//! Public keys that a generator publishes at a real server: fetched, renewed, and kept while the server fails.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer, SigningKey};
use rstest::rstest;
use serde_json::{Value, json};

use crate::harness::app::Extra;
use crate::harness::generator::{Generator, Reply};
use crate::harness::{Answer, App, Database, Kind};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn key_set(seeds: &[u8]) -> Value {
    let key = |seed: &u8| {
        let x = URL_SAFE_NO_PAD.encode(key(*seed).verifying_key());
        json!({"kty": "OKP", "crv": "Ed25519", "kid": seed.to_string(), "x": x})
    };
    json!({"keys": seeds.iter().map(key).collect::<Vec<_>>()})
}

fn file(server: &Generator) -> String {
    format!(
        r#"
[[sign]]
scheme = "ed25519"
header = "x-signature"
encoding = "hex"
content = "{{body}}"
key = "jwks"
jwks = "{}/keys"
[event]
state = "json:event"
[event.map]
progress = "progress"
completed = "completed"
"#,
        server.base
    )
}

/// An app with a generator `keyed`.
async fn start(kind: Kind, server: &Generator, loops_run: bool) -> App {
    let file = file(server);
    let extra =
        Extra { generators: &[("keyed", &file)], settings: &[("GENERATOR_KEYED_TIMEOUT", "30d")], loops_run, ..Extra::default() };
    let app = App::with(&Arc::new(Database::fresh(kind).await), extra).await;
    app.created(&json!({"id": "t", "generator": "keyed"})).await;
    app
}

/// A callback signed with the key of a seed; each has a body of its own.
async fn call(app: &App, generator: &str, seed: u8, number: u32) -> Answer {
    let body = json!({"event": "progress", "n": number}).to_string();
    let signature = hex::encode(key(seed).sign(body.as_bytes()).to_bytes());
    app.callback_to("/callback/t", body).of(generator).unsigned().header("x-signature", signature).send().await
}

async fn fetched(app: &App) -> Value {
    app.get("/api/stats").await.good(200)["keys"]["keyed"].clone()
}

fn invalid() -> (u16, String) {
    (401, "signature_invalid".to_owned())
}

#[rstest]
#[tokio::test]
async fn keys_are_fetched_at_the_start_and_daily(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Generator::start().await;
    server.want("GET /keys", [Reply::Json(200, key_set(&[1])), Reply::Json(200, key_set(&[2]))]);
    let app = start(kind, &server, false).await;
    assert_eq!(app.work_off().await, 1, "of the built-in generators that nobody has set up nobody is asked");
    assert_eq!(call(&app, "keyed", 1, 1).await.outcome().1, "applied");
    assert_eq!(server.asked("GET /keys")[0].headers["accept"], "application/json");
    app.later(DAY - SECOND).await;
    assert_eq!(server.count("GET /keys"), 1);
    app.later(SECOND).await;
    assert_eq!(server.count("GET /keys"), 2);
    assert_eq!(call(&app, "keyed", 2, 2).await.outcome().1, "applied");
    assert_eq!(call(&app, "keyed", 1, 3).await.problem(), invalid(), "what is not published any more is not believed any more");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn keys_that_were_never_fetched_answer_503_until_they_are(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Generator::start().await;
    server.want("GET /keys", [Reply::HangUp, Reply::Json(500, json!({})), Reply::Json(200, key_set(&[1]))]);
    let app = start(kind, &server, false).await;
    for (later, tries) in [(0, 1), (59, 1), (1, 2)] {
        app.later(later * SECOND).await;
        let answer = call(&app, "keyed", 1, 1).await;
        assert_eq!(answer.problem(), (503, "unavailable".to_owned()));
        assert!(answer.retry_after().is_some_and(|seconds| seconds > 0));
        assert_eq!(server.count("GET /keys"), tries, "at most once a minute, however often callbacks come");
    }
    let bad = app.callback_to("/callback/t", "{}").of("keyed").unsigned();
    assert_eq!(bad.refused().await.1, "signature_missing", "and nothing is accepted for want of keys");
    assert_eq!(fetched(&app).await, json!({"fetched_at": null, "failures": 2, "fault": "The answer has status 500"}));
    app.later(MINUTE).await;
    assert_eq!(call(&app, "keyed", 1, 1).await.outcome().1, "applied");
    let figures = fetched(&app).await;
    assert_eq!((&figures["failures"], &figures["fault"]), (&json!(2), &Value::Null));
    assert!(figures["fetched_at"].is_string());
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn an_unknown_key_is_refused_and_looked_for_once_a_minute(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Generator::start().await;
    server.want("GET /keys", [1, 1, 2].map(|seed| Reply::Json(200, key_set(&[seed]))));
    let app = start(kind, &server, false).await;
    app.work_off().await;
    for (later, tries) in [(0, 1), (59, 1), (1, 2), (59, 2)] {
        app.later(later * SECOND).await;
        assert_eq!(call(&app, "keyed", 2, 1).await.problem(), invalid());
        assert_eq!(server.count("GET /keys"), tries, "{later} s later");
    }
    app.later(SECOND).await;
    assert_eq!(server.count("GET /keys"), 3);
    assert_eq!(call(&app, "keyed", 2, 1).await.outcome().1, "applied", "the rotation is noticed");
    app.later(10 * MINUTE).await;
    assert_eq!(server.count("GET /keys"), 3, "good signatures ask for nothing");
    app.stop().await;
}

#[rstest]
#[case::down(Reply::HangUp, "No answer")]
#[case::failing(Reply::Json(503, json!({"keys": []})), "status 503")]
#[case::page(Reply::Raw(200, "content-type", "text/html", b"<html>".to_vec()), "cannot be read")]
#[case::bytes(Reply::Raw(200, "content-type", "application/json", vec![0xff; 9]), "no text")]
#[case::of_other_kinds(Reply::Json(200, json!({"keys": [{"kty": "RSA", "n": "AQAB"}]})), "no Ed25519 key")]
#[case::without_keys(Reply::Json(200, json!({"keys": []})), "no Ed25519 key")]
#[case::too_many(Reply::Json(200, key_set(&[7; 17])), "at most 16")]
#[case::too_large(Reply::Json(200, json!({"keys": [], "more": "x".repeat(70_000)})), "larger than")]
#[case::elsewhere(Reply::Raw(302, "location", "/others", Vec::new()), "status 302")]
#[tokio::test]
async fn known_keys_are_kept_while_the_server_fails(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
    #[case] failure: Reply,
    #[case] fault: &str,
) {
    let server = Generator::start().await;
    server.want("GET /keys", [Reply::Json(200, key_set(&[1])), failure]);
    server.want("GET /others", [Reply::Json(200, key_set(&[2]))]);
    let app = start(kind, &server, false).await;
    app.work_off().await;
    app.later(DAY).await;
    assert_eq!(server.count("GET /keys"), 2);
    let figures = fetched(&app).await;
    assert!(figures["fault"].as_str().is_some_and(|told| told.contains(fault)), "{figures}");
    assert_eq!(figures["failures"], 1);
    assert_eq!(call(&app, "keyed", 1, 1).await.outcome().1, "applied");
    assert_eq!(call(&app, "keyed", 2, 2).await.problem(), invalid(), "and no others count");
    assert_eq!(server.count("GET /others"), 0, "redirects are not followed");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_server_that_fails_is_left_alone_for_longer_and_longer(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Generator::start().await;
    let app = start(kind, &server, false).await;
    app.work_off().await;
    for minutes in [1, 2, 4, 8, 16, 32, 60, 60] {
        let before = server.count("GET /keys");
        app.later(minutes * MINUTE - SECOND).await;
        assert_eq!(server.count("GET /keys"), before, "{minutes} minutes are not over");
        app.later(SECOND).await;
        assert_eq!(server.count("GET /keys"), before + 1, "after {minutes} minutes");
    }
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn generators_that_publish_at_one_place_share_its_keys(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Generator::start().await;
    server.want("GET /keys", [Reply::Json(200, key_set(&[1]))]);
    let file = file(&server);
    let extra = Extra { generators: &[("keyed", &file), ("twin", &file)], ..Extra::default() };
    let app = App::with(&Arc::new(Database::fresh(kind).await), extra).await;
    app.created(&json!({"id": "t", "generator": "keyed"})).await;
    app.work_off().await;
    assert_eq!(server.count("GET /keys"), 1);
    assert_eq!(call(&app, "keyed", 1, 1).await.outcome().1, "applied");
    assert_eq!(call(&app, "twin", 1, 1).await.problem().1, "unknown_task", "the sender is believed: `t` is another's");
    let keys = &app.get("/api/stats").await.good(200)["keys"];
    assert_eq!(keys["keyed"]["fetched_at"], keys["twin"]["fetched_at"]);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn while_the_server_says_nothing_callbacks_are_answered(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Generator::start().await;
    server.want("GET /keys", [Reply::Json(200, key_set(&[1])), Reply::Json(200, key_set(&[1, 2]))]);
    server.close().await;
    // the loops run by themselves
    let app = start(kind, &server, true).await;
    app.until(async || server.count("GET /keys") == 1).await;
    assert_eq!(call(&app, "keyed", 1, 1).await.problem().0, 503, "nobody waits for keys");
    server.open();
    app.until(async || fetched(&app).await["fetched_at"].is_string()).await;
    assert_eq!(call(&app, "keyed", 1, 1).await.outcome().1, "applied");
    app.clock.advance(MINUTE);
    assert_eq!(call(&app, "keyed", 2, 2).await.problem(), invalid());
    app.until(async || server.count("GET /keys") == 2).await;
    app.until(async || call(&app, "keyed", 2, 2).await.status == 200).await;
    let stats = app.get("/api/stats").await.good(200);
    assert!(stats["loops"].as_array().expect("loops").iter().any(|one| one["name"] == "keys"), "{stats}");
    app.stop().await;
}

#[rstest]
#[case("http://keys.example/jwks.json", false)]
#[case("http://8.8.8.8/jwks.json", false)]
#[case("http://127.0.0.1.example/jwks.json", false)]
#[case("ftp://127.0.0.1/jwks.json", false)]
#[case("https://keys.example/jwks.json", true)]
#[case("http://10.1.2.3:8080/jwks.json", true)]
#[case("http://[fd00::1]/jwks.json", true)]
#[case("http://localhost/jwks.json", true)]
#[tokio::test]
async fn keys_come_over_tls_or_from_the_own_network(#[case] url: &str, #[case] loads: bool) {
    let server = Generator::start().await;
    let text = file(&server).replace(&format!("{}/keys", server.base), url);
    let files = [("x.toml".to_owned(), text)];
    let loaded = callback_hub::generator::catalog::Catalog::load(&files, &callback_hub::generator::catalog::Overrides::default());
    match loaded {
        Ok(catalog) => assert_eq!((loads, catalog.find("x").and_then(|generator| generator.jwks_url())), (true, Some(url))),
        Err(error) => assert!(!loads && error.to_string().contains("https://"), "{error}"),
    }
}
