//! Dead deliveries are tried once more, with their whole schedule before them: one, or many in small transactions.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, DbErr};
use sea_orm::{ConnectionTrait, DatabaseTransaction, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect, Value};
use uuid::Uuid;

use super::entity::delivery::{self, Column as C};
use super::entity::webhook as registration;
use super::error::StoreError;
use super::{DeliveryFilter, Store, backend};
use crate::domain::delivery::Status;
use crate::domain::time::Timestamp;
use crate::domain::webhook;

/// What came of the wish to try a delivery once more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revival {
    /// It is due in this lane.
    Due {
        lane: String,
    },
    Unknown,
    /// It waits for its turn anyhow, or another one has taken its place.
    Not(Status),
    /// Its webhook hears nothing.
    Deaf(webhook::Status),
}

/// A part of many.
#[derive(Clone, Debug, Default)]
pub struct Revived {
    pub count: u64,
    /// In which they are due now.
    pub lanes: BTreeSet<String>,
    /// Where the next part begins; none: this was the last.
    pub last: Option<Uuid>,
}

/// How many deliveries there are, by what would become of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Revivable {
    pub willing: u64,
    pub disabled: u64,
    pub deleted: u64,
}

/// When those that are tried once more are due: each lane gets so many a second, so that a subscriber who is back is not
/// knocked over.
#[derive(Clone, Debug)]
pub struct Pace {
    begin: Timestamp,
    between: Duration,
    taken: HashMap<String, u32>,
}

/// Whoever took it in between has it.
const REVIVE: &str = "UPDATE hub_deliveries SET status = 'pending', attempts = 0, due_at = $2, lease = NULL, outdated = false,
    settled_at = NULL, last_error = NULL WHERE id = $1 AND status IN ('dead', 'delivered')";
/// One that waits for its next attempt need not wait; its attempts stay counted.
const HURRY: &str = "UPDATE hub_deliveries SET due_at = $2 WHERE id = $1 AND status = 'pending' AND lease IS NULL";
const HEARS: &str =
    "EXISTS (SELECT 1 FROM hub_webhooks AS w WHERE w.id = hub_deliveries.webhook AND w.status IN ('active', 'paused'))";
const HEARING: &str = "COALESCE((SELECT w.status FROM hub_webhooks AS w WHERE w.id = hub_deliveries.webhook), 'deleted')";

#[derive(FromQueryResult)]
struct Counted {
    hearing: String,
    deliveries: i64,
}

impl Pace {
    #[must_use]
    pub fn new(begin: Timestamp, a_second: u32) -> Self {
        Self { begin, between: Duration::from_secs(1) / a_second.max(1), taken: HashMap::new() }
    }

    fn next(&mut self, lane: &str) -> Timestamp {
        let taken = self.taken.entry(lane.to_owned()).or_default();
        let at = self.begin.plus(self.between.saturating_mul(*taken));
        *taken = taken.saturating_add(1);
        at
    }
}

impl Store {
    /// # Errors
    /// Whatever the database says.
    pub async fn revive(&self, id: Uuid, now: Timestamp) -> Result<Revival, StoreError> {
        let transaction = self.backend.begin_write(&self.writer).await.map_err(backend::error)?;
        match revive_one(&transaction, self.backend, id, now).await {
            Ok(revival) => {
                transaction.commit().await.map_err(backend::error)?;
                Ok(revival)
            }
            Err(error) => {
                // the first error says more than what the rollback might add
                let _ = transaction.rollback().await;
                Err(error)
            }
        }
    }

    /// The oldest `limit` that are dead and whose webhooks hear, of those behind `after`.
    ///
    /// # Errors
    /// Whatever the database says; then nothing of this part is written.
    pub async fn revive_part(
        &self,
        filter: &DeliveryFilter,
        after: Option<Uuid>,
        limit: u64,
        pace: &mut Pace,
    ) -> Result<Revived, StoreError> {
        let transaction = self.backend.begin_write(&self.writer).await.map_err(backend::error)?;
        match revive_many(&transaction, self.backend, filter, after, limit, pace).await {
            Ok(revived) => {
                transaction.commit().await.map_err(backend::error)?;
                Ok(revived)
            }
            Err(error) => {
                // the first error says more than what the rollback might add
                let _ = transaction.rollback().await;
                Err(error)
            }
        }
    }

