//! What the next version's migrations bring is brought while this version serves: it does not notice.

use rstest::rstest;
use sea_orm::{ConnectionTrait, Database as Connections};

use super::audit::audit;
use super::chance::Chance;
use super::load::Load;
use super::mail::{self, drained, register};
use crate::harness::database::{Database, Kind};
use crate::harness::process::Process;
use crate::harness::subscriber::Subscriber;

/// Migrating is somebody else's job, as it is where versions are rolled out.
const SETTINGS: [(&str, &str); 1] = [("DATABASE_MIGRATE", "check")];

/// Only what expands: older versions need not know of it.
const EXPANSION: [&str; 12] = [
    "ALTER TABLE hub_tasks ADD COLUMN next_note TEXT",
    "ALTER TABLE hub_tasks ADD COLUMN next_flag BOOLEAN NOT NULL DEFAULT false",
    "ALTER TABLE hub_attempts ADD COLUMN next_note TEXT",
    "ALTER TABLE hub_receipts ADD COLUMN next_count BIGINT NOT NULL DEFAULT 0",
    "ALTER TABLE hub_payloads ADD COLUMN next_note TEXT",
    "ALTER TABLE hub_events ADD COLUMN next_note TEXT",
    "ALTER TABLE hub_deliveries ADD COLUMN next_count BIGINT NOT NULL DEFAULT 0",
    "ALTER TABLE hub_webhooks ADD COLUMN next_flag BOOLEAN NOT NULL DEFAULT true",
    "CREATE TABLE hub_next (id BIGINT NOT NULL PRIMARY KEY, note TEXT)",
    "CREATE INDEX hub_next_notes ON hub_next (note)",
    "CREATE INDEX hub_receipts_next ON hub_receipts (next_count, received_at)",
    "CREATE INDEX hub_tasks_next ON hub_tasks (next_flag, created_at)",
];

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_expands_beneath_it_fails_no_callback(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut chance = Chance::of_this_run();
    let database = Database::fresh(kind).await;
    callback_hub::store::migrate(&database.url).await.expect("the schema");
    let hub = Process::with(&database.url, &SETTINGS, &[]).await;
    let load = Load::start(&mut chance, hub.address);
    load.until(100).await;
    for statement in EXPANSION {
        expand(&database, statement).await;
        load.until(20).await;
    }
    let history = load.finish().await;
    let failed = (history.unavailable, history.lost);
    assert_eq!(failed, (0, 0), "turned away, and not answered: {}", history.figures());
    assert_eq!(hub.log(), "", "a schema that expands is nothing to complain about");
    println!("{kind:?}, expanded in {} steps:", EXPANSION.len());
    audit(history, &database.url, hub.address).await;
}

/// The same for what is told to webhooks.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_expands_beneath_it_loses_no_news(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut chance = Chance::of_this_run();
    let database = Database::fresh(kind).await;
    let subscriber = Subscriber::start().await;
    register(&database, &subscriber).await;
    let settings = [&mail::SETTINGS[..], &SETTINGS].concat();
    let hub = Process::with(&database.url, &settings, &[]).await;
    let load = Load::start(&mut chance, hub.address);
    load.until(100).await;
    for statement in EXPANSION {
        expand(&database, statement).await;
        // most of it is progress, of which one webhook hears, or two
        load.until(40).await;
    }
    drop(load.finish().await);
    let books = drained(&database.url).await;
    println!("{kind:?}, expanded in {} steps: {}", EXPANSION.len(), books.figures(&subscriber));
    books.one_delivery_for_each_who_wants_it();
    books.are_what_the_subscriber_saw(&subscriber);
    hub.kill().await;
}

/// While one version is being replaced by the next, replicas of the old one still start: after a crash, or when it is taken back.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn this_version_starts_on_the_schema_of_the_next_one(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
    #[values("check", "auto")] migrate: &str,
) {
    let mut chance = Chance::of_this_run();
    let database = Database::fresh(kind).await;
    callback_hub::store::migrate(&database.url).await.expect("the schema");
    for statement in EXPANSION {
        expand(&database, statement).await;
    }
    expand(&database, "INSERT INTO hub_migrations (version, applied_at) VALUES ('m9999_next', 1800000000)").await;
    let hub = Process::with(&database.url, &[("DATABASE_MIGRATE", migrate)], &[]).await;
    let load = Load::start(&mut chance, hub.address);
    load.until(100).await;
    let history = load.finish().await;
    println!("{kind:?}, on the schema of a version that is not there yet:");
    audit(history, &database.url, hub.address).await;
}

async fn expand(database: &Database, statement: &str) {
    let connection = Connections::connect(&database.url).await.expect("the test's database");
    if database.kind == Kind::Sqlite {
        // one writes at a time, and the hub writes all the time
        connection.execute_unprepared("PRAGMA busy_timeout = 60000").await.expect("a pragma");
    }
    connection.execute_unprepared(statement).await.expect(statement);
    connection.close().await.expect("a connection closes");
}
