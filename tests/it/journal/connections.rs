//! How the journal uses the database: writers side by side, connections that are kept, and SQLite's log.

use std::collections::BTreeMap;
use std::path::Path;

use callback_hub::clock::Clock;
use callback_hub::journal::{Journal, Limits};
use callback_hub::store::Store;
use rstest::rstest;
use tokio_util::sync::CancellationToken;

use super::desk::{Desk, NOW, callback, create, progress, recorded};
use crate::harness::database::Kind;
use crate::samples::task_id;

#[rstest]
#[tokio::test]
async fn a_tasks_events_keep_their_order_however_many_write(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    const TASKS: usize = 12;
    const EVENTS: u64 = 6;
    let desk = Desk::open(kind, Limits::default()).await;
    // small batches, so that each writer has many
    let limits = Limits { items: 3, ..Limits::default() };
    let (journal, workers) = Journal::new(&desk.store, &Clock::manual(NOW), limits, 4);
    let names: Vec<String> = (0..TASKS).map(|number| format!("task-{number}")).collect();
    let created: Vec<_> = names.iter().map(|name| journal.enqueue(create(name)).expect("there is room")).collect();
    let mut pending: BTreeMap<&str, Vec<_>> = BTreeMap::new();
    for event in 0..EVENTS {
        for name in &names {
            let entry = callback(name, progress(10.0, "on its way"), &format!("{event}"));
            pending.entry(name).or_default().push(journal.enqueue(entry).expect("there is room"));
        }
    }
    assert_eq!(journal.depth(), TASKS * (1 + usize::try_from(EVENTS).expect("a few")));
    let shutdown = CancellationToken::new();
    shutdown.cancel();
    futures_util::future::join_all(workers.into_iter().map(|worker| worker.run(shutdown.clone()))).await;
    for creation in created {
        creation.wait().await.expect("created");
    }
    for (name, events) in pending {
        let mut sequences = Vec::new();
        for event in events {
            sequences.push(recorded(&event.wait().await).sequence);
        }
        assert_eq!(sequences, (1..=EVENTS).collect::<Vec<_>>(), "{name}");
    }
}

#[tokio::test]
async fn writers_share_the_room_that_there_is() {
    let desk = Desk::open(Kind::Sqlite, Limits::default()).await;
    let limits = Limits { queue: 4, ..Limits::default() };
    let (journal, _workers) = Journal::new(&desk.store, &Clock::manual(NOW), limits, 2);
    let waiting: Vec<_> = (0..100).filter_map(|number| journal.enqueue(create(&format!("task-{number}"))).ok()).collect();
    assert_eq!(waiting.len(), 4);
    assert_eq!(journal.depth(), 4);
}

#[tokio::test]
async fn a_connection_that_broke_while_nobody_used_it_is_no_loss() {
    let mut desk = Desk::open(Kind::Postgres, Limits::default()).await;
    assert!(desk.record(vec![create("before")]).await[0].is_ok());
    desk.database
        .execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
        .await;
    assert!(desk.record(vec![create("after")]).await[0].is_ok());
    assert!(desk.status("after").await.is_some());
}

#[tokio::test]
async fn what_the_log_holds_comes_into_the_database_beside_whoever_writes() {
    let mut desk = Desk::open(Kind::Sqlite, Limits::default()).await;
    assert!(desk.record(vec![create("a")]).await[0].is_ok());
    assert!(desk.store.has_log());
    let file = desk.database.url.trim_start_matches("sqlite://").split('?').next().expect("a path").to_owned();
    assert_eq!(tasks_without_the_log(Path::new(&file)).await, Vec::<bool>::new());
    desk.store.checkpoint().await.expect("a checkpoint");
    assert_eq!(tasks_without_the_log(Path::new(&file)).await, [true]);
}

/// Whether "a" is among the tasks of a copy of the file alone; nothing if there is not even a table.
async fn tasks_without_the_log(file: &Path) -> Vec<bool> {
    let folder = tempfile::tempdir().expect("a folder");
    let copy = folder.path().join("copy.db");
    std::fs::copy(file, &copy).expect("a copy");
    let store = Store::connect(&format!("sqlite://{}", copy.display()), 1).await.expect("the copy");
    let found = store.task_state(&task_id("a")).await;
    store.close().await;
    found.ok().flatten().map(|_| true).into_iter().collect()
}