    /// Counts those that are dead, of those behind `after`.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn revivable(&self, filter: &DeliveryFilter, after: Option<Uuid>) -> Result<Revivable, StoreError> {
        let rows = dead(filter, after)
            .select_only()
            .column_as(Expr::cust(HEARING), "hearing")
            .column_as(Expr::cust("COUNT(*)"), "deliveries")
            .group_by(Expr::cust(HEARING))
            .into_model::<Counted>()
            .all(&self.reader)
            .await
            .map_err(backend::error)?;
        let mut found = Revivable::default();
        for Counted { hearing, deliveries } in rows {
            let count = u64::try_from(deliveries).unwrap_or(0);
            match webhook::Status::parse(&hearing) {
                Some(webhook::Status::Active | webhook::Status::Paused) => found.willing += count,
                Some(webhook::Status::Disabled) => found.disabled += count,
                Some(webhook::Status::Deleted) | None => found.deleted += count,
            }
        }
        Ok(found)
    }
}

async fn revive_one(
    transaction: &DatabaseTransaction,
    backend: backend::Backend,
    id: Uuid,
    now: Timestamp,
) -> Result<Revival, StoreError> {
    let found = delivery::Entity::find_by_id(id).lock_exclusive().one(transaction).await.map_err(backend::error)?;
    let Some(row) = found else { return Ok(Revival::Unknown) };
    match Status::parse(&row.status) {
        Some(Status::Dead | Status::Delivered) => {}
        Some(Status::Pending) if row.lease.is_none() => {
            let hurry = backend.statement(HURRY, [id.into(), now.micros().into()]);
            transaction.execute_raw(hurry).await.map_err(backend::error)?;
            return Ok(Revival::Due { lane: row.lane });
        }
        other => return Ok(Revival::Not(other.unwrap_or(Status::Pending))),
    }
    let status: Option<String> = registration::Entity::find_by_id(row.webhook)
        .select_only()
        .column(registration::Column::Status)
        .into_tuple()
        .one(transaction)
        .await
        .map_err(backend::error)?;
    match status.as_deref().and_then(webhook::Status::parse) {
        Some(webhook::Status::Active | webhook::Status::Paused) => {}
        other => return Ok(Revival::Deaf(other.unwrap_or(webhook::Status::Deleted))),
    }
    write(transaction, backend, id, now).await.map_err(backend::error)?;
    Ok(Revival::Due { lane: row.lane })
}

async fn revive_many(
    transaction: &DatabaseTransaction,
    backend: backend::Backend,
    filter: &DeliveryFilter,
    after: Option<Uuid>,
    limit: u64,
    pace: &mut Pace,
) -> Result<Revived, StoreError> {
    let rows: Vec<(Uuid, String)> = dead(filter, after)
        .filter(Expr::cust(HEARS))
        .select_only()
        .column(C::Id)
        .column(C::Lane)
        .order_by_asc(C::Id)
        .limit(limit)
        .lock_exclusive()
        .into_tuple()
        .all(transaction)
        .await
        .map_err(backend::error)?;
    let mut revived = Revived { last: rows.last().map(|(id, _)| *id), ..Revived::default() };
    for (id, lane) in rows {
        revived.count += write(transaction, backend, id, pace.next(&lane)).await.map_err(backend::error)?;
        revived.lanes.insert(lane);
    }
    Ok(revived)
}

async fn write(transaction: &DatabaseTransaction, backend: backend::Backend, id: Uuid, due_at: Timestamp) -> Result<u64, DbErr> {
    let values: [Value; 2] = [id.into(), due_at.micros().into()];
    Ok(transaction.execute_raw(backend.statement(REVIVE, values)).await?.rows_affected())
}

/// Those that are dead among the ones that are looked for.
fn dead(filter: &DeliveryFilter, after: Option<Uuid>) -> sea_orm::Select<delivery::Entity> {
    let filter = DeliveryFilter { status: vec![Status::Dead], ..filter.clone() };
    let select = filter.apply(delivery::Entity::find());
    match after {
        Some(after) => select.filter(C::Id.gt(after)),
        None => select,
    }
}
