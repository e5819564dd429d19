//! Registrations: who wants to hear. Each change makes another version of them, which everybody who writes news compares
//! with his own.

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::backend::Backend;
use super::backend::Writing;
use super::deliveries::{Counts, PART};
use super::entity::webhook::{self, Column as C};
use super::error::StoreError;
use super::transaction::{conclude, repeated};
use super::{Page, Store, backend};
use crate::domain::delivery::LATER;
use crate::domain::time::Timestamp;
use crate::domain::webhook::{Origin, Status, Webhook};

/// A webhook with its credentials, encrypted.
#[derive(Clone, Debug, PartialEq)]
pub struct Registration {
    pub webhook: Webhook,
    pub credentials: Option<Vec<u8>>,
}

/// What a list of webhooks is narrowed to.
#[derive(Clone, Debug, Default)]
pub struct WebhookFilter {
    pub customer_id: Option<String>,
    pub status: Option<Status>,
}

const VERSION: &str = "SELECT version FROM hub_versions WHERE name = 'webhooks'";
const NEXT_VERSION: &str = "UPDATE hub_versions SET version = version + 1 WHERE name = 'webhooks'";
const RESEAL: &str = "UPDATE hub_webhooks SET credentials = $3 WHERE id = $1 AND credentials = $2";

pub(super) async fn version(connection: &impl ConnectionTrait, backend: Backend) -> Result<i64, StoreError> {
    let row = connection.query_one_raw(backend.statement(VERSION, [])).await.map_err(backend::error)?;
    row.map_or(Ok(0), |row| row.try_get_by_index(0)).map_err(backend::error)
}

