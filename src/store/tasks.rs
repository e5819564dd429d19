//! Reading tasks.

use std::collections::{BTreeMap, HashMap};

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ConnectionTrait, EntityTrait, FromQueryResult, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::entity::{attempt, payload, task};
use super::error::StoreError;
use super::lists::overdue;
use super::{Store, backend};
use crate::domain::task::{State, Task, TaskId};
use crate::domain::time::Timestamp;

/// A task with the JSON texts that belong to it, as far as they were asked for.
#[derive(Clone, Debug)]
pub struct TaskRecord {
    pub task: Task,
    pub input: Option<String>,
    pub params: Option<String>,
    pub metadata: Option<String>,
    pub result: Option<String>,
}

#[derive(Debug, FromQueryResult)]
pub struct StatusCount {
    pub generator: String,
    pub status: String,
    pub tasks: i64,
}

/// Tasks of a generator whose end was learnt by polling, and of which no callback had told.
#[derive(Debug, FromQueryResult)]
pub struct Rescued {
    pub generator: String,
    pub tasks: i64,
    /// Of those, the ones whose end the generator dated.
    pub told: i64,
    /// From the generator's end to ours, all together.
    pub late_us: i64,
    pub latest_us: i64,
}

/// Sums of integers are no integers on PostgreSQL.
const RESCUED: &str = "SELECT generator, count(*) AS tasks, count(finished_at) AS told,
    CAST(coalesce(sum(settled_at - finished_at), 0) AS BIGINT) AS late_us,
    CAST(coalesce(max(settled_at - finished_at), 0) AS BIGINT) AS latest_us
    FROM hub_tasks WHERE settled_by = 'poll' AND NOT told GROUP BY generator ORDER BY generator";

impl Store {
    /// # Errors
    /// Whatever the database says.
    pub async fn task(&self, id: &TaskId) -> Result<Option<TaskRecord>, StoreError> {
        let found = task::Entity::find_by_id(id.as_str()).one(&self.reader).await.map_err(backend::error)?;
        let Some(row) = found else { return Ok(None) };
        let task = self.with_attempts(vec![row]).await?.pop();
        let Some(task) = task else { return Ok(None) };
        let result = match &task.state {
            State::Completed { result, .. } => Some(result.payload),
            _ => None,
        };
        let wanted = [task.documents.input, task.documents.params, task.documents.metadata, result];
        let texts = self.payloads(wanted.into_iter().flatten().collect()).await?;
        let text = |id: Option<Uuid>| id.and_then(|id| texts.get(&id)).and_then(|bytes| String::from_utf8(bytes.clone()).ok());
        Ok(Some(TaskRecord {
            input: text(task.documents.input),
            params: text(task.documents.params),
            metadata: text(task.documents.metadata),
            result: result_text(&task.state, &texts),
            task,
        }))
    }

    /// The task alone, without its documents.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn task_state(&self, id: &TaskId) -> Result<Option<Task>, StoreError> {
        let found = task::Entity::find_by_id(id.as_str()).one(&self.reader).await.map_err(backend::error)?;
        Ok(self.with_attempts(found.into_iter().collect()).await?.pop())
    }

    /// What lists show of tasks, in the order of the rows.
    pub(super) async fn with_metadata(&self, rows: Vec<task::Model>) -> Result<Vec<TaskRecord>, StoreError> {
        let tasks = self.with_attempts(rows).await?;
        let texts = self.payloads(tasks.iter().filter_map(|task| task.documents.metadata).collect()).await?;
        let metadata = |task: &Task| {
            let bytes = task.documents.metadata.and_then(|id| texts.get(&id));
            bytes.and_then(|bytes| String::from_utf8(bytes.clone()).ok())
        };
        Ok(tasks
            .into_iter()
            .map(|task| TaskRecord { metadata: metadata(&task), input: None, params: None, result: None, task })
            .collect())
    }

    /// How many tasks each generator has in each state.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn count_by_status(&self) -> Result<Vec<StatusCount>, StoreError> {
        task::Entity::find()
            .select_only()
            .column(task::Column::Generator)
            .column(task::Column::Status)
            .column_as(Expr::col(task::Column::Id).count(), "tasks")
            .group_by(task::Column::Generator)
            .group_by(task::Column::Status)
            .order_by_asc(task::Column::Generator)
            .into_model::<StatusCount>()
            .all(&self.reader)
            .await
            .map_err(backend::error)
    }

    /// Tasks that run past their deadline, of generators that have any.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn count_overdue(&self, now: Timestamp) -> Result<BTreeMap<String, u64>, StoreError> {
        let rows: Vec<(String, i64)> = overdue(task::Entity::find(), now)
            .select_only()
            .column(task::Column::Generator)
            .column_as(Expr::col((task::Entity, task::Column::Id)).count(), "tasks")
            .group_by(task::Column::Generator)
            .into_tuple()
            .all(&self.reader)
            .await
            .map_err(backend::error)?;
        Ok(rows.into_iter().map(|(generator, tasks)| (generator, u64::try_from(tasks).unwrap_or(0))).collect())
    }

    /// Tasks whose end was learnt by polling and of which no callback had told, of generators that have any.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn rescued(&self) -> Result<Vec<Rescued>, StoreError> {
        let statement = self.backend.statement(RESCUED, []);
        Rescued::find_by_statement(statement).all(&self.reader).await.map_err(backend::error)
    }

    /// Puts tasks and attempts together, in the order of the rows.
    async fn with_attempts(&self, rows: Vec<task::Model>) -> Result<Vec<Task>, StoreError> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
        let statement = self.backend.statement(&self.backend.texts().attempts_of, [super::write::json(&ids)?.into()]);
        let attempts = attempt::Entity::find().from_raw_sql(statement).all(&self.reader).await.map_err(backend::error)?;
        let mut by_task: HashMap<String, Vec<attempt::Model>> = HashMap::new();
        for attempt in attempts {
            by_task.entry(attempt.task_id.clone()).or_default().push(attempt);
        }
        // a transition may fall between the two reads: what the row does not know yet is not shown
        rows.into_iter()
            .map(|row| {
                let mut attempts = by_task.remove(&row.id).unwrap_or_default();
                attempts.retain(|attempt| attempt.number <= row.attempt);
                row.into_task(attempts)
            })
            .collect()
    }

    /// What was stored under these ids; ids of erased bodies are missing.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn payloads(&self, ids: Vec<Uuid>) -> Result<HashMap<Uuid, Vec<u8>>, StoreError> {
        self.payloads_by(&self.reader, &ids).await
    }

    pub(super) async fn payloads_by(
        &self,
        connection: &impl ConnectionTrait,
        ids: &[Uuid],
    ) -> Result<HashMap<Uuid, Vec<u8>>, StoreError> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let statement = self.backend.statement(self.backend.texts().payloads, [super::write::json(ids)?.into()]);
        let found = payload::Entity::find().from_raw_sql(statement).all(connection).await.map_err(backend::error)?;
        Ok(found.into_iter().map(|row| (row.id, row.bytes)).collect())
    }
}

fn result_text(state: &State, texts: &HashMap<Uuid, Vec<u8>>) -> Option<String> {
    let State::Completed { result, .. } = state else { return None };
    let bytes = texts.get(&result.payload)?.get(result.span.clone())?;
    String::from_utf8(bytes.to_vec()).ok()
}
