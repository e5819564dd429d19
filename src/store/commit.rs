//! One transaction: load (locked, ordered by id), plan, write.

use bytes::Bytes;
use sea_orm::DatabaseTransaction;
use uuid::Uuid;

use super::error::StoreError;
use super::write::Changes;
use super::{Store, backend};
use crate::domain::event::{Event, Found, Occurrence};
use crate::domain::plan::{Answer, Command, Item, plan};
use crate::domain::task::{GeneratorName, TaskId};
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

/// Where an event's news comes from.
#[derive(Clone, Debug)]
pub struct Origin {
    pub generator: GeneratorName,
    pub received_at: Timestamp,
    /// A JSON object: names to values, secrets masked.
    pub headers: String,
    pub body: Option<Bytes>,
}

impl Origin {
    /// News that no request brought.
    #[must_use]
    pub fn without_headers(generator: GeneratorName, received_at: Timestamp, body: Option<Bytes>) -> Self {
        Self { generator, received_at, headers: "{}".to_owned(), body }
    }
}

impl Entry {
    /// An event, and the receipt that will tell of it. A result is a span of the body, or, where it had to be mended, a
    /// text of its own.
    #[must_use]
    pub fn of_event(task: TaskId, at: Timestamp, occurrence: Occurrence, origin: Origin) -> Self {
        let receipt = Uuid::now_v7();
        let result = match &occurrence.event {
            Event::Completed(found) => found.clone(),
            _ => None,
        };
        let result_payload = if matches!(result, Some(Found::Rewritten(_))) { Uuid::now_v7() } else { receipt };
        let Origin { generator, received_at, headers, body } = origin;
        let draft = Draft { generator, received_at, headers, body, result };
        let command = Command::Occur { receipt, result_payload, occurrence: Box::new(occurrence) };
        Self { item: Item { task, at, command }, papers: Papers::Receipt(Box::new(draft)) }
    }

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
