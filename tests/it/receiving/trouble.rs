//! The database busy, gone, or holding nonsense.

use std::sync::Arc;

use callback_hub::journal::Limits;
use futures_util::future::{join, join_all};
use rstest::rstest;
use serde_json::{Value, json};

use crate::harness::app::Extra;
use crate::harness::callback::{SIGNATURE, signature};
use crate::harness::{Answer, App, Database, Kind};

fn completed(n: u32) -> Value {
    json!({"event": "completed", "result": n})
}

fn unavailable() -> (u16, String) {
    (503, "unavailable".to_owned())
}

async fn with_batches_of(items: usize, database: &Arc<Database>, settings: &[(&str, &str)]) -> App {
    let journal = Some(Limits { items, ..Limits::default() });
    App::with(database, Extra { settings, journal, ..Extra::default() }).await
}

#[rstest]
#[tokio::test]
async fn while_the_database_is_gone_callbacks_are_asked_to_come_again(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::in_real_time(kind, &[("CALLBACK_TIMEOUT", "1500ms")]).await;
    app.created(&json!({"id": "t"})).await;
    let gone = app.database.take_away().await;
    let answer = app.callback("t", &completed(1)).send().await;
    assert_eq!(answer.problem(), unavailable());
    assert!(answer.retry_after().is_some());
    let batch = app.batch(&[json!({"task_id": "t", "event": "completed", "result": 2})]).send().await;
    assert_eq!(batch.problem(), unavailable());
    assert_eq!(app.callback("t", &completed(1)).secret("a guess").refused().await.0, 401, "this needs no database");
    if kind == Kind::Postgres {
        assert_eq!(app.get("/api/tasks/t").await.problem(), unavailable());
        assert_eq!(app.create(&json!({"id": "u"})).await.problem(), unavailable());
        let ready = app.get("/health/ready").await;
        assert_eq!((ready.status, &ready.json()["status"]), (503, &json!("database")));
    }
    assert_eq!(app.get("/health/live").await.status, 200);

    app.database.give_back(gone).await;
    // the outcome of the first is unknown to its sender; whatever it was, the redelivery tells the truth
    app.until(async || app.callback("t", &completed(1)).send().await.status == 200).await;
    let task = app.task("t").await;
    assert_eq!((&task["status"], &task["result"]), (&json!("completed"), &json!(1)));
    assert_eq!(app.callback("t", &completed(1)).taken().await.1, "duplicate");
    assert_eq!(app.get("/health/ready").await.status, 200);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn readiness_follows_the_database(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::in_real_time(kind, &[]).await;
    app.created(&json!({"id": "t"})).await;
    let says = async |expected: (u16, &str)| {
        app.until(async || {
            let ready = app.get("/health/ready").await;
            (ready.status, ready.json()["status"].as_str()) == (expected.0, Some(expected.1))
        })
        .await;
    };
    says((200, "ok")).await;
    let gone = app.database.take_away().await;
    let body = completed(1);
    // an embedded database is not gone: its only writer waits
    let waiting = app.callback("t", &body).send();
    let coming_back = async {
        says((503, "database")).await;
        app.database.give_back(gone).await;
        says((200, "ok")).await;
    };
    join(waiting, coming_back).await;
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_callback_is_answered_within_its_time_though_the_database_is_not(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[("CALLBACK_TIMEOUT", "300ms")]).await;
    app.created(&json!({"id": "t"})).await;
    let hold = app.database.hold().await;
    let begun = std::time::Instant::now();
    let items: Vec<Value> = (0..600).map(|n| json!({"task_id": "t", "event": "progress", "event_id": n})).collect();
    let (single, batch) = join(app.callback("t", &completed(1)).send(), app.batch(&items).send()).await;
    assert_eq!((single.problem(), batch.problem()), (unavailable(), unavailable()));
    assert!(begun.elapsed() < std::time::Duration::from_secs(3), "{:?}", begun.elapsed());
    hold.release().await;
    app.until(async || app.callback("t", &completed(1)).send().await.status == 200).await;
    assert_eq!(app.status("t").await, "completed");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn who_gave_up_waiting_before_the_commit_is_not_counted_behind_his_back(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let app = with_batches_of(1, &Arc::new(Database::fresh(kind).await), &[("CALLBACK_TIMEOUT", "300ms")]).await;
    for id in ["first", "t"] {
        app.created(&json!({"id": id})).await;
    }
    let hold = app.database.hold().await;
    // one of the two is being written, the other one waits
    let firsts = join_all([1, 2].map(|n| app.callback("first", &json!({"event": "progress", "event_id": n})).send()));
    let last = async {
        app.until_queued(1).await;
        app.callback("t", &completed(1)).send().await
    };
    let (firsts, last) = join(firsts, last).await;
    assert!(firsts.iter().chain([&last]).all(|answer| answer.problem() == unavailable()));
    hold.release().await;
    app.until(async || app.callback("first", &completed(2)).send().await.status == 200).await;
    assert_eq!(app.status("t").await, "submitted");
    assert_eq!(app.callback("t", &completed(1)).taken().await.1, "applied");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn what_was_begun_before_the_stop_is_finished(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = with_batches_of(1, &Arc::new(Database::fresh(kind).await), &[]).await;
    for id in ["t", "u"] {
        app.created(&json!({"id": id})).await;
    }
    let hold = app.database.hold().await;
    let body = completed(1).to_string();
    let begun = join_all(["t", "u"].map(|id| {
        let request = app.client.post(format!("{}/callback/{id}", app.base));
        request.header(SIGNATURE, signature(body.as_bytes())).body(body.clone()).send()
    }));
    let ending = async {
        app.until_queued(1).await;
        join(app.stop(), hold.release()).await.0
    };
    let (answers, database) = join(begun, ending).await;
    for answer in answers {
        assert_eq!(answer.expect("an answer").status().as_u16(), 200);
    }
    let app = App::on(&database, &[]).await;
    assert_eq!((app.status("t").await, app.status("u").await), ("completed".to_owned(), "completed".to_owned()));
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_corrupt_row_harms_nobody_else_in_its_batch(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    for id in ["a", "bad", "z", "first"] {
        app.created(&json!({"id": id})).await;
    }
    app.database.execute("UPDATE hub_tasks SET status = 'nonsense' WHERE id = 'bad'").await;

    let items = ["a", "bad", "z"].map(|id| json!({"task_id": id, "event": "progress"}));
    // a 200 would tell the sender never to come again; what could be written is known when it does
    assert_eq!(app.batch(&items).refused().await, (500, "internal".to_owned()));
    assert_eq!((app.status("a").await, app.status("z").await), ("processing".to_owned(), "processing".to_owned()));

    let database = app.stop().await;
    let app = with_batches_of(2, &database, &[]).await;
    let hold = database.hold().await;
    let all = join_all(["first", "a", "bad", "z", "bad"].map(|id| app.callback(id, &completed(1)).send()));
    let release = async {
        // two of them are being written
        app.until_queued(3).await;
        hold.release().await;
    };
    let (answers, ()) = join(all, release).await;
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [200, 200, 500, 200, 500]);
    assert_eq!(answers[2].problem(), (500, "internal".to_owned()));
    let said = |answer: &Answer| answer.json()["detail"].clone();
    assert_eq!(said(&answers[2]), said(&answers[4]));
    let text = answers[2].text.to_ascii_lowercase();
    for secret in ["hub_tasks", "nonsense", "bad", "sql", "postgres"] {
        assert!(!text.contains(secret), "{text}");
    }
    assert_eq!((app.status("a").await, app.status("z").await), ("completed".to_owned(), "completed".to_owned()));
    assert_eq!(app.get("/api/tasks/bad").await.problem(), (500, "internal".to_owned()));
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_clock_that_differs_from_the_databases_is_not_ready(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    // the tests' own clock is years ahead; SQLite has no other
    let app = App::start(kind, &[]).await;
    let expected = if kind == Kind::Sqlite { (200, "ok") } else { (503, "clock") };
    let ready = app.get("/health/ready").await;
    assert_eq!((ready.status, ready.json()["status"].as_str()), (expected.0, Some(expected.1)));
    app.stop().await;
}
