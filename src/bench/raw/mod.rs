//! What the same rows cost without a hub: a receipt, its body and the task's row, 64 at a time in one synced transaction,
//! into the hub's own tables. Nothing is verified, decided or answered.

pub mod pgbench;
pub mod postgres;
pub mod sqlite;

use sea_orm::ConnectionTrait;
use uuid::Uuid;

use super::fill::{Filled, columns, connect};
use super::load::{Callbacks, Load, Pace, progress, scattered};
use super::subject::{Kind, Subject};
use crate::clock::Clock;

/// Callbacks in one transaction.
pub const BATCH: usize = 64;

/// What is a row's own, and not its sample's.
const OWN_OF_RECEIPT: [&str; 6] = ["id", "task_id", "sequence", "previous", "received_at", "payload"];
const OWN_OF_PAYLOAD: [&str; 2] = ["id", "bytes"];
/// What a progress event changes in its task's row.
const CHANGED: [&str; 6] = ["stage", "message", "progress_at", "receipts", "last_receipt", "recent"];

/// One callback's rows.
struct Rows {
    id: Uuid,
    task: String,
    sequence: i64,
    previous: Option<Uuid>,
    body: Vec<u8>,
    at: i64,
    message: String,
    recent: Vec<u8>,
}

/// Makes rows of tasks, of which it remembers what their rows hold.
struct Maker {
    run: String,
    /// Of each task: how many receipts it has, and the newest.
    heads: Vec<(usize, Option<Uuid>)>,
    number: u64,
}

impl Maker {
    fn new(filled: &Filled) -> Self {
        // far from those that hubs are given
        Self { run: filled.run.clone(), heads: vec![(0, None); filled.tasks], number: 1 << 40 }
    }

    /// Of a random task; of those, every `every`th from `first` on.
    fn rows(&mut self, first: usize, every: usize) -> Rows {
        self.number += 1;
        let number = self.number;
        let chosen = scattered(number, self.heads.len() / every) * every + first;
        let task = format!("{}-{chosen}", self.run);
        let id = Uuid::now_v7();
        let (receipts, newest) = &mut self.heads[chosen];
        *receipts += 1;
        let previous = newest.replace(id);
        Rows {
            id,
            sequence: i64::try_from(*receipts).unwrap_or(i64::MAX),
            previous,
            body: progress(&task, number).into_bytes(),
            task,
            at: Clock::System.now().micros(),
            message: format!("frame {number}"),
            // as long as the hub's: a byte, and twenty for each of the newest sixteen
            recent: vec![0; 1 + 20 * (*receipts).min(16)],
        }
    }
}

/// A filled database and its samples: what the hub has written of one callback is what rows here hold, but for their own
/// columns.
struct Sampled {
    filled: Filled,
    receipt: Vec<String>,
    payload: Vec<String>,
    /// Of what a progress event changes, the columns that there are.
    changed: Vec<&'static str>,
}

impl Sampled {
    async fn new(url: String, tasks: usize) -> anyhow::Result<Self> {
        let filled = Filled::new(url, tasks, 0).await?;
        let subject = Subject::start_as(Kind::Silent, &filled.url, 0, &filled.run, 0)?;
        let (addresses, callbacks) = (&[subject.address], Callbacks::Progress { tasks: 1 });
        Load { addresses, run: &filled.run, callbacks, connections: 1, pace: Pace::Count(1) }.send().await?;
        subject.end()?;
        let connection = connect(&filled.url).await?;
        for table in ["hub_receipts", "hub_payloads"] {
            connection.execute_unprepared(&format!("CREATE TABLE sample_{table} AS SELECT * FROM {table}")).await?;
            connection.execute_unprepared(&format!("DELETE FROM {table}")).await?;
        }
        let tasks = columns(&connection, "hub_tasks").await?;
        let changed = CHANGED.into_iter().filter(|name| tasks.iter().any(|column| column == name)).collect();
        let (receipt, payload) = (columns(&connection, "hub_receipts").await?, columns(&connection, "hub_payloads").await?);
        connection.close().await?;
        Ok(Self { filled, receipt, payload, changed })
    }
}
