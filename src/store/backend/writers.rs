//! Connections that write, kept. A pool asks a connection that comes back whether it is still there, and one that goes out,
//! too: on the way of a small transaction these questions take as long as a third of its statements.
//!
//! The driver believes that a kept connection is in a transaction all the time, and does not see the ones that are begun and
//! ended here. So none may ever be used from its pool again: one that is not kept is closed as it comes back, which undoes
//! whatever was begun on it.

use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sea_orm::{ConnAcquireErr, ConnectionTrait, DatabaseConnection, DbErr, QueryResult, Statement};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::bounded::Bound;
use super::{Backend, StoreError, Writing, error};

/// How long somebody waits for a connection, or for its first answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// A session remembers more and more; then it has to go.
const LIFETIME: Duration = Duration::from_secs(30 * 60);
/// Who has not been used for so long may have been forgotten by what lies between.
const IDLE: Duration = Duration::from_secs(5 * 60);

/// Cheap to clone.
#[derive(Clone)]
pub(in crate::store) struct Writers(Arc<Inner>);

struct Inner {
    pool: DatabaseConnection,
    bound: Option<Bound>,
    backend: Backend,
    /// First come, first served.
    turns: Arc<Semaphore>,
    idle: Mutex<Vec<Kept>>,
}

struct Kept {
    connection: Writing,
    since: Instant,
    used: Instant,
}

/// A transaction that will write: undone, unless it is committed.
pub(in crate::store) struct Transaction {
    kept: Kept,
    writers: Writers,
    turn: OwnedSemaphorePermit,
}

impl Deref for Transaction {
    type Target = Writing;

    fn deref(&self) -> &Writing {
        &self.kept.connection
    }
}

impl Writers {
    pub(super) fn new(pool: DatabaseConnection, backend: Backend, connections: u32, bound: Option<Bound>) -> Self {
        let turns = Arc::new(Semaphore::new(usize::try_from(connections).unwrap_or(Semaphore::MAX_PERMITS)));
        Self(Arc::new(Inner { pool, bound, backend, turns, idle: Mutex::default() }))
    }

    /// # Errors
    /// [`StoreError::Busy`] if that takes too long; else whatever the database says.
    pub(in crate::store) async fn begin(&self) -> Result<Transaction, StoreError> {
        Ok(self.begin_with(None).await?.0)
    }

    /// The same, and the first row of what is read before all else.
    ///
    /// # Errors
    /// Like those of [`Writers::begin`].
    pub(in crate::store) async fn begin_with(
        &self,
        first: Option<Statement>,
    ) -> Result<(Transaction, Option<QueryResult>), StoreError> {
        let Self(inner) = self;
        let turn = in_time(async { Ok(inner.turns.clone().acquire_owned().await) }).await?;
        let turn = turn.map_err(|_| StoreError::Unavailable(DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed)))?;
        while let Some(kept) = self.take() {
            let begun = in_time(async { inner.backend.begin_with(&kept.connection, first.as_ref()).await.map_err(error) }).await;
            match begun {
                Ok(row) => return Ok((Transaction { kept, writers: self.clone(), turn }, row)),
                // nothing was begun on it: the next one
                Err(StoreError::Unavailable(_)) => {}
                // it was swallowed on the way, and the others most probably with it
                Err(StoreError::Busy(_)) if inner.bound.is_some() => self.idle().clear(),
                Err(error) => return Err(error),
            }
        }
        let connection = in_time(async { inner.backend.begin_write(&inner.pool).await.map_err(error) }).await?;
        let connection = Writing::new(connection, inner.bound.clone());
        let row = match first {
            Some(first) => connection.query_one_raw(first).await.map_err(error)?,
            None => None,
        };
        let now = Instant::now();
        Ok((Transaction { kept: Kept { connection, since: now, used: now }, writers: self.clone(), turn }, row))
    }

    pub(in crate::store) async fn close(&self) {
        self.0.turns.close();
        let idle = std::mem::take(&mut *self.idle());
        for Kept { connection, .. } in idle {
            // the driver rolls back what it believes to be begun, and PostgreSQL writes into its log if it is not
            let begun = in_time(async { connection.execute_unprepared(self.0.backend.begin()).await.map_err(error) }).await;
            if begun.is_ok() {
                let _ = in_time(async { connection.into_inner().rollback().await.map_err(error) }).await;
            }
        }
        // what cannot be closed ends with the process
        let _ = in_time(async { self.0.pool.close_by_ref().await.map_err(error) }).await;
    }

    /// The one that was used last; those that nobody has needed for long go.
    fn take(&self) -> Option<Kept> {
        let mut idle = self.idle();
        idle.retain(|kept| kept.since.elapsed() < LIFETIME && kept.used.elapsed() < IDLE);
        idle.pop()
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

    /// Writes, and commits with the last of it.
    ///
    /// # Errors
    /// Whatever the database says; then nothing is kept, or nobody knows.
    pub(in crate::store) async fn write_and_commit(self, mut statements: Vec<Statement>) -> Result<(), StoreError> {
        let backend = self.writers.0.backend;
        let last = statements.pop();
        let written = async {
            for statement in statements {
                self.execute_raw(statement).await?;
            }
            match last {
                Some(last) => backend.write_and_commit(&self, last).await,
                None => self.execute_unprepared("COMMIT").await.map(drop),
            }
        };
        match written.await {
            Ok(()) => {
                self.keep();
                Ok(())
            }
            Err(fault) => {
                self.rollback().await;
                Err(error(fault))
            }
        }
    }

    pub(in crate::store) async fn rollback(self) {
        // the first error says more than what this might add; whatever lies between may have swallowed the connection
        let _ = in_time(async { self.end("ROLLBACK").await.map_err(error) }).await;
    }

    /// A connection that cannot end what it has begun is not kept.
    async fn end(self, text: &str) -> Result<(), DbErr> {
        self.execute_unprepared(text).await?;
        self.keep();
        Ok(())
    }

    /// Nothing is begun on it any more.
    fn keep(self) {
        let Self { kept, writers, turn } = self;
        let mut idle = writers.idle();
        if !writers.0.turns.is_closed() {
            idle.push(Kept { used: Instant::now(), ..kept });
        }
        drop(idle);
        drop(turn);
    }
}

