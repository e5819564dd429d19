//! Everything that differs between SQLite and PostgreSQL. The rest of the store asks here and knows neither.

pub(super) mod listed;
mod parts;
mod postgres;
mod sqlite;
mod table;
mod writers;

use std::sync::LazyLock;
use std::time::Duration;

use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, QueryResult,
    RuntimeErr, Statement, TransactionTrait, Value, sqlx,
};

use super::error::StoreError;
pub(super) use table::Table;
pub(super) use writers::{Transaction, Writers};

/// Constant texts: the statement cache is keyed by them. `$1` is one JSON text unless the name says otherwise. Columns are
/// named, since a cached `*` would change its meaning, and fail, when a newer version adds one.
pub(super) struct Texts {
    /// The tasks of a JSON array of ids, their attempts, and the version of the webhooks: JSON texts of the former two, where
    /// that is better than rows, and nothing has to be locked.
    pub world: Option<String>,
    /// Locks the tasks of a JSON array of ids, in the order of their ids.
    pub lock_tasks: String,
    pub attempts_of: String,
    /// Locks due tasks of generator `$1` at `$2` that nobody else has locked, `$3` at most.
    pub due_tasks: String,
    /// The same for pending ones of generator `$1` and priority `$2` at `$3`, `$4` at most.
    pub pending_tasks: String,
    /// The same for those of a JSON array of ids that are pending at `$2`, `$3` at most.
    pub orphaned_tasks: String,
    /// Attempts that hold one of a JSON array of external ids, under any generator.
    pub external_ids: String,
    /// `[{"task_id", "fingerprint" (hex)}]`
    pub spilled: String,
    /// `[{"owner", "idempotency_key"}]`
    pub idempotent: String,
    /// Locks the parked callbacks of a JSON array of ids, in the order of their ids.
    pub lock_parked: String,
    /// `[{"generator", "awaits", "fingerprint" (hex)}]`
    pub parked_already: String,
    /// Locks parked callbacks that are due at `$1`, and first of those that wait for the same id, that nobody else has
    /// locked, `$2` at most.
    pub due_parked: String,
    /// Makes those due at `$2` that wait for any of `[{"generator", "awaits"}]`, locked in the order of their ids.
    pub wake_parked: &'static str,
    /// `[{"generator", "task_id" (or empty), "fingerprint" (hex)}]`
    pub events_told: String,
    /// `[{"generator", "awaits" (or empty), "fingerprint" (hex)}]`
    pub ignored_before: String,
    /// A task's receipts from `$1` (id) back along the chain, `$2` at most.
    pub receipt_chain: String,
    /// Deletes the bodies that a task's receipts point to, from `$1` back along the chain.
    pub erase_bodies: &'static str,
    /// Makes a task's receipts, from `$1` back along the chain, forget headers and bodies.
    pub erase_receipts: &'static str,
    /// Makes the refused callbacks that named a task forget headers and bodies.
    pub erase_rejections: &'static str,
    /// Make the custom events that were told on a task's path forget what they told, one after the other.
    pub erase_events: [&'static str; 3],
    /// Webhooks of a JSON array of ids.
    pub webhooks: String,
    /// Stored texts of a JSON array of ids.
    pub payloads: &'static str,
    /// Their sizes in bytes instead.
    pub payload_sizes: &'static str,
    /// Locks the contents of a JSON array of tasks, in the order of their ids.
    pub lock_contents: String,
    /// Locks the entries of the pool of priority `$1` that may be lent at `$2` and that nobody else has locked, `$3` at most.
    pub due_contents: String,
    /// Supersedes what is pending of the progress of a JSON array of tasks, at `$2`; what is being sent is only marked. The
    /// lanes and states of all of them.
    pub outdate: &'static str,
    /// Locks the deliveries of lane `$1` that are due at `$2` and that nobody else has locked, `$3` at most; their ids.
    pub due_deliveries: &'static str,
    /// The deliveries of a JSON array of ids, and what each has to wait for.
    pub deliveries_in_line: String,
    /// Lends the deliveries of a JSON array of ids under `$2` until `$3`.
    pub lend_deliveries: &'static str,
    /// The same, and what they send is the letter, unless they have sent something before.
    pub lend_letters: &'static str,
    /// `[{"lane", "hour", "figure", "amount"}]`
    pub add_figures: &'static str,
    /// Forget everything that a task has told webhooks, and what became of its result, one after the other.
    pub erase_relayed: [&'static str; 6],
    /// Deletes the payloads of a JSON array of ids.
    pub delete_payloads: &'static str,
    /// Locks the deliveries that were settled before `$1`, the oldest `$2`.
    pub settled_deliveries: &'static str,
    /// Deletes the deliveries of a JSON array of ids.
    pub delete_deliveries: &'static str,
    /// The events of a JSON array of ids, and whether deliveries bring them.
    pub events_needed: String,
    /// Deletes the events of a JSON array of ids.
    pub delete_events: &'static str,
    /// Deletes the receipts of a JSON array of ids.
    pub delete_receipts: &'static str,
    /// Takes the letters from the events of a JSON array of ids.
    pub forget_letters: &'static str,
}

/// Those that are due at `$1`, `$2` at most: of those that wait for the same id only the first, so that they keep their order.
const DUE_PARKED: &str = "p.due_at <= $1 AND NOT EXISTS (
        SELECT 1 FROM hub_parked AS q WHERE q.generator = p.generator AND q.awaits = p.awaits
        AND (q.arrived_at, q.id) < (p.arrived_at, p.id))
    ORDER BY p.due_at LIMIT $2";

const ERASE_EVENTS: [&str; 3] = [
    "DELETE FROM hub_payloads WHERE id IN (SELECT data FROM hub_events WHERE task_id = $1 UNION SELECT id FROM hub_events WHERE task_id = $1)",
    "UPDATE hub_receipts SET headers = '{}', payload = NULL WHERE id IN (SELECT id FROM hub_events WHERE task_id = $1)",
    "UPDATE hub_events SET data = NULL WHERE task_id = $1",
];

/// What is being sent is soon over, whenever its lease ends.
const IN_LINE: &str = "SELECT d.id, d.webhook, d.lane, d.topic, d.task_id, d.attempts, d.body, d.log, d.outdated,
        (SELECT e.letter FROM hub_events AS e WHERE e.id = d.event) AS letter,
        (SELECT max(CASE WHEN o.lease IS NULL THEN o.due_at ELSE 0 END) FROM hub_deliveries AS o WHERE o.task_id = d.task_id AND o.webhook = d.webhook
            AND o.status = 'pending' AND o.sequence < d.sequence) AS waits_until
    FROM hub_deliveries AS d";

const EVENTS_NEEDED: &str = "SELECT e.id, e.generator, e.data, e.metadata, e.fingerprint, e.letter,
        EXISTS (SELECT 1 FROM hub_deliveries AS d WHERE d.event = e.id) AS is_needed
    FROM hub_events AS e";

/// Letters, rendered bodies and documents; then the rows.
const ERASE_RELAYED: [&str; 6] = [
    // whoever is sending one keeps nothing of it any more
    "UPDATE hub_deliveries SET lease = NULL WHERE task_id = $1",
    "DELETE FROM hub_payloads WHERE id IN (SELECT letter FROM hub_events WHERE task_id = $1
        UNION SELECT metadata FROM hub_events WHERE task_id = $1 UNION SELECT body FROM hub_deliveries WHERE task_id = $1
        UNION SELECT document FROM hub_contents WHERE task_id = $1)",
    "DELETE FROM hub_deliveries WHERE task_id = $1",
    "DELETE FROM hub_contents WHERE task_id = $1",
    "UPDATE hub_events SET letter = NULL, metadata = NULL WHERE task_id = $1",
    "DELETE FROM hub_webhooks WHERE id = (SELECT webhook FROM hub_tasks WHERE id = $1)",
];

