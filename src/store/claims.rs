//! Taking rows that are due: each is leased to one process at a time, and its cost depends on the rows that are due.

use sea_orm::{ConnectionTrait, EntityTrait, Statement, TryGetable};
use uuid::Uuid;

use super::backend::Backend;
use super::backend::Writing;
use super::entity::task;
use super::error::StoreError;
use super::transaction::conclude;
use super::write::Changes;
use super::{Store, backend, due};
use crate::domain::lease::{take, take_to_send};
use crate::domain::task::{Lease, Task};
use crate::domain::time::Timestamp;

/// A pending task that was taken to be submitted, and is committed as *sending*.
#[derive(Clone, Debug)]
pub struct Taken {
    pub task: Task,
    /// Nothing was sent of this attempt before.
    pub first: bool,
    /// JSON texts.
    pub input: Option<String>,
    pub params: Option<String>,
}

/// How many pending tasks are wanted, and which.
#[derive(Clone, Copy, Debug)]
pub struct Want {
    pub most: u64,
    /// Attempts of the generator that may run at a time; none: any number.
    pub running: Option<u32>,
    pub order: Order,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    MostUrgent,
    LongestReady,
}

/// A row that cannot be read must not be the first in line for ever.
const POSTPONE: &str = "UPDATE hub_tasks SET due_at = CASE WHEN due_at IS NULL THEN due_at ELSE $2 END,
    not_before = CASE WHEN not_before IS NULL THEN not_before ELSE $2 END WHERE id = $1";

