//! What the database makes of the statements that look for due rows, for whoever wonders why a step takes long.

use sea_orm::{ConnectionTrait, DatabaseConnection, Statement, TransactionTrait};

use super::claims::Order;
use super::error::StoreError;
use super::{Store, backend, due};
use crate::domain::time::Timestamp;

/// How the database goes about one statement.
#[derive(Clone, Debug)]
pub struct Plan {
    pub statement: &'static str,
    /// In the database's own words, a line a step.
    pub steps: Vec<String>,
}

impl Store {
    /// The plans of all statements by which due rows are found, in the sessions that they are used in; several of one
    /// statement where the database may choose among them.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn explain_claims(&self, generator: &str, now: Timestamp) -> Result<Vec<Plan>, StoreError> {
        let backend = self.backend;
        let reading = [
            ("due generators", backend.statement(due::GENERATORS, [now.micros().into()])),
            ("pending generators", backend.statement(due::PENDING_GENERATORS, [now.micros().into()])),
            ("running attempts", backend.statement(due::RUNNING, [generator.into()])),
        ];
        let writing = [
            ("due tasks", due::tasks(backend, generator, now, 8)),
            ("due priorities", due::priorities(backend, generator, now, Order::MostUrgent)),
            ("due priorities by readiness", due::priorities(backend, generator, now, Order::LongestReady)),
            ("pending tasks", due::pending(backend, generator, 5, now, 8)),
            ("orphaned tasks", due::orphaned(backend, &["a".to_owned(), "b".to_owned()], now, 8)?),
            ("running attempts", backend.statement(due::RUNNING, [generator.into()])),
            ("due parked callbacks", due::parked(backend, now, 8)),
        ];
        let mut plans = Vec::new();
        for (connection, statements) in [(&self.reader, &reading[..]), (&self.writer, &writing[..])] {
            for (name, statement) in statements {
                plans.extend(self.explain(connection, name, statement).await?);
            }
        }
        Ok(plans)
    }

    async fn explain(
        &self,
        connection: &DatabaseConnection,
        statement: &'static str,
        explained: &Statement,
    ) -> Result<Vec<Plan>, StoreError> {
        let mut plans = Vec::new();
        for way in self.backend.explanations(explained) {
            // what one way leaves behind ends with it
            let transaction = connection.begin().await.map_err(backend::error)?;
            for preparation in &way.preparations {
                transaction.execute_unprepared(preparation).await.map_err(backend::error)?;
            }
            let rows = transaction.query_all_raw(way.question).await.map_err(backend::error)?;
            let step = |row: &sea_orm::QueryResult| row.try_get::<String>("", way.column);
            let steps = rows.iter().map(step).collect::<Result<_, _>>().map_err(backend::error)?;
            for end in &way.ends {
                transaction.execute_unprepared(end).await.map_err(backend::error)?;
            }
            transaction.rollback().await.map_err(backend::error)?;
            plans.push(Plan { statement, steps });
        }
        Ok(plans)
    }
}
