//! What is left of settled tasks goes when its time is over: bodies first, then receipts, then the tasks. Looked for without
//! the writer, and dropped in transactions that are small in rows and in bytes, so that callbacks do not wait for it; under the
//! locks of its tasks, since one may have been begun anew meanwhile.
//!
//! Bodies and receipts are found by the chains of their tasks, each task once: a mark says how far that has come. What comes
//! about a task after that stays until the task goes.

use std::collections::{HashMap, HashSet};

use sea_orm::{ConnectionTrait, EntityTrait, FromQueryResult, Value};
use uuid::Uuid;

use super::backend::Writing;
use super::entity::{attempt, task};
use super::error::StoreError;
use super::transaction::{conclude, repeated};
use super::write::json;
use super::{Store, backend};
use crate::domain::time::Timestamp;

/// What goes before its task does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remains {
    /// Of callbacks and answers, but not what holds a result, or the answer to a submission.
    Bodies,
    /// The receipts, with whatever bodies go.
    Receipts,
}

/// Tasks that are looked at together, if they have no more receipts than that; one may have more.
const TASKS: i64 = 250;
const RECEIPTS: i64 = 2_000;
/// Rows and bytes that one transaction drops; one body may be larger.
const ROWS: usize = 250;
const BYTES: i64 = 8 << 20;

pub(super) const MARK: &str = "SELECT settled_at, task_id FROM hub_marks WHERE name = $1";
/// Replicas that do the same do not take it back.
const SET_MARK: &str = "INSERT INTO hub_marks (name, settled_at, task_id) VALUES ($1, $2, $3)
    ON CONFLICT (name) DO UPDATE SET settled_at = excluded.settled_at, task_id = excluded.task_id
    WHERE (excluded.settled_at, excluded.task_id) > (hub_marks.settled_at, hub_marks.task_id)";
/// Behind the mark.
pub(super) const SETTLED: &str =
    "SELECT id, settled_at, receipts, last_receipt, news, result_payload, input, params, metadata FROM hub_tasks
    WHERE settled_at IS NOT NULL AND settled_at < $1 AND settled_at >= $2 AND (settled_at > $2 OR id > $3)
    ORDER BY settled_at, id LIMIT $4";
/// Nobody waits for anything of them: what a publisher has not had yet is not lost with its task, nor what a webhook may be
/// sent again. With `NOT EXISTS`, a planner might read all deliveries.
pub(super) const OVER: &str =
    "SELECT t.id, t.settled_at, t.receipts, t.last_receipt, t.news, t.result_payload, t.input, t.params, t.metadata
    FROM hub_tasks AS t WHERE t.settled_at IS NOT NULL AND t.settled_at < $1
    AND t.settled_at >= $2 AND (t.settled_at > $2 OR t.id > $3)
    AND (SELECT 1 FROM hub_deliveries AS d WHERE d.task_id = t.id LIMIT 1) IS NULL
    AND (SELECT 1 FROM hub_contents AS c WHERE c.task_id = t.id
        AND (c.review = 'pending_review' OR c.stage IN ('pending', 'publishing')) LIMIT 1) IS NULL
    ORDER BY t.settled_at, t.id LIMIT $4";

#[derive(FromQueryResult)]
struct Settled {
    id: String,
    settled_at: i64,
    receipts: i64,
    last_receipt: Option<Uuid>,
    news: i64,
    result_payload: Option<Uuid>,
    input: Option<Uuid>,
    params: Option<Uuid>,
    metadata: Option<Uuid>,
}

impl Settled {
    /// What is stored for the task itself, but for answers.
    fn own(&self) -> impl Iterator<Item = Uuid> + use<> {
        [self.result_payload, self.input, self.params, self.metadata].into_iter().flatten()
    }
}

#[derive(FromQueryResult)]
struct Size {
    id: Uuid,
    size: i64,
}

/// A receipt that goes, or whose body does.
#[derive(FromQueryResult)]
struct Remnant {
    newest: Uuid,
    id: Uuid,
    received_at: i64,
    payload: Option<Uuid>,
    size: i64,
}

/// How far something has come among the settled tasks, in the order of their ends.
#[derive(Clone, Debug, FromQueryResult)]
pub struct Reach {
    settled_at: i64,
    task_id: String,
}

impl Default for Reach {
    /// Before all of them.
    fn default() -> Self {
        Self { settled_at: i64::MIN, task_id: String::new() }
    }
}

impl Remains {
    const fn name(self) -> &'static str {
        match self {
            Self::Bodies => "bodies",
            Self::Receipts => "receipts",
        }
    }
}

