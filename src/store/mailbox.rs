//! Deliveries as operators see them: one, the newest of all, or the newest of those that are looked for.

use std::collections::HashMap;

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};
use uuid::Uuid;

use super::entity::delivery::{self, Column as C};
use super::entity::{Place, event, webhook};
use super::error::StoreError;
use super::windows::looked_at;
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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
    /// Newest first, older than `before`; and where looking has ended, if there may be more behind it: what no index holds
    /// apart is looked for among a [window](crate::store::WINDOW) of deliveries at a time.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn deliveries(
        &self,
        filter: &DeliveryFilter,
        before: Option<Uuid>,
        limit: u64,
    ) -> Result<(Vec<Delivery>, Option<Uuid>), StoreError> {
        let mut looked_to = None;
        if filter.is_found_by_looking() {
            looked_to = self.window_end(filter.ground().between(None, before), C::Id).await?;
        }
        let rows = filter.page(before, looked_to, limit).all(&self.reader).await.map_err(backend::error)?;
        Ok((self.named(rows).await?, looked_to))
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
    /// That much of it that one index tells apart. A task's deliveries are few.
    pub(super) fn ground(&self) -> Self {
        let Self { created_after, created_before, .. } = *self;
        let of_the_time = Self { created_after, created_before, ..Self::default() };
        match self.status.as_slice() {
            _ if self.task.is_some() => self.clone(),
            [Status::Dead] => Self { status: self.status.clone(), webhook: self.webhook, ..of_the_time },
            [Status::Pending] => Self { status: self.status.clone(), ..of_the_time },
            _ if self.webhook.is_some() => Self { webhook: self.webhook, ..of_the_time },
            _ => Self { event: self.event.clone(), ..of_the_time },
        }
    }

    pub(super) fn is_found_by_looking(&self) -> bool {
        self.created_after.is_some() || self.created_before.is_some() || self.ground() != *self
    }

    /// Down to the end of the window.
    pub(super) fn page(&self, before: Option<Uuid>, end: Option<Uuid>, limit: u64) -> Select<delivery::Entity> {
        let ground = self.ground();
        let given = [
            is_any_of(&self.status).filter(|_| ground.status.is_empty()),
            self.webhook.filter(|_| ground.webhook.is_none()).map(|webhook| looked_at(C::Webhook).eq(webhook)),
            self.event.as_deref().filter(|_| ground.event.is_none()).map(|event| looked_at(C::Topic).eq(event)),
        ];
        let select = given.into_iter().flatten().fold(ground.between(end, before), QueryFilter::filter);
        self.timely(select).order_by_desc(C::Id).limit(limit)
    }

    /// What was made in the wanted time, and not only nearly so, as ids tell it.
    pub(super) fn timely(&self, select: Select<delivery::Entity>) -> Select<delivery::Entity> {
        let given = [
            self.created_after.map(|time| C::CreatedAt.gte(time.micros())),
            self.created_before.map(|time| C::CreatedAt.lt(time.micros())),
        ];
        given.into_iter().flatten().fold(select, QueryFilter::filter)
    }

    /// From this id on, the lowest, and below that one. Each end is said once: of several bounds a database may take any one
    /// to begin with.
    pub(super) fn between(&self, lowest: Option<Uuid>, below: Option<Uuid>) -> Select<delivery::Entity> {
        let lowest = lowest.into_iter().chain(self.created_after.map(ids::lowest)).max();
        let below = below.into_iter().chain(self.created_before.map(ids::above)).min();
        let given = [
            is_any_of(&self.status),
            self.webhook.map(|webhook| C::Webhook.eq(webhook)),
            self.task.as_ref().map(|task| C::TaskId.eq(task.as_str())),
            self.event.as_ref().map(|event| C::Topic.eq(event.as_str())),
            lowest.map(|id| C::Id.gte(id)),
            below.map(|id| C::Id.lt(id)),
        ];
        given.into_iter().flatten().fold(delivery::Entity::find(), QueryFilter::filter)
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
