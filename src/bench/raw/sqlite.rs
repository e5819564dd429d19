//! SQLite: WAL and `synchronous=FULL`, one connection; each batch is one text of prepared statements, so that the driver's
//! thread is woken once a batch.

use std::time::Duration;

use sea_orm::sqlx::sqlite::{
    Sqlite, SqliteArguments, SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous,
};
use sea_orm::sqlx::{self, AssertSqlSafe, ConnectOptions, Connection, Row};
use tokio::time::Instant;

use super::{BATCH, Maker, OWN_OF_PAYLOAD, OWN_OF_RECEIPT, Rows, Sampled};

pub struct Loop {
    connection: SqliteConnection,
    maker: Maker,
    /// The names of a callback's parameters, in their order.
    parameters: Vec<(Table, String)>,
    /// Of a whole batch.
    text: String,
}

#[derive(Clone, Copy)]
enum Table {
    Receipt,
    Payload,
    Task,
}

type Query<'q> = sqlx::query::Query<'q, Sqlite, SqliteArguments>;

impl Loop {
    /// # Errors
    /// When the database cannot be made or filled.
    pub async fn new(url: String, tasks: usize) -> anyhow::Result<Self> {
        let sampled = Sampled::new(url, tasks).await?;
        let options: SqliteConnectOptions = sampled.filled.url.parse()?;
        let options = options.journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full);
        let mut connection = SqliteConnection::connect_with(&options.disable_statement_logging()).await?;
        let mut parameters = Vec::new();
        let receipt = insert(&mut connection, "hub_receipts", &sampled.receipt, &OWN_OF_RECEIPT).await?;
        let payload = insert(&mut connection, "hub_payloads", &sampled.payload, &OWN_OF_PAYLOAD).await?;
        parameters.extend(receipt.1.into_iter().map(|name| (Table::Receipt, name)));
        parameters.extend(payload.1.into_iter().map(|name| (Table::Payload, name)));
        parameters.extend(sampled.changed.iter().map(|name| (Table::Task, (*name).to_owned())));
        parameters.push((Table::Task, "id".to_owned()));
        let changed: Vec<String> = sampled.changed.iter().map(|name| format!("{name} = ?")).collect();
        let callback = format!("{};\n{};\nUPDATE hub_tasks SET {} WHERE id = ?;\n", receipt.0, payload.0, changed.join(", "));
        let text = format!("BEGIN IMMEDIATE;\n{}COMMIT;", callback.repeat(BATCH));
        Ok(Self { connection, maker: Maker::new(&sampled.filled), parameters, text })
    }

    /// Callbacks a second, for so long.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn run(&mut self, time: Duration) -> anyhow::Result<f64> {
        let (began, mut batches) = (Instant::now(), 0_u32);
        while began.elapsed() < time {
            let mut query = sqlx::query(AssertSqlSafe(self.text.as_str()));
            for _ in 0..BATCH {
                let rows = self.maker.rows(0, 1);
                for (table, name) in &self.parameters {
                    query = bind(query, *table, name, &rows);
                }
            }
            query.execute(&mut self.connection).await?;
            batches += 1;
        }
        Ok(f64::from(batches) * BATCH as f64 / began.elapsed().as_secs_f64())
    }
}

/// An insert's text, and the names of its parameters: what is not the row's own is written out.
async fn insert(
    connection: &mut SqliteConnection,
    table: &str,
    columns: &[String],
    own: &[&str],
) -> anyhow::Result<(String, Vec<String>)> {
    let quoted: Vec<String> = columns.iter().map(|name| format!("quote({name})")).collect();
    let sample = format!("SELECT {} FROM sample_{table} LIMIT 1", quoted.join(", "));
    let row = sqlx::query(AssertSqlSafe(sample)).fetch_one(connection).await?;
    let (mut values, mut names) = (Vec::new(), Vec::new());
    for (index, name) in columns.iter().enumerate() {
        if own.contains(&name.as_str()) {
            values.push("?".to_owned());
            names.push(name.clone());
        } else {
            values.push(row.try_get(index)?);
        }
    }
    Ok((format!("INSERT INTO {table} ({}) VALUES ({})", columns.join(", "), values.join(", ")), names))
}

fn bind<'q>(query: Query<'q>, table: Table, name: &str, rows: &Rows) -> Query<'q> {
    match (table, name) {
        (Table::Task, "id") | (_, "task_id") => query.bind(rows.task.clone()),
        (_, "id" | "payload" | "last_receipt") => query.bind(rows.id),
        (_, "sequence" | "receipts") => query.bind(rows.sequence),
        (_, "previous") => query.bind(rows.previous),
        (_, "received_at" | "progress_at") => query.bind(rows.at),
        (_, "bytes") => query.bind(rows.body.clone()),
        (_, "stage") => query.bind("render"),
        (_, "message") => query.bind(rows.message.clone()),
        (_, "recent") => query.bind(rows.recent.clone()),
        _ => query.bind(None::<i64>),
    }
}
