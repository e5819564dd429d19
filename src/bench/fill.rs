//! Many tasks, copied by the database from one that the hub has made: the rows are the hub's own, whatever its tables look like.
//!
//! A subject makes the first task, and callbacks make its receipts. Copies of receipts get ids that are older than the hub's
//! own and follow each other as theirs do.

use std::time::Duration;

use anyhow::ensure;
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement, TransactionTrait};
use uuid::Uuid;

use super::load::{Callbacks, Load, Pace};
use super::subject::{Kind, Subject};

/// Tasks in one transaction, or as many that have that many receipts.
const CHUNK: usize = 50_000;

/// A database of the hub and what its tasks are named after.
pub struct Filled {
    pub url: String,
    pub run: String,
    pub tasks: usize,
    /// That each of them has had.
    pub receipts: usize,
}

impl Filled {
    /// Migrates an empty database and fills it.
    ///
    /// # Errors
    /// When a subject or the database refuses.
    pub async fn new(url: String, tasks: usize, receipts: usize) -> anyhow::Result<Self> {
        let subject = Subject::start(Kind::Silent, &url, 1)?;
        let run = subject.run.clone();
        let (addresses, callbacks) = (&[subject.address], Callbacks::Progress { tasks: 1 });
        Load { addresses, run: &run, callbacks, connections: 1, pace: Pace::Count(receipts) }.send().await?;
        let filled = Self { url, run, tasks, receipts };
        filled.copy().await?;
        subject.end()?;
        Ok(filled)
    }

    async fn copy(&self) -> anyhow::Result<()> {
        let copyist = Copyist::new(self).await?;
        copyist.prepare().await?;
        let step = (CHUNK / self.receipts.max(1)).max(1);
        for first in (1..self.tasks).step_by(step) {
            copyist.write(first, (first + step).min(self.tasks)).await?;
        }
        copyist.finish().await?;
        Ok(())
    }
}

/// Whether a URL is SQLite's.
pub(super) fn is_file(url: &str) -> bool {
    url.starts_with("sqlite:")
}

/// Whether a receipt was copied, and not received.
pub(super) fn is_copy(receipt: Uuid) -> bool {
    receipt.as_bytes().starts_with(&[0x01, 0x90])
}

/// A connection that writes what the hub never does.
pub(super) async fn connect(url: &str) -> anyhow::Result<DatabaseConnection> {
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false).acquire_timeout(Duration::from_secs(60));
    // temporary tables are the connection's
    options.idle_timeout(None).max_lifetime(None);
    Ok(Database::connect(options).await?)
}

struct Copyist<'a> {
    connection: DatabaseConnection,
    filled: &'a Filled,
    is_file: bool,
}

/// Tables that a task has rows in, and which of them are the first one's.
const TABLES: [(&str, &str); 4] = [
    ("hub_tasks", "id = '{run}-0'"),
    ("hub_attempts", "task_id = '{run}-0'"),
    ("hub_receipts", "task_id = '{run}-0'"),
    ("hub_payloads", "id IN (SELECT payload FROM sample_hub_receipts)"),
];

impl<'a> Copyist<'a> {
    async fn new(filled: &'a Filled) -> anyhow::Result<Self> {
        Ok(Self { connection: connect(&filled.url).await?, filled, is_file: is_file(&filled.url) })
    }

    async fn execute(&self, text: &str) -> anyhow::Result<()> {
        self.connection.execute_unprepared(text).await?;
        Ok(())
    }

    /// What is copied is kept apart from what it is copied into.
    async fn prepare(&self) -> anyhow::Result<()> {
        // if the machine fails meanwhile, nobody wants the rest
        let fast = if self.is_file { "PRAGMA synchronous = OFF" } else { "SET synchronous_commit = off" };
        self.execute(fast).await?;
        for (table, first) in TABLES {
            let first = first.replace("{run}", &self.filled.run);
            self.execute(&format!("CREATE TEMP TABLE sample_{table} AS SELECT * FROM {table} WHERE {first}")).await?;
        }
        let row = self.connection.query_one_raw(self.statement("SELECT count(*) AS n FROM sample_hub_receipts")).await?;
        let found: i64 = row.map_or(Ok(0), |row| row.try_get("", "n"))?;
        ensure!(usize::try_from(found)? == self.filled.receipts, "the first task has {found} receipts");
        Ok(())
    }