impl Store {
    /// Drops what is left of the next few tasks that were settled before `until`, as far as it came before that, too; how many
    /// tasks those were.
    ///
    /// # Errors
    /// Whatever the database says; then a part may be dropped, and the rest will be the next time.
    pub async fn drop_remains(&self, remains: Remains, until: Timestamp) -> Result<u64, StoreError> {
        let mark = self.backend.statement(MARK, [remains.name().into()]);
        let mark = Reach::find_by_statement(mark).one(&self.reader).await.map_err(backend::error)?;
        let Some((tasks, last)) = self.settled(SETTLED, until, mark.unwrap_or_default()).await? else { return Ok(0) };
        self.drop_chains(remains, &tasks, until).await?;
        let values: [Value; 3] = [remains.name().into(), last.settled_at.into(), last.task_id.into()];
        let transaction = self.begin().await?;
        let marked = transaction.execute_raw(self.backend.statement(SET_MARK, values)).await.map_err(backend::error);
        conclude(transaction, marked).await?;
        Ok(tasks.len() as u64)
    }

    /// Drops the next few tasks behind `behind` that were settled before `until`, with all that is left of them; how many, and how
    /// far that has come. None: there are no more.
    ///
    /// # Errors
    /// Whatever the database says; then some of them may be dropped, and receipts of others.
    pub async fn drop_tasks(&self, until: Timestamp, behind: Reach) -> Result<Option<(u64, Reach)>, StoreError> {
        let Some((tasks, last)) = self.settled(OVER, until, behind).await? else { return Ok(None) };
        // nothing of them is younger than they are over
        self.drop_chains(Remains::Receipts, &tasks, Timestamp::from_micros(i64::MAX)).await?;
        let (mut dropped, sizes) = (0, self.sizes(&tasks).await?);
        let mut left = &*tasks;
        while !left.is_empty() {
            let size = |task: &Settled| task.own().filter_map(|own| sizes.get(&own)).sum();
            let (part, others) = left.split_at(fitting(left.iter().map(size)));
            dropped += repeated(|| self.drop_rows(part)).await?;
            left = others;
            tokio::task::yield_now().await;
        }
        Ok(Some((dropped, last)))
    }

    /// The next few, and where they end.
    async fn settled(&self, text: &str, until: Timestamp, behind: Reach) -> Result<Option<(Vec<Settled>, Reach)>, StoreError> {
        let values: [Value; 4] = [until.micros().into(), behind.settled_at.into(), behind.task_id.into(), TASKS.into()];
        let statement = self.backend.statement(text, values);
        let mut tasks = Settled::find_by_statement(statement).all(&self.reader).await.map_err(backend::error)?;
        let mut receipts = 0;
        let fit = tasks.iter().take_while(|task| {
            receipts += task.receipts;
            receipts <= RECEIPTS
        });
        let fit = fit.count().max(1);
        tasks.truncate(fit);
        let last = tasks.last().map(|last| Reach { settled_at: last.settled_at, task_id: last.id.clone() });
        Ok(last.map(|last| (tasks, last)))
    }

    async fn sizes(&self, tasks: &[Settled]) -> Result<HashMap<Uuid, i64>, StoreError> {
        let own: Vec<Uuid> = tasks.iter().flat_map(Settled::own).collect();
        let statement = self.backend.statement(self.backend.texts().payload_sizes, [json(&own)?.into()]);
        let found = Size::find_by_statement(statement).all(&self.reader).await.map_err(backend::error)?;
        Ok(found.into_iter().map(|Size { id, size }| (id, size)).collect())
    }

