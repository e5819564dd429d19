//! Connections that write, kept. A pool asks a connection that comes back whether it is still there, and one that goes out,
//! too: on the way of a small transaction these questions take as long as a third of its statements.

use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sea_orm::{ConnAcquireErr, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{Backend, StoreError, error};

/// How long somebody waits for a connection, or for its first answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// A session remembers more and more; then it has to go.
const LIFETIME: Duration = Duration::from_secs(30 * 60);

/// Cheap to clone.
#[derive(Clone)]
pub(in crate::store) struct Writers(Arc<Inner>);

struct Inner {
    pool: DatabaseConnection,
    backend: Backend,
    /// First come, first served.
    turns: Arc<Semaphore>,
    idle: Mutex<Vec<Kept>>,
}

/// To the driver it is in a transaction all the time, and so belongs to nobody else.
struct Kept {
    connection: DatabaseTransaction,
    since: Instant,
}

/// A transaction that will write: undone, unless it is committed.
pub(in crate::store) struct Transaction {
    kept: Kept,
    writers: Writers,
    turn: OwnedSemaphorePermit,
}

impl Deref for Transaction {
    type Target = DatabaseTransaction;

    fn deref(&self) -> &DatabaseTransaction {
        &self.kept.connection
    }
}

impl Writers {
    pub(super) fn new(pool: DatabaseConnection, backend: Backend, connections: u32) -> Self {
        let turns = Arc::new(Semaphore::new(usize::try_from(connections).unwrap_or(Semaphore::MAX_PERMITS)));
        Self(Arc::new(Inner { pool, backend, turns, idle: Mutex::default() }))
    }

    /// # Errors
    /// [`StoreError::Busy`] if that takes too long; else whatever the database says.
    pub(in crate::store) async fn begin(&self) -> Result<Transaction, StoreError> {
        let Self(inner) = self;
        let turn = in_time(async { Ok(inner.turns.clone().acquire_owned().await) }).await?;
        let turn = turn.map_err(|_| error(DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed)))?;
        while let Some(kept) = self.take() {
            let begun = in_time(async { kept.connection.execute_unprepared(inner.backend.begin()).await.map_err(error) }).await;
            match begun {
                Ok(_) => return Ok(Transaction { kept, writers: self.clone(), turn }),
                // nothing was lost with it
                Err(StoreError::Unavailable(_)) => {}
                Err(error) => return Err(error),
            }
        }
        let connection = in_time(async { inner.backend.begin_write(&inner.pool).await.map_err(error) }).await?;
        Ok(Transaction { kept: Kept { connection, since: Instant::now() }, writers: self.clone(), turn })
    }

    pub(in crate::store) async fn close(&self) {
        self.0.turns.close();
        let idle = std::mem::take(&mut *self.idle());
        for Kept { connection, .. } in idle {
            // so that there is something to roll back, and nobody complains; what cannot be closed ends with the process
            if connection.execute_unprepared(self.0.backend.begin()).await.is_ok() {
                let _ = connection.rollback().await;
            }
        }
        let _ = self.0.pool.close_by_ref().await;
    }

    fn take(&self) -> Option<Kept> {
        self.idle().pop()
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Kept>> {
        self.0.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Transaction {
    /// # Errors
    /// Whatever the database says; then nobody knows whether it is kept.
    pub(in crate::store) async fn commit(self) -> Result<(), StoreError> {
        self.end("COMMIT").await.map_err(error)
    }

    pub(in crate::store) async fn rollback(self) {
        // the first error says more than what this might add
        let _ = self.end("ROLLBACK").await;
    }

    /// A connection that cannot end what it has begun is not kept.
    async fn end(self, text: &str) -> Result<(), DbErr> {
        self.execute_unprepared(text).await?;
        let Self { kept, writers, turn } = self;
        if kept.since.elapsed() < LIFETIME {
            writers.idle().push(kept);
        }
        drop(turn);
        Ok(())
    }
}

async fn in_time<T>(work: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    let late = |_| StoreError::Busy(DbErr::ConnectionAcquire(ConnAcquireErr::Timeout));
    tokio::time::timeout(PATIENCE, work).await.map_err(late)?
}
