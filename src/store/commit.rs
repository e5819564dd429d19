//! One transaction: load (locked, ordered by id), plan, write.

use bytes::Bytes;
use sea_orm::DatabaseTransaction;

use super::error::StoreError;
use super::write::Changes;
use super::{Store, backend};
use crate::domain::event::Found;
use crate::domain::plan::{Answer, Item, plan};
use crate::domain::task::GeneratorName;
use crate::domain::time::Timestamp;

/// How often a batch that collided with another replica's is repeated.
const REPEATS: usize = 3;

/// An item, and what is to be filed with it.
#[derive(Clone, Debug)]
pub struct Entry {
    pub item: Item,
    pub papers: Papers,
}

#[derive(Clone, Debug)]
pub enum Papers {
    None,
    /// JSON texts of a task, stored under the ids that the item names.
    Documents {
        input: Option<Bytes>,
        params: Option<Bytes>,
        metadata: Option<Bytes>,
    },
    Receipt(Box<Draft>),
}

/// A receipt as far as it is known before the event met its task.
#[derive(Clone, Debug)]
pub struct Draft {
    pub generator: GeneratorName,
    pub received_at: Timestamp,
    /// A JSON object: names to values, secrets masked.
    pub headers: String,
    pub body: Option<Bytes>,
    /// Where the result was found, if there is one.
    pub result: Option<Found>,
}

impl Entry {
    /// Bytes that the entry brings into a transaction, roughly.
    #[must_use]
    pub fn weight(&self) -> usize {
        let length = |bytes: &Option<Bytes>| bytes.as_ref().map_or(0, Bytes::len);
        let papers = match &self.papers {
            Papers::None => 0,
            Papers::Documents { input, params, metadata } => length(input) + length(params) + length(metadata),
            Papers::Receipt(draft) => length(&draft.body) + draft.headers.len(),
        };
        papers + 512
    }
}

impl Store {
    /// Plans and writes all entries in one synced transaction; the answers come in the entries' order. Nothing is written
    /// if it fails.
    ///
    /// # Errors
    /// Whatever the database says; collisions with other replicas are repeated first.
    pub async fn commit(&self, entries: &[Entry], now: Timestamp) -> Result<Vec<Answer>, StoreError> {
        let items: Vec<Item> = entries.iter().map(|entry| entry.item.clone()).collect();
        let mut repeats = 0;
        loop {
            match self.commit_once(&items, entries, now).await {
                Err(StoreError::Conflict(_)) if repeats < REPEATS => repeats += 1,
                outcome => return outcome,
            }
        }
    }

    async fn commit_once(&self, items: &[Item], entries: &[Entry], now: Timestamp) -> Result<Vec<Answer>, StoreError> {
        let transaction = self.backend.begin_write(&self.writer).await.map_err(backend::error)?;
        match self.plan_and_write(&transaction, items, entries, now).await {
            Ok(answers) => {
                transaction.commit().await.map_err(backend::error)?;
                Ok(answers)
            }
            Err(error) => {
                // the first error says more than what the rollback might add
                let _ = transaction.rollback().await;
                Err(error)
            }
        }
    }

    async fn plan_and_write(
        &self,
        transaction: &DatabaseTransaction,
        items: &[Item],
        entries: &[Entry],
        now: Timestamp,
    ) -> Result<Vec<Answer>, StoreError> {
        let before = self.load_world(transaction, items).await?;
        let mut after = before.clone();
        let answers = plan(&mut after, items);
        Changes::between(&before, &after, entries, &answers, now).write(self.backend, transaction).await?;
        Ok(answers)
    }
}