    async fn write(&self, first: usize, end: usize) -> anyhow::Result<()> {
        let begin = if self.is_file { first.to_string() } else { format!("{first}::bigint") };
        let numbers =
            format!("WITH RECURSIVE numbers(n) AS (SELECT {begin} UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < {end})");
        let transaction = self.connection.begin().await?;
        for (table, _) in TABLES {
            let columns = columns(&transaction, table).await?;
            let (row, source) = match table {
                "hub_payloads" => ("p", "sample_hub_receipts AS r JOIN sample_hub_payloads AS p ON p.id = r.payload".to_owned()),
                _ => ("r", format!("sample_{table} AS r")),
            };
            let values: Vec<String> = columns.iter().map(|column| self.value(table, column, row)).collect();
            let (columns, values) = (columns.join(", "), values.join(", "));
            let text = format!("{numbers} INSERT INTO {table} ({columns}) SELECT {values} FROM numbers CROSS JOIN {source}");
            transaction.execute_unprepared(&text).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// What a copy has in a column.
    fn value(&self, table: &str, column: &str, row: &str) -> String {
        let task = format!("'{}-' || n", self.filled.run);
        let unless_null = |id: String| format!("CASE WHEN r.{column} IS NULL THEN NULL ELSE {id} END");
        match (table, column) {
            ("hub_tasks", "id") | (_, "task_id") => task,
            ("hub_tasks", "created_at") => "r.created_at + n".to_owned(),
            ("hub_tasks", "last_receipt") => unless_null(self.id("r.receipts")),
            ("hub_attempts", "external_id") => "r.external_id || '-' || n".to_owned(),
            ("hub_receipts" | "hub_payloads", "id") => self.id("r.sequence"),
            ("hub_receipts", "previous") => unless_null(self.id("(r.sequence - 1)")),
            ("hub_receipts", "payload") => unless_null(self.id("r.sequence")),
            _ => format!("{row}.{column}"),
        }
    }

    /// Nothing that the filling has left behind is to be measured.
    async fn finish(self) -> anyhow::Result<()> {
        if self.is_file {
            self.execute("PRAGMA wal_checkpoint(TRUNCATE)").await?;
        } else {
            for (table, _) in TABLES {
                self.execute(&format!("VACUUM (ANALYZE) {table}")).await?;
            }
            // not everybody may: then the server does it when it likes
            let _ = self.execute("CHECKPOINT").await;
        }
        self.connection.close().await?;
        Ok(())
    }

    /// Of the `sequence`th receipt of task `n`: as good as a UUID of version 7 from the middle of 2024.
    fn id(&self, sequence: &str) -> String {
        let number = format!("n * 64 + {sequence}");
        if self.is_file {
            format!("unhex(printf('0190%028x', {number}))")
        } else {
            format!("('0190' || lpad(to_hex({number}), 28, '0'))::uuid")
        }
    }

    fn statement(&self, text: &str) -> Statement {
        Statement::from_string(self.connection.get_database_backend(), text)
    }
}

/// A table's columns.
pub(super) async fn columns(connection: &impl ConnectionTrait, table: &str) -> anyhow::Result<Vec<String>> {
    let backend = connection.get_database_backend();
    let text = match backend {
        DbBackend::Sqlite => format!("SELECT name FROM pragma_table_info('{table}') ORDER BY cid"),
        _ => format!(
            "SELECT column_name::text AS name FROM information_schema.columns
             WHERE table_schema = current_schema() AND table_name = '{table}' ORDER BY ordinal_position"
        ),
    };
    let rows = connection.query_all_raw(Statement::from_string(backend, text)).await?;
    let names: Vec<String> = rows.iter().map(|row| row.try_get("", "name")).collect::<Result<_, _>>()?;
    ensure!(!names.is_empty(), "there is no table {table}");
    Ok(names)
}
