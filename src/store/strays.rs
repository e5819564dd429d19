//! What is no task's business and was told long ago: callbacks that were ignored, as far as they are known again; events that
//! nobody hears; the receipts of either, with their bodies; and keys of requests that nobody repeats any more.

use sea_orm::{ConnectionTrait, FromQueryResult, Statement, Value};
use uuid::Uuid;

use super::error::StoreError;
use super::tidying::Papers;
use super::transaction::conclude;
use super::{Store, backend};
use crate::domain::time::Timestamp;

pub(super) const ANY_IGNORED: &str = "SELECT at FROM hub_ignored WHERE at < $1 ORDER BY at LIMIT 1";
const DROP_KEYS: &str = "DELETE FROM hub_idempotency WHERE (owner, idempotency_key) IN (
    SELECT i.owner, i.idempotency_key FROM hub_idempotency AS i WHERE i.created_at < $1 ORDER BY i.created_at LIMIT $2)";
const ANY_KEY: &str = "SELECT created_at FROM hub_idempotency WHERE created_at < $1 ORDER BY created_at LIMIT 1";
pub(super) const DROP_IGNORED: &str = "DELETE FROM hub_ignored WHERE (fingerprint, generator, awaits) IN (
    SELECT g.fingerprint, g.generator, g.awaits FROM hub_ignored AS g WHERE g.at < $1 ORDER BY g.at LIMIT $2)";
/// Those that webhooks heard have letters until their deliveries go. With `NOT EXISTS`, a planner might read all deliveries.
pub(super) const UNHEARD: &str = "SELECT e.id, e.generator, e.data, e.metadata FROM hub_events AS e
    WHERE e.letter IS NULL AND e.at < $1 AND (SELECT 1 FROM hub_deliveries AS d WHERE d.event = e.id LIMIT 1) IS NULL
    ORDER BY e.at LIMIT $2";
/// What is parked may have waited for longer than anybody wanted, if the hub was away.
pub(super) const STRAYS: &str = "SELECT r.id FROM hub_receipts AS r WHERE r.task_id IS NULL AND r.received_at < $1
    AND (SELECT 1 FROM hub_parked AS p WHERE p.id = r.id LIMIT 1) IS NULL
    ORDER BY r.received_at LIMIT $2";

impl Store {
    /// Forgets callbacks that were ignored before `until`, the oldest `limit` of them; how many those were.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn drop_ignored(&self, until: Timestamp, limit: u64) -> Result<u64, StoreError> {
        self.drop_oldest([ANY_IGNORED, DROP_IGNORED], until, limit).await
    }

    /// Forgets what `Idempotency-Key`s from before `until` stand for, the oldest `limit` of them; how many those were.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn drop_idempotency_keys(&self, until: Timestamp, limit: u64) -> Result<u64, StoreError> {
        self.drop_oldest([ANY_KEY, DROP_KEYS], until, limit).await
    }

    async fn drop_oldest(&self, [any, drop]: [&str; 2], until: Timestamp, limit: u64) -> Result<u64, StoreError> {
        // looking costs no writer
        let look = self.backend.statement(any, [until.micros().into()]);
        if self.reader.query_one_raw(look).await.map_err(backend::error)?.is_none() {
            return Ok(0);
        }
        let transaction = self.begin().await?;
        let dropped = transaction.execute_raw(self.oldest(drop, until, limit)).await.map_err(backend::error);
        Ok(conclude(transaction, dropped).await?.rows_affected())
    }

    /// Drops events that were told before `until` and that no delivery brings to anybody, the oldest `limit` of them; how many
    /// those were.
    ///
    /// # Errors
    /// Whatever the database says; then nothing is dropped.
    pub async fn drop_unheard(&self, until: Timestamp, limit: u64) -> Result<u64, StoreError> {
        let unheard = Papers::find_by_statement(self.oldest(UNHEARD, until, limit)).all(&self.reader).await;
        let unheard = unheard.map_err(backend::error)?;
        let ids: Vec<Uuid> = unheard.iter().map(|event| event.id).collect();
        let payloads: Vec<Uuid> = unheard.iter().flat_map(Papers::own).collect();
        let texts = self.backend.texts();
        self.drop_papers(&payloads, texts.delete_events, &ids).await
    }

    /// Drops receipts from before `until` of callbacks that are no task's, with their bodies, the oldest `limit` of them; how
    /// many those were.
    ///
    /// # Errors
    /// Whatever the database says; then nothing is dropped.
    pub async fn drop_strays(&self, until: Timestamp, limit: u64) -> Result<u64, StoreError> {
        let rows = self.reader.query_all_raw(self.oldest(STRAYS, until, limit)).await.map_err(backend::error)?;
        let ids = rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<Vec<Uuid>, _>>().map_err(backend::error)?;
        // a body has its receipt's id
        self.drop_papers(&ids, self.backend.texts().delete_receipts, &ids).await
    }

    fn oldest(&self, text: &str, until: Timestamp, limit: u64) -> Statement {
        let values: [Value; 2] = [until.micros().into(), i64::try_from(limit).unwrap_or(i64::MAX).into()];
        self.backend.statement(text, values)
    }

    /// Nobody brings back what was found: it may be dropped by its ids. Payloads go first, as they do when a task is erased.
    async fn drop_papers(&self, payloads: &[Uuid], text: &str, ids: &[Uuid]) -> Result<u64, StoreError> {
        if ids.is_empty() {
            return Ok(0);
        }
        let transaction = self.begin().await?;
        let dropped = match self.drop_by_ids(&transaction, self.backend.texts().delete_payloads, payloads).await {
            Ok(()) => self.drop_by_ids(&transaction, text, ids).await,
            Err(error) => Err(error),
        };
        conclude(transaction, dropped).await?;
        Ok(ids.len() as u64)
    }
}