#[derive(Clone, Copy)]
pub(super) struct Backend(DbBackend);

/// A way to ask the database for a statement's plan.
pub(super) struct Explanation {
    pub preparations: Vec<String>,
    pub question: Statement,
    /// Of the question's answer.
    pub column: &'static str,
    pub ends: Vec<String>,
}

/// The writing and the reading side of one database.
pub(super) struct Connections {
    pub writers: Writers,
    pub reader: DatabaseConnection,
    pub backend: Backend,
}

pub(super) async fn connect(url: &str, max_connections: u32) -> Result<Connections, StoreError> {
    let backend = Backend::of_url(url)?;
    if let Some(fault) = Some(url).filter(|_| backend.0 == DbBackend::Sqlite).and_then(sqlite::missing) {
        return Err(StoreError::Schema(fault));
    }
    let (writer, writers, reader) = match backend.0 {
        DbBackend::Sqlite => {
            // the first connection creates the file and switches it to WAL before readers come
            let writer = open(sqlite::writer_options(url)).await?;
            (writer, 1, open(sqlite::options(url, max_connections)).await?)
        }
        _ => {
            // pools of their own, so that no flood of reading keeps the journal waiting for a connection
            let writers = (max_connections / 2).max(1);
            let readers = (max_connections - writers).max(1);
            (open(postgres::writer_options(url, writers)).await?, writers, open(postgres::options(url, readers)).await?)
        }
    };
    Ok(Connections { writers: Writers::new(writer, backend, writers), reader, backend })
}

