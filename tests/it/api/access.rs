//! Who may use the management API.

use std::sync::Arc;

use callback_hub::domain::role::Role;
use callback_hub::domain::time::Timestamp;
use callback_hub::store::Store;
use rstest::rstest;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::harness::{Answer, App, Database, Kind};

const KEY: &str = "a-key-of-the-settings";

async fn with(app: &App, headers: &[(&str, &str)]) -> Answer {
    let mut request = app.client.get(format!("{}/api/tasks", app.base));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    app.send(request).await
}

fn unauthorized() -> (u16, String) {
    (401, "unauthorized".to_owned())
}

#[rstest]
#[tokio::test]
async fn a_key_of_the_settings_opens_the_api_and_nothing_else_does(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::in_real_time(kind, &[("API_KEYS", &format!("another-key-of-the-settings,{KEY}"))]).await;
    for good in
        [("authorization", format!("Bearer {KEY}")), ("authorization", format!("bearer {KEY}")), ("x-api-key", KEY.to_owned())]
    {
        assert_eq!(with(&app, &[(good.0, &good.1)]).await.status, 200, "{good:?}");
    }
    for bad in [
        ("x-note", KEY),
        ("authorization", KEY),
        ("authorization", "Bearer "),
        ("authorization", "Bearer a-key"),
        ("x-api-key", "A-KEY-OF-THE-SETTINGS"),
        ("x-api-key", ""),
    ] {
        let answer = with(&app, &[bad]).await;
        assert_eq!((answer.problem(), answer.header("www-authenticate")), (unauthorized(), Some("Bearer")), "{bad:?}");
    }
    for path in ["/api/tasks/t", "/api/callbacks", "/api/callbacks/x", "/api/tasks/t/callbacks", "/api/stats"] {
        assert_eq!(app.get(path).await.problem(), unauthorized(), "{path}");
    }
    assert_eq!(app.create(&json!({"id": "t"})).await.problem(), unauthorized());
    assert_eq!(app.delete("/api/tasks/t").await.problem(), unauthorized());
    for open in ["/health/live", "/health/ready", "/openapi.json"] {
        assert_eq!(app.get(open).await.status, 200, "{open}");
    }
    assert_eq!(app.callback("t", &json!({"event": "failed"})).refused().await.1, "unknown_task", "generators need none");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_key_of_the_database_opens_it_until_it_is_revoked(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    assert_eq!(with(&app, &[]).await.status, 200, "as long as there is no key at all");
    let store = Store::connect(&app.database.url, 1).await.expect("the database");
    let now = Timestamp::from_secs(crate::harness::START);
    let made = store.add_key("test", Role::Admin, &Sha256::digest(KEY), now).await.expect("a key");
    store.add_key("other", Role::Admin, &Sha256::digest("another key"), now).await.expect("a key");
    assert_eq!(with(&app, &[]).await.problem(), unauthorized());
    assert_eq!(with(&app, &[("x-api-key", KEY)]).await.status, 200);
    assert!(store.revoke_key(made.id, now).await.expect("a revocation"));
    assert_eq!(with(&app, &[("x-api-key", KEY)]).await.problem(), unauthorized());
    assert_eq!(with(&app, &[("x-api-key", "another key")]).await.status, 200);
    store.close().await;
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn without_any_key_only_local_names_are_served(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    for host in ["localhost", "LOCALHOST:1", "127.0.0.1", "127.8.8.8:80", "[::1]", "[::1]:8080"] {
        assert_eq!(with(&app, &[("host", host)]).await.status, 200, "{host}");
    }
    for host in ["rebound.example", "localhost.example", "127.0.0.1.example", "10.0.0.1", "", "0.0.0.0", "[::2]:80"] {
        assert_eq!(with(&app, &[("host", host)]).await.problem(), (403, "host_not_allowed".to_owned()), "{host}");
    }
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn without_any_key_pages_of_other_sites_are_kept_out(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    // a form of any page can post a text to this machine without asking; the browser says whose page it is
    let app = App::start(kind, &[]).await;
    for origin in ["https://evil.example", "null", "http://localhost.example"] {
        assert_eq!(with(&app, &[("origin", origin)]).await.problem(), (403, "host_not_allowed".to_owned()), "{origin}");
    }
    for origin in [app.base.as_str(), "http://localhost:3000", "http://[::1]"] {
        assert_eq!(with(&app, &[("origin", origin)]).await.status, 200, "{origin}");
    }
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn an_open_hub_that_lost_its_last_key_is_closed(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let database = Arc::new(Database::fresh(kind).await);
    callback_hub::store::migrate(&database.url).await.expect("the schema");
    let store = Store::connect(&database.url, 1).await.expect("the database");
    let now = Timestamp::from_secs(crate::harness::START);
    let made = store.add_key("test", Role::Admin, &Sha256::digest(KEY), now).await.expect("a key");
    let open = [("SERVER_HOST", "0.0.0.0"), ("CALLBACK_BASE_URL", "https://hub.example.org")];
    let app = App::on(&database, &open).await;
    assert!(store.revoke_key(made.id, now).await.expect("a revocation"));
    assert_eq!(with(&app, &[("host", "localhost")]).await.problem(), unauthorized());
    store.close().await;
    app.stop().await;
}

#[tokio::test]
async fn the_api_document_names_every_operation_once() {
    let app = App::start(Kind::Sqlite, &[]).await;
    let document = app.get("/openapi.json").await.good(200);
    let mut names = Vec::new();
    for (path, operations) in document["paths"].as_object().expect("paths") {
        for (method, operation) in operations.as_object().expect("operations") {
            let name = operation["operationId"].as_str().unwrap_or_else(|| panic!("{method} {path} has no operationId"));
            names.push(name.to_owned());
            // what it says is there, is
            // a stream would not end, and is not begun for somebody who asks for what nobody knows
            let query = if method == "get" && path.ends_with("/events") { "?superfluous=1" } else { "" };
            let url = format!("{}{}{query}", app.base, path.replace(['{', '}'], ""));
            let request = app.client.request(method.to_uppercase().parse().expect("a method"), url);
            let answer = app.send(request).await;
            assert!(
                ![405, 500].contains(&answer.status) && !answer.text.contains("\"not_found\"")
                    // there are no things of these names
                    || ["callback_id", "webhook_id", "delivery_id", "content_id", "entry_id"].iter().any(|id| path.contains(id))
                    || path == "/metrics",
                "{path}"
            );
        }
    }
    let count = names.len();
    names.sort();
    names.dedup();
    assert_eq!((names.len(), count), (count, 50));
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn the_figures_count_what_happened(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::in_real_time(kind, &[]).await;
    for (id, generator, event) in
        [("a", "default", "completed"), ("b", "default", "failed"), ("c", "quiet", "completed"), ("d", "quiet", "cancelled")]
    {
        app.created(&json!({"id": id, "generator": generator})).await;
        for _ in 0..2 {
            app.callback(id, &json!({"event": event, "result": 1})).of(generator).send().await;
        }
    }
    let stats = app.get("/api/stats").await.good(200);
    let quiet = &stats["generators"]["quiet"];
    assert_eq!(
        (&stats["tasks"]["completed"], &stats["tasks"]["failed"], &stats["tasks"]["pending"]),
        (&json!(2), &json!(1), &json!(0))
    );
    assert_eq!(quiet["completed"], 1, "{stats}");
    assert!(stats["success_rate"].as_f64().is_some_and(|rate| (rate - 2.0 / 3.0).abs() < 1e-9), "{stats}");
    // the tests' own generators know no cancelled, and mean nothing by it
    assert_eq!(stats["callbacks"]["accepted"], json!({"applied": 3, "duplicate": 4, "ignored": 1}));
    app.raw_callback("a", "{}").refused().await;
    assert_eq!(app.get("/api/stats").await.json()["callbacks"]["rejected"], json!({"missing_event": 1}));
    assert!(stats["journal"]["entries"].as_u64() >= stats["journal"]["commits"].as_u64());
    assert_eq!(app.get("/health/live").await.json(), json!({"status": "ok"}));
    assert_eq!(app.get("/health/ready").await.json(), json!({"status": "ok"}));
    app.stop().await;
}
