//! Callbacks that wait for their task, and custom events that were told before: what a batch has to know of them, and what
//! is due to be looked at again.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect};
use serde::Serialize;
use uuid::Uuid;

use super::backend::Writing;
use super::entity::parked::{self, Column as C};
use super::entity::{Place, event, receipt};
use super::error::StoreError;
use super::transaction::conclude;
use super::{Store, backend, due};
use crate::domain::claim::task_meant;
use crate::domain::fingerprint::Fingerprint;
use crate::domain::parked::Awaited;
use crate::domain::plan::{Command, Item, World};
use crate::domain::task::{GeneratorName, Source, TaskId};
use crate::domain::time::Timestamp;
use crate::domain::trace::TraceParent;

/// A parked callback with all that is needed to read it again, but for its body.
#[derive(Clone, Debug)]
pub struct ParkedCallback {
    pub receipt: Uuid,
    pub generator: GeneratorName,
    pub awaits: Awaited,
    /// The attempt that a token proved, and the one that the query named.
    pub token_attempt: Option<u32>,
    pub query_attempt: Option<u32>,
    /// Whether an id that nobody knows yet may become the attempt's.
    pub may_adopt: bool,
    pub query: Vec<(String, String)>,
    pub signed: bool,
    pub due_at: Timestamp,
    pub received_at: Timestamp,
    /// A JSON object.
    pub headers: String,
}

impl ParkedCallback {
    /// The task that its path names.
    #[must_use]
    pub const fn task(&self) -> Option<&TaskId> {
        match &self.awaits {
            Awaited::Task(task) => Some(task),
            Awaited::Named(_) => None,
        }
    }

    /// The trace that it came in, however long it has waited.
    pub(super) fn trace(&self) -> Option<TraceParent> {
        let headers: BTreeMap<String, String> = serde_json::from_str(&self.headers).ok()?;
        TraceParent::parse(headers.get(TraceParent::HEADER)?)
    }
}

impl Store {
    /// What is needed to park what cannot find its task, and what is parked and looked at again.
    pub(super) async fn load_parked(&self, transaction: &Writing, items: &[Item], world: &mut World) -> Result<(), StoreError> {
        let early: Vec<Wanted<'_>> = items.iter().filter_map(|item| Wanted::of_early(item, world)).collect();
        let generators: BTreeSet<&str> = early.iter().map(|wanted| wanted.generator).collect();
        let mut counts = BTreeMap::new();
        for generator in generators {
            if let Some(turn) = self.backend.take_turn(&format!("parked/{generator}")) {
                transaction.execute_raw(turn).await.map_err(backend::error)?;
            }
            counts.insert(generator.to_owned(), self.count_parked_by(transaction, generator).await?);
        }
        let mut rows = Vec::new();
        if !early.is_empty() {
            rows = self.read::<parked::Model, _>(transaction, &self.backend.texts().parked_already, &early).await?;
        }
        drop(early);
        let visited: BTreeSet<Uuid> = items.iter().filter_map(|item| visited(&item.command)).collect();
        if !visited.is_empty() {
            rows.extend(self.read::<parked::Model, _>(transaction, &self.backend.texts().lock_parked, &visited).await?);
        }
        for row in rows {
            world.parked.insert(row.id, row.to_parked()?);
        }
        for (generator, all) in counts {
            let Ok(generator) = GeneratorName::parse(&generator) else { continue };
            let here = world.parked.values().filter(|parked| parked.generator == generator).count() as u64;
            world.parked_beside.insert(generator, all.saturating_sub(here));
        }
        Ok(())
    }

    async fn count_parked_by(&self, connection: &impl ConnectionTrait, generator: &str) -> Result<u64, StoreError> {
        let counted = parked::Entity::find().filter(C::Generator.eq(generator)).select_only().column_as(C::Id.count(), "waiting");
        let count: Option<i64> = counted.into_tuple().one(connection).await.map_err(backend::error)?;
        Ok(count.and_then(|count| u64::try_from(count).ok()).unwrap_or(0))
    }

