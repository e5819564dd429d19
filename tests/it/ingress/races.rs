//! A callback that looks for its task while somebody makes that known.

use std::time::Duration;

use rstest::rstest;
use serde_json::json;

use super::{done, hook, ok, start};
use crate::harness::Kind;

/// Parked after it had looked and before that was committed: whoever made its task known could not see it.
#[rstest]
#[tokio::test]
async fn whom_nobody_woke_looks_again_by_himself(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = start(kind).await;
    assert_eq!(hook(&app, "account", &done("gen-1")).taken().await, ok("parked"));
    let due = "SELECT due_at FROM hub_parked AS before";
    app.database.execute(&format!("CREATE TABLE missed AS {due}")).await;
    app.created(&json!({"id": "t", "generator": "account", "external_id": "gen-1"})).await;
    app.database.execute("UPDATE hub_parked SET due_at = (SELECT due_at FROM missed)").await;
    assert_eq!(app.work_off().await, 0);
    assert_eq!(app.status("t").await, "submitted");
    assert_eq!(app.later(Duration::from_secs(1)).await, 1);
    assert_eq!(app.status("t").await, "completed");
    app.stop().await;
}

/// Whoever is in the middle of a look when its task becomes known does not put it off.
#[rstest]
#[tokio::test]
async fn a_lease_that_has_ended_lets_others_look(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = start(kind).await;
    assert_eq!(hook(&app, "account", &done("gen-1")).taken().await, ok("parked"));
    let store = callback_hub::store::Store::connect(&app.database.url, 2).await.expect("the database");
    app.clock.advance(Duration::from_secs(1));
    let now = app.clock.now();
    let mine = store.claim_parked(now, now.plus(Duration::from_secs(60)), 10).await.expect("a claim");
    assert_eq!(mine.len(), 1);
    assert_eq!(store.claim_parked(now, now, 10).await.expect("a claim").len(), 0, "it is leased");
    assert_eq!(app.work_off().await, 0);
    app.created(&json!({"id": "t", "generator": "account", "external_id": "gen-1"})).await;
    assert_eq!(app.work_off().await, 1, "it was woken for everybody");
    assert_eq!(app.status("t").await, "completed");
    assert_eq!(app.items("/api/tasks/t/callbacks").await.len(), 1);
    store.close().await;
    app.stop().await;
}
