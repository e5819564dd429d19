//! SQLite: WAL with `synchronous=FULL`, so that a 200 survives a power cut; one writer connection, a pool of readers.

use std::path::PathBuf;
use std::time::Duration;

use sea_orm::{ConnectOptions, SqliteTransactionMode, Statement, TransactionOptions, sqlx::sqlite};

use super::Explanation;
use super::listed::listed;
use super::table::columns;
use super::texts::{DUE_PARKED, EVENTS_NEEDED, IN_LINE, Texts, delete_tasks, erase_events, erase_rejections, erase_relayed};
use crate::store::entity::{attempt, task};

/// One of a JSON array of tasks.
const TASKS: &str = "IN (SELECT value FROM json_each($1))";

pub(super) fn texts() -> Texts {
    let [tasks, attempts, fingerprints, idempotency, receipts, parked, events, ignored, webhooks, contents] = columns();
    let world = format!(
        "SELECT {}, {}, (SELECT version FROM hub_versions WHERE name = 'webhooks')",
        listed::<task::Entity>("id"),
        listed::<attempt::Entity>("task_id")
    );
    Texts {
        world: Some(world),
        lock_tasks: format!("SELECT {tasks} FROM hub_tasks WHERE id IN (SELECT value FROM json_each($1)) ORDER BY id"),
        tasks_by_id: format!("SELECT {tasks} FROM hub_tasks WHERE id IN (SELECT value FROM json_each($1))"),
        said: "SELECT id, task_id, generator, event, outcome, reason, source, received_at FROM hub_receipts
        WHERE id IN (SELECT unhex(value, '-') FROM json_each($1)) ORDER BY id",
        refused: "SELECT id, task_id, generator, code, detail, received_at FROM hub_rejections
        WHERE id IN (SELECT unhex(value, '-') FROM json_each($1)) ORDER BY id",
        due_tasks: format!(
            "SELECT {tasks} FROM hub_tasks WHERE due_at IS NOT NULL AND generator = $1 AND due_at <= $2 ORDER BY due_at LIMIT $3"
        ),
        pending_tasks: format!(
            "SELECT {tasks} FROM hub_tasks WHERE generator = $1 AND priority = $2 AND not_before <= $3
        ORDER BY not_before LIMIT $4"
        ),
        // `+`: by their ids, and not by the index of all that are pending
        orphaned_tasks: format!(
            "SELECT {tasks} FROM hub_tasks WHERE id IN (SELECT value FROM json_each($1)) AND +not_before <= $2
        ORDER BY priority, not_before LIMIT $3"
        ),
        attempts_of: format!(
            "SELECT {attempts} FROM hub_attempts WHERE task_id IN (SELECT value FROM json_each($1)) ORDER BY task_id, number"
        ),
        external_ids: format!("SELECT {attempts} FROM hub_attempts WHERE external_id IN (SELECT value FROM json_each($1))"),
        spilled: format!(
            "SELECT {fingerprints} FROM json_each($1) AS r JOIN hub_fingerprints AS f
        ON f.task_id = r.value ->> 'task_id' AND f.fingerprint = unhex(r.value ->> 'fingerprint')"
        ),
        idempotent: format!(
            "SELECT {idempotency} FROM json_each($1) AS r JOIN hub_idempotency AS i
        ON i.owner = r.value ->> 'owner' AND i.idempotency_key = r.value ->> 'idempotency_key'"
        ),
        lock_parked: format!(
            "SELECT {parked} FROM hub_parked AS p WHERE id IN (SELECT unhex(value, '-') FROM json_each($1)) ORDER BY id"
        ),
        parked_already: format!(
            "SELECT {parked} FROM json_each($1) AS r JOIN hub_parked AS p ON p.generator = r.value ->> 'generator'
        AND p.awaits = r.value ->> 'awaits' AND p.fingerprint = unhex(r.value ->> 'fingerprint')"
        ),
        due_parked: format!("SELECT {parked} FROM hub_parked AS p WHERE {DUE_PARKED}"),
        wake_parked: "UPDATE hub_parked SET due_at = $2 WHERE due_at > $2 AND id IN (
        SELECT p.id FROM json_each($1) AS r JOIN hub_parked AS p
        ON p.generator = r.value ->> 'generator' AND p.awaits = r.value ->> 'awaits')",
        events_told: format!(
            "SELECT {events} FROM json_each($1) AS r JOIN hub_events AS e ON e.fingerprint = unhex(r.value ->> 'fingerprint')
        AND e.generator = r.value ->> 'generator' AND COALESCE(e.task_id, '') = r.value ->> 'task_id'"
        ),
        ignored_before: format!(
            "SELECT {ignored} FROM json_each($1) AS r JOIN hub_ignored AS g ON g.fingerprint = unhex(r.value ->> 'fingerprint')
        AND g.generator = r.value ->> 'generator' AND g.awaits = r.value ->> 'awaits'"
        ),
        // CROSS: in this order, or the whole table might be read
        receipt_chain: format!(
            "WITH RECURSIVE chain(link, position) AS (
            SELECT $1, 1
            UNION ALL
            SELECT previous, position + 1 FROM hub_receipts JOIN chain ON id = link
            WHERE previous IS NOT NULL AND position < $2)
        SELECT {receipts} FROM chain CROSS JOIN hub_receipts AS r ON r.id = link ORDER BY position"
        ),
        erase_bodies: "DELETE FROM hub_payloads WHERE id IN (
        WITH RECURSIVE chain(link) AS (
            SELECT $1
            UNION ALL
            SELECT previous FROM hub_receipts JOIN chain ON id = link WHERE previous IS NOT NULL)
        SELECT payload FROM chain CROSS JOIN hub_receipts ON id = link WHERE payload IS NOT NULL)",
        erase_receipts: "UPDATE hub_receipts SET headers = '{}', payload = NULL WHERE id IN (
        WITH RECURSIVE chain(link) AS (
            SELECT $1
            UNION ALL
            SELECT previous FROM hub_receipts JOIN chain ON id = link WHERE previous IS NOT NULL)
        SELECT link FROM chain)",
        erase_rejections: erase_rejections(TASKS, "x''"),
        erase_events: erase_events(TASKS),
        webhooks: format!("SELECT {webhooks} FROM hub_webhooks WHERE id IN (SELECT unhex(value, '-') FROM json_each($1))"),
        payloads: "SELECT id, bytes FROM hub_payloads WHERE id IN (SELECT unhex(value, '-') FROM json_each($1))",
        payload_sizes: "SELECT id, CAST(length(bytes) AS BIGINT) AS size FROM hub_payloads WHERE id IN (SELECT unhex(value, '-') FROM json_each($1))",
        lock_contents: format!(
            "SELECT {contents} FROM hub_contents WHERE task_id IN (SELECT value FROM json_each($1)) ORDER BY task_id"
        ),
        due_contents: format!(
            "SELECT {contents} FROM hub_contents WHERE stage = 'pending' AND priority = $1 AND publish_after <= $2
        ORDER BY publish_after LIMIT $3"
        ),
        outdate: "UPDATE hub_deliveries SET outdated = true, status = CASE WHEN lease IS NULL THEN 'superseded' ELSE status END,
        settled_at = CASE WHEN lease IS NULL THEN $2 ELSE NULL END, due_at = CASE WHEN lease IS NULL THEN NULL ELSE due_at END
        WHERE task_id IN (SELECT value FROM json_each($1)) AND status = 'pending' AND topic = 'task.progress'
        RETURNING lane, status",
        due_deliveries: "SELECT id FROM hub_deliveries WHERE due_at IS NOT NULL AND lane = $1 AND due_at <= $2 ORDER BY due_at LIMIT $3",
        deliveries_in_line: format!("{IN_LINE} WHERE d.id IN (SELECT unhex(value, '-') FROM json_each($1)) ORDER BY d.due_at, d.id"),
        lend_deliveries: "UPDATE hub_deliveries SET lease = $2, due_at = $3
        WHERE id IN (SELECT unhex(value, '-') FROM json_each($1))",
        lend_letters: "UPDATE hub_deliveries SET lease = $2, due_at = $3,
        body = COALESCE(body, (SELECT e.letter FROM hub_events AS e WHERE e.id = hub_deliveries.event))
        WHERE id IN (SELECT unhex(value, '-') FROM json_each($1))",
        add_figures: "INSERT INTO hub_delivery_figures (lane, hour, figure, amount)
        SELECT r.value ->> 'lane', r.value ->> 'hour', r.value ->> 'figure', r.value ->> 'amount' FROM json_each($1) AS r WHERE true
        ON CONFLICT (lane, hour, figure) DO UPDATE SET amount = amount + excluded.amount",
        erase_relayed: erase_relayed(TASKS),
        delete_tasks: delete_tasks(TASKS),
        receipt_chains: "WITH RECURSIVE chain(newest, link, position) AS (
            SELECT unhex(value, '-'), unhex(value, '-'), 1 FROM json_each($1)
            UNION ALL
            SELECT newest, previous, position + 1 FROM hub_receipts JOIN chain ON id = link WHERE previous IS NOT NULL)
        SELECT newest, r.id, r.received_at, p.id AS payload, CAST(COALESCE(length(p.bytes), 0) AS BIGINT) AS size
        FROM chain CROSS JOIN hub_receipts AS r ON r.id = link LEFT JOIN hub_payloads AS p ON p.id = r.payload
        ORDER BY newest, position DESC",
        delete_payloads: "DELETE FROM hub_payloads WHERE id IN (SELECT unhex(value, '-') FROM json_each($1))",
        settled_deliveries: "SELECT id, event, body FROM hub_deliveries WHERE settled_at IS NOT NULL AND settled_at < $1
        ORDER BY settled_at LIMIT $2",
        delete_deliveries: "DELETE FROM hub_deliveries WHERE id IN (SELECT unhex(value, '-') FROM json_each($1))",
        events_needed: format!("{EVENTS_NEEDED} WHERE e.id IN (SELECT unhex(value, '-') FROM json_each($1))"),
        delete_events: "DELETE FROM hub_events WHERE id IN (SELECT unhex(value, '-') FROM json_each($1))",
        delete_receipts: "DELETE FROM hub_receipts WHERE id IN (SELECT unhex(value, '-') FROM json_each($1))",
        forget_letters: "UPDATE hub_events SET letter = NULL WHERE id IN (SELECT unhex(value, '-') FROM json_each($1))",
    }
}

