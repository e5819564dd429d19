//! What was written lately, for whoever watches: marks first, which cost little, then what of it is new.
//!
//! Receipts and rejections are marked by their ids, which tell when those were made, and so a little before they were written;
//! tasks by when they were created. Several replicas write by clocks of their own, so that whoever reads on from a mark reads
//! a while before it once more.

use std::time::Duration;

use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::entity::{receipt, rejection, task};
use super::error::StoreError;
use super::ids::first_of;
use super::{Receipt, Store, TaskRecord, backend};
use crate::domain::time::Timestamp;

/// Something that was written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Mark {
    Created { at: Timestamp, task: String },
    Receipt(Uuid),
    Rejection(Uuid),
}

/// When the newest of each kind was made; none of a kind, and the time is the beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Newest {
    pub created: Timestamp,
    pub receipt: Timestamp,
    pub rejection: Timestamp,
}

impl Newest {
    /// As if everything that is newer were news.
    #[must_use]
    pub const fn at(time: Timestamp) -> Self {
        Self { created: time, receipt: time, rejection: time }
    }

    /// Behind all that was made by then: ids count milliseconds.
    #[must_use]
    pub fn next(self) -> Self {
        let next = |time: Timestamp| time.plus(Duration::from_millis(1));
        Self { created: next(self.created), receipt: next(self.receipt), rejection: next(self.rejection) }
    }

    /// With this one, too.
    #[must_use]
    pub fn with(self, mark: &Mark) -> Self {
        match mark {
            Mark::Created { at, .. } => Self { created: self.created.max(*at), ..self },
            Mark::Receipt(id) => Self { receipt: self.receipt.max(made_at(*id)), ..self },
            Mark::Rejection(id) => Self { rejection: self.rejection.max(made_at(*id)), ..self },
        }
    }

    /// That much earlier, but not before the floor.
    #[must_use]
    pub fn minus(self, time: Duration, floor: Self) -> Self {
        Self {
            created: self.created.minus(time).max(floor.created),
            receipt: self.receipt.minus(time).max(floor.receipt),
            rejection: self.rejection.minus(time).max(floor.rejection),
        }
    }

    /// A clock that is ahead is not believed.
    #[must_use]
    pub fn no_later_than(self, now: Timestamp) -> Self {
        Self { created: self.created.min(now), receipt: self.receipt.min(now), rejection: self.rejection.min(now) }
    }
}

/// When an id was made: they are UUIDs of version 7 (RFC 9562), whose first 48 bits count milliseconds.
#[must_use]
pub fn made_at(id: Uuid) -> Timestamp {
    let millis = i64::try_from(id.as_u128() >> 80).unwrap_or(i64::MAX);
    Timestamp::from_micros(millis.saturating_mul(1000))
}

/// Of a receipt, what watchers are told.
#[derive(Clone, Debug, FromQueryResult)]
pub struct Said {
    pub id: Uuid,
    pub task_id: Option<String>,
    pub generator: String,
    pub event: String,
    pub outcome: String,
    pub reason: Option<String>,
    pub source: String,
    /// In microseconds.
    pub received_at: i64,
}

/// Of a rejection, what watchers are told.
#[derive(Clone, Debug, FromQueryResult)]
pub struct Refused {
    pub id: Uuid,
    pub task_id: Option<String>,
    pub generator: String,
    pub code: String,
    pub detail: String,
    /// In microseconds.
    pub received_at: i64,
}

impl From<Receipt> for Said {
    fn from(receipt: Receipt) -> Self {
        let Receipt { id, task: task_id, generator, event, outcome, reason, source, received_at, .. } = receipt;
        Self { id, task_id, generator, event, outcome, reason, source, received_at: received_at.micros() }
    }
}

