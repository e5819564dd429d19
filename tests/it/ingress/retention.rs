//! What is no task's business goes after its time, and is known again until then.

use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};

use super::{DAY, done, hook, ok, receipts, start};
use crate::harness::app::Extra;
use crate::harness::{App, Kind};

async fn tidy(app: &App) -> u64 {
    app.loops.housekeeper.step().await.expect("the step succeeds").handled
}

async fn rows(app: &App) -> [i64; 4] {
    let mut counts = [0; 4];
    for (count, table) in counts.iter_mut().zip(["hub_ignored", "hub_events", "hub_receipts", "hub_payloads"]) {
        *count = app.database.count(table).await;
    }
    counts
}

fn ping(id: &str) -> Value {
    json!({"id": id, "type": "ping"})
}

/// With data that have to be mended.
fn customer(id: &str) -> Value {
    json!({"id": id, "type": "customer.created", "data": {"note": "x\u{0}y"}})
}

#[rstest]
#[tokio::test]
async fn what_was_ignored_or_unheard_goes_after_a_month(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = start(kind).await;
    app.created(&json!({"id": "t", "generator": "account", "external_id": "gen-1"})).await;
    assert_eq!(hook(&app, "account", &done("gen-1")).taken().await, ok("applied"));
    let of_the_task = rows(&app).await;
    let tell = async |outcomes: [&str; 2]| {
        assert_eq!(hook(&app, "account", &ping("p-1")).taken().await, ok(outcomes[0]));
        assert_eq!(hook(&app, "account", &customer("c-1")).taken().await, ok(outcomes[1]));
    };
    tell(["ignored not_of_interest", "event"]).await;
    app.post("/api/events", &json!({"event": "a", "data": 1, "metadata": {"of": "nobody"}})).await.good(202);
    assert_eq!(rows(&app).await, [1, 2, of_the_task[2] + 2, of_the_task[3] + 5]);
    app.clock.advance(30 * DAY);
    assert_eq!(tidy(&app).await, 1, "the body of the task's callback is looked at, and is its result");
    tell(["duplicate", "duplicate"]).await;
    app.clock.advance(Duration::from_secs(1));
    assert_eq!(tidy(&app).await, 6, "the task's callback, too, and the duplicates are kept for as long");
    assert_eq!(rows(&app).await, [0, 0, of_the_task[2] + 1, of_the_task[3]]);
    tell(["ignored not_of_interest", "event"]).await;
    assert_eq!(hook(&app, "account", &done("gen-1")).taken().await, ok("duplicate"), "what tasks have heard they know");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn it_is_known_for_a_week_at_least(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (files, settings) = (super::generators(), super::settings("http://127.0.0.1:1"));
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let settings = settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).chain([("RETENTION_CALLBACKS", "1h")]);
    let settings: Vec<(&str, &str)> = settings.collect();
    let database = std::sync::Arc::new(crate::harness::Database::fresh(kind).await);
    let app = App::with(&database, Extra { settings: &settings, generators: &files, ..Extra::default() }).await;
    assert_eq!(hook(&app, "account", &ping("p-1")).taken().await, ok("ignored not_of_interest"));
    app.clock.advance(7 * DAY);
    assert_eq!(tidy(&app).await, 0);
    app.clock.advance(Duration::from_secs(1));
    assert_eq!(tidy(&app).await, 2);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn what_is_parked_stays_until_somebody_has_looked_at_it(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = start(kind).await;
    assert_eq!(hook(&app, "account", &done("gen-1")).taken().await, ok("parked"));
    // nobody was there
    app.clock.advance(40 * DAY);
    assert_eq!(tidy(&app).await, 0);
    assert_eq!(app.work_off().await, 1);
    assert_eq!(receipts(&app).await, ["completed ignored -"]);
    assert_eq!(hook(&app, "account", &done("gen-1")).taken().await, ok("duplicate"), "it was given up just now");
    assert_eq!(tidy(&app).await, 1);
    assert_eq!(rows(&app).await, [1, 0, 1, 0]);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_chore_that_fails_holds_up_no_other(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = start(kind).await;
    assert_eq!(hook(&app, "account", &ping("p-1")).taken().await, ok("ignored not_of_interest"));
    app.clock.advance(31 * DAY);
    app.database.execute("ALTER TABLE hub_contents RENAME TO hub_lost").await;
    app.loops.housekeeper.step().await.expect_err("leases of contents cannot be looked for");
    assert_eq!(rows(&app).await, [0; 4]);
    app.database.execute("ALTER TABLE hub_lost RENAME TO hub_contents").await;
    assert_eq!(tidy(&app).await, 0);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn many_go_in_small_parts(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = start(kind).await;
    let (id, bytes) = match kind {
        Kind::Sqlite => ("randomblob(16)", "randomblob(16)"),
        Kind::Postgres => ("gen_random_uuid()", "decode(md5(n::text), 'hex')"),
    };
    let numbers = "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 600)";
    for statement in [
        format!("{numbers} INSERT INTO hub_ignored (generator, awaits, fingerprint, at) SELECT 'g', '', {bytes}, n FROM numbers"),
        format!(
            "{numbers} INSERT INTO hub_events (id, name, data_start, data_end, at, sequence) SELECT {id}, 'a', 0, 0, n, 0 FROM numbers"
        ),
    ] {
        app.database.execute(&statement).await;
    }
    assert_eq!(tidy(&app).await, 1200);
    assert_eq!(rows(&app).await, [0; 4]);
    app.stop().await;
}