    async fn drop_chains(&self, remains: Remains, tasks: &[Settled], until: Timestamp) -> Result<(), StoreError> {
        let newest: Vec<Uuid> = tasks.iter().filter_map(|task| task.last_receipt).collect();
        let statement = self.backend.statement(self.backend.texts().receipt_chains, [json(&newest)?.into()]);
        let found = Remnant::find_by_statement(statement).all(&self.reader).await.map_err(backend::error)?;
        let answers = self.answers_of(&self.reader, tasks).await?;
        let needed: HashSet<Uuid> = answers.into_iter().chain(tasks.iter().filter_map(|task| task.result_payload)).collect();
        let mut left = &*over(found, &needed, until);
        while !left.is_empty() {
            let (part, others) = left.split_at(fitting(left.iter().map(|remnant| remnant.size)));
            repeated(|| self.drop_part(remains, tasks, part)).await?;
            left = others;
            // others get their turn at the database
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    async fn drop_part(&self, remains: Remains, tasks: &[Settled], part: &[Remnant]) -> Result<(), StoreError> {
        if remains == Remains::Bodies && part.iter().all(|remnant| remnant.payload.is_none()) {
            return Ok(());
        }
        let transaction = self.begin().await?;
        let dropping = async {
            self.take_turn(&transaction).await?;
            let newest: HashSet<Uuid> = part.iter().map(|remnant| remnant.newest).collect();
            let theirs = tasks.iter().filter(|task| task.last_receipt.is_some_and(|last| newest.contains(&last)));
            let locked = self.locked(&transaction, theirs).await?;
            let locked: HashSet<Uuid> = locked.into_iter().filter_map(|(task, _)| task.last_receipt).collect();
            let part = || part.iter().filter(|remnant| locked.contains(&remnant.newest));
            let bodies: Vec<Uuid> = part().filter_map(|remnant| remnant.payload).collect();
            self.drop_by_ids(&transaction, self.backend.texts().delete_payloads, &bodies).await?;
            let receipts: Vec<Uuid> = match remains {
                Remains::Bodies => Vec::new(),
                Remains::Receipts => part().map(|remnant| remnant.id).collect(),
            };
            self.drop_by_ids(&transaction, self.backend.texts().delete_receipts, &receipts).await
        };
        let dropped = dropping.await;
        conclude(transaction, dropped).await
    }

    async fn drop_rows(&self, tasks: &[Settled]) -> Result<u64, StoreError> {
        let transaction = self.begin().await?;
        let dropped = self.drop_locked(&transaction, tasks).await;
        conclude(transaction, dropped).await
    }

    async fn drop_locked(&self, transaction: &Writing, tasks: &[Settled]) -> Result<u64, StoreError> {
        let texts = self.backend.texts();
        self.take_turn(transaction).await?;
        // of one that has been called about, or has told something, not all was seen
        let is_same = |(task, row): &(&Settled, task::Model)| row.last_receipt == task.last_receipt && row.news == task.news;
        let locked = self.locked(transaction, tasks).await?.into_iter().filter(is_same);
        let tasks: Vec<&Settled> = locked.map(|(task, _)| task).collect();
        let answers = self.answers_of(transaction, tasks.iter().copied()).await?;
        let payloads: Vec<Uuid> = answers.into_iter().chain(tasks.iter().flat_map(|task| task.own())).collect();
        self.drop_by_ids(transaction, texts.delete_payloads, &payloads).await?;
        let ids = json(&tasks.iter().map(|task| task.id.as_str()).collect::<Vec<_>>())?;
        for text in texts.erase_events.iter().chain(&texts.erase_relayed).chain(&texts.delete_tasks) {
            let statement = self.backend.statement(text, [ids.clone().into()]);
            transaction.execute_raw(statement).await.map_err(backend::error)?;
        }
        Ok(tasks.len() as u64)
    }

    /// Those of them that ended when they were seen to: an operator may have had one tried again.
    async fn locked<'a>(
        &self,
        transaction: &Writing,
        tasks: impl IntoIterator<Item = &'a Settled>,
    ) -> Result<Vec<(&'a Settled, task::Model)>, StoreError> {
        let mut tasks: HashMap<&str, &Settled> = tasks.into_iter().map(|task| (task.id.as_str(), task)).collect();
        let ids = json(&tasks.keys().collect::<Vec<_>>())?;
        let statement = self.backend.statement(&self.backend.texts().lock_tasks, [ids.into()]);
        let rows = task::Entity::find().from_raw_sql(statement).all(transaction).await.map_err(backend::error)?;
        let seen = |row: task::Model| Some((tasks.remove(row.id.as_str())?, row));
        Ok(rows.into_iter().filter_map(seen).filter(|(task, row)| row.settled_at == Some(task.settled_at)).collect())
    }

    /// Where answers to their submissions are stored.
    async fn answers_of<'a>(
        &self,
        connection: &impl ConnectionTrait,
        tasks: impl IntoIterator<Item = &'a Settled>,
    ) -> Result<Vec<Uuid>, StoreError> {
        let ids: Vec<&str> = tasks.into_iter().map(|task| task.id.as_str()).collect();
        let statement = self.backend.statement(&self.backend.texts().attempts_of, [json(&ids)?.into()]);
        let attempts = attempt::Entity::find().from_raw_sql(statement).all(connection).await.map_err(backend::error)?;
        Ok(attempts.into_iter().filter_map(|attempt| attempt.answer).collect())
    }
}

/// Those that came before `until`, without the bodies that are needed. Of each chain an end: what is behind one that stays
/// could not be found any more if anything between them went.
fn over(found: Vec<Remnant>, needed: &HashSet<Uuid>, until: Timestamp) -> Vec<Remnant> {
    let mut stays = None;
    let mut over = Vec::with_capacity(found.len());
    for mut remnant in found {
        if remnant.received_at >= until.micros() {
            stays = Some(remnant.newest);
        }
        if stays != Some(remnant.newest) {
            let goes = |payload: &Uuid| !needed.contains(payload);
            remnant.payload = remnant.payload.filter(goes);
            over.push(remnant);
        }
    }
    over
}

/// How many of these go in one transaction, by their sizes.
fn fitting(sizes: impl Iterator<Item = i64>) -> usize {
    let mut bytes = 0;
    let fit = sizes.take(ROWS).take_while(|size| {
        bytes += size;
        bytes <= BYTES
    });
    fit.count().max(1)
}
