//! How many attempts a generator is given at a time, over all replicas, and who comes first.

use rstest::rstest;
use serde_json::{Value, json};

use std::sync::Arc;

use super::{MINUTE, generators, settings, start, with};
use crate::harness::app::Extra;
use crate::harness::generator::{Generator, Reply};
use crate::harness::{App, Database, Kind};

#[rstest]
#[tokio::test]
async fn no_more_than_it_takes_and_the_most_urgent_first(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, generator) = start(kind, &[]).await;
    for (id, priority) in [("low", 9), ("middle", 5), ("high", 1), ("middle-2", 5)] {
        app.created(&json!({"id": id, "generator": "slotted", "priority": priority, "input": {"name": id}})).await;
        app.clock.advance(super::SECOND);
    }
    app.work_off().await;
    let sent = || -> Vec<Value> { generator.asked("POST /jobs").iter().map(|asked| asked.body["name"].clone()).collect() };
    let mut first = sent();
    first.sort_by_key(Value::to_string);
    assert_eq!(first, [json!("high"), json!("middle")]);
    for (id, waits) in [("low", true), ("middle-2", true), ("high", false)] {
        assert_eq!(app.task(id).await["waiting_for_slot"], waits, "{id}");
    }
    app.post("/api/tasks/high/cancel", &json!({})).await.good(200);
    app.work_off().await;
    assert_eq!(sent()[2..], [json!("middle-2")]);
    app.post("/api/tasks/middle/cancel", &json!({})).await.good(200);
    app.work_off().await;
    assert_eq!(sent()[3..], [json!("low")]);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn slots_count_over_all_replicas(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, generator) = start(kind, &[]).await;
    let other = with(&app.database, &generator, &[]).await;
    for number in 0..20 {
        app.created(&json!({"id": format!("t-{number}"), "generator": "slotted"})).await;
    }
    for _ in 0..5 {
        futures_util::future::join(app.work_off(), other.work_off()).await;
    }
    assert_eq!(generator.count("POST /jobs"), 2);
    other.stop().await;
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_setting_overrides_the_generators_word(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, generator) = start(kind, &[("TASK_MAX_CONCURRENT", "0")]).await;
    for number in 0..10 {
        app.created(&json!({"id": format!("t-{number}"), "generator": "slotted"})).await;
    }
    app.work_off().await;
    app.later(MINUTE).await;
    assert_eq!(generator.count("POST /jobs"), 10);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn one_that_gets_no_answer_holds_up_nobody_else(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let generator = Generator::start().await;
    let (files, settings) = (generators(), settings(&generator.base));
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let extra = Extra { settings: &settings, generators: &files, loops_run: true, ..Extra::default() };
    let app = App::with(&Arc::new(Database::fresh(kind).await), extra).await;
    generator.want("POST /jobs", [Reply::Never]);
    for number in 0..20 {
        app.created(&json!({"id": format!("t-{number}"), "generator": "hosted"})).await;
    }
    app.until(async || app.items("/api/tasks?status=submitted&limit=200").await.len() == 19).await;
    assert_eq!(app.items("/api/tasks?status=pending").await.len(), 1);
    // the service would wait for an answer that may be the only trace of a job
    drop(generator);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn an_urgent_task_that_has_to_wait_holds_nobody_up(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, generator) = start(kind, &[]).await;
    let task = app.created(&json!({"id": "urgent", "generator": "hosted", "priority": 1})).await;
    app.work_off().await;
    let url = task["callback_url"].as_str().expect("a URL");
    app.callback_to(url, json!({"event": "failed", "taskId": generator.job()}).to_string()).taken().await;
    for (id, priority) in [("low", 9), ("middle", 5), ("lower", 10)] {
        app.created(&json!({"id": id, "generator": "hosted", "priority": priority})).await;
    }
    app.work_off().await;
    assert_eq!((app.status("urgent").await.as_str(), generator.count("POST /jobs")), ("pending", 4));
    app.later(MINUTE).await;
    assert_eq!(generator.count("POST /jobs"), 5);
    app.stop().await;
}