/// Whether there is a database, as far as can be told without making one.
pub(super) fn exists(url: &str) -> bool {
    Backend::of_url(url).is_ok_and(|backend| backend.0 != DbBackend::Sqlite || sqlite::exists(url))
}

async fn open(mut options: ConnectOptions) -> Result<DatabaseConnection, StoreError> {
    options.sqlx_logging(false).acquire_timeout(Duration::from_secs(5)).connect_timeout(Duration::from_secs(5));
    Database::connect(options).await.map_err(error)
}

/// Runs the migrations on a connection of their own, one process at a time.
///
/// # Errors
/// Whatever the database says; a failed migration leaves no trace.
pub(super) async fn migrate<M: migration::MigratorTrait>(url: &str) -> Result<(), StoreError> {
    let backend = Backend::of_url(url)?;
    let options = match backend.0 {
        DbBackend::Sqlite => sqlite::options(url, 1),
        _ => postgres::migration_options(url),
    };
    let connection = open(options).await?;
    if backend.0 == DbBackend::Postgres {
        // held by the session, which is this connection's only one; it ends with it
        connection.execute_unprepared(postgres::LOCK_MIGRATIONS).await.map_err(error)?;
    }
    let outcome = M::up(&connection, None).await.map_err(error);
    connection.close().await.map_err(error)?;
    outcome
}