    pub(super) async fn load_heard(&self, transaction: &Writing, items: &[Item], world: &mut World) -> Result<(), StoreError> {
        #[derive(Serialize)]
        struct Told<'a> {
            generator: &'a str,
            task_id: &'a str,
            fingerprint: String,
        }
        let told = |item: &'_ Item| {
            let custom = item.command.custom()?;
            Some((custom.generator.clone(), item.task.clone(), custom.fingerprint?))
        };
        let told: Vec<_> = items.iter().filter_map(told).collect();
        if told.is_empty() {
            return Ok(());
        }
        // on the task's path, and, in case that nobody knows it, on none
        let wanted = told.iter().flat_map(|(generator, task, fingerprint)| {
            let places = [task.as_ref().map(TaskId::as_str), Some("")];
            places.into_iter().flatten().map(|task_id| Told {
                generator: generator.as_str(),
                task_id,
                fingerprint: hex::encode(fingerprint.0),
            })
        });
        let wanted: Vec<_> = wanted.collect();
        for row in self.read::<event::Model, _>(transaction, &self.backend.texts().events_told, &wanted).await? {
            let id = row.id.to_string();
            let place = Place { table: "hub_events", row: &id };
            let generator = row.generator.as_deref().map(GeneratorName::parse).transpose();
            let task = place.check("task_id", row.task_id.as_deref().map(TaskId::parse).transpose().ok())?;
            let fingerprint = row.fingerprint.as_deref().map(TryInto::try_into).transpose();
            let fingerprint = place.check("fingerprint", fingerprint.ok())?.map(Fingerprint);
            let heard = place.check("generator", generator.ok())?.zip(fingerprint);
            world.heard.extend(heard.map(|(generator, fingerprint)| (generator, task, fingerprint)));
        }
        Ok(())
    }

    /// Whether any parked callback is due to be looked at.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn has_due_parked(&self, now: Timestamp) -> Result<bool, StoreError> {
        let due = parked::Entity::find().filter(C::DueAt.lte(now.micros())).one(&self.reader).await;
        Ok(due.map_err(backend::error)?.is_some())
    }

    /// Takes those that are due, of all that wait for the same id only the first; they are due again at `until` unless
    /// their wait is over by then.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn claim_parked(&self, now: Timestamp, until: Timestamp, limit: u64) -> Result<Vec<ParkedCallback>, StoreError> {
        let transaction = self.begin().await?;
        let taken = self.take_parked(&transaction, now, until, limit).await;
        self.with_receipts(conclude(transaction, taken).await?).await
    }

    async fn take_parked(
        &self,
        transaction: &Writing,
        now: Timestamp,
        until: Timestamp,
        limit: u64,
    ) -> Result<Vec<parked::Model>, StoreError> {
        let due = due::parked(self.backend, now, limit);
        let mut rows = parked::Entity::find().from_raw_sql(due).all(transaction).await.map_err(backend::error)?;
        for row in &mut rows {
            row.due_at = until.micros();
            let update = parked::Entity::update_many().col_expr(C::DueAt, Expr::value(row.due_at)).filter(C::Id.eq(row.id));
            update.exec(transaction).await.map_err(backend::error)?;
        }
        Ok(rows)
    }

    /// What waits for the same id behind this one, in the order of arrival.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn parked_behind(&self, first: &ParkedCallback, limit: u64) -> Result<Vec<ParkedCallback>, StoreError> {
        let rows = parked::Entity::find()
            .filter(C::Generator.eq(first.generator.as_str()))
            .filter(C::Awaits.eq(first.awaits.as_str()))
            .filter(C::Id.ne(first.receipt))
            .order_by_asc(C::ArrivedAt)
            .order_by_asc(C::Id)
            .limit(limit)
            .all(&self.reader)
            .await
            .map_err(backend::error)?;
        self.with_receipts(rows).await
    }

    /// The ids that these callbacks wait for, by their receipts; those that wait for none (any more) are missing.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn awaited(&self, receipts: Vec<Uuid>) -> Result<BTreeMap<Uuid, String>, StoreError> {
        if receipts.is_empty() {
            return Ok(BTreeMap::new());
        }
        let rows = parked::Entity::find().filter(C::Id.is_in(receipts)).all(&self.reader).await.map_err(backend::error)?;
        Ok(rows.into_iter().map(|row| (row.id, row.awaits)).collect())
    }

    /// How many callbacks wait, of generators that have any.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn count_parked(&self) -> Result<BTreeMap<String, u64>, StoreError> {
        #[derive(FromQueryResult)]
        struct Count {
            generator: String,
            waiting: i64,
        }
        let rows = parked::Entity::find()
            .select_only()
            .column(C::Generator)
            .column_as(Expr::col(C::Id).count(), "waiting")
            .group_by(C::Generator)
            .into_model::<Count>()
            .all(&self.reader)
            .await
            .map_err(backend::error)?;
        Ok(rows.into_iter().map(|row| (row.generator, u64::try_from(row.waiting).unwrap_or(0))).collect())
    }

    async fn with_receipts(&self, rows: Vec<parked::Model>) -> Result<Vec<ParkedCallback>, StoreError> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let ids = rows.iter().map(|row| row.id);
        let receipts = receipt::Entity::find().filter(receipt::Column::Id.is_in(ids)).all(&self.reader).await;
        let mut receipts: BTreeMap<Uuid, receipt::Model> =
            receipts.map_err(backend::error)?.into_iter().map(|receipt| (receipt.id, receipt)).collect();
        let small = |number: Option<i32>| number.and_then(|number| u32::try_from(number).ok());
        let mut found = Vec::with_capacity(rows.len());
        for row in rows {
            // the wait of those is over
            let Some(receipt) = receipts.remove(&row.id) else { continue };
            let known = row.to_parked()?;
            found.push(ParkedCallback {
                receipt: row.id,
                generator: known.generator,
                awaits: known.awaits,
                token_attempt: small(row.token_attempt),
                query_attempt: small(row.query_attempt),
                may_adopt: row.may_adopt,
                query: serde_json::from_str(&row.query).unwrap_or_default(),
                signed: row.signed,
                due_at: known.due_at,
                received_at: Timestamp::from_micros(receipt.received_at),
                headers: receipt.headers,
            });
        }
        Ok(found)
    }
}

#[derive(Serialize)]
struct Wanted<'a> {
    generator: &'a str,
    awaits: &'a str,
    fingerprint: String,
}

impl<'a> Wanted<'a> {
    /// Of a callback that nobody knows the task of, and that may be parked therefore.
    fn of_early(item: &'a Item, world: &World) -> Option<Self> {
        let Command::Occur { occurrence, .. } = &item.command else { return None };
        if !occurrence.policy.parks || occurrence.source != Source::Callback || task_meant(world, item, occurrence).is_some() {
            return None;
        }
        let awaits = item.task.as_ref().map(TaskId::as_str).or(occurrence.claim.named.as_deref())?;
        let fingerprint = occurrence.fingerprint.map(|fingerprint| hex::encode(fingerprint.0)).unwrap_or_default();
        Some(Self { generator: occurrence.generator.as_ref()?.as_str(), awaits, fingerprint })
    }
}

const fn visited(command: &Command) -> Option<Uuid> {
    match command {
        Command::Visit { places, .. } => Some(places.receipt),
        _ => None,
    }
}
