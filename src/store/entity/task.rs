//! `hub_tasks`: one small row a task.

use std::sync::LazyLock;
use std::time::Duration;

use sea_orm::entity::prelude::*;
use serde::Deserialize;

use super::super::backend::{Table, listed};
use super::super::error::StoreError;
use super::{Place, attempt, bigint, duration_micros, int, micros, time};
use crate::domain::fingerprint::Recent;
use crate::domain::lease::due_at;
use crate::domain::task::{
    Documents, GeneratorName, Lease, Progress, ResultAt, Settlement, Source, State, Status, Submitter, Task, TaskError, TaskId,
};
use crate::domain::time::Timestamp;

#[derive(Clone, Debug, Default, PartialEq, Deserialize, DeriveEntityModel)]
#[sea_orm(table_name = "hub_tasks")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub generator: String,
    pub status: String,
    pub attempt: i32,
    #[serde(deserialize_with = "listed::flag")]
    pub hub_submits: bool,
    pub max_retries: i32,
    pub timeout_us: i64,
    pub priority: i32,
    pub not_before: Option<i64>,
    #[serde(deserialize_with = "listed::float")]
    pub percent: Option<f64>,
    pub stage: Option<String>,
    pub message: Option<String>,
    pub progress_at: Option<i64>,
    pub generator_time: Option<i64>,
    pub started_at: Option<i64>,
    pub settled_at: Option<i64>,
    pub settled_by: Option<String>,
    pub finished_at: Option<i64>,
    #[serde(deserialize_with = "listed::flag")]
    pub late: bool,
    pub result_payload: Option<Uuid>,
    pub result_start: Option<i64>,
    pub result_end: Option<i64>,
    pub error_code: Option<String>,
    pub error_type: Option<String>,
    pub error_message: Option<String>,
    pub error_details: Option<String>,
    pub next_poll_at: Option<i64>,
    #[serde(deserialize_with = "listed::flag")]
    pub hinted: bool,
    #[serde(deserialize_with = "listed::flag")]
    pub told: bool,
    pub polled_at: Option<i64>,
    pub polls: i32,
    pub lease: Option<Uuid>,
    pub leased_until: Option<i64>,
    /// When the loops have to look at the row; follows from the rest of it.
    pub due_at: Option<i64>,
    pub empty_answers: i32,
    pub late_hints: i32,
    #[serde(deserialize_with = "listed::flag")]
    pub submit_unknown: bool,
    pub input: Option<Uuid>,
    pub params: Option<Uuid>,
    pub metadata: Option<Uuid>,
    #[serde(with = "hex::serde")]
    pub request_digest: Vec<u8>,
    pub receipts: i64,
    pub last_receipt: Option<Uuid>,
    #[serde(with = "hex::serde")]
    pub recent: Vec<u8>,
    #[serde(deserialize_with = "listed::flag")]
    pub auto_approve: bool,
    pub webhook: Option<Uuid>,
    pub news: i64,
    #[serde(deserialize_with = "listed::flag")]
    pub progress_told: bool,
    pub created_at: i64,
    pub erased_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

/// What progress changes, in a task that had progress before.
const PROGRESS: [Column; 10] = [
    Column::Percent,
    Column::Stage,
    Column::Message,
    Column::ProgressAt,
    Column::GeneratorTime,
    Column::Receipts,
    Column::LastReceipt,
    Column::Recent,
    Column::News,
    Column::ProgressTold,
];

/// What changes and is held, or looked at, by an index.
const INDEXED: [Column; 7] = [
    Column::Priority,
    Column::NotBefore,
    Column::SettledAt,
    Column::SettledBy,
    Column::ResultPayload,
    Column::Told,
    Column::DueAt,
];

/// With all that changes, without what indexes hold, and with progress alone.
pub(in crate::store) const UPDATES: usize = 3;

pub(in crate::store) static TABLE: LazyLock<Table<Entity>> = LazyLock::new(|| {
    use Column as C;
    let constant =
        [C::Generator, C::HubSubmits, C::MaxRetries, C::TimeoutUs, C::RequestDigest, C::AutoApprove, C::Webhook, C::CreatedAt];
    Table::changing_but(&constant).or_without(&INDEXED).or_only(&PROGRESS)
});

impl Model {
    pub(in crate::store) fn of(task: &Task) -> Self {
        let settled = task.state.settlement();
        let (result, late) = match &task.state {
            State::Completed { result, late, .. } => (Some(result), *late),
            _ => (None, false),
        };
        let error = match &task.state {
            State::Failed { error, .. } => Some(error),
            _ => None,
        };
        let not_before = match task.state {
            State::Pending { not_before } => Some(not_before),
            _ => None,
        };
        Self {
            id: task.id.as_str().to_owned(),
            generator: task.generator.as_str().to_owned(),
            status: task.status().as_str().to_owned(),
            attempt: int(task.attempt().number),
            hub_submits: task.submitter == Submitter::Hub,
            max_retries: int(task.max_retries),
            timeout_us: duration_micros(task.timeout),
            priority: int(task.priority),
            not_before: micros(not_before),
            percent: task.progress.percent,
            stage: task.progress.stage.clone(),
            message: task.progress.message.clone(),
            progress_at: micros(task.progress.updated_at),
            generator_time: micros(task.generator_time),
            started_at: micros(task.started_at),
            settled_at: settled.map(|settled| settled.at.micros()),
            settled_by: settled.map(|settled| settled.by.as_str().to_owned()),
            finished_at: settled.and_then(|settled| micros(settled.finished_at)),
            late,
            result_payload: result.map(|result| result.payload),
            result_start: result.map(|result| bigint(result.span.start)),
            result_end: result.map(|result| bigint(result.span.end)),
            error_code: error.map(|error| error.code.clone()),
            error_type: error.map(|error| error.kind.clone()),
            error_message: error.map(|error| error.message.clone()),
            error_details: error.and_then(|error| error.details.clone()),
            next_poll_at: micros(task.next_poll_at),
            hinted: task.hinted,
            told: task.told,
            polled_at: micros(task.polled_at),
            polls: int(task.polls),
            lease: task.lease.map(|lease| lease.token),
            leased_until: micros(task.lease.map(|lease| lease.until)),
            due_at: micros(due_at(task)),
            empty_answers: int(task.empty_answers),
            late_hints: int(task.late_hints),
            submit_unknown: task.submit_unknown,
            input: task.documents.input,
            params: task.documents.params,
            metadata: task.documents.metadata,
            request_digest: task.request_digest.to_vec(),
            receipts: bigint(task.receipts),
            last_receipt: task.last_receipt,
            recent: task.recent.to_bytes(),
            auto_approve: task.auto_approve,
            webhook: task.webhook,
            news: bigint(task.news),
            progress_told: task.progress_told,
            created_at: task.created_at.micros(),
            erased_at: micros(task.erased_at),
        }
    }

