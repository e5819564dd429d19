//! What the database makes of the statements that look for due rows, for whoever wonders why a step takes long.

use sea_orm::{
    ConnectionTrait, DatabaseConnection, EntityTrait, QueryOrder, QuerySelect, QueryTrait, Statement, TransactionTrait,
};

use super::claims::Order;
use super::entity::delivery;
use super::error::StoreError;
use super::{DeliveryFilter, Store, backend, deliveries, due, tallies, tidying};
use crate::domain::delivery::Status;
use crate::domain::task::TaskId;
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

impl Store {
    /// The plans of the statements by which deliveries are found, counted and dropped.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn explain_deliveries(&self, lane: &str, now: Timestamp) -> Result<Vec<Plan>, StoreError> {
        let (backend, texts, micros) = (self.backend, self.backend.texts(), now.micros());
        let list = |filter: &DeliveryFilter| {
            let select = filter.apply(delivery::Entity::find()).order_by_desc(delivery::Column::Id).limit(50);
            select.build(self.reader.get_database_backend())
        };
        let task = TaskId::parse("t").ok();
        let dead = vec![Status::Dead];
        let reading = [
            ("due lanes", backend.statement(deliveries::LANES, [micros.into()])),
            ("a task's deliveries", list(&DeliveryFilter { task, ..DeliveryFilter::default() })),
            ("dead deliveries", list(&DeliveryFilter { status: dead, ..DeliveryFilter::default() })),
            ("pending deliveries", list(&DeliveryFilter { status: vec![Status::Pending], ..DeliveryFilter::default() })),
            ("the oldest pending delivery", backend.statement(tallies::OLDEST, [])),
            ("pending deliveries by lane", backend.statement(tallies::PENDING, [])),
            ("dead deliveries by lane", backend.statement(tallies::DEAD, [])),
            ("figures", backend.statement(tallies::FIGURES, [(now.secs() / 3600 - 24).into()])),
            ("any settled delivery", backend.statement(tidying::ANY_SETTLED, [micros.into()])),
        ];
        let ids = super::write::json(&[uuid::Uuid::nil(), uuid::Uuid::max()])?;
        let writing = [
            ("due deliveries", backend.statement(texts.due_deliveries, [lane.into(), micros.into(), 8_i64.into()])),
            ("deliveries in line", backend.statement(&texts.deliveries_in_line, [ids.into()])),
            ("settled deliveries", backend.statement(texts.settled_deliveries, [micros.into(), 8_i64.into()])),
        ];
        let mut plans = Vec::new();
        for (connection, statements) in [(&self.reader, &reading[..]), (&self.writer, &writing[..])] {
            for (name, statement) in statements {
                plans.extend(self.explain(connection, name, statement).await?);
            }
        }
        Ok(plans)
    }
}