impl Store {
    /// Generators that have tasks which are due to be looked at.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn due_generators(&self, now: Timestamp) -> Result<Vec<String>, StoreError> {
        self.names(due::GENERATORS, now).await
    }

    /// Generators that have tasks which are due to be submitted.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn pending_generators(&self, now: Timestamp) -> Result<Vec<String>, StoreError> {
        self.names(due::PENDING_GENERATORS, now).await
    }

    /// Takes the tasks of a generator that have been due for longest.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn claim_due(&self, generator: &str, lease: Lease, now: Timestamp, limit: u64) -> Result<Vec<Task>, StoreError> {
        let transaction = self.begin().await?;
        let taken = self.take_due(&transaction, due::tasks(self.backend, generator, now, limit), lease, now).await;
        conclude(transaction, taken).await
    }

    async fn take_due(
        &self,
        transaction: &Writing,
        due: Statement,
        lease: Lease,
        now: Timestamp,
    ) -> Result<Vec<Task>, StoreError> {
        let mut pairs = Vec::new();
        for before in self.lock(transaction, due, lease).await? {
            let mut after = before.clone();
            take(&mut after, lease);
            pairs.push((before, after));
        }
        Changes::taken(&pairs, now).write(self.backend, transaction).await?;
        Ok(pairs.into_iter().map(|(before, _)| before).collect())
    }

    /// Takes pending tasks of a generator, the most urgent first, as far as there are slots for them, and commits them as
    /// *sending*. Those that were being sent when their sender died come before all others and need no new slot.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn claim_pending(
        &self,
        generator: &str,
        lease: Lease,
        now: Timestamp,
        want: Want,
    ) -> Result<Vec<Taken>, StoreError> {
        let transaction = self.begin().await?;
        let taken = self.take_pending(&transaction, generator, lease, now, want).await;
        conclude(transaction, taken).await
    }

    async fn take_pending(
        &self,
        transaction: &Writing,
        generator: &str,
        lease: Lease,
        now: Timestamp,
        want: Want,
    ) -> Result<Vec<Taken>, StoreError> {
        let limit = want.most;
        let mut tasks = Vec::new();
        let mut free = limit;
        if let Some(most) = want.running {
            if let Some(turn) = self.backend.take_turn(generator) {
                transaction.execute_raw(turn).await.map_err(backend::error)?;
            }
            let running = running(self.backend, transaction, generator).await?;
            free = u64::from(most).saturating_sub(running.len() as u64).min(limit);
            if !running.is_empty() {
                let orphaned = due::orphaned(self.backend, &running, now, limit)?;
                tasks = self.lock(transaction, orphaned, lease).await?;
            }
        }
        let fresh = Want { most: free, ..want };
        self.add_fresh(transaction, &mut tasks, fresh, generator, lease, now).await?;
        let mut firsts = Vec::new();
        let mut pairs = Vec::new();
        for before in tasks {
            let mut after = before.clone();
            firsts.push(take_to_send(&mut after, lease, now));
            pairs.push((before, after));
        }
        // before the commit: what is taken and cannot be read in full would count as sent
        let taken = self.with_papers(pairs.iter().map(|(_, after)| after.clone()).zip(firsts).collect()).await?;
        Changes::taken(&pairs, now).write(self.backend, transaction).await?;
        Ok(taken)
    }

    /// How many attempts of a generator are sent and not ended.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn count_running(&self, generator: &str) -> Result<u64, StoreError> {
        Ok(running(self.backend, &self.reader, generator).await?.len() as u64)
    }

    async fn names(&self, text: &str, now: Timestamp) -> Result<Vec<String>, StoreError> {
        column(&self.reader, self.backend.statement(text, [now.micros().into()])).await
    }

    /// Adds so many tasks that are not among them yet, one priority after the other: among those of one priority nobody who
    /// is not due has to be passed over.
    async fn add_fresh(
        &self,
        transaction: &Writing,
        tasks: &mut Vec<Task>,
        want: Want,
        generator: &str,
        lease: Lease,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let most = tasks.len() + usize::try_from(want.most).unwrap_or(usize::MAX);
        if want.most == 0 {
            return Ok(());
        }
        let priorities: Vec<i32> = column(transaction, due::priorities(self.backend, generator, now, want.order)).await?;
        for priority in priorities {
            // those that are known may be among them
            let pending = due::pending(self.backend, generator, priority, now, most as u64);
            let found = self.lock(transaction, pending, lease).await?;
            let fresh: Vec<Task> = found.into_iter().filter(|task| tasks.iter().all(|known| known.id != task.id)).collect();
            tasks.extend(fresh.into_iter().take(most - tasks.len()));
            if tasks.len() == most {
                break;
            }
        }
        Ok(())
    }

    /// The tasks of the rows, locked; rows that somebody else has locked are his. A row that cannot be read is put off.
    async fn lock(&self, transaction: &Writing, locking: Statement, lease: Lease) -> Result<Vec<Task>, StoreError> {
        let rows = task::Entity::find().from_raw_sql(locking).all(transaction).await.map_err(backend::error)?;
        let ids = rows.iter().map(|row| row.id.as_str()).collect();
        let mut attempts = self.attempts(transaction, &ids).await?;
        let mut tasks = Vec::with_capacity(rows.len());
        for row in rows {
            let id = row.id.clone();
            match row.into_task(attempts.remove(&id).unwrap_or_default()) {
                Ok(task) => tasks.push(task),
                Err(error) => {
                    tracing::error!(%error, task = id, "a task that is due cannot be read");
                    let postpone = self.backend.statement(POSTPONE, [id.into(), lease.until.micros().into()]);
                    transaction.execute_raw(postpone).await.map_err(backend::error)?;
                }
            }
        }
        Ok(tasks)
    }

    async fn with_papers(&self, taken: Vec<(Task, bool)>) -> Result<Vec<Taken>, StoreError> {
        let ids = taken.iter().flat_map(|(task, _)| [task.documents.input, task.documents.params]).flatten().collect();
        let texts = self.payloads(ids).await?;
        let text = |id: Option<Uuid>| id.and_then(|id| texts.get(&id)).and_then(|bytes| String::from_utf8(bytes.clone()).ok());
        let with_texts = |(task, first): (Task, bool)| {
            let (input, params) = (text(task.documents.input), text(task.documents.params));
            Taken { task, first, input, params }
        };
        Ok(taken.into_iter().map(with_texts).collect())
    }
}

async fn running(backend: Backend, connection: &impl ConnectionTrait, generator: &str) -> Result<Vec<String>, StoreError> {
    column(connection, backend.statement(due::RUNNING, [generator.into()])).await
}

async fn column<T: TryGetable>(connection: &impl ConnectionTrait, statement: Statement) -> Result<Vec<T>, StoreError> {
    let rows = connection.query_all_raw(statement).await.map_err(backend::error)?;
    rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<_, _>>().map_err(backend::error)
}