/// With their indexes: an index is its table's.
pub(super) const TABLE_BYTES: &str = "SELECT m.tbl_name AS name, CAST(sum(s.pgsize) AS BIGINT) AS bytes
    FROM dbstat AS s JOIN sqlite_master AS m ON m.name = s.name WHERE s.aggregate = TRUE GROUP BY m.tbl_name";
pub(super) const LIST_TABLES: &str = "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'hub\\_%' ESCAPE '\\'";

/// Each statement of a batch is one more turn of the driver's thread, and each prepared text takes memory, of 64 rows some
/// hundred kilobytes: up to 32 rows go in one, up to 64 in two.
pub(super) const ROW_COUNTS: [usize; 36] = [
    64, 56, 48, 40, 32, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4,
    3, 2, 1,
];
/// Statements that a connection keeps prepared: those of the tables that are written all the time, and some more.
const TEXTS: usize = 400;
/// Reads in one transaction, and holds up nobody who writes. Into an empty file, or one that is not there.
pub(super) const COPY: &str = "VACUUM INTO $1";
/// As far as nobody has to be waited for.
pub(super) const CHECKPOINT: &str = "PRAGMA wal_checkpoint(PASSIVE)";
/// Pages of the log at which the writer itself does it, while everybody waits. The log begins anew when all of it is in the
/// database, which under load is never so but for the writer.
const LONGEST_LOG: &str = "8192";

