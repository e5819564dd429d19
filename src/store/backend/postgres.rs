//! PostgreSQL: one pool; every commit is synced whatever the server's default; nothing waits for ever.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use sea_orm::sea_query::{PostgresQueryBuilder, QueryBuilder};
use sea_orm::sqlx::postgres::{PgListener, PgPoolOptions};
use sea_orm::{ConnectOptions, DatabaseConnection, DbBackend, DbErr, RuntimeErr, Statement, Value, sqlx};

use super::bounded::{Doubt, within};
use super::table::columns;
use super::texts::{DUE_PARKED, EVENTS_NEEDED, IN_LINE, Texts, delete_tasks, erase_events, erase_rejections, erase_relayed};
use super::{Explanation, StoreError};

/// One of a JSON array of tasks.
const TASKS: &str = "= ANY (ARRAY(SELECT json_array_elements_text($1::json)))";

pub(super) fn texts() -> Texts {
    let [tasks, attempts, fingerprints, idempotency, receipts, parked, events, ignored, webhooks, contents] = columns();
    Texts {
        world: None,
        // an array, not a join: with a join the planner reads small tables from end to end, and keeps that plan when they have grown
        lock_tasks: format!(
            "SELECT {tasks} FROM hub_tasks WHERE id = ANY (ARRAY(SELECT json_array_elements_text($1::json)))
        ORDER BY id COLLATE \"C\" FOR UPDATE"
        ),
        tasks_by_id: format!("SELECT {tasks} FROM hub_tasks WHERE id = ANY (ARRAY(SELECT json_array_elements_text($1::json)))"),
        said: "SELECT id, task_id, generator, event, outcome, reason, source, received_at FROM hub_receipts
        WHERE id = ANY (ARRAY(SELECT json_array_elements_text($1::json)::uuid)) ORDER BY id",
        refused: "SELECT id, task_id, generator, code, detail, received_at FROM hub_rejections
        WHERE id = ANY (ARRAY(SELECT json_array_elements_text($1::json)::uuid)) ORDER BY id",
        due_tasks: format!(
            "SELECT {tasks} FROM hub_tasks WHERE due_at IS NOT NULL AND generator = $1 AND due_at <= $2
        ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED"
        ),
        pending_tasks: format!(
            "SELECT {tasks} FROM hub_tasks WHERE generator = $1 AND priority = $2 AND not_before <= $3
        ORDER BY not_before LIMIT $4 FOR UPDATE SKIP LOCKED"
        ),
        // `+ 0`: by their ids, and not by the index of all that are pending
        orphaned_tasks: format!(
            "SELECT {tasks} FROM hub_tasks WHERE id = ANY (ARRAY(SELECT json_array_elements_text($1::json)))
        AND not_before + 0 <= $2 ORDER BY priority, not_before LIMIT $3 FOR UPDATE SKIP LOCKED"
        ),
        attempts_of: format!(
            "SELECT {attempts} FROM hub_attempts WHERE task_id = ANY (ARRAY(SELECT json_array_elements_text($1::json)))
        ORDER BY task_id COLLATE \"C\", number"
        ),
        external_ids: format!(
            "SELECT {attempts} FROM hub_attempts WHERE external_id = ANY (ARRAY(SELECT json_array_elements_text($1::json)))"
        ),
        spilled: format!(
            "SELECT {fingerprints} FROM json_to_recordset($1::json) AS r(task_id text, fingerprint text)
        JOIN hub_fingerprints AS f ON f.task_id = r.task_id AND f.fingerprint = decode(r.fingerprint, 'hex')"
        ),
        idempotent: format!(
            "SELECT {idempotency} FROM json_to_recordset($1::json) AS r(owner text, idempotency_key text)
        JOIN hub_idempotency AS i ON i.owner = r.owner AND i.idempotency_key = r.idempotency_key"
        ),
        lock_parked: format!(
            "SELECT {parked} FROM hub_parked AS p WHERE id = ANY (ARRAY(SELECT json_array_elements_text($1::json)::uuid))
        ORDER BY id FOR UPDATE"
        ),
        parked_already: format!(
            "SELECT {parked} FROM json_to_recordset($1::json) AS r(generator text, awaits text, fingerprint text)
        JOIN hub_parked AS p ON p.generator = r.generator AND p.awaits = r.awaits
        AND p.fingerprint = decode(r.fingerprint, 'hex')"
        ),
        due_parked: format!("SELECT {parked} FROM hub_parked AS p WHERE {DUE_PARKED} FOR UPDATE SKIP LOCKED"),
        wake_parked: "UPDATE hub_parked SET due_at = $2 WHERE id = ANY (ARRAY(
        SELECT p.id FROM json_to_recordset($1::json) AS r(generator text, awaits text)
        JOIN hub_parked AS p ON p.generator = r.generator AND p.awaits = r.awaits
        WHERE p.due_at > $2 ORDER BY p.id FOR UPDATE OF p))",
        events_told: format!(
            "SELECT {events} FROM json_to_recordset($1::json) AS r(generator text, task_id text, fingerprint text)
        JOIN hub_events AS e ON e.fingerprint = decode(r.fingerprint, 'hex') AND e.generator = r.generator
        AND COALESCE(e.task_id, '') = r.task_id"
        ),
        ignored_before: format!(
            "SELECT {ignored} FROM json_to_recordset($1::json) AS r(generator text, awaits text, fingerprint text)
        JOIN hub_ignored AS g ON g.fingerprint = decode(r.fingerprint, 'hex') AND g.generator = r.generator
        AND g.awaits = r.awaits"
        ),
        receipt_chain: format!(
            "WITH RECURSIVE chain(link, position) AS (
            SELECT $1::uuid, 1::bigint
            UNION ALL
            SELECT previous, position + 1 FROM hub_receipts JOIN chain ON id = link
            WHERE previous IS NOT NULL AND position < $2)
        SELECT {receipts} FROM chain JOIN hub_receipts AS r ON r.id = link ORDER BY position"
        ),
        erase_bodies:
            "WITH RECURSIVE chain(link) AS (
            SELECT $1::uuid
            UNION ALL
            SELECT previous FROM hub_receipts JOIN chain ON id = link WHERE previous IS NOT NULL)
        DELETE FROM hub_payloads WHERE id IN (SELECT payload FROM chain JOIN hub_receipts ON id = link WHERE payload IS NOT NULL)",
        erase_receipts: "WITH RECURSIVE chain(link) AS (
            SELECT $1::uuid
            UNION ALL
            SELECT previous FROM hub_receipts JOIN chain ON id = link WHERE previous IS NOT NULL)
        UPDATE hub_receipts SET headers = '{}', payload = NULL WHERE id IN (SELECT link FROM chain)",
        erase_rejections: erase_rejections(TASKS, "''"),
        erase_events: erase_events(TASKS),
        webhooks: format!(
            "SELECT {webhooks} FROM hub_webhooks WHERE id = ANY (ARRAY(SELECT json_array_elements_text($1::json)::uuid))"
        ),
        payloads: "SELECT id, bytes FROM hub_payloads WHERE id = ANY (ARRAY(SELECT json_array_elements_text($1::json)::uuid))",
        payload_sizes: "SELECT id, CAST(length(bytes) AS BIGINT) AS size FROM hub_payloads WHERE id = ANY (ARRAY(SELECT json_array_elements_text($1::json)::uuid))",
        lock_contents: format!(
            "SELECT {contents} FROM hub_contents WHERE task_id = ANY (ARRAY(SELECT json_array_elements_text($1::json)))
        ORDER BY task_id FOR UPDATE"
        ),
        due_contents: format!(
            "SELECT {contents} FROM hub_contents WHERE stage = 'pending' AND priority = $1 AND publish_after <= $2
        ORDER BY publish_after LIMIT $3 FOR UPDATE SKIP LOCKED"
        ),
        outdate: "UPDATE hub_deliveries SET outdated = true, status = CASE WHEN lease IS NULL THEN 'superseded' ELSE status END,
        settled_at = CASE WHEN lease IS NULL THEN $2::bigint END, due_at = CASE WHEN lease IS NULL THEN NULL ELSE due_at END
        WHERE id = ANY (ARRAY(
            SELECT id FROM hub_deliveries WHERE task_id = ANY (ARRAY(SELECT json_array_elements_text($1::json)))
            AND status = 'pending' AND topic = 'task.progress' ORDER BY id FOR UPDATE))
        RETURNING lane, status",
        due_deliveries: "SELECT id FROM hub_deliveries WHERE due_at IS NOT NULL AND lane = $1 AND due_at <= $2
        ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED",
        deliveries_in_line: format!(
            "{IN_LINE} WHERE d.id = ANY (ARRAY(SELECT json_array_elements_text($1::json)::uuid)) ORDER BY d.due_at, d.id"
        ),
        lend_deliveries: "UPDATE hub_deliveries SET lease = $2, due_at = $3
        WHERE id = ANY (ARRAY(SELECT json_array_elements_text($1::json)::uuid))",
        lend_letters: "UPDATE hub_deliveries SET lease = $2, due_at = $3,
        body = COALESCE(body, (SELECT e.letter FROM hub_events AS e WHERE e.id = hub_deliveries.event))
        WHERE id = ANY (ARRAY(SELECT json_array_elements_text($1::json)::uuid))",
        add_figures: "INSERT INTO hub_delivery_figures (lane, hour, figure, amount)
        SELECT r.lane, r.hour, r.figure, r.amount
        FROM json_to_recordset($1::json) AS r(lane text, hour bigint, figure text, amount bigint)
        ON CONFLICT (lane, hour, figure) DO UPDATE SET amount = hub_delivery_figures.amount + excluded.amount",
        erase_relayed: erase_relayed(TASKS),
        delete_tasks: delete_tasks(TASKS),
        // one by one: how many there are a planner cannot know, and it might read the whole tables instead
        receipt_chains: "WITH RECURSIVE chain(newest, link, position) AS (
            SELECT id, id, 1::bigint FROM unnest(ARRAY(SELECT json_array_elements_text($1::json)::uuid)) AS id
            UNION ALL
            SELECT newest, (SELECT previous FROM hub_receipts WHERE id = link), position + 1 FROM chain WHERE link IS NOT NULL)
        SELECT newest, r.id, r.received_at, p.id AS payload, CAST(COALESCE(p.size, 0) AS BIGINT) AS size
        FROM chain CROSS JOIN LATERAL (SELECT id, received_at, payload FROM hub_receipts WHERE id = link LIMIT 1) AS r
        LEFT JOIN LATERAL (SELECT id, length(bytes) AS size FROM hub_payloads WHERE id = r.payload LIMIT 1) AS p ON true
        ORDER BY newest, position DESC",
        delete_payloads: "DELETE FROM hub_payloads WHERE id = ANY (ARRAY(SELECT json_array_elements_text($1::json)::uuid))",
        settled_deliveries: "SELECT id, event, body FROM hub_deliveries WHERE settled_at IS NOT NULL AND settled_at < $1
        ORDER BY settled_at LIMIT $2 FOR UPDATE SKIP LOCKED",
        delete_deliveries: "DELETE FROM hub_deliveries WHERE id = ANY (ARRAY(SELECT json_array_elements_text($1::json)::uuid))",
        events_needed: format!("{EVENTS_NEEDED} WHERE e.id = ANY (ARRAY(SELECT json_array_elements_text($1::json)::uuid))"),
        delete_events: "DELETE FROM hub_events WHERE id = ANY (ARRAY(SELECT json_array_elements_text($1::json)::uuid))",
        delete_receipts: "DELETE FROM hub_receipts WHERE id = ANY (ARRAY(SELECT json_array_elements_text($1::json)::uuid))",
        forget_letters: "UPDATE hub_events SET letter = NULL WHERE id = ANY (ARRAY(SELECT json_array_elements_text($1::json)::uuid))",
    }
}

