//! Several apps on one database.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::future::{join, join_all};
use migration::{Migrator, MigratorTrait};
use rstest::rstest;
use serde_json::{Value, json};

use crate::harness::{App, Database, Kind};

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callbacks_to_two_apps_at_once_take_effect_once(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let one = App::start(kind, &[]).await;
    let two = App::on(&one.database, &[]).await;
    for task in 0..10 {
        one.created(&json!({"id": format!("t{task}")})).await;
    }
    // the same progress, an id to adopt, and different results, each from both sides and more than once
    let mut sent = Vec::new();
    for task in 0..10 {
        for copy in 0..3 {
            for (app, side) in [(&one, 1), (&two, 2)] {
                for body in [
                    json!({"event": "progress", "event_id": "p"}),
                    json!({"event": "progress", "event_id": "x", "taskId": format!("ext-{task}")}),
                    json!({"event": "completed", "result": [side, copy]}),
                ] {
                    sent.push((format!("t{task}"), app, body));
                }
            }
        }
    }
    let outcomes = join_all(sent.iter().map(|(task, app, body)| app.callback(task, body).taken())).await;

    let mut applied: HashMap<(&str, String), Vec<&Value>> = HashMap::new();
    for ((task, _, body), (status, outcome)) in sent.iter().zip(&outcomes) {
        assert_eq!(*status, 200);
        if outcome == "applied" {
            let what = body["event_id"].as_str().unwrap_or("result").to_owned();
            applied.entry((task, what)).or_default().push(&body["result"]);
        }
    }
    for task in 0..10 {
        let id = format!("t{task}");
        let results = &applied[&(id.as_str(), "result".to_owned())];
        assert_eq!(results.len(), 1, "{id} completed once");
        let (here, there) = (one.task(&id).await, two.task(&id).await);
        assert_eq!((&here["result"], &there["result"]), (results[0], results[0]));
        for what in ["p", "x"] {
            assert!(applied.get(&(id.as_str(), what.to_owned())).is_none_or(|times| times.len() == 1), "{id} {what}");
        }
        let receipts = one.items(&format!("/api/tasks/{id}/callbacks")).await;
        assert_eq!(receipts.len(), 18, "every one is accounted for");
    }
    two.stop().await;
    one.stop().await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn creations_at_two_apps_at_once_make_one_task(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let one = App::start(kind, &[]).await;
    let two = App::on(&one.database, &[]).await;
    for round in 0..10 {
        let (same, other) = (json!({"id": format!("t{round}")}), json!({"id": format!("t{round}"), "priority": 1}));
        let answers = join_all([one.create(&same), two.create(&same), one.create(&other), two.create(&other)]).await;
        let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 201, 409, 409], "{round}");
        let (here, there) =
            (json!({"external_id": format!("e{round}")}), json!({"external_id": format!("e{round}"), "priority": 2}));
        let (first, second) = join(one.create(&here), two.create(&there)).await;
        let mut statuses = [first.status, second.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409], "an external id belongs to one: {round}");
    }
    two.stop().await;
    one.stop().await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_apps_that_start_at_once_migrate_once(#[values(Kind::Postgres)] kind: Kind) {
    for _ in 0..3 {
        let database = Arc::new(Database::empty(kind).await);
        let (one, two) = join(App::on(&database, &[]), App::on(&database, &[])).await;
        let task = one.created(&json!({"id": "t", "generator": "bearer"})).await;
        let url = task["callback_url"].as_str().expect("a URL");
        assert_eq!(two.callback_to(url, r#"{"event":"failed"}"#).unsigned().taken().await.1, "applied", "they agree on the key");
        assert_eq!(usize::try_from(database.count("hub_migrations").await), Ok(Migrator::migrations().len()), "each once");
        two.stop().await;
        one.stop().await;
    }
}
