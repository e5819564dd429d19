//! Reading receipts: one, the newest of all, or one task's along its chain.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};
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
    /// The name of whose key it came with, if an operator wished it.
    pub operator: Option<String>,
}

#[derive(Clone, Debug, Default)]
pub struct ReceiptFilter {
    pub generator: Option<String>,
    pub outcome: Option<String>,
    pub event: Option<String>,
    pub source: Option<String>,
}

impl Store {
    /// # Errors
    /// Whatever the database says.
    pub async fn receipt(&self, id: Uuid) -> Result<Option<Receipt>, StoreError> {
        let found = receipt::Entity::find_by_id(id).one(&self.reader).await.map_err(backend::error)?;
        Ok(found.map(Receipt::from))
    }

    /// By their ids, newest first, older than `before`; and where looking has ended, if there may be more behind it: what fits
    /// is looked for among a [window](crate::store::WINDOW) of receipts at a time.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn receipts(
        &self,
        filter: &ReceiptFilter,
        before: Option<Uuid>,
        limit: u64,
    ) -> Result<(Vec<Receipt>, Option<Uuid>), StoreError> {
        let mut looked_to = None;
        if !filter.is_empty() {
            looked_to = self.window_end(older(before), receipt::Column::Id).await?;
        }
        let rows = filter.page(before, looked_to, limit).all(&self.reader).await.map_err(backend::error)?;
        Ok((rows.into_iter().map(Receipt::from).collect(), looked_to))
    }

    /// A task's receipts, newest first, found along their chain, with numbers below `below`. Their ids may be in another
    /// order: they come from the clocks of several replicas.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn receipts_of(
        &self,
        task: &TaskId,
        filter: &ReceiptFilter,
        below: Option<i64>,
        limit: u64,
    ) -> Result<Vec<Receipt>, StoreError> {
        // a chain is walked in slices, since what the filter lets through is only known on the way
        const SLICE: i64 = 200;
        let mut link = self.task_state(task).await?.and_then(|task| task.last_receipt);
        let mut found = Vec::new();
        while let Some(newest) = link.filter(|_| (found.len() as u64) < limit) {
            let statement = self.backend.statement(&self.backend.texts().receipt_chain, [newest.into(), SLICE.into()]);
            let rows = receipt::Entity::find().from_raw_sql(statement).all(&self.reader).await.map_err(backend::error)?;
            link = rows.last().and_then(|row| row.previous);
            let wanted = |receipt: &Receipt| below.is_none_or(|below| receipt.sequence < below) && filter.lets_through(receipt);
            found.extend(rows.into_iter().map(Receipt::from).filter(wanted));
        }
        found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(found)
    }

    /// The stored bytes of a payload.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn payload(&self, id: Uuid) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.payloads(vec![id]).await?.remove(&id))
    }
}

impl ReceiptFilter {
    fn is_empty(&self) -> bool {
        let Self { generator, outcome, event, source } = self;
        [generator, outcome, event, source].into_iter().all(Option::is_none)
    }

    /// Down to the end of the window.
    pub(super) fn page(&self, before: Option<Uuid>, end: Option<Uuid>, limit: u64) -> Select<receipt::Entity> {
        use receipt::Column as C;
        let given = [
            self.generator.as_ref().map(|generator| C::Generator.eq(generator.as_str())),
            self.outcome.as_ref().map(|outcome| C::Outcome.eq(outcome.as_str())),
            self.event.as_ref().map(|event| C::Event.eq(event.as_str())),
            self.source.as_ref().map(|source| C::Source.eq(source.as_str())),
            end.map(|id| C::Id.gte(id)),
        ];
        let select = given.into_iter().flatten().fold(older(before), QueryFilter::filter);
        select.order_by_desc(C::Id).limit(limit)
    }

    fn lets_through(&self, receipt: &Receipt) -> bool {
        let same = |wanted: &Option<String>, value: &str| wanted.as_deref().is_none_or(|wanted| wanted == value);
        same(&self.generator, &receipt.generator)
            && same(&self.outcome, &receipt.outcome)
            && same(&self.event, &receipt.event)
            && same(&self.source, &receipt.source)
    }
}

fn older(before: Option<Uuid>) -> Select<receipt::Entity> {
    let all = receipt::Entity::find();
    before.into_iter().fold(all, |all, id| all.filter(receipt::Column::Id.lt(id)))
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
            operator: row.operator,
        }
    }
}
