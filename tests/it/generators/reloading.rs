//! Generator files that change while the hub runs.

use std::sync::Arc;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use rstest::rstest;
use serde_json::{Value, json};

use crate::harness::app::Extra;
use crate::harness::process::{API_KEY, Process};
use crate::harness::{App, Database, Kind};

const ONE: &str =
    "trust = \"token\"\nabout = \"one\"\n[event]\nstate = \"json:status\"\nresult = \"json:output\"\nmap.completed = \"done\"\n";

/// What the list says about a generator.
async fn about(app: &App, name: &str) -> Value {
    let items = app.items("/api/generators").await;
    items.into_iter().find(|item| item["name"] == name).map_or(Value::Null, |item| item["about"].clone())
}

/// Looks twice: what has just changed may still be changing.
async fn look(app: &App) -> u64 {
    let steps = [app.loops.reload.step().await, app.loops.reload.step().await];
    steps.into_iter().map(|step| step.expect("a step").handled).sum()
}

async fn with_one(kind: Kind) -> App {
    App::with(&Arc::new(Database::fresh(kind).await), Extra { generators: &[("one", ONE)], ..Extra::default() }).await
}

#[rstest]
#[tokio::test]
async fn changed_files_count_without_a_restart(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = with_one(kind).await;
    assert_eq!((look(&app).await, about(&app, "one").await), (0, json!("one")), "nothing has changed");
    app.clock.advance(Duration::from_secs(60));
    app.write_generator("one", &ONE.replace("\"one\"", "\"another\""));
    app.write_generator("two", ONE);
    assert_eq!(app.loops.reload.step().await.expect("a step").handled, 0, "somebody may still be writing");
    assert_eq!(about(&app, "one").await, "one");
    assert_eq!(look(&app).await, 1);
    assert_eq!((about(&app, "one").await, about(&app, "two").await), (json!("another"), json!("one")));
    let loaded = app.get("/api/generators").await.good(200)["loaded_at"].clone();
    assert_eq!(loaded, "2027-01-15T08:01:00Z");

    // the new one takes tasks, and their callbacks
    let task = app.created(&json!({"id": "t", "generator": "two"})).await;
    let url = task["callback_url"].as_str().expect("a URL");
    let answer = app.send(app.client.post(url).body(r#"{"status":"done","output":1}"#)).await.good(200);
    assert_eq!(answer["status"], "completed");

    // one that goes leaves its tasks alone
    let waiting = app.created(&json!({"id": "w", "generator": "two"})).await;
    app.remove_generator("two");
    assert_eq!(look(&app).await, 1);
    assert_eq!(app.status("w").await, "submitted");
    let url = waiting["callback_url"].as_str().expect("a URL");
    assert_eq!(app.send(app.client.post(url).body("{}")).await.problem(), (404, "unknown_generator".to_owned()));
    app.post("/api/tasks/w/cancel", &json!({})).await.good(200);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_broken_file_is_refused_with_all_the_others_and_the_old_ones_stay(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = with_one(kind).await;
    app.write_generator("one", &ONE.replace("\"one\"", "\"good, and yet not taken\""));
    app.write_generator("two", "trust = \"token\"\n\n[event]\nstaet = \"json:x\"\n");
    assert_eq!(look(&app).await, 1);
    assert_eq!((about(&app, "one").await, about(&app, "two").await), (json!("one"), Value::Null));
    let list = app.get("/api/generators").await.good(200);
    assert_eq!(list["refused"]["fault"], "two.toml:4: `event.staet` is no key here; did you mean `state`?");
    assert_eq!(look(&app).await, 0, "once is enough for the same files");
    let task = app.created(&json!({"id": "t", "generator": "one"})).await;
    let url = task["callback_url"].as_str().expect("a URL");
    app.send(app.client.post(url).body(r#"{"status":"done","output":1}"#)).await.good(200);

    app.write_generator("two", ONE);
    assert_eq!(look(&app).await, 1);
    assert_eq!((about(&app, "one").await, about(&app, "two").await), (json!("good, and yet not taken"), json!("one")));
    assert_eq!(app.get("/api/generators").await.good(200)["refused"], Value::Null);
    app.stop().await;
}

#[tokio::test]
async fn settings_go_for_files_that_come_later() {
    let app = App::start(Kind::Sqlite, &[("GENERATOR_LATER_BASE_URL", "http://127.0.0.1:1")]).await;
    app.write_generator("later", &format!("{ONE}[submit]\nurl = \"{{base_url}}/jobs\"\n"));
    assert_eq!(look(&app).await, 1);
    let items = app.items("/api/generators").await;
    let later = items.iter().find(|item| item["name"] == "later").expect("it is there");
    assert_eq!((&later["configured"], &later["can_submit"]), (&json!(true), &json!(true)));
    app.stop().await;
}

async fn get(hub: &Process, path: &str) -> reqwest::Response {
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let request = client.get(format!("http://{}{path}", hub.address)).header("x-api-key", API_KEY);
    request.send().await.expect("an answer")
}

/// Asks a process until its list is as it should be.
async fn until(hub: &Process, what: impl Fn(&Value) -> bool) {
    let asking = async {
        loop {
            if what(&get(hub, "/api/generators").await.json().await.expect("JSON")) {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), asking).await.unwrap_or_else(|_| panic!("not in time: {}", hub.log()));
}

fn describes(list: &Value, name: &str, about: &str) -> bool {
    list["items"].as_array().is_some_and(|items| items.iter().any(|item| item["name"] == name && item["about"] == about))
}

#[tokio::test]
async fn a_running_hub_sees_changed_files_by_itself_and_at_once_on_a_hangup() {
    let database = Database::fresh(Kind::Sqlite).await;
    let mut hub = Process::with(&database.url, &[], &[("one", ONE)]).await;
    until(&hub, |list| describes(list, "one", "one")).await;
    hub.write_generator("one", &ONE.replace("\"one\"", "\"another\""));
    until(&hub, |list| describes(list, "one", "another")).await;
    hub.write_generator("one", "trust = \"nobody\"\n[event]\n");
    kill(hub.pid(), Signal::SIGHUP).expect("the hub runs");
    until(&hub, |list| {
        list["refused"]["fault"].as_str().is_some_and(|fault| fault.starts_with("one.toml:1: `trust` may not be"))
    })
    .await;
    until(&hub, |list| describes(list, "one", "another")).await;
    assert!(hub.log().contains("one.toml:1: `trust` may not be"), "{}", hub.log());
    assert_eq!(get(&hub, "/health/ready").await.status(), 200, "the hub works as before");
    hub.terminate();
    assert!(hub.ended().await.success());
}
