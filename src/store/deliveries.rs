//! Deliveries that are due: taken under a lease, and recorded by whoever holds it.
//!
//! Of a task and a webhook only the oldest that is pending is sent; whoever finds a younger one puts it off until the older
//! one is due again, and who settles the older one wakes it. Should a wake-up be missed, the younger one comes a little later.

use std::collections::{BTreeMap, HashMap, HashSet};

use sea_orm::{ConnectionTrait, DatabaseTransaction, FromQueryResult, Value};
use serde::Serialize;
use uuid::Uuid;

use super::entity::{bigint, int, micros};
use super::error::StoreError;
use super::write::{arrays, json};
use super::{Store, backend};
use crate::domain::delivery::Status;
use crate::domain::task::Lease;
use crate::domain::time::Timestamp;

/// A delivery that was taken to be sent.
#[derive(Clone, Debug)]
pub struct DueDelivery {
    pub id: Uuid,
    pub webhook: Uuid,
    pub lane: String,
    pub topic: String,
    pub task: Option<String>,
    pub lease: Lease,
    /// Before this one.
    pub attempts: u32,
    /// What was sent before; none before the first attempt.
    pub body: Option<Uuid>,
    /// What a webhook without a template is sent; none if it was erased.
    pub letter: Option<Uuid>,
    /// Attempts so far, as a JSON array.
    pub log: String,
}

/// What a claim has found.
#[derive(Clone, Debug, Default)]
pub struct Claimed {
    pub due: Vec<DueDelivery>,
    /// Those among them, and those that have to wait and were put off.
    pub looked_at: usize,
    /// Some lane had as many as were asked for.
    pub more: bool,
}

/// How a delivery fares after an attempt, or without one.
#[derive(Clone, Debug)]
pub struct DeliveryOutcome {
    pub delivery: DueDelivery,
    pub status: Status,
    pub attempts: u32,
    /// Of one that stays pending.
    pub due_at: Option<Timestamp>,
    pub last_error: Option<String>,
    pub log: String,
    /// What to count, by name.
    pub figures: Vec<(String, i64)>,
    /// The subscriber wants nothing any more.
    pub is_gone: bool,
}

/// From one lane to the next, and the earliest of each: see [`due`](super::due).
pub(super) const LANES: &str = "WITH RECURSIVE lanes(lane) AS (
        SELECT (SELECT lane FROM hub_deliveries WHERE due_at IS NOT NULL ORDER BY lane LIMIT 1)
        UNION ALL
        SELECT (
            SELECT d.lane FROM hub_deliveries AS d WHERE d.due_at IS NOT NULL AND d.lane > lanes.lane
            ORDER BY d.lane LIMIT 1)
        FROM lanes WHERE lanes.lane IS NOT NULL)
    SELECT lane FROM lanes WHERE lane IS NOT NULL AND (
        SELECT d.due_at FROM hub_deliveries AS d WHERE d.due_at IS NOT NULL AND d.lane = lanes.lane
        ORDER BY d.due_at LIMIT 1) <= $1";
/// Whoever sent it when a later event took its place has died over it.
const SUPERSEDE: &str =
    "UPDATE hub_deliveries SET status = 'superseded', due_at = NULL, settled_at = $2, lease = NULL WHERE id = $1";
const POSTPONE: &str = "UPDATE hub_deliveries SET due_at = $2 WHERE id = $1";
/// One that a later event has overtaken while it was being sent is not tried again.
const RECORD: &str = "UPDATE hub_deliveries SET
    status = CASE WHEN $3 = 'pending' AND outdated THEN 'superseded' ELSE $3 END,
    due_at = CASE WHEN outdated THEN NULL ELSE CAST($5 AS BIGINT) END,
    settled_at = CASE WHEN $3 = 'pending' AND NOT outdated THEN NULL ELSE CAST($6 AS BIGINT) END,
    last_error = CASE WHEN $3 = 'pending' THEN COALESCE($7, last_error) ELSE $7 END,
    attempts = $4, log = $8, lease = NULL WHERE id = $1 AND lease = $2";
/// The next of its task and webhook, other than the one that was recorded; one that waits for its own next attempt waits on.
const WAKE_NEXT: &str = "UPDATE hub_deliveries SET due_at = $3 WHERE due_at > $3 AND lease IS NULL AND attempts = 0 AND id = (
    SELECT d.id FROM hub_deliveries AS d WHERE d.task_id = $1 AND d.webhook = $2 AND d.status = 'pending'
    ORDER BY d.sequence LIMIT 1) AND id <> $4";
const KEEP_BODY: &str = "UPDATE hub_deliveries SET body = $3 WHERE id = $1 AND lease = $2 AND body IS NULL";
/// A little later than now, where what it waits for is due itself.
const SOON: std::time::Duration = std::time::Duration::from_secs(1);