/// With their indexes, and what is kept beside a table since it is large.
pub(super) const TABLE_BYTES: &str = "SELECT CAST(c.relname AS TEXT) AS name, pg_total_relation_size(c.oid) AS bytes
    FROM pg_class AS c WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' AND c.relname LIKE 'hub\\_%'";
pub(super) const LIST_TABLES: &str = "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = current_schema() AND table_name LIKE 'hub\\_%'";
/// Bytes of a statement that surely fit into one TLS record. The driver leaves Nagle's algorithm on, so that the second
/// record of a larger one would wait for the acknowledgement of the first: 40 ms, on every batch.
pub(super) const MESSAGE: usize = 15 << 10;
/// Each text is planned once a connection, and kept: few, and 64 rows in three at most.
pub(super) const ROW_COUNTS: [usize; 12] = [64, 48, 32, 24, 16, 12, 8, 6, 4, 3, 2, 1];
/// Statements that a connection keeps prepared: all that there are, so that none is ever prepared twice.
const TEXTS: usize = 400;
/// While one waits for the disk, the other one is planned.
pub(super) const WRITERS: usize = 2;
/// Any number that nobody else on the database uses: "hub".
pub(super) const LOCK_MIGRATIONS: &str = "SELECT pg_advisory_lock(6845794)";

