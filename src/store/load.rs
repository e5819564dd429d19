//! What a batch has to know before it can be planned.

use std::collections::{BTreeSet, HashMap};

use sea_orm::{ConnectionTrait, DbErr, EntityTrait, FromQueryResult, QueryResult, Statement};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::backend::Writing;
use super::entity::{attempt, content, fingerprint, idempotency, task};
use super::error::StoreError;
use super::{Store, backend};
use crate::domain::claim::task_meant;
use crate::domain::event::Event;
use crate::domain::news::Audience;
use crate::domain::plan::{Command, Item, World};
use crate::domain::review::Content;
use crate::domain::task::{ExternalId, GeneratorName, TaskId};

/// Tasks that are locked, and what is read with them.
struct Known {
    tasks: Vec<task::Model>,
    attempts: HashMap<String, Vec<attempt::Model>>,
    /// Of the webhooks, where it came with them.
    version: Option<i64>,
}

impl Store {
    /// Locks the tasks first, in the order of their ids; only what is read after that is sure to be their latest. Then come
    /// the turns of generators whose callbacks may be parked, and then what is parked: everybody locks in this order.
    pub(super) async fn load_world(
        &self,
        transaction: &Writing,
        foreseen: Option<QueryResult>,
        items: &[Item],
        audience: &dyn Audience,
    ) -> Result<World, StoreError> {
        // an id once set never moves: who holds one now will hold it when his task is locked
        let named = self.named_tasks(transaction, items).await?;
        let ids: BTreeSet<&str> = items.iter().filter_map(|item| item.task.as_ref()).chain(&named).map(TaskId::as_str).collect();
        let Known { tasks, mut attempts, version } = match foreseen {
            Some(row) => known(&row)?,
            None => self.lock_tasks(transaction, &ids).await?,
        };
        let mut world = World { is_listening: !audience.is_empty(), ..World::default() };
        for row in tasks {
            let attempts = attempts.remove(&row.id).unwrap_or_default();
            let task = row.into_task(attempts)?;
            world.tasks.insert(task.id.clone(), task);
        }
        self.load_owners(transaction, items, &mut world).await?;
        self.load_idempotency(transaction, items, &mut world).await?;
        self.load_spilled(transaction, items, &mut world).await?;
        self.load_parked(transaction, items, &mut world).await?;
        self.load_heard(transaction, items, &mut world).await?;
        self.load_ignored(transaction, items, &mut world).await?;
        self.load_contents(transaction, items, &mut world).await?;
        // whoever is registered when this is read, after all that had to be waited for, hears of what is written now
        let version = match version {
            Some(version) => version,
            None => super::webhooks::version(transaction, self.backend).await?,
        };
        if version == audience.version() { Ok(world) } else { Err(StoreError::Outdated) }
    }

    /// With their attempts. SQLite's only writer has locked all of them before.
    async fn lock_tasks(&self, transaction: &Writing, ids: &BTreeSet<&str>) -> Result<Known, StoreError> {
        let texts = self.backend.texts();
        let Some(world) = &texts.world else {
            let tasks: Vec<task::Model> = self.read(transaction, &texts.lock_tasks, ids).await?;
            let attempts = if tasks.is_empty() { HashMap::new() } else { self.attempts(transaction, ids).await? };
            return Ok(Known { tasks, attempts, version: None });
        };
        let statement = self.backend.statement(world, [super::write::json(ids)?.into()]);
        let row = transaction.query_one_raw(statement).await.map_err(backend::error)?;
        known(&row.ok_or_else(|| StoreError::Statement(DbErr::RecordNotFound("a row of aggregates".to_owned())))?)
    }

    /// What can be asked as the transaction begins: which tasks are meant is known before, unless they have to be looked up by
    /// other ids, and SQLite's only writer locks them by beginning.
    pub(super) fn foreseen(&self, items: &[Item]) -> Result<Option<Statement>, StoreError> {
        let Some(world) = &self.backend.texts().world else { return Ok(None) };
        if items.iter().any(|item| name_instead_of_task(item).is_some()) {
            return Ok(None);
        }
        let ids: BTreeSet<&str> = items.iter().filter_map(|item| item.task.as_ref()).map(TaskId::as_str).collect();
        Ok(Some(self.backend.statement(world, [super::write::json(&ids)?.into()])))
    }

