//! Dead deliveries are tried once more, with their whole schedule before them: one, or many in small transactions.

use std::collections::{BTreeSet, HashMap};
use std::ops::AddAssign;
use std::time::Duration;

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, DbErr};
use sea_orm::{ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect, Select, Value};
use uuid::Uuid;

use super::backend::Writing;
use super::entity::delivery::{self, Column as C};
use super::entity::webhook as registration;
use super::error::StoreError;
use super::transaction::conclude;
use super::{DeliveryFilter, Store, backend, ids};
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
    /// Those that were left dead.
    pub left: Revivable,
    /// In which they are due now.
    pub lanes: BTreeSet<String>,
    /// Behind which the next part begins; none: this was the last.
    pub last: Option<Uuid>,
}

/// How many dead deliveries there are, by what would become of them.
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

/// Dead deliveries that are looked at in one part.
const AT_ONCE: u64 = 200;

macro_rules! revive_if {
    ($condition:literal) => {
        concat!(
            "UPDATE hub_deliveries SET status = 'pending', attempts = 0, due_at = $2, lease = NULL, outdated = false,
            settled_at = NULL, last_error = NULL WHERE id = $1 AND ",
            $condition
        )
    };
}
/// Whoever took it in between has it.
const REVIVE: &str = revive_if!("status IN ('dead', 'delivered')");
/// What was true when it was looked for may not be true any more.
const REVIVE_DEAD: &str = revive_if!(
    "status = 'dead'
    AND EXISTS (SELECT 1 FROM hub_webhooks AS w WHERE w.id = hub_deliveries.webhook AND w.status IN ('active', 'paused'))"
);
/// One that waits for its next attempt need not wait; its attempts stay counted.
const HURRY: &str = "UPDATE hub_deliveries SET due_at = $2 WHERE id = $1 AND status = 'pending' AND lease IS NULL";
const HEARING: &str = "COALESCE((SELECT w.status FROM hub_webhooks AS w WHERE w.id = hub_deliveries.webhook), 'deleted')";

#[derive(FromQueryResult)]
struct Counted {
    hearing: String,
    deliveries: i64,
}

#[derive(FromQueryResult)]
struct Dead {
    id: Uuid,
    lane: String,
    hearing: String,
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
        let transaction = self.begin().await?;
        let revival = revive_one(&transaction, self.backend, id, now).await;
        conclude(transaction, revival).await
    }

    /// Looks at the oldest few that are dead, of those behind `after`, and revives the ones whose webhooks hear, `most` of them.
    /// They are looked for without the writer: in the transaction each is only found by its id.
    ///
    /// # Errors
    /// Whatever the database says; then nothing of this part is written.
    pub async fn revive_part(
        &self,
        filter: &DeliveryFilter,
        after: Option<Uuid>,
        most: u64,
        pace: &mut Pace,
    ) -> Result<Revived, StoreError> {
        let found = part(filter, after).into_model::<Dead>().all(&self.reader).await.map_err(backend::error)?;
        let is_last = (found.len() as u64) < AT_ONCE;
        let (mut revived, mut wanted, mut found) = (Revived::default(), Vec::new(), found.into_iter());
        while (wanted.len() as u64) < most
            && let Some(Dead { id, lane, hearing }) = found.next()
        {
            revived.last = Some(id);
            if hears(&hearing) {
                wanted.push((id, pace.next(&lane)));
                revived.lanes.insert(lane);
            } else {
                revived.left.add(&hearing, 1);
            }
        }
        revived.last = revived.last.filter(|_| !is_last || found.len() > 0);
        let missed = self.revive_all(&wanted).await?;
        revived.count = (wanted.len() - missed.len()) as u64;
        self.add_missed(&mut revived.left, missed).await?;
        Ok(revived)
    }

    /// Those that are not what they were when they were found.
    async fn revive_all(&self, wanted: &[(Uuid, Timestamp)]) -> Result<Vec<Uuid>, StoreError> {
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let transaction = self.begin().await?;
        let missed = revive_many(&transaction, self.backend, wanted).await;
        conclude(transaction, missed).await
    }

    /// Somebody else has revived them, or has disabled their webhook.
    async fn add_missed(&self, left: &mut Revivable, missed: Vec<Uuid>) -> Result<(), StoreError> {
        if missed.is_empty() {
            return Ok(());
        }
        let select = dead(&DeliveryFilter::default(), None).filter(C::Id.is_in(missed));
        for Dead { hearing, .. } in shown(select).into_model::<Dead>().all(&self.reader).await.map_err(backend::error)? {
            left.add(&hearing, 1);
        }
        Ok(())
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
            found.add(&hearing, u64::try_from(deliveries).unwrap_or(0));
        }
        Ok(found)
    }
}

impl Revivable {
    fn add(&mut self, hearing: &str, count: u64) {
        match webhook::Status::parse(hearing) {
            Some(webhook::Status::Active | webhook::Status::Paused) => self.willing += count,
            Some(webhook::Status::Disabled) => self.disabled += count,
            Some(webhook::Status::Deleted) | None => self.deleted += count,
        }
    }
}

impl AddAssign for Revivable {
    fn add_assign(&mut self, other: Self) {
        self.willing += other.willing;
        self.disabled += other.disabled;
        self.deleted += other.deleted;
    }
}

fn hears(hearing: &str) -> bool {
    webhook::Status::parse(hearing).is_some_and(|status| !status.is_deaf())
}

async fn revive_one(transaction: &Writing, backend: backend::Backend, id: Uuid, now: Timestamp) -> Result<Revival, StoreError> {
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
        Some(status) if !status.is_deaf() => {}
        other => return Ok(Revival::Deaf(other.unwrap_or(webhook::Status::Deleted))),
    }
    write(transaction, backend, REVIVE, id, now).await.map_err(backend::error)?;
    Ok(Revival::Due { lane: row.lane })
}

/// The ids of those that are not dead any more, or whose webhooks do not hear any more.
async fn revive_many(
    transaction: &Writing,
    backend: backend::Backend,
    wanted: &[(Uuid, Timestamp)],
) -> Result<Vec<Uuid>, StoreError> {
    let mut missed = Vec::new();
    for (id, due_at) in wanted {
        if write(transaction, backend, REVIVE_DEAD, *id, *due_at).await.map_err(backend::error)? == 0 {
            missed.push(*id);
        }
    }
    Ok(missed)
}

async fn write(transaction: &Writing, backend: backend::Backend, text: &str, id: Uuid, due_at: Timestamp) -> Result<u64, DbErr> {
    let values: [Value; 2] = [id.into(), due_at.micros().into()];
    Ok(transaction.execute_raw(backend.statement(text, values)).await?.rows_affected())
}

/// The next ones that are looked at.
pub(super) fn part(filter: &DeliveryFilter, after: Option<Uuid>) -> Select<delivery::Entity> {
    shown(dead(filter, after)).order_by_asc(C::Id).limit(AT_ONCE)
}

fn shown(select: Select<delivery::Entity>) -> Select<delivery::Entity> {
    select.select_only().column(C::Id).column(C::Lane).column_as(Expr::cust(HEARING), "hearing")
}

/// Those that are dead among the ones that are looked for.
pub(super) fn dead(filter: &DeliveryFilter, after: Option<Uuid>) -> Select<delivery::Entity> {
    let filter = DeliveryFilter { status: vec![Status::Dead], ..filter.clone() };
    filter.timely(filter.between(after.map(ids::next), None))
}
