//! `GET /api/events` and `GET /api/tasks/{id}/events`

mod crowd;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use callback_hub::domain::role::Role;
use callback_hub::generator::mac::sha256;
use rstest::rstest;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::harness::watcher::Watcher;
use crate::harness::{App, Kind};

/// What a stream of a test shows within a second.
const SOON: Duration = Duration::from_secs(1);

fn progress(percent: u32) -> Value {
    json!({"event": "progress", "progress": {"percentage": percent, "stage": "render"}})
}

#[rstest]
#[tokio::test]
async fn what_happens_is_told_as_it_happens(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    app.created(&json!({"id": "before"})).await;
    app.callback("before", &progress(1)).taken().await;
    let mut watcher = Watcher::open(&app, "/api/events", None).await;
    app.created(&json!({"id": "t", "metadata": {"of": "mine"}})).await;
    let created = watcher.next().await;
    assert_eq!((created.name.as_str(), created.data["event"].as_str()), ("task", Some("created")));
    assert_eq!((&created.data["task"]["id"], &created.data["task"]["metadata"]["of"]), (&json!("t"), &json!("mine")));
    for (body, event, status) in
        [(progress(40), "progress", "processing"), (json!({"event": "completed", "result": 1}), "completed", "completed")]
    {
        let begun = Instant::now();
        app.callback("t", &body).taken().await;
        let heard = watcher.next().await;
        assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
        assert_eq!((heard.name.as_str(), heard.data["event"].as_str()), ("task", Some(event)));
        assert_eq!((&heard.data["outcome"], &heard.data["source"]), (&json!("applied"), &json!("callback")));
        assert_eq!(heard.data["task"]["status"], status);
        assert_eq!(heard.data["callback_id"], heard.id);
        assert!(heard.data["task"].get("callback_url").is_none(), "tokens are shown to whoever creates or reads a task");
    }
    app.post("/api/tasks/before/cancel", &json!({})).await.good(200);
    assert_eq!(watcher.next().await.data["source"], "operator");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn refused_callbacks_are_told_too(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    let mut watcher = Watcher::open(&app, "/api/events", None).await;
    let forged = app.client.post(format!("{}/callback/nobody", app.base)).body("{}").header("x-webhook-signature", "00");
    assert_eq!(app.send(forged).await.problem().0, 401);
    let heard = watcher.next().await;
    assert_eq!((heard.name.as_str(), &heard.data["verdict"]), ("callback", &json!("rejected")));
    assert_eq!((&heard.data["code"], &heard.data["task_id"]), (&json!("signature_invalid"), &json!("nobody")));
    assert_eq!(heard.data["callback_id"], heard.id);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_task_is_watched_from_how_it_stands(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    for id in ["t", "u"] {
        app.created(&json!({"id": id})).await;
    }
    app.callback("t", &progress(40)).taken().await;
    let mut watcher = Watcher::open(&app, "/api/tasks/t/events", None).await;
    let current = watcher.next().await;
    assert_eq!((&current.data["event"], &current.data["task"]["progress"]["percent"]), (&json!("current"), &json!(40.0)));
    app.callback("u", &progress(50)).taken().await;
    app.callback("t", &progress(60)).taken().await;
    let heard = watcher.next().await;
    assert_eq!((&heard.data["task"]["id"], &heard.data["task"]["progress"]["percent"]), (&json!("t"), &json!(60.0)));
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn what_changes_without_a_word_is_told_too(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    app.created(&json!({"id": "t"})).await;
    let mut watcher = Watcher::open(&app, "/api/tasks/t/events", None).await;
    assert_eq!(watcher.next().await.data["event"], "current");
    app.database.execute("UPDATE hub_tasks SET priority = 9").await;
    app.clock.advance(Duration::from_secs(6));
    let heard = watcher.next().await;
    assert_eq!((&heard.data["event"], &heard.data["task"]["priority"]), (&json!("current"), &json!(9)));
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn whoever_comes_back_gets_what_was_missed(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::in_real_time(kind, &[]).await;
    let mut watcher = Watcher::open(&app, "/api/events", None).await;
    app.created(&json!({"id": "t"})).await;
    let mut last = watcher.next().await;
    let mut seen = BTreeSet::from([last.id.clone()]);
    for round in 0..3 {
        drop(watcher);
        for step in 1..=2 {
            app.callback("t", &progress(round * 10 + step)).taken().await;
        }
        watcher = Watcher::open(&app, "/api/events", Some(&last.id)).await;
        app.callback("t", &progress(round * 10 + 3)).taken().await;
        let mut fresh = Vec::new();
        while fresh.len() < 3 {
            let heard = watcher.next().await;
            // what lies shortly before comes again, with the same id
            if seen.insert(heard.id.clone()) {
                fresh.push(heard.clone());
                last = heard;
            }
        }
        assert!(fresh.iter().all(|heard| heard.data["event"] == "progress"), "{fresh:?}");
    }
    assert_eq!(seen.len(), 10);
    app.stop().await;
}

#[tokio::test]
async fn whoever_missed_too_much_is_told_to_read_anew() {
    let app = App::in_real_time(Kind::Sqlite, &[]).await;
    let mut watcher = Watcher::open(&app, "/api/events", None).await;
    app.created(&json!({"id": "t"})).await;
    let first = watcher.next().await;
    let tasks: Vec<String> = (0..2000).map(|number| format!("('many-{number}')")).collect();
    app.database
        .execute(&format!(
            "WITH v(id) AS (VALUES {}) INSERT INTO hub_receipts (id, generator, sequence, source, event, outcome, received_at, duration_us, headers)
            SELECT unhex(printf('%012x', unixepoch() * 1000) || hex(randomblob(10))), 'default', 1, 'callback', 'progress', 'parked', 0, 0, '{{}}' FROM v",
            tasks.join(", ")
        ))
        .await;
    // whoever watches one task is told how it stands
    let mut of_one = Watcher::open(&app, "/api/tasks/t/events", None).await;
    assert_eq!(of_one.next().await.data["event"], "current");
    app.database.execute("UPDATE hub_tasks SET priority = 9").await;
    let mut back = Watcher::open(&app, "/api/events", Some(&first.id)).await;
    assert_eq!((back.next().await.name.as_str(), watcher.next().await.name.as_str()), ("resync", "resync"));
    assert_eq!(of_one.next().await.data["task"]["priority"], 9);
    // told once, however long it is quiet then; and what comes after it is told again
    for id in ["u", "v"] {
        app.created(&json!({"id": id})).await;
        assert_eq!(watcher.next().await.data["task"]["id"], id);
    }
    app.stop().await;
}

#[tokio::test]
async fn whoever_has_seen_what_nobody_knows_is_told_to_read_anew() {
    let app = App::start(Kind::Sqlite, &[]).await;
    for unknown in ["42", "x/y"] {
        let mut watcher = Watcher::open(&app, "/api/events", Some(unknown)).await;
        assert_eq!(watcher.next().await.name, "resync", "{unknown:?}");
    }
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn metadata_on_several_lines_is_one_event(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    let mut watcher = Watcher::open(&app, "/api/events", None).await;
    let creating =
        app.client.post(format!("{}/api/tasks", app.base)).body("{\"id\": \"t\",\r\n\"metadata\": {\r\n\"a\":\n[1,\r2]}}");
    app.send(creating).await.good(201);
    assert_eq!(watcher.next().await.data["task"]["metadata"], json!({"a": [1, 2]}));
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_key_that_is_revoked_watches_no_longer(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    const KEY: &str = "a key that will be revoked";
    let app = App::start(kind, &[("API_KEYS", "a key of these tests")]).await;
    let store = app.store().await;
    let key = store.add_key("watcher", Role::Admin, &sha256([KEY.as_bytes()]), app.clock.now()).await.expect("a key");
    let watching = |key: &str| Watcher::of(app.client.get(format!("{}/api/events", app.base)).bearer_auth(key));
    let (mut revoked, mut kept) = (watching(KEY).await, watching("a key of these tests").await);
    assert!(store.revoke_key(key.id, app.clock.now()).await.expect("it was there"));
    store.close().await;
    assert_eq!(revoked.next_or_end().await, None);
    let creating = app.client.post(format!("{}/api/tasks", app.base)).bearer_auth("a key of these tests").body("{\"id\": \"t\"}");
    app.send(creating).await.good(201);
    assert_eq!(kept.next().await.data["task"]["id"], "t");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn what_another_app_writes_is_told_soon(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    let other = App::on(&app.database, &[]).await;
    let mut watcher = Watcher::open(&app, "/api/events", None).await;
    for number in 0..3 {
        let begun = Instant::now();
        other.created(&json!({"id": format!("t{number}")})).await;
        assert_eq!(watcher.next().await.data["task"]["id"], format!("t{number}"));
        assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    }
    other.stop().await;
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn streams_end_with_the_service(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    app.created(&json!({"id": "t"})).await;
    let mut all = Watcher::open(&app, "/api/events", None).await;
    let mut one = Watcher::open(&app, "/api/tasks/t/events", None).await;
    assert_eq!(one.next().await.data["event"], "current");
    let begun = Instant::now();
    app.stop().await;
    assert_eq!((all.next_or_end().await, one.next_or_end().await), (None, None));
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[rstest]
#[tokio::test]
async fn whoever_does_not_read_does_not_hold_up_the_end(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    let mut stuck = TcpStream::connect(app.base.trim_start_matches("http://")).await.expect("a connection");
    stuck.write_all(b"GET /api/events HTTP/1.1\r\nhost: localhost\r\n\r\n").await.expect("an open connection");
    let mut watcher = Watcher::open(&app, "/api/events", None).await;
    // more than all buffers on the way take
    let metadata = "x".repeat(1 << 20);
    app.created(&json!({"id": "t", "metadata": metadata})).await;
    for percent in 1..=20 {
        app.callback("t", &progress(percent)).taken().await;
        while watcher.next().await.data["task"]["progress"]["percent"] != json!(f64::from(percent)) {}
    }
    let begun = Instant::now();
    app.stop().await;
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn only_tasks_that_are_there_can_be_watched_and_only_with_a_key() {
    let app = App::start(Kind::Sqlite, &[("API_KEYS", "a key of these tests")]).await;
    for path in ["/api/events", "/api/tasks/nobody/events"] {
        assert_eq!(app.get(path).await.problem(), (401, "unauthorized".to_owned()));
        let wrong = app.client.get(format!("{}{path}?since=1", app.base)).bearer_auth("a key of these tests");
        assert_eq!(app.send(wrong).await.fields(), ["since"]);
    }
    let unknown = app.client.get(format!("{}/api/tasks/nobody/events", app.base)).bearer_auth("a key of these tests");
    assert_eq!(app.send(unknown).await.problem(), (404, "unknown_task".to_owned()));
    app.stop().await;
}
