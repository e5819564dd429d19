//! A copy that is made while the hub works, and a hub on it.

use std::sync::Arc;

use rstest::rstest;
use serde_json::json;

use crate::commands::run;
use crate::harness::{App, Database, Kind};

const KEY: &str = "NWVlZDVlZWQ1ZWVkNWVlZDVlZWQ1ZWVkNWVlZDVlZWQ=";
const OTHER: &str = "b3RoZXJvdGhlcm90aGVyb3RoZXJvdGhlcm90aGVyb3Q=";

#[tokio::test]
async fn a_copy_holds_what_was_answered_before_and_is_whole() {
    let app = App::start(Kind::Sqlite, &[("SECRETS_KEY", KEY), ("DELIVERY_ALLOWED_NETWORKS", "private")]).await;
    let webhook = app.post("/api/webhooks", &json!({"url": "http://127.0.0.1:39999/", "events": ["task.*"]})).await.good(201);
    app.created(&json!({"id": "t"})).await;
    for percent in 0..40 {
        app.callback("t", &json!({"event": "progress", "progress": {"percentage": percent}})).taken().await;
    }
    let copy = Database::fresh(Kind::Sqlite).await;
    let file = copy.file().expect("a file");
    let settings = [("DATABASE_URL", app.database.url.as_str())];
    let arguments = ["backup", file.to_str().expect("UTF-8")];
    let copying = run(&arguments, &settings);
    let writing = async {
        for percent in 40..80 {
            app.callback("t", &json!({"event": "progress", "progress": {"percentage": percent}})).taken().await;
        }
    };
    let ((code, said, told), ()) = tokio::join!(copying, writing);
    assert_eq!(code, Some(0), "{said}{told}");
    assert_eq!(run(&arguments, &settings).await.0, Some(2), "it is there already");
    app.stop().await;

    let copy = Arc::new(copy);
    let app = App::on(&copy, &[("SECRETS_KEY", KEY), ("DELIVERY_ALLOWED_NETWORKS", "private")]).await;
    let task = app.task("t").await;
    assert!(task["progress"]["percent"].as_f64() >= Some(39.0), "{task}");
    // as many receipts as its row says, and its progress is the last one's
    let receipts = app.items("/api/tasks/t/callbacks?limit=200").await;
    assert_eq!(receipts.len() as f64, task["progress"]["percent"].as_f64().expect("a percent") + 1.0);
    let id = webhook["id"].as_str().expect("an id");
    app.post(&format!("/api/webhooks/{id}/rotate-secret"), &json!({})).await.good(200);
    app.stop().await;
}

/// What SECRETS_KEY has encrypted, nothing else opens.
#[tokio::test]
async fn without_its_key_a_copys_credentials_are_lost() {
    let app = App::start(Kind::Sqlite, &[("SECRETS_KEY", KEY), ("DELIVERY_ALLOWED_NETWORKS", "private")]).await;
    let webhook = app.post("/api/webhooks", &json!({"url": "http://127.0.0.1:39999/", "events": ["task.*"]})).await.good(201);
    let copy = Database::fresh(Kind::Sqlite).await;
    let (code, _, told) =
        run(&["backup", copy.file().expect("a file").to_str().expect("UTF-8")], &[("DATABASE_URL", app.database.url.as_str())])
            .await;
    assert_eq!(code, Some(0), "{told}");
    app.stop().await;
    let app = App::on(&Arc::new(copy), &[("SECRETS_KEY", OTHER), ("DELIVERY_ALLOWED_NETWORKS", "private")]).await;
    let id = webhook["id"].as_str().expect("an id");
    let tried = app.post(&format!("/api/webhooks/{id}/test"), &json!({})).await;
    assert!(tried.text.contains("SECRETS_KEY"), "{}", tried.text);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn what_cannot_be_copied_leaves_nothing_behind(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (database, folder) = (Database::empty(kind).await, tempfile::tempdir().expect("a folder"));
    let file = folder.path().join("copy.db");
    let (code, _, told) = run(&["backup", file.to_str().expect("UTF-8")], &[("DATABASE_URL", database.url.as_str())]).await;
    match kind {
        Kind::Sqlite => assert!(code == Some(1) && told.contains("no database yet"), "{told}"),
        Kind::Postgres => assert!(code == Some(2) && told.contains("pg_dump"), "{told}"),
    }
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0);
}