impl Backend {
    fn of_url(url: &str) -> Result<Self, StoreError> {
        if url.starts_with("sqlite:") {
            Ok(Self(DbBackend::Sqlite))
        } else if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            Ok(Self(DbBackend::Postgres))
        } else {
            Err(StoreError::Schema("the database URL is neither sqlite: nor postgres:".to_owned()))
        }
    }

    pub(super) fn texts(self) -> &'static Texts {
        static SQLITE: LazyLock<Texts> = LazyLock::new(sqlite::texts);
        static POSTGRES: LazyLock<Texts> = LazyLock::new(postgres::texts);
        match self.0 {
            DbBackend::Sqlite => &SQLITE,
            _ => &POSTGRES,
        }
    }

    pub(super) fn statement(self, text: &str, values: impl IntoIterator<Item = Value>) -> Statement {
        Statement::from_sql_and_values(self.0, text, values)
    }

    /// How many rows a statement may have, from many to one: the statement cache is keyed by texts.
    pub(super) const fn row_counts(self) -> &'static [usize] {
        match self.0 {
            DbBackend::Sqlite => &sqlite::ROW_COUNTS,
            _ => &postgres::ROW_COUNTS,
        }
    }

    /// How large a statement's rows may be together; a larger row goes alone.
    pub(super) const fn message_bytes(self) -> usize {
        match self.0 {
            DbBackend::Sqlite => usize::MAX,
            _ => postgres::MESSAGE,
        }
    }

    pub(super) const fn writers_side_by_side(self) -> usize {
        match self.0 {
            DbBackend::Sqlite => 1,
            _ => postgres::WRITERS,
        }
    }

    /// Begins a transaction that will write: it has the right to from its first statement on.
    const fn begin(self) -> &'static str {
        match self.0 {
            DbBackend::Sqlite => sqlite::BEGIN,
            _ => "BEGIN",
        }
    }

    /// The same, and the first row of what is read before all else. Each text is a way to the database and back, and SQLite
    /// takes several statements in one.
    async fn begin_with(self, writer: &DatabaseTransaction, first: Option<&Statement>) -> Result<Option<QueryResult>, DbErr> {
        match first {
            Some(first) if self.0 == DbBackend::Sqlite => {
                let sql = format!("{}; {}", sqlite::BEGIN, first.sql);
                writer.query_one_raw(Statement { sql, ..first.clone() }).await
            }
            _ => {
                writer.execute_unprepared(self.begin()).await?;
                match first {
                    Some(first) => writer.query_one_raw(first.clone()).await,
                    None => Ok(None),
                }
            }
        }
    }

    async fn write_and_commit(self, writer: &DatabaseTransaction, mut last: Statement) -> Result<(), DbErr> {
        if self.0 == DbBackend::Sqlite {
            last.sql.push_str("; COMMIT");
            return writer.execute_raw(last).await.map(drop);
        }
        writer.execute_raw(last).await?;
        writer.execute_unprepared("COMMIT").await.map(drop)
    }

    /// Begins a transaction on a connection of a pool's.
    async fn begin_write(self, writer: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
        match self.0 {
            DbBackend::Sqlite => writer.begin_with_options(sqlite::immediate()).await,
            _ => writer.begin().await,
        }
    }

    /// Makes replicas that count a generator's slots, or its parked callbacks, do so one after the other; where one writes at
    /// a time anyway, nothing.
    pub(super) fn take_turn(self, counted: &str) -> Option<Statement> {
        (self.0 != DbBackend::Sqlite).then(|| self.statement(postgres::TAKE_TURN, [counted.into()]))
    }

    /// Every plan that a statement may get in a session.
    pub(super) fn explanations(self, statement: &Statement) -> Vec<Explanation> {
        match self.0 {
            DbBackend::Sqlite => vec![sqlite::explanation(statement)],
            _ => postgres::explanations(statement),
        }
    }

    /// Brings a part of the log into the database, while others write: none where the database does that itself.
    pub(super) const fn checkpoint(self) -> Option<&'static str> {
        match self.0 {
            DbBackend::Sqlite => Some(sqlite::CHECKPOINT),
            _ => None,
        }
    }

    pub(super) const fn read_clock(self) -> Option<&'static str> {
        match self.0 {
            DbBackend::Sqlite => None,
            _ => Some(postgres::READ_CLOCK),
        }
    }

    pub(super) const fn list_tables(self) -> &'static str {
        match self.0 {
            DbBackend::Sqlite => sqlite::LIST_TABLES,
            _ => postgres::LIST_TABLES,
        }
    }
}

/// Sorts a driver's error by what its reader can do about it.
pub(super) fn error(error: DbErr) -> StoreError {
    let driver = match &error {
        DbErr::ConnectionAcquire(_) => return StoreError::Busy(error),
        DbErr::Conn(_) => return StoreError::Unavailable(error),
        DbErr::Exec(RuntimeErr::SqlxError(driver)) | DbErr::Query(RuntimeErr::SqlxError(driver)) => driver.clone(),
        _ => return StoreError::Statement(error),
    };
    match driver.as_database_error() {
        Some(database) if database.is_unique_violation() => StoreError::Conflict(error),
        Some(database) => match database.code().as_deref() {
            Some(code) if sqlite::is_busy(code) || postgres::is_busy(code) => StoreError::Busy(error),
            Some(code) if postgres::is_conflict(code) => StoreError::Conflict(error),
            Some(code) if sqlite::is_down(code) || postgres::is_down(code) => StoreError::Unavailable(error),
            _ => StoreError::Statement(error),
        },
        None if matches!(*driver, sqlx::Error::PoolTimedOut) => StoreError::Busy(error),
        None if is_connection_loss(&driver) => StoreError::Unavailable(error),
        None => StoreError::Statement(error),
    }
}

fn is_connection_loss(driver: &sqlx::Error) -> bool {
    use sqlx::Error as E;
    matches!(driver, E::Io(_) | E::Tls(_) | E::Protocol(_) | E::PoolClosed | E::WorkerCrashed)
}
