//! Taking what is due, lane by lane, under a lease.

use std::collections::HashSet;

use sea_orm::{ConnectionTrait, FromQueryResult, Value};
use uuid::Uuid;

use super::{Claimed, Counts, DueDelivery};
use crate::domain::figure::Figure;
use crate::domain::task::Lease;
use crate::domain::time::Timestamp;
use crate::domain::trace::TraceParent;
use crate::store::backend::Writing;
use crate::store::entity::bigint;
use crate::store::error::StoreError;
use crate::store::transaction::conclude;
use crate::store::write::json;
use crate::store::{Store, backend};

/// From one lane to the next, and the earliest of each: see [`due`](crate::store::due).
pub(in crate::store) const LANES: &str = "WITH RECURSIVE lanes(lane) AS (
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
    traceparent: Option<String>,
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
        if lanes.is_empty() {
            return Ok(Claimed::default());
        }
        let transaction = self.begin().await?;
        let claimed = self.claim(&transaction, lanes, lease, now, templated).await;
        conclude(transaction, claimed).await
    }

    async fn claim(
        &self,
        transaction: &Writing,
        lanes: &[(String, usize)],
        lease: Lease,
        now: Timestamp,
        templated: &HashSet<Uuid>,
    ) -> Result<Claimed, StoreError> {
        let (mut ids, mut more) = (Vec::new(), false);
        for (lane, limit) in lanes {
            let values: [Value; 3] = [lane.as_str().into(), now.micros().into(), bigint(*limit).into()];
            let locked = transaction.query_all_raw(self.backend.statement(self.backend.texts().due_deliveries, values)).await;
            let locked = locked.map_err(backend::error)?;
            // behind those that have to wait there may be others that need not
            more |= locked.len() == *limit;
            let locked = locked.iter().map(|row| row.try_get_by_index::<Uuid>(0));
            ids.extend(locked.collect::<Result<Vec<_>, _>>().map_err(backend::error)?);
        }
        let due = self.sort(transaction, &ids, lease, now, templated).await?;
        Ok(Claimed { due, looked_at: ids.len(), more })
    }

    /// Those among the locked ones whose turn it is; the others are put off.
    async fn sort(
        &self,
        transaction: &Writing,
        ids: &[Uuid],
        lease: Lease,
        now: Timestamp,
        templated: &HashSet<Uuid>,
    ) -> Result<Vec<DueDelivery>, StoreError> {
        let (mut due, mut counts) = (Vec::new(), Counts::default());
        if ids.is_empty() {
            return Ok(due);
        }
        let statement = self.backend.statement(&self.backend.texts().deliveries_in_line, [json(ids)?.into()]);
        let rows = DueRow::find_by_statement(statement).all(transaction).await.map_err(backend::error)?;
        for row in rows {
            if row.outdated {
                let statement = self.backend.statement(SUPERSEDE, [row.id.into(), now.micros().into()]);
                transaction.execute_raw(statement).await.map_err(backend::error)?;
                counts.add(row.lane, Figure::Superseded, 1);
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
        counts.write(self.backend, transaction, now).await?;
        Ok(due)
    }

    async fn hand_over(&self, transaction: &Writing, text: &str, ids: Vec<Uuid>, lease: Lease) -> Result<(), StoreError> {
        if !ids.is_empty() {
            let values: [Value; 3] = [json(&ids)?.into(), lease.token.into(), lease.until.micros().into()];
            transaction.execute_raw(self.backend.statement(text, values)).await.map_err(backend::error)?;
        }
        Ok(())
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
            trace: self.traceparent.as_deref().and_then(TraceParent::parse),
            log: self.log,
        }
    }
}
