//! `GET /api/generators`.

use std::sync::Arc;

use rstest::rstest;
use serde_json::{Value, json};

use crate::harness::app::Extra;
use crate::harness::{App, Database, Kind};

const ACCOUNT: &str = r#"
extends = "simulator"
about = "A second account"
sources = ["https://vendor.example"]
experimental = true
"#;

fn named<'a>(items: &'a [Value], name: &str) -> &'a Value {
    items.iter().find(|item| item["name"] == name).unwrap_or_else(|| panic!("{name} is not listed"))
}

fn setting<'a>(generator: &'a Value, name: &str) -> &'a Value {
    let settings = generator["settings"].as_array().expect("settings");
    settings.iter().find(|setting| setting["name"] == name).unwrap_or_else(|| panic!("{name} is not in {settings:?}"))
}

#[rstest]
#[tokio::test]
async fn the_catalog_is_listed_with_what_it_lacks_and_without_its_secrets(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let secret = "never to be seen, of 32 bytes or more";
    let settings = [
        ("GENERATOR_SECOND_SECRET", secret),
        ("GENERATOR_SECOND_BASE_URL", "http://user:hush@127.0.0.1:1/api"),
        ("GENERATOR_SIMULATOR_SECRET", secret),
    ];
    let extra = Extra { settings: &settings, generators: &[("second", ACCOUNT)], ..Extra::default() };
    let app = App::with(&Arc::new(Database::fresh(kind).await), extra).await;
    let answer = app.get("/api/generators").await;
    assert!(!answer.text.contains("never to be seen") && !answer.text.contains("hush"), "a secret is shown");
    let list = answer.good(200);
    let items = list["items"].as_array().expect("a list");
    let second = named(items, "second");
    let facts = ["about", "experimental", "sources", "built_in", "extends", "configured", "trust", "can_submit", "can_ask"];
    assert_eq!(
        facts.map(|fact| second[fact].clone()),
        [
            json!("A second account"),
            json!(true),
            json!(["https://vendor.example"]),
            json!(false),
            json!("simulator"),
            json!(true),
            json!("verify"),
            json!(true),
            json!(true)
        ]
    );
    assert_eq!(setting(second, "GENERATOR_SECOND_SECRET")["value"], "***");
    assert_eq!(setting(second, "GENERATOR_SECOND_BASE_URL")["value"], "http://user:***@127.0.0.1:1/api");
    let simulator = named(items, "simulator");
    assert_eq!(
        (&simulator["built_in"], &simulator["configured"], &simulator["can_submit"]),
        (&json!(true), &json!(false), &json!(false))
    );
    let lacking = setting(simulator, "GENERATOR_SIMULATOR_BASE_URL");
    assert_eq!((&lacking["required"], &lacking["set"], &lacking["value"]), (&json!(true), &json!(false), &Value::Null));
    assert_eq!(named(items, "default")["settings"][0]["name"], "CALLBACK_SECRET_KEY");
    let url = second["callback_url"].as_str().expect("a form");
    assert!(url.ends_with("/callback/{task_id}?generator=second&attempt={attempt}&token={token}"), "{url}");
    assert_eq!((&list["refused"], list["loaded_at"].is_string()), (&Value::Null, true));
    let names: Vec<&str> = items.iter().filter_map(|item| item["name"].as_str()).collect();
    assert!(names.is_sorted() && names.len() > 10, "{names:?}");
    app.stop().await;
}

#[tokio::test]
async fn the_example_of_each_generator_creates_a_task() {
    let app = App::start(Kind::Sqlite, &[]).await;
    for item in app.items("/api/generators").await {
        let task = app.create(&item["example"]).await.good(201);
        assert_eq!(task["generator"], item["name"]);
    }
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn pages_are_as_long_as_asked_for(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    let all = app.get("/api/generators").await.good(200);
    assert!(all["next_cursor"].is_null());
    let (mut paged, mut next) = (Vec::new(), String::new());
    while paged.len() < 100 {
        let mut page = app.get(&format!("/api/generators?limit=7{next}")).await.good(200);
        let items = std::mem::take(page["items"].as_array_mut().expect("a list"));
        assert!((1..=7).contains(&items.len()));
        paged.extend(items);
        match page["next_cursor"].as_str() {
            Some(cursor) => next = format!("&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(json!(paged), all["items"]);
    for wrong in ["limit=0", "limit=201", "cursor=x", "colour=red"] {
        let answer = app.get(&format!("/api/generators?{wrong}")).await;
        assert_eq!(answer.problem(), (422, "invalid_request".to_owned()), "{wrong}");
    }
    app.stop().await;
}
