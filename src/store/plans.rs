//! What the database makes of the statements that look for rows, for whoever wonders why a step, or a list, takes long.

mod lists;

use sea_orm::{ConnectionTrait, Statement, TransactionTrait, Value};
use uuid::Uuid;

use super::backend::Explanation;
use super::claims::Order;
use super::entity::task;
use super::error::StoreError;
use super::{Store, backend, deliveries, due, retention, strays, tallies, tidying};
use crate::domain::time::Timestamp;

/// How the database goes about one statement.
#[derive(Clone, Debug)]
pub struct Plan {
    pub statement: &'static str,
    /// In the database's own words, a line a step.
    pub steps: Vec<String>,
}

type Named = (&'static str, Statement);

/// What goes with its task, in the order of the statements.
const WITH_TASKS: [&str; 15] = [
    "data of events",
    "receipts of events",
    "events without data",
    "leases that end",
    "letters",
    "deliveries of tasks",
    "contents that go",
    "events without letters",
    "webhooks of tasks",
    "events of tasks",
    "keys of tasks",
    "cancellations of tasks",
    "fingerprints of tasks",
    "attempts of tasks",
    "tasks that go",
];

impl Store {
    /// The plans of all statements by which due rows, and changed ones, are found, in the sessions that they are used in; several of one
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
        let mut writing = vec![
            ("due tasks", due::tasks(backend, generator, now, 8)),
            ("due priorities", due::priorities(backend, generator, now, Order::MostUrgent)),
            ("due priorities by readiness", due::priorities(backend, generator, now, Order::LongestReady)),
            ("pending tasks", due::pending(backend, generator, 5, now, 8)),
            ("orphaned tasks", due::orphaned(backend, &["a".to_owned(), "b".to_owned()], now, 8)?),
            ("running attempts", backend.statement(due::RUNNING, [generator.into()])),
            ("due parked callbacks", due::parked(backend, now, 8)),
        ];
        let changed = ["a", "b"].map(|id| task::Model { id: id.to_owned(), ..task::Model::default() });
        let named = |name, statements: Vec<Statement>| statements.into_iter().map(move |statement| (name, statement));
        for update in 0..task::UPDATES {
            writing.extend(named("changed tasks", backend.update_by(&task::TABLE, update, changed.clone().into())));
        }
        self.explain_all(&reading, &writing).await
    }

    async fn explain_all(&self, reading: &[Named], writing: &[Named]) -> Result<Vec<Plan>, StoreError> {
        let mut plans = Vec::new();
        for (name, statement) in reading {
            for way in self.backend.explanations(statement) {
                let transaction = self.reader.unbounded().begin().await.map_err(backend::error)?;
                plans.push(explain(&transaction, name, way).await?);
            }
        }
        for (name, statement) in writing {
            for way in self.backend.explanations(statement) {
                let transaction = self.begin().await?;
                plans.push(explain(&*transaction, name, way).await?);
                transaction.rollback().await;
            }
        }
        Ok(plans)
    }
}

/// Settings end with the transaction; what was prepared for it has to be taken back.
async fn explain(transaction: &impl ConnectionTrait, statement: &'static str, way: Explanation) -> Result<Plan, StoreError> {
    for preparation in &way.preparations {
        transaction.execute_unprepared(preparation).await.map_err(backend::error)?;
    }
    let rows = transaction.query_all_raw(way.question).await.map_err(backend::error)?;
    let step = |row: &sea_orm::QueryResult| row.try_get::<String>("", way.column);
    let steps = rows.iter().map(step).collect::<Result<_, _>>().map_err(backend::error)?;
    for end in &way.ends {
        transaction.execute_unprepared(end).await.map_err(backend::error)?;
    }
    Ok(Plan { statement, steps })
}

impl Store {
    /// The plans of the statements by which deliveries are taken, counted and dropped.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn explain_deliveries(&self, lane: &str, now: Timestamp) -> Result<Vec<Plan>, StoreError> {
        let (backend, texts, micros) = (self.backend, self.backend.texts(), now.micros());
        let reading = [
            ("due lanes", backend.statement(deliveries::LANES, [micros.into()])),
            ("the oldest pending delivery", backend.statement(tallies::OLDEST, [])),
            ("pending deliveries by lane", backend.statement(tallies::PENDING, [])),
            ("dead deliveries by lane", backend.statement(tallies::DEAD, [])),
            ("figures", backend.statement(tallies::FIGURES, [(now.secs() / 3600 - 24).into()])),
            ("any settled delivery", backend.statement(tidying::ANY_SETTLED, [micros.into()])),
        ];
        let ids = super::write::json(&[Uuid::nil(), Uuid::max()])?;
        let writing = [
            ("due deliveries", backend.statement(texts.due_deliveries, [lane.into(), micros.into(), 8_i64.into()])),
            ("deliveries in line", backend.statement(&texts.deliveries_in_line, [ids.clone().into()])),
            ("settled deliveries", backend.statement(texts.settled_deliveries, [micros.into(), 8_i64.into()])),
            ("deliveries that go", backend.statement(texts.delete_deliveries, [ids.clone().into()])),
            ("events that are needed", backend.statement(&texts.events_needed, [ids.into()])),
            ("old figures", backend.statement(tallies::OLD_FIGURES, [(now.secs() / 3600 - 24).into(), 8_i64.into()])),
        ];
        self.explain_all(&reading, &writing).await
    }

    /// The plans of the statements by which is found what no task leads to and is over, and what is to be published.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn explain_strays_and_contents(&self, now: Timestamp) -> Result<Vec<Plan>, StoreError> {
        let (backend, texts, micros) = (self.backend, self.backend.texts(), now.micros());
        let oldest = |text| backend.statement(text, [micros.into(), 8_i64.into()]);
        let settled = |text| {
            let values: [Value; 4] = [micros.into(), 0_i64.into(), "a".into(), 8_i64.into()];
            backend.statement(text, values)
        };
        let reading = [
            ("any ignored callback", backend.statement(strays::ANY_IGNORED, [micros.into()])),
            ("events that nobody hears", oldest(strays::UNHEARD)),
            ("receipts of no task", oldest(strays::STRAYS)),
            ("tasks that have ended", settled(retention::SETTLED)),
            ("tasks that are over", settled(retention::OVER)),
            ("receipts of tasks", backend.statement(texts.receipt_chains, [super::write::json(&[Uuid::nil()])?.into()])),
        ];
        let ids = super::write::json(&[Uuid::nil(), Uuid::max()])?;
        let tasks = super::write::json(&["a", "b"])?;
        let of_tasks = texts.erase_events.iter().chain(&texts.erase_relayed).chain(&texts.delete_tasks);
        let of_tasks = WITH_TASKS.into_iter().zip(of_tasks);
        let mut writing: Vec<Named> =
            of_tasks.map(|(name, text)| (name, backend.statement(text, [tasks.clone().into()]))).collect();
        writing.extend([
            ("ignored callbacks that go", oldest(strays::DROP_IGNORED)),
            ("receipts that go", backend.statement(texts.delete_receipts, [ids.clone().into()])),
            ("events that go", backend.statement(texts.delete_events, [ids.into()])),
            ("contents to be published", backend.statement(&texts.due_contents, [5.into(), micros.into(), 8_i64.into()])),
            ("contents of tasks", backend.statement(&texts.lock_contents, [tasks.clone().into()])),
        ]);
        self.explain_all(&reading, &writing).await
    }
}