#[derive(FromQueryResult)]
struct DueRow {
    id: Uuid,
    webhook: Uuid,
    lane: String,
    topic: String,
    task_id: Option<String>,
    attempts: i32,
    body: Option<Uuid>,
    letter: Option<Uuid>,
    log: String,
    /// When an older one of its task is due that it has to wait for; the epoch if that one is being sent.
    waits_until: Option<i64>,
    outdated: bool,
}

impl Store {
    /// Lanes in which something is due.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn due_lanes(&self, now: Timestamp) -> Result<Vec<String>, StoreError> {
        let rows =
            self.reader.query_all_raw(self.backend.statement(LANES, [now.micros().into()])).await.map_err(backend::error)?;
        rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<_, _>>().map_err(backend::error)
    }

    /// Takes what has been due for longest in each of these lanes, so many at most. What those send whose webhooks are not
    /// `templated` is the letter from now on.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn claim_deliveries(
        &self,
        lanes: &[(String, usize)],
        lease: Lease,
        now: Timestamp,
        templated: &HashSet<Uuid>,
    ) -> Result<Claimed, StoreError> {
        let (mut ids, mut more) = (Vec::new(), false);
        if lanes.is_empty() {
            return Ok(Claimed { due: Vec::new(), looked_at: 0, more });
        }
        let transaction = self.backend.begin_write(&self.writer).await.map_err(backend::error)?;
        for (lane, limit) in lanes {
            let values: [Value; 3] = [lane.as_str().into(), now.micros().into(), bigint(*limit).into()];
            let locked = transaction.query_all_raw(self.backend.statement(self.backend.texts().due_deliveries, values)).await;
            let locked = locked.map_err(backend::error)?;
            // behind those that have to wait there may be others that need not
            more |= locked.len() == *limit;
            let locked = locked.iter().map(|row| row.try_get_by_index::<Uuid>(0));
            ids.extend(locked.collect::<Result<Vec<_>, _>>().map_err(backend::error)?);
        }
        let due = self.sort(&transaction, &ids, lease, now, templated).await?;
        transaction.commit().await.map_err(backend::error)?;
        Ok(Claimed { due, looked_at: ids.len(), more })
    }

    /// Those among the locked ones whose turn it is; the others are put off.
    async fn sort(
        &self,
        transaction: &DatabaseTransaction,
        ids: &[Uuid],
        lease: Lease,
        now: Timestamp,
        templated: &HashSet<Uuid>,
    ) -> Result<Vec<DueDelivery>, StoreError> {
        let mut due = Vec::new();
        if ids.is_empty() {
            return Ok(due);
        }
        let statement = self.backend.statement(&self.backend.texts().deliveries_in_line, [json(ids)?.into()]);
        let rows = DueRow::find_by_statement(statement).all(transaction).await.map_err(backend::error)?;
        for row in rows {
            if row.outdated {
                let statement = self.backend.statement(SUPERSEDE, [row.id.into(), now.micros().into()]);
                transaction.execute_raw(statement).await.map_err(backend::error)?;
            } else if let Some(until) = row.waits_until {
                let at = now.plus(SOON).micros().max(until);
                let statement = self.backend.statement(POSTPONE, [row.id.into(), at.into()]);
                transaction.execute_raw(statement).await.map_err(backend::error)?;
            } else {
                due.push(row.taken(lease));
            }
        }
        let (made, sent_as_they_are): (Vec<&mut DueDelivery>, Vec<_>) =
            due.iter_mut().partition(|due| due.body.is_none() && templated.contains(&due.webhook));
        let made = made.iter().map(|due| due.id).collect();
        let letters = sent_as_they_are.iter().map(|due| due.id).collect();
        for due in sent_as_they_are {
            due.body = due.body.or(due.letter);
        }
        self.hand_over(transaction, self.backend.texts().lend_deliveries, made, lease).await?;
        self.hand_over(transaction, self.backend.texts().lend_letters, letters, lease).await?;
        Ok(due)
    }

    async fn hand_over(
        &self,
        transaction: &DatabaseTransaction,
        text: &str,
        ids: Vec<Uuid>,
        lease: Lease,
    ) -> Result<(), StoreError> {
        if !ids.is_empty() {
            let values: [Value; 3] = [json(&ids)?.into(), lease.token.into(), lease.until.micros().into()];
            transaction.execute_raw(self.backend.statement(text, values)).await.map_err(backend::error)?;
        }
        Ok(())
    }

    /// Keeps what templates have made, for this attempt and for every other one.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn keep_bodies(&self, mut made: Vec<(DueDelivery, Vec<u8>)>) -> Result<(), StoreError> {
        // everybody locks in the order of the ids
        made.sort_unstable_by_key(|(delivery, _)| delivery.id);
        let transaction = self.backend.begin_write(&self.writer).await.map_err(backend::error)?;
        let (mut ids, mut texts) = (Vec::new(), Vec::new());
        for (delivery, text) in made {
            let body = Uuid::now_v7();
            let values: [Value; 3] = [delivery.id.into(), delivery.lease.token.into(), body.into()];
            let kept = transaction.execute_raw(self.backend.statement(KEEP_BODY, values)).await.map_err(backend::error)?;
            if kept.rows_affected() == 1 {
                ids.push(body);
                texts.push(text);
            }
        }
        if !ids.is_empty() {
            self.backend.insert_payloads(&transaction, ids, texts).await.map_err(backend::error)?;
        }
        transaction.commit().await.map_err(backend::error)
    }

    /// Writes down how deliveries fared. False for those whose lease had ended: somebody else has them by now.
    ///
    /// # Errors
    /// Whatever the database says; then nothing of it is written.
    pub async fn record_deliveries(&self, outcomes: &[DeliveryOutcome], now: Timestamp) -> Result<Vec<bool>, StoreError> {
        let transaction = self.backend.begin_write(&self.writer).await.map_err(backend::error)?;
        match self.write_outcomes(&transaction, outcomes, now).await {
            Ok(recorded) => {
                transaction.commit().await.map_err(backend::error)?;
                Ok(recorded)
            }
            Err(error) => {
                // the first error says more than what the rollback might add
                let _ = transaction.rollback().await;
                Err(error)
            }
        }
    }

    async fn write_outcomes(
        &self,
        transaction: &DatabaseTransaction,
        outcomes: &[DeliveryOutcome],
        now: Timestamp,
    ) -> Result<Vec<bool>, StoreError> {
        // everybody locks in the order of the ids
        let mut in_order: Vec<usize> = (0..outcomes.len()).collect();
        in_order.sort_unstable_by_key(|index| outcomes[*index].delivery.id);
        let mut recorded = vec![false; outcomes.len()];
        let mut figures: BTreeMap<(&str, &str), i64> = BTreeMap::new();
        for index in in_order {
            let outcome = &outcomes[index];
            let statement = self.backend.statement(RECORD, outcome.values(now));
            let written = transaction.execute_raw(statement).await.map_err(backend::error)?;
            recorded[index] = written.rows_affected() == 1;
            if recorded[index] {
                for (figure, amount) in &outcome.figures {
                    *figures.entry((&outcome.delivery.lane, figure)).or_default() += amount;
                }
            }
        }
        for (outcome, _) in outcomes.iter().zip(&recorded).filter(|(_, recorded)| **recorded) {
            // one that failed may have been overtaken meanwhile, and then it is over, too
            if let Some(task) = &outcome.delivery.task {
                let DueDelivery { id, webhook, .. } = outcome.delivery;
                let values: [Value; 4] = [task.as_str().into(), webhook.into(), now.micros().into(), id.into()];
                transaction.execute_raw(self.backend.statement(WAKE_NEXT, values)).await.map_err(backend::error)?;
            }
        }
        self.add_figures(transaction, &figures, now).await?;
        Ok(recorded)
    }

    async fn add_figures(
        &self,
        transaction: &DatabaseTransaction,
        figures: &BTreeMap<(&str, &str), i64>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        #[derive(Serialize)]
        struct Row<'a> {
            lane: &'a str,
            hour: i64,
            figure: &'a str,
            amount: i64,
        }
        let hour = now.secs().div_euclid(3600);
        let rows = figures.iter().map(|((lane, figure), amount)| Row { lane, hour, figure, amount: *amount });
        for rows in arrays(rows, self.backend.message_bytes())? {
            let statement = self.backend.statement(self.backend.texts().add_figures, [rows.into()]);
            transaction.execute_raw(statement).await.map_err(backend::error)?;
        }
        Ok(())
    }

    /// The stored texts of these deliveries, by id.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn letters(&self, deliveries: &[DueDelivery]) -> Result<HashMap<Uuid, Vec<u8>>, StoreError> {
        let mut ids: Vec<Uuid> = deliveries.iter().filter_map(|delivery| delivery.body.or(delivery.letter)).collect();
        ids.sort_unstable();
        ids.dedup();
        self.payloads(ids).await
    }
}

impl DueRow {
    fn taken(self, lease: Lease) -> DueDelivery {
        DueDelivery {
            id: self.id,
            webhook: self.webhook,
            lane: self.lane,
            topic: self.topic,
            task: self.task_id,
            lease,
            attempts: u32::try_from(self.attempts).unwrap_or(0),
            body: self.body,
            letter: self.letter,
            log: self.log,
        }
    }
}

impl DeliveryOutcome {
    fn values(&self, now: Timestamp) -> [Value; 8] {
        [
            self.delivery.id.into(),
            self.delivery.lease.token.into(),
            self.status.as_str().into(),
            int(self.attempts).into(),
            micros(self.due_at).into(),
            now.micros().into(),
            self.last_error.clone().into(),
            self.log.clone().into(),
        ]
    }
}