    /// The tasks that items name by an id instead: the holders of the ids, and those whose own ids they may be.
    async fn named_tasks(&self, transaction: &Writing, items: &[Item]) -> Result<BTreeSet<TaskId>, StoreError> {
        let wanted: BTreeSet<&str> = items.iter().filter_map(name_instead_of_task).collect();
        let mut tasks: BTreeSet<TaskId> = wanted.iter().filter_map(|name| TaskId::parse(name).ok()).collect();
        if !wanted.is_empty() {
            let holders = self.read::<attempt::Model, _>(transaction, &self.backend.texts().external_ids, &wanted).await?;
            tasks.extend(holders.iter().filter_map(|row| TaskId::parse(&row.task_id).ok()));
        }
        Ok(tasks)
    }

    pub(super) async fn attempts(
        &self,
        transaction: &Writing,
        ids: &BTreeSet<&str>,
    ) -> Result<HashMap<String, Vec<attempt::Model>>, StoreError> {
        Ok(by_task(self.read(transaction, &self.backend.texts().attempts_of, ids).await?))
    }

    /// Who holds the external ids that this batch would give away.
    async fn load_owners(&self, transaction: &Writing, items: &[Item], world: &mut World) -> Result<(), StoreError> {
        let wanted: BTreeSet<&str> = items.iter().flat_map(wanted_external_ids).collect();
        if wanted.is_empty() {
            return Ok(());
        }
        for row in self.read::<attempt::Model, _>(transaction, &self.backend.texts().external_ids, &wanted).await? {
            let place = super::entity::Place { table: "hub_attempts", row: &row.task_id };
            let generator = place.check("generator", GeneratorName::parse(&row.generator).ok())?;
            let id = place.check("external_id", row.external_id.as_deref().and_then(|id| ExternalId::parse(id).ok()))?;
            let task = place.check("task_id", TaskId::parse(&row.task_id).ok())?;
            world.owners.insert((generator, id), task);
        }
        Ok(())
    }

    async fn load_idempotency(&self, transaction: &Writing, items: &[Item], world: &mut World) -> Result<(), StoreError> {
        #[derive(Serialize)]
        struct Key<'a> {
            owner: &'a str,
            idempotency_key: &'a str,
        }
        let keys: Vec<_> = items
            .iter()
            .filter_map(|item| match &item.command {
                Command::Create(new) => new.idempotency.as_ref(),
                Command::Announce(announcement) => announcement.idempotency.as_ref(),
                _ => None,
            })
            .map(|key| Key { owner: &key.owner, idempotency_key: &key.key })
            .collect();
        if keys.is_empty() {
            return Ok(());
        }
        for row in self.read::<idempotency::Model, _>(transaction, &self.backend.texts().idempotent, &keys).await? {
            let (key, remembered) = row.try_into()?;
            world.idempotent.insert(key, remembered);
        }
        Ok(())
    }

    async fn load_contents(&self, transaction: &Writing, items: &[Item], world: &mut World) -> Result<(), StoreError> {
        let reviewed = items.iter().filter(|item| matches!(item.command, Command::Review(_)));
        let tasks: BTreeSet<&str> = reviewed.filter_map(|item| item.task.as_ref()).map(TaskId::as_str).collect();
        if tasks.is_empty() {
            return Ok(());
        }
        for row in self.read::<content::Model, _>(transaction, &self.backend.texts().lock_contents, &tasks).await? {
            let content: Content = row.try_into()?;
            world.contents.insert(content.task.clone(), content);
        }
        Ok(())
    }

    /// Only tasks with more events than their row remembers are looked up.
    async fn load_spilled(&self, transaction: &Writing, items: &[Item], world: &mut World) -> Result<(), StoreError> {
        #[derive(Serialize)]
        struct Wanted<'a> {
            task_id: &'a str,
            fingerprint: String,
        }
        let mut wanted = Vec::new();
        for item in items {
            let Some(occurrence) = item.command.occurrence() else { continue };
            let Some(fingerprint) = occurrence.fingerprint else { continue };
            let meant = task_meant(world, item, occurrence);
            // whom nobody knows yet may become known in this very batch
            let candidates = world.tasks.values().filter(|task| task.recent.has_spilled());
            let candidates = candidates.filter(|task| meant.as_ref().map_or(item.task.is_none(), |meant| *meant == task.id));
            let fingerprint = hex::encode(fingerprint.0);
            wanted.extend(candidates.map(|task| Wanted { task_id: task.id.as_str(), fingerprint: fingerprint.clone() }));
        }
        if wanted.is_empty() {
            return Ok(());
        }
        let rows = self.read::<fingerprint::Model, _>(transaction, &self.backend.texts().spilled, &wanted).await?;
        world.spilled = rows.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?;
        Ok(())
    }

    /// Runs a constant text whose parameter is a JSON array, as often as the wanted need it: what is locked in the order
    /// of ids that are sorted stays in that order.
    pub(super) async fn read<M, P>(
        &self,
        transaction: &Writing,
        text: &str,
        wanted: impl IntoIterator<Item = P>,
    ) -> Result<Vec<M>, StoreError>
    where
        M: sea_orm::ModelTrait + FromQueryResult,
        P: Serialize,
    {
        let mut rows = Vec::new();
        for array in super::write::arrays(wanted, self.backend.message_bytes())? {
            let statement = self.backend.statement(text, [array.into()]);
            let some = <M::Entity as EntityTrait>::find().from_raw_sql(statement).into_model::<M>().all(transaction);
            rows.extend(some.await.map_err(backend::error)?);
        }
        Ok(rows)
    }

    /// Sizes in bytes of what is stored under these ids.
    pub(super) async fn payload_sizes(&self, transaction: &Writing, ids: &[Uuid]) -> Result<HashMap<Uuid, usize>, StoreError> {
        let mut sizes = HashMap::new();
        for array in super::write::arrays(ids, self.backend.message_bytes())? {
            let statement = self.backend.statement(self.backend.texts().payload_sizes, [array.into()]);
            for row in transaction.query_all_raw(statement).await.map_err(backend::error)? {
                let size: i64 = row.try_get_by_index(1).map_err(backend::error)?;
                let id = row.try_get_by_index(0).map_err(backend::error)?;
                sizes.insert(id, usize::try_from(size).unwrap_or(usize::MAX));
            }
        }
        Ok(sizes)
    }
}

