//! What is left of settled tasks goes when its time is over: bodies first, then receipts, then the tasks. Looked for without
//! the writer, and dropped in transactions that are small in rows and in bytes, so that callbacks do not wait for it.
//!
//! Bodies and receipts are found by the chains of their tasks, each task once: a mark says how far that has come. What comes
//! about a task after that stays until the task goes.

use std::collections::HashSet;

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
    "SELECT id, settled_at, receipts, last_receipt, result_payload, input, params, metadata FROM hub_tasks
    WHERE settled_at IS NOT NULL AND settled_at < $1 AND settled_at >= $2 AND (settled_at > $2 OR id > $3)
    ORDER BY settled_at, id LIMIT $4";
/// Nobody waits for anything of them: what a webhook or a publisher has not had yet is not lost with its task. With
/// `NOT EXISTS`, a planner might read all deliveries.
pub(super) const OVER: &str =
    "SELECT t.id, t.settled_at, t.receipts, t.last_receipt, t.result_payload, t.input, t.params, t.metadata
    FROM hub_tasks AS t WHERE t.settled_at IS NOT NULL AND t.settled_at < $1
    AND (SELECT 1 FROM hub_deliveries AS d WHERE d.task_id = t.id AND d.status = 'pending' LIMIT 1) IS NULL
    AND (SELECT 1 FROM hub_contents AS c WHERE c.task_id = t.id
        AND (c.review = 'pending_review' OR c.stage IN ('pending', 'publishing')) LIMIT 1) IS NULL
    ORDER BY t.settled_at LIMIT $2";

#[derive(FromQueryResult)]
struct Settled {
    id: String,
    settled_at: i64,
    receipts: i64,
    last_receipt: Option<Uuid>,
    result_payload: Option<Uuid>,
    input: Option<Uuid>,
    params: Option<Uuid>,
    metadata: Option<Uuid>,
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

#[derive(FromQueryResult)]
struct Mark {
    settled_at: i64,
    task_id: String,
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
        let mark = Mark::find_by_statement(mark).one(&self.reader).await.map_err(backend::error)?;
        let (since, behind) = mark.map_or((i64::MIN, String::new()), |mark| (mark.settled_at, mark.task_id));
        let values: [Value; 4] = [until.micros().into(), since.into(), behind.into(), TASKS.into()];
        let Some((tasks, last)) = self.settled(SETTLED, values).await? else { return Ok(0) };
        self.drop_chains(remains, &tasks, until).await?;
        let values: [Value; 3] = [remains.name().into(), last.0.into(), last.1.into()];
        let transaction = self.begin().await?;
        let marked = transaction.execute_raw(self.backend.statement(SET_MARK, values)).await.map_err(backend::error);
        conclude(transaction, marked).await?;
        Ok(tasks.len() as u64)
    }

    /// Drops the next few tasks that were settled before `until`, with all that is left of them; how many those were.
    ///
    /// # Errors
    /// Whatever the database says; then no task is dropped, though receipts may be.
    pub async fn drop_tasks(&self, until: Timestamp) -> Result<u64, StoreError> {
        let Some((tasks, _)) = self.settled(OVER, [until.micros().into(), TASKS.into()]).await? else { return Ok(0) };
        // nothing of them is younger than they are over
        self.drop_chains(Remains::Receipts, &tasks, Timestamp::from_micros(i64::MAX)).await?;
        repeated(|| self.drop_rows(&tasks)).await
    }

    /// The next few, and where they end.
    async fn settled(
        &self,
        text: &str,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<Option<(Vec<Settled>, (i64, String))>, StoreError> {
        let statement = self.backend.statement(text, values);
        let mut tasks = Settled::find_by_statement(statement).all(&self.reader).await.map_err(backend::error)?;
        let mut receipts = 0;
        let fit = tasks.iter().take_while(|task| {
            receipts += task.receipts;
            receipts <= RECEIPTS
        });
        let fit = fit.count().max(1);
        tasks.truncate(fit);
        let last = tasks.last().map(|last| (last.settled_at, last.id.clone()));
        Ok(last.map(|last| (tasks, last)))
    }

    async fn drop_chains(&self, remains: Remains, tasks: &[Settled], until: Timestamp) -> Result<(), StoreError> {
        let newest: Vec<Uuid> = tasks.iter().filter_map(|task| task.last_receipt).collect();
        let statement = self.backend.statement(self.backend.texts().receipt_chains, [json(&newest)?.into()]);
        let found = Remnant::find_by_statement(statement).all(&self.reader).await.map_err(backend::error)?;
        let answers = self.answers_of(&self.reader, tasks).await?;
        let needed: HashSet<Uuid> = answers.into_iter().chain(tasks.iter().filter_map(|task| task.result_payload)).collect();
        let mut left = &*over(found, &needed, until);
        while !left.is_empty() {
            let (part, others) = left.split_at(fitting(left));
            repeated(|| self.drop_part(remains, part)).await?;
            left = others;
            // others get their turn at the database
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    async fn drop_part(&self, remains: Remains, part: &[Remnant]) -> Result<(), StoreError> {
        let bodies: Vec<Uuid> = part.iter().filter_map(|remnant| remnant.payload).collect();
        let receipts: Vec<Uuid> = match remains {
            Remains::Bodies => Vec::new(),
            Remains::Receipts => part.iter().map(|remnant| remnant.id).collect(),
        };
        if bodies.is_empty() && receipts.is_empty() {
            return Ok(());
        }
        let (transaction, texts) = (self.begin().await?, self.backend.texts());
        let dropping = async {
            self.take_turn(&transaction).await?;
            self.drop_by_ids(&transaction, texts.delete_payloads, &bodies).await?;
            self.drop_by_ids(&transaction, texts.delete_receipts, &receipts).await
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
        let ids: Vec<&str> = tasks.iter().map(|task| task.id.as_str()).collect();
        let statement = self.backend.statement(&texts.lock_tasks, [json(&ids)?.into()]);
        let rows = task::Entity::find().from_raw_sql(statement).all(transaction).await.map_err(backend::error)?;
        // one that an operator has had tried again lives, and of one that has been called about just now not all was seen
        let is_same = |task: &Settled| {
            let mut rows = rows.iter();
            rows.any(|row| row.id == task.id && row.settled_at == Some(task.settled_at) && row.last_receipt == task.last_receipt)
        };
        let tasks: Vec<&Settled> = tasks.iter().filter(|task| is_same(task)).collect();
        let own = |task: &&Settled| [task.result_payload, task.input, task.params, task.metadata];
        let own = tasks.iter().flat_map(own).flatten();
        let payloads: Vec<Uuid> = self.answers_of(transaction, tasks.iter().copied()).await?.into_iter().chain(own).collect();
        self.drop_by_ids(transaction, texts.delete_payloads, &payloads).await?;
        let ids = json(&tasks.iter().map(|task| task.id.as_str()).collect::<Vec<_>>())?;
        for text in texts.erase_events.iter().chain(&texts.erase_relayed).chain(&texts.delete_tasks) {
            let statement = self.backend.statement(text, [ids.clone().into()]);
            transaction.execute_raw(statement).await.map_err(backend::error)?;
        }
        Ok(tasks.len() as u64)
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

/// How many of these go in one transaction.
fn fitting(left: &[Remnant]) -> usize {
    let mut bytes = 0;
    let fit = left.iter().take(ROWS).take_while(|remnant| {
        bytes += remnant.size;
        bytes <= BYTES
    });
    fit.count().max(1)
}
