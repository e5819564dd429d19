//! PostgreSQL: two clients, each with tasks of its own, three statements a batch.

use std::time::Duration;

use futures_util::future::try_join_all;
use sea_orm::sqlx::postgres::{PgConnectOptions, PgConnection};
use sea_orm::sqlx::{self, AssertSqlSafe, ConnectOptions, Connection};
use tokio::time::Instant;

use super::{BATCH, Maker, OWN_OF_PAYLOAD, OWN_OF_RECEIPT, Rows, Sampled};

const CLIENTS: usize = 2;

pub struct Loop {
    clients: Vec<Client>,
}

struct Client {
    number: usize,
    connection: PgConnection,
    maker: Maker,
    receipts: String,
    payloads: String,
    tasks: String,
}

impl Loop {
    /// # Errors
    /// When the database cannot be filled.
    pub async fn new(url: String, tasks: usize) -> anyhow::Result<Self> {
        let sampled = Sampled::new(url, tasks).await?;
        let options: PgConnectOptions = sampled.filled.url.parse()?;
        // as the journal's own sessions have it
        let session =
            [("synchronous_commit", "on"), ("plan_cache_mode", "force_generic_plan"), ("enable_seqscan", "off"), ("jit", "off")];
        let options = options.options(session).disable_statement_logging();
        let mut clients = Vec::new();
        for number in 0..CLIENTS {
            clients.push(Client {
                number,
                connection: PgConnection::connect_with(&options).await?,
                maker: Maker::new(&sampled.filled),
                receipts: receipts(&sampled),
                payloads: payloads(&sampled),
                tasks: update(&sampled),
            });
        }
        Ok(Self { clients })
    }

    /// Callbacks a second of all clients together, for so long.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn run(&mut self, time: Duration) -> anyhow::Result<f64> {
        let began = Instant::now();
        let written = try_join_all(self.clients.iter_mut().map(|client| client.run(began + time))).await?;
        Ok(f64::from(written.into_iter().sum::<u32>()) * BATCH as f64 / began.elapsed().as_secs_f64())
    }
}

impl Client {
    /// How many batches it has written.
    async fn run(&mut self, until: Instant) -> anyhow::Result<u32> {
        let mut batches = 0;
        while Instant::now() < until {
            let rows: Vec<Rows> = (0..BATCH).map(|_| self.maker.rows(self.number, CLIENTS)).collect();
            self.write(&rows).await?;
            batches += 1;
        }
        Ok(batches)
    }

    async fn write(&mut self, rows: &[Rows]) -> anyhow::Result<()> {
        let ids: Vec<_> = rows.iter().map(|rows| rows.id).collect();
        let tasks: Vec<&str> = rows.iter().map(|rows| rows.task.as_str()).collect();
        let at: Vec<i64> = rows.iter().map(|rows| rows.at).collect();
        let sequences: Vec<i64> = rows.iter().map(|rows| rows.sequence).collect();
        let mut transaction = self.connection.begin().await?;
        sqlx::query(AssertSqlSafe(self.receipts.as_str()))
            .bind(&ids)
            .bind(&tasks)
            .bind(&sequences)
            .bind(rows.iter().map(|rows| rows.previous).collect::<Vec<_>>())
            .bind(&at)
            .execute(&mut *transaction)
            .await?;
        sqlx::query(AssertSqlSafe(self.payloads.as_str()))
            .bind(&ids)
            .bind(rows.iter().map(|rows| rows.body.as_slice()).collect::<Vec<_>>())
            .execute(&mut *transaction)
            .await?;
        sqlx::query(AssertSqlSafe(self.tasks.as_str()))
            .bind(&ids)
            .bind(&tasks)
            .bind(&sequences)
            .bind(&at)
            .bind(rows.iter().map(|rows| rows.message.as_str()).collect::<Vec<_>>())
            .bind(rows.iter().map(|rows| rows.recent.as_slice()).collect::<Vec<_>>())
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(())
    }
}

fn receipts(sampled: &Sampled) -> String {
    let values = sampled.receipt.iter().map(|name| match name.as_str() {
        "payload" => "u.id".to_owned(),
        own if OWN_OF_RECEIPT.contains(&own) => format!("u.{own}"),
        other => format!("r.{other}"),
    });
    format!(
        "INSERT INTO hub_receipts ({}) SELECT {} FROM UNNEST($1::uuid[], $2::text[], $3::bigint[], $4::uuid[], $5::bigint[])
        AS u(id, task_id, sequence, previous, received_at) CROSS JOIN sample_hub_receipts AS r",
        sampled.receipt.join(", "),
        values.collect::<Vec<_>>().join(", ")
    )
}

fn payloads(sampled: &Sampled) -> String {
    let values = sampled.payload.iter().map(|name| match name.as_str() {
        own if OWN_OF_PAYLOAD.contains(&own) => format!("u.{own}"),
        other => format!("r.{other}"),
    });
    format!(
        "INSERT INTO hub_payloads ({}) SELECT {} FROM UNNEST($1::uuid[], $2::bytea[]) AS u(id, bytes)
        CROSS JOIN sample_hub_payloads AS r",
        sampled.payload.join(", "),
        values.collect::<Vec<_>>().join(", ")
    )
}

fn update(sampled: &Sampled) -> String {
    let changed = sampled.changed.iter().map(|name| match *name {
        "stage" => "stage = 'render'".to_owned(),
        other => format!("{other} = u.{other}"),
    });
    format!(
        "UPDATE hub_tasks AS t SET {} FROM UNNEST($1::uuid[], $2::text[], $3::bigint[], $4::bigint[], $5::text[], $6::bytea[])
        AS u(last_receipt, task_id, receipts, progress_at, message, recent) WHERE t.id = u.task_id COLLATE \"C\"",
        changed.collect::<Vec<_>>().join(", ")
    )
}
