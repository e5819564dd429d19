//! Nobody waits for ever for an answer of the database. A server bounds its statements by itself, but what it says of that is
//! lost, too, where whatever lies between has swallowed the connection, and the driver would wait until the system gives up:
//! never, as long as there is nothing to be sent. A file is always there, and takes the time that it takes.

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sea_orm::entity::prelude::async_trait;
use sea_orm::sqlx::{self, Connection};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr, Statement};

/// A connection that is asked whether it is there.
const PING: Duration = Duration::from_secs(5);
/// After an answer was missed, connections that come back are asked for so long.
const DOUBTFUL: Duration = Duration::from_secs(120);

/// A connection, or a transaction, whose answers are waited for in time.
#[derive(Clone)]
pub(in crate::store) struct Bounded<C> {
    connection: C,
    /// None: nothing lies between.
    bound: Option<Bound>,
}

/// How long an answer is waited for: longer than the server gives to a statement, which may still say what was in the way.
#[derive(Clone)]
pub(super) struct Bound {
    pub within: Duration,
    pub doubt: Doubt,
}

/// Whether an answer was missed lately. A connection on which somebody has stopped waiting goes back to its pool, which asks it
/// whether it is still there, and waits for that without end, and for its place in the pool.
#[derive(Clone, Default)]
pub(super) struct Doubt(Arc<Mutex<Option<Instant>>>);

/// Raises the doubt, unless the answer has come.
struct Waiting<'a>(Option<&'a Doubt>);

impl<C> Bounded<C> {
    pub(super) const fn new(connection: C, bound: Option<Bound>) -> Self {
        Self { connection, bound }
    }

    pub(in crate::store) fn into_inner(self) -> C {
        self.connection
    }

    /// For beginning a transaction, or for hearing, each of which has bounds of its own.
    pub(in crate::store) const fn unbounded(&self) -> &C {
        &self.connection
    }

    async fn in_time<T>(&self, work: impl Future<Output = Result<T, DbErr>>) -> Result<T, DbErr> {
        let Some(Bound { within, doubt }) = &self.bound else { return work.await };
        let mut work = pin!(tokio::time::timeout(*within, work));
        // goes before the work does: by the time that the connection is back, the doubt is there
        let mut waiting = Waiting(Some(doubt));
        let answer = work.as_mut().await;
        if answer.is_ok() {
            waiting.0 = None;
        }
        answer.unwrap_or_else(|_| Err(DbErr::Conn(RuntimeErr::SqlxError(Arc::new(late())))))
    }
}

/// As if the connection had been lost: nobody knows what became of the statement.
fn late() -> sqlx::Error {
    sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, "the database has not answered in time"))
}

/// What the driver says, in time.
pub(super) async fn within<T>(time: Duration, work: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
    tokio::time::timeout(time, work).await.map_err(|_| late())?
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(doubt) = self.0 {
            *doubt.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        }
    }
}

impl Doubt {
    fn is_raised(&self) -> bool {
        let raised = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        raised.is_some_and(|at| at.elapsed() < DOUBTFUL)
    }

    /// To be asked before its pool does.
    ///
    /// # Errors
    /// It is not there, or says nothing: then it is not to be kept.
    pub(super) async fn ask<C: Connection>(&self, connection: &mut C) -> Result<bool, sqlx::Error> {
        if !self.is_raised() {
            return Ok(true);
        }
        within(PING, connection.ping()).await?;
        Ok(true)
    }
}

#[async_trait::async_trait]
impl<C: ConnectionTrait> ConnectionTrait for Bounded<C> {
    fn get_database_backend(&self) -> DbBackend {
        self.connection.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.in_time(self.connection.execute_raw(statement)).await
    }

    async fn execute_unprepared(&self, text: &str) -> Result<ExecResult, DbErr> {
        self.in_time(self.connection.execute_unprepared(text)).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.in_time(self.connection.query_one_raw(statement)).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.in_time(self.connection.query_all_raw(statement)).await
    }

    fn support_returning(&self) -> bool {
        self.connection.support_returning()
    }
}