/// Heard by all of this database's hubs, once a transaction.
pub(super) const ANNOUNCE: &str = "NOTIFY hub_written";
/// After so long without an announcement, a listener asks whether he would hear one.
const SILENCE: Duration = Duration::from_secs(60);
const PATIENCE: Duration = Duration::from_secs(5);
const CHANNEL: &str = "hub_written";

/// In microseconds.
pub(super) const READ_CLOCK: &str = "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint)";
/// Until the end of the transaction.
pub(super) const TAKE_TURN: &str = "SELECT pg_advisory_xact_lock(6845794, hashtext($1))";

/// What a statement may take: of those that read some count, and of those that write none does more than find a few rows; and
/// whoever is called back has stopped waiting by then.
pub(super) const READING: Duration = Duration::from_secs(30);
pub(super) const WRITING: Duration = Duration::from_secs(10);

/// Calls for each announcement, and whenever the connection was lost and made anew; comes back when it cannot be made.
pub(super) async fn hear(reader: &DatabaseConnection, call: impl Fn() + Send) -> StoreError {
    let options = (*reader.get_postgres_connection_pool().connect_options()).clone();
    let listening = async {
        // not of the pool's: it would never come back
        let own = PgPoolOptions::new().max_connections(1).acquire_timeout(PATIENCE).connect_with(options).await?;
        let mut listener = PgListener::connect_with(&own).await?;
        within(PATIENCE, listener.listen(CHANNEL)).await?;
        loop {
            call();
            // a connection that was swallowed would be silent for ever
            loop {
                let Ok(heard) = tokio::time::timeout(SILENCE, listener.try_recv()).await else {
                    within(PATIENCE, sqlx::query("SELECT 1").execute(&mut listener)).await?;
                    continue;
                };
                heard?;
                break;
            }
        }
    };
    let outcome: Result<Infallible, sqlx::Error> = listening.await;
    let Err(error) = outcome;
    super::error(DbErr::Conn(RuntimeErr::SqlxError(Arc::new(error))))
}