impl Store {
    /// # Errors
    /// Whatever the database says.
    pub async fn newest(&self) -> Result<Newest, StoreError> {
        let receipt: Option<Uuid> = receipt::Entity::find()
            .select_only()
            .column(receipt::Column::Id)
            .order_by_desc(receipt::Column::Id)
            .into_tuple()
            .one(&self.reader)
            .await
            .map_err(backend::error)?;
        let rejection: Option<Uuid> = rejection::Entity::find()
            .select_only()
            .column(rejection::Column::Id)
            .order_by_desc(rejection::Column::Id)
            .into_tuple()
            .one(&self.reader)
            .await
            .map_err(backend::error)?;
        let created: Option<i64> = task::Entity::find()
            .select_only()
            .column(task::Column::CreatedAt)
            .order_by_desc(task::Column::CreatedAt)
            .order_by_desc(task::Column::Id)
            .into_tuple()
            .one(&self.reader)
            .await
            .map_err(backend::error)?;
        let made = |id: Option<Uuid>| id.map_or(Timestamp::from_micros(0), made_at);
        Ok(Newest { created: Timestamp::from_micros(created.unwrap_or(0)), receipt: made(receipt), rejection: made(rejection) })
    }

    /// Marks of what was made at these times or later: creations, then receipts, then rejections, each oldest first, and at
    /// most so many of each.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn written_since(&self, since: Newest, most: u64) -> Result<Vec<Mark>, StoreError> {
        let created: Vec<(i64, String)> = task::Entity::find()
            .select_only()
            .columns([task::Column::CreatedAt, task::Column::Id])
            .filter(task::Column::CreatedAt.gte(since.created.micros()))
            .order_by_asc(task::Column::CreatedAt)
            .order_by_asc(task::Column::Id)
            .limit(most)
            .into_tuple()
            .all(&self.reader)
            .await
            .map_err(backend::error)?;
        let receipts: Vec<Uuid> = receipt::Entity::find()
            .select_only()
            .column(receipt::Column::Id)
            .filter(receipt::Column::Id.gte(first_of(since.receipt)))
            .order_by_asc(receipt::Column::Id)
            .limit(most)
            .into_tuple()
            .all(&self.reader)
            .await
            .map_err(backend::error)?;
        let rejections: Vec<Uuid> = rejection::Entity::find()
            .select_only()
            .column(rejection::Column::Id)
            .filter(rejection::Column::Id.gte(first_of(since.rejection)))
            .order_by_asc(rejection::Column::Id)
            .limit(most)
            .into_tuple()
            .all(&self.reader)
            .await
            .map_err(backend::error)?;
        let created = created.into_iter().map(|(at, task)| Mark::Created { at: Timestamp::from_micros(at), task });
        let receipts = receipts.into_iter().map(Mark::Receipt);
        Ok(created.chain(receipts).chain(rejections.into_iter().map(Mark::Rejection)).collect())
    }

    /// Oldest first; what is not there any more is missing.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn said(&self, receipts: &[Uuid]) -> Result<Vec<Said>, StoreError> {
        let statement = self.backend.statement(self.backend.texts().said, [super::write::json(receipts)?.into()]);
        Said::find_by_statement(statement).all(&self.reader).await.map_err(backend::error)
    }

    /// Oldest first; what is not there any more is missing.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn refused(&self, rejections: &[Uuid]) -> Result<Vec<Refused>, StoreError> {
        let statement = self.backend.statement(self.backend.texts().refused, [super::write::json(rejections)?.into()]);
        Refused::find_by_statement(statement).all(&self.reader).await.map_err(backend::error)
    }

    /// Without input, params and result, in no order; what is not there any more is missing.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn tasks_by_id(&self, ids: &[&str]) -> Result<Vec<TaskRecord>, StoreError> {
        let statement = self.backend.statement(&self.backend.texts().tasks_by_id, [super::write::json(ids)?.into()]);
        let rows = task::Entity::find().from_raw_sql(statement).all(&self.reader).await.map_err(backend::error)?;
        self.with_metadata(rows).await
    }
}
