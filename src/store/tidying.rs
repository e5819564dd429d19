//! Settled deliveries whose time is over, with what only they still needed: the bodies that were made for them, and the
//! letters of events that nobody else is told.

use std::collections::HashSet;

use sea_orm::{ConnectionTrait, FromQueryResult, Value};
use uuid::Uuid;

use super::backend::Writing;
use super::error::StoreError;
use super::transaction::{conclude, repeated};
use super::write::json;
use super::{Store, backend};
use crate::domain::time::Timestamp;

pub(super) const ANY_SETTLED: &str =
    "SELECT settled_at FROM hub_deliveries WHERE settled_at IS NOT NULL AND settled_at < $1 ORDER BY settled_at LIMIT 1";

#[derive(FromQueryResult)]
struct Settled {
    id: Uuid,
    event: Uuid,
    body: Option<Uuid>,
}

/// An event of which deliveries go.
#[derive(FromQueryResult)]
struct Event {
    #[sea_orm(nested)]
    papers: Papers,
    fingerprint: Option<Vec<u8>>,
    letter: Option<Uuid>,
    /// Other deliveries bring it, too.
    is_needed: bool,
}

/// What nothing points to any more.
#[derive(Default)]
struct Waste {
    payloads: HashSet<Uuid>,
    events: Vec<Uuid>,
    /// Events that are remembered, so that they are known when they are told again, and whose letters go.
    remembered: Vec<Uuid>,
}

/// What an event points to, besides its letter.
#[derive(FromQueryResult)]
pub(super) struct Papers {
    pub id: Uuid,
    pub generator: Option<String>,
    pub data: Option<Uuid>,
    pub metadata: Option<Uuid>,
}

impl Papers {
    /// What is the event's own, and goes with it: a generator's data lie in its callback's body, which has a time of its own,
    /// unless they had to be mended.
    pub fn own(&self) -> impl Iterator<Item = Uuid> {
        let own = self.data.filter(|data| self.generator.is_none() || *data != self.id);
        own.into_iter().chain(self.metadata)
    }
}

impl Store {
    /// Drops deliveries that were settled before `until`, the oldest `limit` of them; how many those were.
    ///
    /// # Errors
    /// Whatever the database says; then nothing is dropped.
    pub async fn drop_deliveries(&self, until: Timestamp, limit: u64) -> Result<u64, StoreError> {
        // looking costs no writer
        let look = self.backend.statement(ANY_SETTLED, [until.micros().into()]);
        if self.reader.query_one_raw(look).await.map_err(backend::error)?.is_none() {
            return Ok(0);
        }
        repeated(|| self.drop_once(until, limit)).await
    }

    async fn drop_once(&self, until: Timestamp, limit: u64) -> Result<u64, StoreError> {
        let transaction = self.begin().await?;
        let dropped = self.drop_settled(&transaction, until, limit).await;
        conclude(transaction, dropped).await
    }

    async fn drop_settled(&self, transaction: &Writing, until: Timestamp, limit: u64) -> Result<u64, StoreError> {
        let texts = self.backend.texts();
        // two at once would each leave the other's letters alone
        self.take_turn(transaction).await?;
        let values: [Value; 2] = [until.micros().into(), i64::try_from(limit).unwrap_or(i64::MAX).into()];
        let statement = self.backend.statement(texts.settled_deliveries, values);
        let settled = Settled::find_by_statement(statement).all(transaction).await.map_err(backend::error)?;
        if settled.is_empty() {
            return Ok(0);
        }
        let ids: Vec<Uuid> = settled.iter().map(|row| row.id).collect();
        self.drop_by_ids(transaction, texts.delete_deliveries, &ids).await?;
        let mut events: Vec<Uuid> = settled.iter().map(|row| row.event).collect();
        events.sort_unstable();
        events.dedup();
        let statement = self.backend.statement(&texts.events_needed, [json(&events)?.into()]);
        let events = Event::find_by_statement(statement).all(transaction).await.map_err(backend::error)?;
        let waste = Waste::of(&settled, &events);
        self.drop_by_ids(transaction, texts.delete_events, &waste.events).await?;
        self.drop_by_ids(transaction, texts.forget_letters, &waste.remembered).await?;
        let payloads: Vec<Uuid> = waste.payloads.into_iter().collect();
        self.drop_by_ids(transaction, texts.delete_payloads, &payloads).await?;
        Ok(settled.len() as u64)
    }

    /// One replica tidies at a time.
    pub(super) async fn take_turn(&self, transaction: &Writing) -> Result<(), StoreError> {
        let Some(statement) = self.backend.take_turn("tidy") else { return Ok(()) };
        transaction.execute_raw(statement).await.map_err(backend::error).map(drop)
    }

    pub(super) async fn drop_by_ids(&self, transaction: &Writing, text: &str, ids: &[Uuid]) -> Result<(), StoreError> {
        if ids.is_empty() {
            return Ok(());
        }
        let statement = self.backend.statement(text, [json(ids)?.into()]);
        transaction.execute_raw(statement).await.map_err(backend::error).map(|_| ())
    }
}

impl Waste {
    fn of(settled: &[Settled], events: &[Event]) -> Self {
        let letters: HashSet<Uuid> = events.iter().filter_map(|event| event.letter).collect();
        // without a template, what is sent is the letter itself, and that may be others', too
        let made = settled.iter().filter_map(|row| row.body).filter(|body| !letters.contains(body));
        let mut waste = Self { payloads: made.collect(), ..Self::default() };
        for event in events.iter().filter(|event| !event.is_needed) {
            waste.payloads.extend(event.letter);
            if event.fingerprint.is_some() {
                waste.remembered.push(event.papers.id);
            } else {
                waste.events.push(event.papers.id);
                waste.payloads.extend(event.papers.own());
            }
        }
        waste
    }
}
