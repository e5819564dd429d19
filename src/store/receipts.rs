//! Reading receipts: one, the newest of all, or one task's along its chain.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::entity::receipt;
use super::error::StoreError;
use super::{Store, backend};
use crate::domain::task::TaskId;
use crate::domain::time::Timestamp;

/// An accepted callback or event.
#[derive(Clone, Debug)]
pub struct Receipt {
    pub id: Uuid,
    pub task: Option<String>,
    pub generator: String,
    pub attempt: Option<i32>,
    pub sequence: i64,
    /// The task's receipt before this one.
    pub previous: Option<Uuid>,
    pub source: String,
    pub event: String,
    pub outcome: String,
    pub reason: Option<String>,
    pub received_at: Timestamp,
    pub duration_us: i64,
    /// A JSON object.
    pub headers: String,
    pub payload: Option<Uuid>,
}

#[derive(Clone, Debug, Default)]
pub struct ReceiptFilter {
    pub generator: Option<String>,
    pub outcome: Option<String>,
    pub event: Option<String>,
    pub source: Option<String>,
    /// Only what is older than this id (ids are in the order of arrival).
    pub before: Option<Uuid>,
}

impl Store {
    /// # Errors
    /// Whatever the database says.
    pub async fn receipt(&self, id: Uuid) -> Result<Option<Receipt>, StoreError> {
        let found = receipt::Entity::find_by_id(id).one(&self.reader).await.map_err(backend::error)?;
        Ok(found.map(Receipt::from))
    }

    /// Newest first.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn receipts(&self, filter: &ReceiptFilter, limit: u64) -> Result<Vec<Receipt>, StoreError> {
        use receipt::Column as C;
        let given = [
            filter.generator.as_ref().map(|generator| C::Generator.eq(generator.as_str())),
            filter.outcome.as_ref().map(|outcome| C::Outcome.eq(outcome.as_str())),
            filter.event.as_ref().map(|event| C::Event.eq(event.as_str())),
            filter.source.as_ref().map(|source| C::Source.eq(source.as_str())),
            filter.before.map(|id| C::Id.lt(id)),
        ];
        let select = given.into_iter().flatten().fold(receipt::Entity::find(), QueryFilter::filter);
        let rows = select.order_by_desc(C::Id).limit(limit).all(&self.reader).await.map_err(backend::error)?;
        Ok(rows.into_iter().map(Receipt::from).collect())
    }

    /// A task's receipts, newest first; `after` is the last one of the page before. `None`: there is no such task.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn receipts_of(&self, task: &TaskId, after: Option<Uuid>, limit: u32) -> Result<Option<Vec<Receipt>>, StoreError> {
        let Some(known) = self.task_state(task).await? else { return Ok(None) };
        let newest = match after {
            Some(after) => self
                .receipt(after)
                .await?
                .filter(|receipt| receipt.task.as_deref() == Some(task.as_str()))
                .and_then(|last| last.previous),
            None => known.last_receipt,
        };
        let Some(newest) = newest else { return Ok(Some(Vec::new())) };
        let statement = self.backend.statement(self.backend.texts().receipt_chain, [newest.into(), i64::from(limit).into()]);
        let rows = receipt::Entity::find().from_raw_sql(statement).all(&self.reader).await.map_err(backend::error)?;
        Ok(Some(rows.into_iter().map(Receipt::from).collect()))
    }

    /// The stored bytes of a payload.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn payload(&self, id: Uuid) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.payloads(vec![id]).await?.remove(&id))
    }
}

impl From<receipt::Model> for Receipt {
    fn from(row: receipt::Model) -> Self {
        Self {
            id: row.id,
            task: row.task_id,
            generator: row.generator,
            attempt: row.attempt,
            sequence: row.sequence,
            previous: row.previous,
            source: row.source,
            event: row.event,
            outcome: row.outcome,
            reason: row.reason,
            received_at: Timestamp::from_micros(row.received_at),
            duration_us: row.duration_us,
            headers: row.headers,
            payload: row.payload,
        }
    }
}