async fn in_time<T>(work: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    let late = |_| StoreError::Busy(DbErr::ConnectionAcquire(ConnAcquireErr::Timeout));
    tokio::time::timeout(PATIENCE, work).await.map_err(late)?
}

#[cfg(test)]
mod tests {
    use sea_orm::DbBackend;

    use super::*;
    use crate::store::backend::connect;

    async fn writers(folder: &std::path::Path, table: &str) -> Writers {
        let url = format!("sqlite://{}?mode=rwc", folder.join("hub.db").display());
        let writers = connect(&url, 2).await.unwrap().writers;
        let first = writers.begin().await.unwrap();
        first.execute_unprepared(table).await.unwrap();
        first.commit().await.unwrap();
        writers
    }

    async fn names(transaction: &Transaction) -> Vec<String> {
        let rows =
            transaction.query_all_raw(transaction.writers.0.backend.statement("SELECT name FROM notes", [])).await.unwrap();
        rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
    }

    #[tokio::test]
    async fn what_was_dropped_is_undone_however_often_its_connection_was_used() {
        let folder = tempfile::tempdir().unwrap();
        let writers = writers(folder.path(), "CREATE TABLE notes (name TEXT)").await;
        for round in 0..3 {
            let kept = writers.begin().await.unwrap();
            kept.execute_unprepared(&format!("INSERT INTO notes VALUES ('kept {round}')")).await.unwrap();
            kept.commit().await.unwrap();
            let dropped = writers.begin().await.unwrap();
            dropped.execute_unprepared("INSERT INTO notes VALUES ('dropped')").await.unwrap();
            drop(dropped);
            let undone = writers.begin().await.unwrap();
            undone.execute_unprepared("INSERT INTO notes VALUES ('undone')").await.unwrap();
            undone.rollback().await;
        }
        let last = writers.begin().await.unwrap();
        assert_eq!(names(&last).await, ["kept 0", "kept 1", "kept 2"]);
        last.commit().await.unwrap();
        writers.close().await;
    }

    fn insert(name: &str) -> Statement {
        Backend(DbBackend::Sqlite).statement("INSERT INTO notes VALUES ($1)", [name.into()])
    }

    #[tokio::test]
    async fn what_is_read_as_a_transaction_begins_is_what_the_one_before_has_written() {
        let folder = tempfile::tempdir().unwrap();
        let writers = writers(folder.path(), "CREATE TABLE notes (name TEXT)").await;
        let count = || Some(Backend(DbBackend::Sqlite).statement("SELECT count(*) FROM notes WHERE name <> $1", ["".into()]));
        for before in 0..3_i64 {
            let (transaction, row) = writers.begin_with(count()).await.unwrap();
            assert_eq!(row.unwrap().try_get_by_index::<i64>(0).unwrap(), before);
            transaction.write_and_commit(vec![insert("one more")]).await.unwrap();
        }
        writers.close().await;
    }

    #[tokio::test]
    async fn whatever_fails_on_the_way_nothing_is_kept_and_nothing_stays_begun() {
        let folder = tempfile::tempdir().unwrap();
        let writers = writers(folder.path(), "CREATE TABLE notes (name TEXT NOT NULL UNIQUE)").await;
        let wrong = |text| Some(Backend(DbBackend::Sqlite).statement(text, []));
        for _ in 0..2 {
            assert!(writers.begin_with(wrong("SELECT nothing FROM nowhere")).await.is_err());
            let twice = vec![insert("a"), insert("b"), insert("a")];
            let failed = writers.begin().await.unwrap().write_and_commit(twice).await;
            assert!(matches!(failed, Err(StoreError::Conflict(_))), "{failed:?}");
            let first = vec![insert("c"), insert("c"), insert("d")];
            let failed = writers.begin().await.unwrap().write_and_commit(first).await;
            assert!(matches!(failed, Err(StoreError::Conflict(_))), "{failed:?}");
        }
        writers.begin().await.unwrap().write_and_commit(Vec::new()).await.unwrap();
        let last = writers.begin().await.unwrap();
        assert!(names(&last).await.is_empty());
        last.commit().await.unwrap();
        writers.close().await;
    }

    #[tokio::test]
    async fn whoever_writes_while_it_is_closed_holds_nobody_up() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}?mode=rwc", folder.path().join("hub.db").display());
        let writers = connect(&url, 2).await.unwrap().writers;
        let writing = writers.begin().await.unwrap();
        let (closed, ended) = tokio::join!(writers.close(), async {
            while !writers.0.turns.is_closed() {
                tokio::task::yield_now().await;
            }
            writing.commit().await
        });
        assert!(ended.is_ok());
        assert_eq!(closed, ());
        assert!(matches!(writers.begin().await, Err(StoreError::Unavailable(_))));
    }
}