impl Store {
    /// All registrations that hear of more than one task, and which version of them that is.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn subscriptions(&self) -> Result<(i64, Vec<Webhook>), StoreError> {
        // first the version: a change in between is found out when it is compared
        let version = version(&self.reader, self.backend).await?;
        let rows = webhook::Entity::find().filter(registered()).order_by_asc(C::CreatedAt).order_by_asc(C::Id);
        let rows = rows.all(&self.reader).await.map_err(backend::error)?;
        Ok((version, readable(rows).map(|found| found.webhook).collect()))
    }

    /// A webhook that was not deleted, a task's own too.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn registration(&self, id: Uuid) -> Result<Option<Registration>, StoreError> {
        let row = webhook::Entity::find_by_id(id).one(&self.reader).await.map_err(backend::error)?;
        let found = row.map(Registration::try_from).transpose()?;
        Ok(found.filter(|found| found.webhook.status != Status::Deleted))
    }

    /// These webhooks, whatever their state; those that are nowhere are missing.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn registrations(&self, ids: Vec<Uuid>) -> Result<Vec<Registration>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let statement = self.backend.statement(&self.backend.texts().webhooks, [super::write::json(&ids)?.into()]);
        let rows = webhook::Entity::find().from_raw_sql(statement).all(&self.reader).await.map_err(backend::error)?;
        Ok(readable(rows).collect())
    }

    /// Registrations, newest first.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn webhooks(&self, filter: &WebhookFilter, page: &Page) -> Result<Vec<Registration>, StoreError> {
        let mut select = webhook::Entity::find().filter(registered());
        if let Some(customer) = &filter.customer_id {
            select = select.filter(C::CustomerId.eq(customer.as_str()));
        }
        if let Some(status) = filter.status {
            select = select.filter(C::Status.eq(status.as_str()));
        }
        if let Some((created, id)) = &page.after {
            let id = Uuid::parse_str(id).unwrap_or_default();
            let position = Expr::tuple([Expr::col(C::CreatedAt), Expr::col(C::Id)]);
            select = select.filter(position.lt(Expr::tuple([Expr::val(created.micros()), Expr::val(id)])));
        }
        let rows = select.order_by_desc(C::CreatedAt).order_by_desc(C::Id).limit(page.limit).all(&self.reader).await;
        rows.map_err(backend::error)?.into_iter().map(TryInto::try_into).collect()
    }

    /// Those that a file brought.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn webhooks_of_file(&self) -> Result<Vec<Registration>, StoreError> {
        let (_, webhooks) = self.subscriptions().await?;
        let ids = webhooks.into_iter().filter(|webhook| webhook.origin == Origin::File).map(|webhook| webhook.id).collect();
        self.registrations(ids).await
    }

    /// Encrypted credentials of all webhooks behind this id, in the order of the ids.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn sealed_credentials(&self, after: Uuid, limit: u64) -> Result<Vec<(Uuid, Vec<u8>)>, StoreError> {
        let sealed = webhook::Entity::find().select_only().column(C::Id).column(C::Credentials);
        let sealed = sealed.filter(C::Id.gt(after)).filter(C::Credentials.is_not_null()).order_by_asc(C::Id).limit(limit);
        sealed.into_tuple().all(&self.reader).await.map_err(backend::error)
    }

    /// Writes other ciphertexts of the same credentials, where they are still the old ones: how many those are. Where it
    /// fails, none of them.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn reseal(&self, sealed: &[(Uuid, Vec<u8>, Vec<u8>)]) -> Result<usize, StoreError> {
        repeated(|| self.reseal_once(sealed)).await
    }

    async fn reseal_once(&self, sealed: &[(Uuid, Vec<u8>, Vec<u8>)]) -> Result<usize, StoreError> {
        let transaction = self.begin().await?;
        let written = self.write_sealed(&transaction, sealed).await;
        conclude(transaction, written).await
    }

    async fn write_sealed(&self, transaction: &Writing, sealed: &[(Uuid, Vec<u8>, Vec<u8>)]) -> Result<usize, StoreError> {
        self.next_version(transaction).await?;
        let mut written = 0;
        for (id, old, new) in sealed {
            let values = [(*id).into(), old.clone().into(), new.clone().into()];
            let outcome = transaction.execute_raw(self.backend.statement(RESEAL, values)).await;
            written += usize::from(outcome.map_err(backend::error)?.rows_affected() == 1);
        }
        Ok(written)
    }

    /// Writes registrations, new ones and changed ones: all of them or none.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn register(&self, registrations: &[Registration], now: Timestamp) -> Result<(), StoreError> {
        repeated(|| self.register_once(registrations, now)).await
    }

    async fn register_once(&self, registrations: &[Registration], now: Timestamp) -> Result<(), StoreError> {
        let transaction = self.begin().await?;
        let registering = async {
            self.next_version(&transaction).await?;
            self.write_registrations(&transaction, registrations, now).await
        };
        let registered = registering.await;
        conclude(transaction, registered).await
    }

    /// Writes what somebody has made of a registration that he has seen. False: it is not like that any more.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn replace(&self, seen: &Registration, changed: &Registration, now: Timestamp) -> Result<bool, StoreError> {
        match repeated(|| self.replace_once(seen, changed, now)).await {
            Ok(()) => Ok(true),
            Err(StoreError::Outdated) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn replace_once(&self, seen: &Registration, changed: &Registration, now: Timestamp) -> Result<(), StoreError> {
        let transaction = self.begin().await?;
        let replaced = self.write_over(&transaction, seen, changed, now).await;
        conclude(transaction, replaced).await
    }

    async fn write_over(
        &self,
        transaction: &Writing,
        seen: &Registration,
        changed: &Registration,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        // whoever else changes a registration waits for this row; a task's own webhook is in nobody's snapshot
        if seen.webhook.task.is_none() {
            self.next_version(transaction).await?;
        }
        let row = webhook::Entity::find_by_id(seen.webhook.id).lock_exclusive().one(transaction).await.map_err(backend::error)?;
        if row.map(Registration::try_from).transpose()?.as_ref() != Some(seen) {
            return Err(StoreError::Outdated);
        }
        self.write_registrations(transaction, std::slice::from_ref(changed), now).await?;
        let webhook = &changed.webhook;
        if webhook.lane() != seen.webhook.lane() {
            self.move_lane(transaction, webhook).await?;
        }
        if webhook.status == Status::Active && seen.webhook.status != Status::Active {
            self.wake(transaction, webhook, now, now.plus(LATER)).await?;
        }
        Ok(())
    }

    /// One at a time: the version's row is everybody's.
    async fn next_version(&self, transaction: &Writing) -> Result<(), StoreError> {
        transaction.execute_raw(self.backend.statement(NEXT_VERSION, [])).await.map_err(backend::error)?;
        Ok(())
    }

    async fn write_registrations(
        &self,
        transaction: &Writing,
        registrations: &[Registration],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (mut left, mut counts) = (PART, Counts::default());
        for Registration { webhook, credentials } in registrations {
            let row = webhook::Model::of(webhook, credentials.clone());
            for upsert in self.backend.upsert(&webhook::TABLE, vec![row]) {
                transaction.execute_raw(upsert).await.map_err(backend::error)?;
            }
            if webhook.status.is_deaf() {
                left -= self.bury(transaction, webhook, left, now, &mut counts).await?;
            }
        }
        counts.write(self.backend, transaction, now).await
    }
}

/// One that cannot be read, as of a newer version, must not keep all others from hearing.
pub(super) fn readable(rows: Vec<webhook::Model>) -> impl Iterator<Item = Registration> {
    rows.into_iter().filter_map(|row| {
        let id = row.id;
        row.try_into()
            .inspect_err(|error| tracing::error!(%error, webhook = %id, "a webhook cannot be read, and hears nothing"))
            .ok()
    })
}

fn registered() -> Expr {
    C::TaskId.is_null().and(C::Status.ne(Status::Deleted.as_str()))
}

impl TryFrom<webhook::Model> for Registration {
    type Error = StoreError;

    fn try_from(mut row: webhook::Model) -> Result<Self, StoreError> {
        let credentials = row.credentials.take();
        Ok(Self { webhook: row.try_into()?, credentials })
    }
}