    /// How much less than everything has changed since it was like this: the number of the table's update that says it.
    pub(in crate::store) fn least_update(&self, mut before: Self) -> usize {
        if INDEXED.iter().any(|column| self.get(*column) != before.get(*column)) {
            return 0;
        }
        for column in PROGRESS {
            before.set(column, self.get(column));
        }
        if before == *self { 2 } else { 1 }
    }

    /// The task that this row and its attempts' rows describe.
    pub(in crate::store) fn into_task(self, attempts: Vec<attempt::Model>) -> Result<Task, StoreError> {
        let row = self.id.clone();
        let place = Place { table: "hub_tasks", row: &row };
        let attempts = attempts.into_iter().map(TryInto::try_into).collect::<Result<Vec<_>, StoreError>>()?;
        let current: Option<&crate::domain::task::Attempt> = attempts.last();
        place.check("attempt", current.filter(|attempt| i64::from(attempt.number) == i64::from(self.attempt)))?;
        Ok(Task {
            id: place.check("id", TaskId::parse(&self.id).ok())?,
            generator: place.check("generator", GeneratorName::parse(&self.generator).ok())?,
            state: self.state(&place)?,
            attempts,
            submitter: if self.hub_submits { Submitter::Hub } else { Submitter::OwnCode },
            max_retries: place.number("max_retries", self.max_retries)?,
            timeout: Duration::from_micros(place.number("timeout_us", self.timeout_us)?),
            priority: place.number("priority", self.priority)?,
            request_digest: place.check("request_digest", self.request_digest.as_slice().try_into().ok())?,
            documents: Documents { input: self.input, params: self.params, metadata: self.metadata },
            generator_time: time(self.generator_time),
            created_at: Timestamp::from_micros(self.created_at),
            started_at: time(self.started_at),
            next_poll_at: time(self.next_poll_at),
            hinted: self.hinted,
            told: self.told,
            polled_at: time(self.polled_at),
            polls: place.number("polls", self.polls)?,
            lease: self.lease.zip(time(self.leased_until)).map(|(token, until)| Lease { token, until }),
            empty_answers: place.number("empty_answers", self.empty_answers)?,
            late_hints: place.number("late_hints", self.late_hints)?,
            submit_unknown: self.submit_unknown,
            receipts: place.number("receipts", self.receipts)?,
            last_receipt: self.last_receipt,
            recent: place.check("recent", Recent::from_bytes(&self.recent))?,
            auto_approve: self.auto_approve,
            webhook: self.webhook,
            news: place.number("news", self.news)?,
            progress_told: self.progress_told,
            erased_at: time(self.erased_at),
            progress: Progress {
                percent: self.percent,
                stage: self.stage,
                message: self.message,
                updated_at: time(self.progress_at),
            },
        })
    }

    fn state(&self, place: &Place<'_>) -> Result<State, StoreError> {
        let settled = || {
            let by = self.settled_by.as_deref().and_then(Source::parse);
            let at = place.check("settled_at", time(self.settled_at))?;
            Ok::<_, StoreError>(Settlement { at, by: place.check("settled_by", by)?, finished_at: time(self.finished_at) })
        };
        Ok(match place.check("status", Status::parse(&self.status))? {
            Status::Pending => State::Pending { not_before: place.check("not_before", time(self.not_before))? },
            Status::Submitted => State::Submitted,
            Status::Processing => State::Processing,
            Status::Completed => State::Completed { settled: settled()?, result: self.result(place)?, late: self.late },
            Status::Failed => State::Failed { settled: settled()?, error: self.error(place)? },
            Status::TimedOut => State::TimedOut { settled: settled()? },
            Status::Cancelled => State::Cancelled { settled: settled()? },
        })
    }

    fn result(&self, place: &Place<'_>) -> Result<ResultAt, StoreError> {
        let start = place.check("result_start", self.result_start)?;
        let end = place.check("result_end", self.result_end.filter(|end| *end >= start))?;
        Ok(ResultAt {
            payload: place.check("result_payload", self.result_payload)?,
            span: place.number("result_start", start)?..place.number("result_end", end)?,
        })
    }

    fn error(&self, place: &Place<'_>) -> Result<TaskError, StoreError> {
        Ok(TaskError {
            code: place.check("error_code", self.error_code.clone())?,
            kind: place.check("error_type", self.error_type.clone())?,
            message: place.check("error_message", self.error_message.clone())?,
            details: self.error_details.clone(),
        })
    }
}
