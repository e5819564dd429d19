//! What waits for the same task is applied in the order in which it came.

use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};

use super::{hook, ok, progress, start};
use crate::harness::Kind;

#[rstest]
#[tokio::test]
async fn whatever_came_first_is_applied_first(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = start(kind).await;
    // more than one step takes, and the percents fall and rise
    let percents: Vec<u32> = (0..130).map(|n| n * 37 % 101).collect();
    for (n, percent) in percents.iter().enumerate() {
        let mut body = progress("gen-1", *percent);
        body["id"] = json!(n);
        assert_eq!(hook(&app, "account", &body).taken().await, ok("parked"));
        if n % 50 == 0 {
            assert_eq!(hook(&app, "account", &progress("nobody", u32::try_from(n).expect("small"))).taken().await, ok("parked"));
            app.later(Duration::from_secs(2)).await;
        }
    }
    app.created(&json!({"id": "t", "generator": "account", "external_id": "gen-1"})).await;
    assert_eq!(app.work_off().await, 130);
    let receipts = app.items("/api/tasks/t/callbacks?limit=200").await;
    let told: Vec<Value> = receipts.iter().rev().map(|receipt| receipt["outcome"].clone()).collect();
    let mut highest = 0;
    let expected: Vec<&str> = percents
        .iter()
        .map(|percent| {
            let rises = *percent >= highest;
            highest = highest.max(*percent);
            if rises { "applied" } else { "ignored" }
        })
        .collect();
    assert_eq!(told, expected);
    assert_eq!(app.database.count("hub_parked").await, 3);
    app.stop().await;
}
