//! Deliveries as operators see them: one, the newest of all, or the newest of those that are looked for.

use std::collections::HashMap;

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};
use uuid::Uuid;

use super::entity::delivery::{self, Column as C};
use super::entity::{Place, event, webhook};
use super::error::StoreError;
use super::{Store, backend, ids};
use crate::domain::delivery::Status;
use crate::domain::task::TaskId;
use crate::domain::time::Timestamp;

/// A delivery, with the name of its webhook.
#[derive(Clone, Debug)]
pub struct Delivery {
    pub id: Uuid,
    /// The event that it brings.
    pub event: Uuid,
    /// The event's name.
    pub topic: String,
    pub task: Option<String>,
    /// Of the event within its task's; 0 if it is no task's business.
    pub sequence: u64,
    pub webhook: Uuid,
    /// None: the webhook is gone.
    pub webhook_name: Option<String>,
    pub status: Status,
    pub attempts: u32,
    /// Of one that is pending, and is not being sent right now.
    pub next_attempt_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub settled_at: Option<Timestamp>,
    pub last_error: Option<String>,
    pub note: Option<String>,
    /// What is sent, from the first attempt on.
    pub body: Option<Uuid>,
    /// Attempts, as a JSON array.
    pub log: String,
}

/// What deliveries are narrowed to. Everything that is given must hold.
#[derive(Clone, Debug, Default)]
pub struct DeliveryFilter {
    /// Any of these; empty: whatever their state.
    pub status: Vec<Status>,
    pub webhook: Option<Uuid>,
    pub task: Option<TaskId>,
    /// An event's name.
    pub event: Option<String>,
    pub created_after: Option<Timestamp>,
    pub created_before: Option<Timestamp>,
}

impl Store {
    /// Newest first; `after` is the last one of the page before.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn deliveries(
        &self,
        filter: &DeliveryFilter,
        after: Option<Uuid>,
        limit: u64,
    ) -> Result<Vec<Delivery>, StoreError> {
        let mut select = filter.apply(delivery::Entity::find());
        if let Some(after) = after {
            select = select.filter(C::Id.lt(after));
        }
        let rows = select.order_by_desc(C::Id).limit(limit).all(&self.reader).await.map_err(backend::error)?;
        self.named(rows).await
    }

    /// # Errors
    /// Whatever the database says.
    pub async fn delivery(&self, id: Uuid) -> Result<Option<Delivery>, StoreError> {
        let row = delivery::Entity::find_by_id(id).one(&self.reader).await.map_err(backend::error)?;
        Ok(self.named(row.into_iter().collect()).await?.pop())
    }

    /// The stored letter of an event: what a webhook without a template is sent.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn letter_of(&self, event: Uuid) -> Result<Option<Vec<u8>>, StoreError> {
        let found = event::Entity::find_by_id(event).one(&self.reader).await.map_err(backend::error)?;
        match found.and_then(|event| event.letter) {
            Some(letter) => self.payload(letter).await,
            None => Ok(None),
        }
    }

    async fn named(&self, rows: Vec<delivery::Model>) -> Result<Vec<Delivery>, StoreError> {
        let mut ids: Vec<Uuid> = rows.iter().map(|row| row.webhook).collect();
        ids.sort_unstable();
        ids.dedup();
        let names = self.webhook_names(ids).await?;
        rows.into_iter().map(|row| Delivery::named(row, &names)).collect()
    }

    /// Of webhooks that are gone there are none; deleted ones have kept theirs.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn webhook_names(&self, ids: Vec<Uuid>) -> Result<HashMap<Uuid, String>, StoreError> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let select = webhook::Entity::find().select_only().column(webhook::Column::Id).column(webhook::Column::Name);
        let rows: Vec<(Uuid, String)> =
            select.filter(webhook::Column::Id.is_in(ids)).into_tuple().all(&self.reader).await.map_err(backend::error)?;
        Ok(rows.into_iter().collect())
    }
}

impl Delivery {
    fn named(row: delivery::Model, names: &HashMap<Uuid, String>) -> Result<Self, StoreError> {
        let id = row.id.to_string();
        let place = Place { table: "hub_deliveries", row: &id };
        let status = place.check("status", Status::parse(&row.status))?;
        let waits = status == Status::Pending && row.lease.is_none();
        Ok(Self {
            id: row.id,
            event: row.event,
            topic: row.topic,
            task: row.task_id,
            sequence: place.number("sequence", row.sequence)?,
            webhook: row.webhook,
            webhook_name: names.get(&row.webhook).cloned(),
            status,
            attempts: place.number("attempts", row.attempts)?,
            next_attempt_at: row.due_at.filter(|_| waits).map(Timestamp::from_micros),
            created_at: Timestamp::from_micros(row.created_at),
            settled_at: row.settled_at.map(Timestamp::from_micros),
            last_error: row.last_error,
            note: row.note,
            body: row.body,
            log: row.log,
        })
    }
}

impl DeliveryFilter {
    pub(super) fn apply(&self, select: Select<delivery::Entity>) -> Select<delivery::Entity> {
        let given = [
            is_any_of(&self.status),
            self.webhook.map(|webhook| C::Webhook.eq(webhook)),
            self.task.as_ref().map(|task| C::TaskId.eq(task.as_str())),
            self.event.as_ref().map(|event| C::Topic.eq(event.as_str())),
            self.created_after.map(|time| C::CreatedAt.gte(time.micros())),
            self.created_before.map(|time| C::CreatedAt.lt(time.micros())),
            self.created_after.map(|time| C::Id.gte(ids::lowest(time))),
            self.created_before.map(|time| C::Id.lt(ids::above(time))),
        ];
        given.into_iter().flatten().fold(select, QueryFilter::filter)
    }
}

/// States stand in the text itself: an index that holds one state only is no use to a statement that may mean any.
fn is_any_of(states: &[Status]) -> Option<Expr> {
    match states {
        [] => None,
        [one] => Some(Expr::cust(format!("status = '{}'", one.as_str()))),
        many => Some(C::Status.is_in(many.iter().map(|status| status.as_str()))),
    }
}