/// Prepared statements get a plan for their values or one for any values; which, the session decides.
pub(super) fn explanations(statement: &Statement) -> Vec<Explanation> {
    let values = || statement.values.iter().flat_map(|values| &values.0);
    let listed = |list: Vec<String>| if list.is_empty() { String::new() } else { format!(" ({})", list.join(", ")) };
    let types = listed(values().map(|value| type_of(value).to_owned()).collect());
    let values = listed(values().map(|value| PostgresQueryBuilder.value_to_string(value)).collect());
    let explanation = |mode: &str| Explanation {
        preparations: vec![
            format!("SET LOCAL plan_cache_mode = {mode}"),
            format!("PREPARE hub_explained{types} AS {}", statement.sql),
        ],
        question: Statement::from_string(DbBackend::Postgres, format!("EXPLAIN (COSTS off) EXECUTE hub_explained{values}")),
        column: "QUERY PLAN",
        ends: vec!["DEALLOCATE hub_explained".to_owned()],
    };
    ["force_generic_plan", "force_custom_plan"].map(explanation).into()
}

/// What the driver says that a value is.
fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Bool(_) => "boolean",
        Value::Int(_) => "integer",
        Value::BigInt(_) => "bigint",
        Value::Double(_) => "double precision",
        Value::Bytes(_) => "bytea",
        Value::Uuid(_) => "uuid",
        Value::String(_) => "text",
        _ => "unknown",
    }
}

