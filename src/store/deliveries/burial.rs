//! What a webhook that hears nothing any more has not got, it will not get: it is dead, and kept.
//!
//! It may be much, and everybody else wants to write, too: it is buried a part at a time. A part that leaves something makes
//! one of that due at once, so that whoever looks for due lanes finds it and goes on.

use sea_orm::{ConnectionTrait, EntityTrait, QuerySelect, Statement, Value};
use uuid::Uuid;

use super::Counts;
use crate::domain::figure::Figure;
use crate::domain::time::Timestamp;
use crate::domain::webhook::{Status, Webhook};
use crate::store::backend::Writing;
use crate::store::entity::{bigint, webhook as registration};
use crate::store::error::StoreError;
use crate::store::transaction::{conclude, repeated};
use crate::store::write::json;
use crate::store::{Store, WEBHOOK_DISABLED, backend};

/// What one transaction changes of a webhook's deliveries at most.
pub(in crate::store) const PART: usize = 1000;

impl Store {
    /// Buries a part of what is pending for a webhook that hears nothing; how many those were. What is being sent is let
    /// finish.
    ///
    /// # Errors
    /// Whatever the database says; then nobody was buried.
    pub async fn bury_part(&self, webhook: &Webhook, now: Timestamp) -> Result<usize, StoreError> {
        repeated(|| self.bury_once(webhook, now)).await
    }

    async fn bury_once(&self, webhook: &Webhook, now: Timestamp) -> Result<usize, StoreError> {
        let transaction = self.begin().await?;
        let mut counts = Counts::default();
        let outcome = async {
            // it may hear again by now
            let row = registration::Entity::find_by_id(webhook.id).lock_exclusive().one(&*transaction).await;
            let status = row.map_err(backend::error)?.map_or(Some(Status::Deleted), |row| Status::parse(&row.status));
            if !status.is_some_and(Status::is_deaf) {
                return Ok(0);
            }
            let buried = self.bury(&transaction, webhook, PART, now, &mut counts).await?;
            counts.write(self.backend, &transaction, now).await?;
            Ok(buried)
        };
        let outcome = outcome.await;
        conclude(transaction, outcome).await
    }

    /// So many at most; how many those were.
    pub(in crate::store) async fn bury(
        &self,
        transaction: &Writing,
        webhook: &Webhook,
        most: usize,
        now: Timestamp,
        counts: &mut Counts,
    ) -> Result<usize, StoreError> {
        let ids = self.ids(transaction, self.unsent(webhook, now, most)).await?;
        if !ids.is_empty() {
            let values: [Value; 3] = [json(&ids)?.into(), now.micros().into(), WEBHOOK_DISABLED.into()];
            let statement = self.backend.statement(&self.backend.parts().bury, values);
            for row in transaction.query_all_raw(statement).await.map_err(backend::error)? {
                counts.add(row.try_get_by_index(0).map_err(backend::error)?, Figure::Dead, 1);
            }
        }
        if ids.len() == most {
            let left = self.ids(transaction, self.unsent(webhook, now, 1)).await?;
            self.hasten(transaction, &left, now).await?;
        }
        Ok(ids.len())
    }

    /// A part of what was put off because the webhook was not active is due now, the oldest first; whose turn it is not will be
    /// put off again. The rest comes when it was put off to, which is soon.
    pub(in crate::store) async fn wake(
        &self,
        transaction: &Writing,
        webhook: &Webhook,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<(), StoreError> {
        let parts = self.backend.parts();
        let [of_lane, of_task] = [&parts.put_off_of_lane, &parts.put_off_of_task].map(|text| format!("{text} LIMIT {PART}"));
        let put_off = self.of(webhook, [&of_lane, &of_task], now, until.micros());
        let ids = self.ids(transaction, put_off).await?;
        self.hasten(transaction, &ids, now).await
    }

    /// A task's own webhook that has moved to another host has moved to another lane, and what is pending goes along.
    pub(in crate::store) async fn move_lane(&self, transaction: &Writing, webhook: &Webhook) -> Result<(), StoreError> {
        let Some(task) = &webhook.task else { return Ok(()) };
        let values: [Value; 4] = [task.as_str().into(), webhook.id.into(), webhook.lane().into(), bigint(PART).into()];
        let statement = self.backend.statement(&self.backend.parts().move_to_lane, values);
        transaction.execute_raw(statement).await.map_err(backend::error).map(|_| ())
    }

    fn unsent(&self, webhook: &Webhook, now: Timestamp, most: usize) -> Statement {
        let parts = self.backend.parts();
        self.of(webhook, [&parts.unsent_of_lane, &parts.unsent_of_task], now, bigint(most))
    }

    /// A registration has its lane for itself; of those that share one, each is told of one task only.
    fn of(&self, webhook: &Webhook, [of_lane, of_task]: [&str; 2], now: Timestamp, bound: i64) -> Statement {
        match &webhook.task {
            None => self.backend.statement(of_lane, [webhook.lane().into(), now.micros().into(), bound.into()]),
            Some(task) => {
                let values: [Value; 4] = [task.as_str().into(), now.micros().into(), bound.into(), webhook.id.into()];
                self.backend.statement(of_task, values)
            }
        }
    }

    async fn hasten(&self, transaction: &Writing, ids: &[Uuid], now: Timestamp) -> Result<(), StoreError> {
        if ids.is_empty() {
            return Ok(());
        }
        let statement = self.backend.statement(&self.backend.parts().hasten, [json(ids)?.into(), now.micros().into()]);
        transaction.execute_raw(statement).await.map_err(backend::error).map(|_| ())
    }

    async fn ids(&self, transaction: &Writing, statement: Statement) -> Result<Vec<Uuid>, StoreError> {
        let rows = transaction.query_all_raw(statement).await.map_err(backend::error)?;
        rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<_, _>>().map_err(backend::error)
    }
}