/// In KiB, below zero: the inner pages of large tables.
const CACHE: &str = "-8192";

pub(super) fn writer_options(url: &str) -> ConnectOptions {
    let mut options = options(url, 1);
    let session = |options| with_session(options).pragma("wal_autocheckpoint", LONGEST_LOG).pragma("cache_size", CACHE);
    options.map_sqlx_sqlite_opts(session);
    options.map_sqlx_sqlite_pool_opts(|options| options.after_release(|_, _| Box::pin(async { Ok(false) })));
    options
}

pub(super) fn options(url: &str, connections: u32) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options.max_connections(connections).min_connections(1).test_before_acquire(false).max_lifetime(None).idle_timeout(None);
    options.map_sqlx_sqlite_opts(with_session);
    options
}

fn with_session(options: sqlite::SqliteConnectOptions) -> sqlite::SqliteConnectOptions {
    options
        .journal_mode(sqlite::SqliteJournalMode::Wal)
        .synchronous(sqlite::SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(5))
        .statement_cache_capacity(TEXTS)
}

pub(super) fn exists(url: &str) -> bool {
    file(url).is_some_and(|file| file.exists())
}

pub(super) fn file(url: &str) -> Option<PathBuf> {
    url.parse::<sqlite::SqliteConnectOptions>().ok().map(|options| options.get_filename().to_path_buf())
}

pub(super) fn explanation(statement: &Statement) -> Explanation {
    let question = Statement { sql: format!("EXPLAIN QUERY PLAN {}", statement.sql), ..statement.clone() };
    Explanation { preparations: Vec::new(), question, column: "detail", ends: Vec::new() }
}

/// A deferred transaction would be refused at its first write, without waiting, whenever another process writes.
pub(super) const BEGIN: &str = "BEGIN IMMEDIATE";

/// The same for the driver.
pub(super) fn immediate() -> TransactionOptions {
    TransactionOptions { sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate), ..TransactionOptions::default() }
}

// https://www.sqlite.org/rescode.html; extended codes carry the primary one in their low byte
pub(super) fn is_busy(code: &str) -> bool {
    matches!(primary(code), Some(5 | 6))
}

/// Full, read-only, unreadable: the database as a whole, not the statement.
pub(super) fn is_down(code: &str) -> bool {
    matches!(primary(code), Some(8 | 10 | 11 | 13 | 14 | 26))
}

/// SQLSTATEs have five characters, SQLite's codes at most four.
fn primary(code: &str) -> Option<u32> {
    code.parse::<u32>().ok().filter(|_| code.len() < 5).map(|code| code & 0xff)
}

/// What is wrong with a URL whose file is not there and will not be made.
pub(super) fn missing(url: &str) -> Option<String> {
    let makes_it = url.contains("mode=rwc");
    (!makes_it && !exists(url)).then(|| format!("the file of {url} does not exist: write `?mode=rwc` behind it to have it made"))
}
