//! How many callbacks each generator has sent, hour by hour.

use std::collections::BTreeMap;
use std::time::Duration;

use sea_orm::{ConnectionTrait, FromQueryResult};

use super::error::StoreError;
use super::transaction::conclude;
use super::{Store, backend};
use crate::domain::pulse::Pulse;
use crate::domain::task::{Status, TaskId};
use crate::domain::time::Timestamp;

/// Callbacks of a generator in an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beats {
    pub callbacks: u64,
    pub last_at: Timestamp,
}

const ADD: &str = "INSERT INTO hub_pulses (generator, hour, callbacks, last_at) VALUES ($1, $2, $3, $4)
    ON CONFLICT (generator, hour) DO UPDATE SET callbacks = hub_pulses.callbacks + excluded.callbacks,
    last_at = CASE WHEN hub_pulses.last_at < excluded.last_at THEN excluded.last_at ELSE hub_pulses.last_at END";
/// Sums of integers are no integers on PostgreSQL.
const READ: &str = "SELECT generator, CAST(sum(callbacks) AS BIGINT) AS callbacks, count(*) AS hours, max(last_at) AS last_at
    FROM hub_pulses WHERE hour BETWEEN $1 AND $2 GROUP BY generator";
/// Of a generator's newest tasks, how long those took that have ended.
const DURATIONS: &str = "SELECT t.took FROM (SELECT settled_at - created_at AS took FROM hub_tasks
        WHERE generator = $1 ORDER BY created_at DESC, id DESC LIMIT 200) AS t WHERE t.took IS NOT NULL ORDER BY t.took";
/// Among so many of a generator's tasks that are due one day, a long wait is looked for.
const WAITING: &str = "SELECT t.id FROM (SELECT id, attempt FROM hub_tasks
        WHERE generator = $1 AND due_at IS NOT NULL AND status IN ($3, $4) ORDER BY due_at LIMIT 5000) AS t
    JOIN hub_attempts AS a ON a.task_id = t.id AND a.number = t.attempt
    WHERE a.submitted_at < $2 LIMIT 1";
const DROP: &str = "DELETE FROM hub_pulses WHERE hour < $1";
const ANY_OLD: &str = "SELECT hour FROM hub_pulses WHERE hour < $1 LIMIT 1";

#[derive(FromQueryResult)]
struct Row {
    generator: String,
    callbacks: i64,
    hours: i64,
    last_at: i64,
}

impl Store {
    /// Counts what was heard of generators.
    ///
    /// # Errors
    /// Whatever the database says; then nothing was counted, unless only the answer was lost.
    pub async fn add_beats(&self, beats: &BTreeMap<(String, i64), Beats>) -> Result<(), StoreError> {
        if beats.is_empty() {
            return Ok(());
        }
        let transaction = self.begin().await?;
        let adding = async {
            for ((generator, hour), Beats { callbacks, last_at }) in beats {
                let callbacks = i64::try_from(*callbacks).unwrap_or(i64::MAX);
                let values = [generator.as_str().into(), (*hour).into(), callbacks.into(), last_at.micros().into()];
                transaction.execute_raw(self.backend.statement(ADD, values)).await.map_err(backend::error)?;
            }
            Ok(())
        };
        let added = adding.await;
        conclude(transaction, added).await
    }

    /// What is known of generators' callbacks from that hour to this one. What a clock that was ahead has told of later hours
    /// is left out.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn pulses(&self, since: i64, now: Timestamp) -> Result<BTreeMap<String, Pulse>, StoreError> {
        let statement = self.backend.statement(READ, [since.into(), now.hour().into()]);
        let rows = Row::find_by_statement(statement).all(&self.reader).await.map_err(backend::error)?;
        let count = |number: i64| u64::try_from(number).unwrap_or(0);
        let pulse = |row: Row| {
            let last_at = Timestamp::from_micros(row.last_at).min(now);
            (row.generator, Pulse { callbacks: count(row.callbacks), hours: count(row.hours), last_at })
        };
        Ok(rows.into_iter().map(pulse).collect())
    }

    /// How long nine of ten of a generator's tasks have taken lately; zero if none has ended.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn usual_duration(&self, generator: &str) -> Result<Duration, StoreError> {
        let statement = self.backend.statement(DURATIONS, [generator.into()]);
        let rows = self.reader.query_all_raw(statement).await.map_err(backend::error)?;
        let Some(row) = rows.get(rows.len() * 9 / 10) else { return Ok(Duration::ZERO) };
        let micros: i64 = row.try_get_by_index(0).map_err(backend::error)?;
        Ok(Duration::from_micros(u64::try_from(micros).unwrap_or(0)))
    }

    /// A running task of that generator whose attempt was submitted before.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn waiting_since(&self, generator: &str, before: Timestamp) -> Result<Option<TaskId>, StoreError> {
        let running = [Status::Submitted, Status::Processing].map(|status| status.as_str().into());
        let values = [generator.into(), before.micros().into()].into_iter().chain(running);
        let row = self.reader.query_one_raw(self.backend.statement(WAITING, values)).await.map_err(backend::error)?;
        let id = row.map(|row| row.try_get_by_index::<String>(0)).transpose().map_err(backend::error)?;
        Ok(id.and_then(|id| TaskId::parse(&id).ok()))
    }

    /// Forgets what was counted before that hour; whether there was anything.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn drop_pulses(&self, hour: i64) -> Result<u64, StoreError> {
        // looking costs no writer
        let look = self.backend.statement(ANY_OLD, [hour.into()]);
        if self.reader.query_one_raw(look).await.map_err(backend::error)?.is_none() {
            return Ok(0);
        }
        let transaction = self.begin().await?;
        let dropped = transaction.execute_raw(self.backend.statement(DROP, [hour.into()])).await.map_err(backend::error);
        conclude(transaction, dropped.map(|dropped| dropped.rows_affected())).await
    }
}
