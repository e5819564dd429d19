//! What a generator's file says about answers.

use std::sync::Arc;

use rstest::rstest;
use serde_json::json;

use crate::harness::app::Extra;
use crate::harness::{App, Database, Kind};

const ONLY_PUT: &str =
    "trust = \"token\"\n[event]\nstate = \"json:status\"\nmap.completed = \"done\"\n[reply]\nmethods = \"PUT\"\n";

#[rstest]
#[tokio::test]
async fn a_generator_may_be_held_to_one_method(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let extra = Extra { generators: &[("put", ONLY_PUT)], ..Extra::default() };
    let app = App::with(&Arc::new(Database::fresh(kind).await), extra).await;
    let url = app.created(&json!({"id": "t", "generator": "put"})).await["callback_url"].as_str().expect("a URL").to_owned();
    let body = r#"{"status":"done"}"#;
    let refused = app.send(app.client.post(&url).body(body)).await;
    assert_eq!(refused.problem(), (405, "method_not_allowed".to_owned()));
    assert_eq!(refused.header("allow"), Some("PUT"));
    assert_eq!(app.status("t").await, "submitted");
    assert_eq!(app.send(app.client.put(&url).body(body)).await.good(200)["status"], "completed");
    app.stop().await;
}
