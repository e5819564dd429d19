//! Writing down what deliveries send and how they fared: whoever holds the lease may.

use std::collections::HashMap;

use sea_orm::{ConnectionTrait, Value};
use uuid::Uuid;

use super::{Counts, DeliveryOutcome, DueDelivery};
use crate::domain::delivery::Status;
use crate::domain::figure::Figure;
use crate::domain::time::Timestamp;
use crate::store::backend::Writing;
use crate::store::entity::{int, micros, payload};
use crate::store::error::StoreError;
use crate::store::transaction::{conclude, repeated};
use crate::store::{Store, backend};

/// One that a later event has overtaken while it was being sent is not tried again; nor is one whose webhook hears nothing
/// any more, which is due at once to be buried.
const RECORD: &str = "UPDATE hub_deliveries SET
    status = CASE WHEN $3 = 'pending' AND outdated THEN 'superseded' ELSE $3 END,
    due_at = CASE WHEN outdated THEN NULL
        WHEN CAST($5 AS BIGINT) > CAST($6 AS BIGINT) AND EXISTS (SELECT 1 FROM hub_webhooks AS w
            WHERE w.id = hub_deliveries.webhook AND w.status IN ('disabled', 'deleted')) THEN CAST($6 AS BIGINT)
        ELSE CAST($5 AS BIGINT) END,
    settled_at = CASE WHEN $3 = 'pending' AND NOT outdated THEN NULL ELSE CAST($6 AS BIGINT) END,
    last_error = CASE WHEN $3 = 'pending' THEN COALESCE($7, last_error) ELSE $7 END,
    attempts = $4, log = $8, lease = NULL WHERE id = $1 AND lease = $2 RETURNING status";
const KEEP_BODY: &str = "UPDATE hub_deliveries SET body = $3 WHERE id = $1 AND lease = $2 AND body IS NULL";

impl Store {
    /// Keeps what templates have made, for this attempt and for every other one.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn keep_bodies(&self, mut made: Vec<(DueDelivery, Vec<u8>)>) -> Result<(), StoreError> {
        // everybody locks in the order of the ids
        made.sort_unstable_by_key(|(delivery, _)| delivery.id);
        repeated(|| self.keep_once(&made)).await
    }

    async fn keep_once(&self, made: &[(DueDelivery, Vec<u8>)]) -> Result<(), StoreError> {
        let transaction = self.begin().await?;
        let kept = self.write_bodies(&transaction, made).await;
        conclude(transaction, kept).await
    }

    async fn write_bodies(&self, transaction: &Writing, made: &[(DueDelivery, Vec<u8>)]) -> Result<(), StoreError> {
        let mut bodies = Vec::new();
        for (delivery, text) in made {
            let body = Uuid::now_v7();
            let values: [Value; 3] = [delivery.id.into(), delivery.lease.token.into(), body.into()];
            let kept = transaction.execute_raw(self.backend.statement(KEEP_BODY, values)).await.map_err(backend::error)?;
            if kept.rows_affected() == 1 {
                bodies.push(payload::Model { id: body, bytes: text.clone() });
            }
        }
        for insert in self.backend.insert(&payload::TABLE, bodies) {
            transaction.execute_raw(insert).await.map_err(backend::error)?;
        }
        Ok(())
    }

    /// Writes down how deliveries fared. False for those whose lease had ended: somebody else has them by now.
    ///
    /// # Errors
    /// Whatever the database says; then nothing of it is written.
    pub async fn record_deliveries(&self, outcomes: &[DeliveryOutcome], now: Timestamp) -> Result<Vec<bool>, StoreError> {
        repeated(|| self.record_once(outcomes, now)).await
    }

    async fn record_once(&self, outcomes: &[DeliveryOutcome], now: Timestamp) -> Result<Vec<bool>, StoreError> {
        let transaction = self.begin().await?;
        let recorded = self.write_outcomes(&transaction, outcomes, now).await;
        conclude(transaction, recorded).await
    }

    async fn write_outcomes(
        &self,
        transaction: &Writing,
        outcomes: &[DeliveryOutcome],
        now: Timestamp,
    ) -> Result<Vec<bool>, StoreError> {
        // everybody locks in the order of the ids
        let mut in_order: Vec<usize> = (0..outcomes.len()).collect();
        in_order.sort_unstable_by_key(|index| outcomes[*index].delivery.id);
        let (mut recorded, mut counts) = (vec![false; outcomes.len()], Counts::default());
        for index in in_order {
            let outcome = &outcomes[index];
            let statement = self.backend.statement(RECORD, outcome.values(now));
            let Some(row) = transaction.query_one_raw(statement).await.map_err(backend::error)? else { continue };
            recorded[index] = true;
            let status: String = row.try_get_by_index(0).map_err(backend::error)?;
            let lane = &outcome.delivery.lane;
            for (figure, amount) in &outcome.figures {
                counts.add(lane.clone(), *figure, *amount);
            }
            // a later event has taken its place
            if outcome.status == Status::Pending && status != outcome.status.as_str() {
                counts.add(lane.clone(), Figure::Superseded, 1);
            }
        }
        for (outcome, _) in outcomes.iter().zip(&recorded).filter(|(_, recorded)| **recorded) {
            // one that failed may have been overtaken meanwhile, and then it is over, too
            if let Some(task) = &outcome.delivery.task {
                let DueDelivery { id, webhook, .. } = outcome.delivery;
                let values: [Value; 4] = [task.as_str().into(), webhook.into(), now.micros().into(), id.into()];
                let statement = self.backend.statement(&self.backend.parts().wake_next, values);
                transaction.execute_raw(statement).await.map_err(backend::error)?;
            }
        }
        counts.write(self.backend, transaction, now).await?;
        Ok(recorded)
    }

    /// The stored texts of these deliveries, by id.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn letters(&self, deliveries: &[DueDelivery]) -> Result<HashMap<Uuid, Vec<u8>>, StoreError> {
        let mut ids: Vec<Uuid> = deliveries.iter().filter_map(|delivery| delivery.body.or(delivery.letter)).collect();
        ids.sort_unstable();
        ids.dedup();
        self.payloads(ids).await
    }
}

impl DeliveryOutcome {
    fn values(&self, now: Timestamp) -> [Value; 8] {
        [
            self.delivery.id.into(),
            self.delivery.lease.token.into(),
            self.status.as_str().into(),
            int(self.attempts).into(),
            micros(self.due_at).into(),
            now.micros().into(),
            self.last_error.clone().into(),
            self.log.clone().into(),
        ]
    }
}
