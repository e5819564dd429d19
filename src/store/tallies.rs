//! How the relay is doing: what was counted hour by hour, and what there is now. Nothing here reads a delivery that an index
//! for the question does not hold.

use std::collections::BTreeMap;

use sea_orm::{ConnectionTrait, QueryResult};

use super::error::StoreError;
use super::transaction::conclude;
use super::{Store, backend};
use crate::domain::time::Timestamp;

/// An amount that was counted in a lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    pub lane: String,
    pub figure: String,
    pub amount: u64,
}

/// How many deliveries have ended in an hour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hour {
    /// Hours since 1970.
    pub hour: i64,
    pub figure: String,
    pub amount: u64,
}

/// Sums of integers are no integers on PostgreSQL.
pub(super) const FIGURES: &str = "SELECT lane, figure, CAST(sum(amount) AS BIGINT) AS amount FROM hub_delivery_figures
    WHERE hour >= $1 GROUP BY lane, figure ORDER BY lane, figure";
pub(super) const HOURS: &str = "SELECT hour, figure, CAST(sum(amount) AS BIGINT) AS amount FROM hub_delivery_figures
    WHERE hour >= $1 AND figure IN ('delivered', 'dead') GROUP BY hour, figure";
pub(super) const HOURS_OF_LANE: &str = "SELECT hour, figure, CAST(sum(amount) AS BIGINT) AS amount FROM hub_delivery_figures
    WHERE lane = $2 AND hour >= $1 AND figure IN ('delivered', 'dead') GROUP BY hour, figure";
pub(super) const PENDING: &str = "SELECT lane, count(*) AS amount FROM hub_deliveries WHERE due_at IS NOT NULL GROUP BY lane";
pub(super) const DEAD: &str = "SELECT lane, count(*) AS amount FROM hub_deliveries WHERE status = 'dead' GROUP BY lane";
pub(super) const OLDEST: &str = "SELECT created_at FROM hub_deliveries WHERE status = 'pending' ORDER BY id LIMIT 1";
pub(super) const OLD_FIGURES: &str = "DELETE FROM hub_delivery_figures WHERE (lane, hour, figure) IN (
    SELECT f.lane, f.hour, f.figure FROM hub_delivery_figures AS f WHERE f.hour < $1 LIMIT $2)";
const ANY_OLD_FIGURE: &str = "SELECT hour FROM hub_delivery_figures WHERE hour < $1 LIMIT 1";

impl Store {
    /// What was counted of deliveries since the hour of `since`, by lane and name.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn delivery_tallies(&self, since: Timestamp) -> Result<Vec<Tally>, StoreError> {
        let statement = self.backend.statement(FIGURES, [since.hour().into()]);
        let rows = self.reader.query_all_raw(statement).await.map_err(backend::error)?;
        let tally = |row: &QueryResult| {
            let amount: i64 = row.try_get("", "amount")?;
            let amount = u64::try_from(amount).unwrap_or(0);
            Ok(Tally { lane: row.try_get("", "lane")?, figure: row.try_get("", "figure")?, amount })
        };
        rows.iter().map(tally).collect::<Result<_, _>>().map_err(backend::error)
    }

    /// Deliveries that were delivered or given up since the hour of `since`, hour by hour: in all lanes, or in one.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn delivery_hours(&self, since: Timestamp, lane: Option<&str>) -> Result<Vec<Hour>, StoreError> {
        let since = since.hour().into();
        let statement = match lane {
            Some(lane) => self.backend.statement(HOURS_OF_LANE, [since, lane.into()]),
            None => self.backend.statement(HOURS, [since]),
        };
        let rows = self.reader.query_all_raw(statement).await.map_err(backend::error)?;
        let one = |row: &QueryResult| {
            let amount: i64 = row.try_get("", "amount")?;
            let amount = u64::try_from(amount).unwrap_or(0);
            Ok(Hour { hour: row.try_get("", "hour")?, figure: row.try_get("", "figure")?, amount })
        };
        rows.iter().map(one).collect::<Result<_, _>>().map_err(backend::error)
    }

    /// Of each lane that has any.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn count_pending_deliveries(&self) -> Result<BTreeMap<String, u64>, StoreError> {
        self.count_by_lane(PENDING).await
    }

    /// Of each lane that has any.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn count_dead_deliveries(&self) -> Result<BTreeMap<String, u64>, StoreError> {
        self.count_by_lane(DEAD).await
    }

    /// When the delivery was made that has been pending for longest.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn oldest_pending_delivery(&self) -> Result<Option<Timestamp>, StoreError> {
        let row = self.reader.query_one_raw(self.backend.statement(OLDEST, [])).await.map_err(backend::error)?;
        let micros = row.map(|row| row.try_get_by_index::<i64>(0)).transpose().map_err(backend::error)?;
        Ok(micros.map(Timestamp::from_micros))
    }

    async fn count_by_lane(&self, text: &str) -> Result<BTreeMap<String, u64>, StoreError> {
        let rows = self.reader.query_all_raw(self.backend.statement(text, [])).await.map_err(backend::error)?;
        let count = |row: &QueryResult| {
            let amount: i64 = row.try_get("", "amount")?;
            Ok((row.try_get("", "lane")?, u64::try_from(amount).unwrap_or(0)))
        };
        rows.iter().map(count).collect::<Result<_, _>>().map_err(backend::error)
    }

    /// Forgets what was counted before the hour of `until`, `limit` figures at most.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn drop_tallies(&self, until: Timestamp, limit: u64) -> Result<u64, StoreError> {
        let hour = until.hour();
        // looking costs no writer
        let look = self.backend.statement(ANY_OLD_FIGURE, [hour.into()]);
        if self.reader.query_one_raw(look).await.map_err(backend::error)?.is_none() {
            return Ok(0);
        }
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let transaction = self.begin().await?;
        let statement = self.backend.statement(OLD_FIGURES, [hour.into(), limit.into()]);
        let dropped = transaction.execute_raw(statement).await.map_err(backend::error);
        conclude(transaction, dropped.map(|dropped| dropped.rows_affected())).await
    }
}