/// From a row of aggregates.
fn known(row: &QueryResult) -> Result<Known, StoreError> {
    let text = |index| row.try_get_by_index::<String>(index).map_err(backend::error);
    Ok(Known {
        tasks: rows_of(&text(0)?)?,
        attempts: by_task(rows_of(&text(1)?)?),
        version: row.try_get_by_index(2).map_err(backend::error)?,
    })
}

/// By their tasks, oldest first.
fn by_task(attempts: Vec<attempt::Model>) -> HashMap<String, Vec<attempt::Model>> {
    let mut by_task: HashMap<String, Vec<attempt::Model>> = HashMap::new();
    for row in attempts {
        by_task.entry(row.task_id.clone()).or_default().push(row);
    }
    for attempts in by_task.values_mut() {
        attempts.sort_unstable_by_key(|row| row.number);
    }
    by_task
}

/// Rows that came as one text.
fn rows_of<M: DeserializeOwned>(text: &str) -> Result<Vec<M>, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Statement(DbErr::Json(error.to_string())))
}

/// What an item's event names its task by, where the item does not.
fn name_instead_of_task(item: &Item) -> Option<&str> {
    let occurrence = item.command.occurrence().filter(|_| item.task.is_none())?;
    occurrence.claim.named.as_deref()
}

fn wanted_external_ids(item: &Item) -> impl Iterator<Item = &str> {
    let given = match &item.command {
        Command::Create(new) => new.external_id.as_ref(),
        Command::Patch(patch) => patch.external_id.as_ref(),
        _ => None,
    };
    let occurrence = item.command.occurrence();
    let answered = occurrence.and_then(|occurrence| match &occurrence.event {
        Event::SubmitAnswered { external_id, .. } => external_id.as_ref(),
        _ => None,
    });
    let own = item.task.as_ref().map(TaskId::as_str);
    let named = occurrence.and_then(|occurrence| occurrence.claim.named.as_deref()).filter(|named| Some(*named) != own);
    given.into_iter().chain(answered).map(ExternalId::as_str).chain(named)
}