pub(super) fn reader_options(url: &str, connections: u32, doubt: Doubt) -> ConnectOptions {
    let mut options = with_session(url, connections, READING, &[]);
    options.map_sqlx_postgres_pool_opts(move |options| {
        let doubt = doubt.clone();
        options.after_release(move |connection, _| {
            let doubt = doubt.clone();
            Box::pin(async move { doubt.ask(connection).await })
        })
    });
    options
}

/// For the journal: a handful of texts, each for any number of rows, each of them looking rows up by key.
pub(super) fn writer_options(url: &str, connections: u32) -> ConnectOptions {
    let plans = [
        // the same plan serves one row and many: planning anew each time buys nothing
        ("plan_cache_mode", "force_generic_plan"),
        // a plan made while the tables were small would read them from end to end, and be kept when they have grown
        ("enable_seqscan", "off"),
    ];
    let mut options = with_session(url, connections, WRITING, &plans);
    options.map_sqlx_postgres_pool_opts(|options| options.after_release(|_, _| Box::pin(async { Ok(false) })));
    options
}

fn with_session(url: &str, connections: u32, statement: Duration, more: &[(&'static str, &'static str)]) -> ConnectOptions {
    let mut session = vec![
        ("synchronous_commit", "on"),
        ("lock_timeout", "5s"),
        ("idle_in_transaction_session_timeout", "30s"),
        // every statement reads a few rows, but some look so dear to the planner that it would compile them for 100 ms
        ("jit", "off"),
    ];
    session.extend_from_slice(more);
    let mut options = base(url);
    options.max_connections(connections).min_connections(1);
    let statement = statement.as_millis().to_string();
    options.map_sqlx_postgres_opts(move |options| {
        let options = options.options(session.iter().copied()).options([("statement_timeout", &statement)]);
        options.statement_cache_capacity(TEXTS)
    });
    options
}

/// Migrations wait for their turn and take the time that they take.
pub(super) fn migration_options(url: &str) -> ConnectOptions {
    let mut options = base(url);
    options.max_connections(1).min_connections(1).max_lifetime(None).idle_timeout(None);
    options
}

fn base(url: &str) -> ConnectOptions {
    let mut options = ConnectOptions::new(url.replacen("postgresql://", "postgres://", 1));
    options.set_application_name("callback-hub");
    options
}

// https://www.postgresql.org/docs/current/errcodes-appendix.html
pub(super) fn is_conflict(code: &str) -> bool {
    matches!(code, "40001" | "40P01")
}

/// Lock not available, statement or lock timeout, too many connections.
pub(super) fn is_busy(code: &str) -> bool {
    matches!(code, "55P03" | "57014" | "53300")
}

/// Connection exceptions, shutting down, out of disk or memory, read-only, a session ended while idle, files that fail.
pub(super) fn is_down(code: &str) -> bool {
    const OTHERS: [&str; 4] = ["25006", "25P03", "58030", "58P01"];
    code.len() == 5 && (["08", "57P", "53"].iter().any(|class| code.starts_with(class)) || OTHERS.contains(&code))
}
