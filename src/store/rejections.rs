//! Refused callbacks: written apart from the tasks, bounded, and never in the way of the good ones.

use sea_orm::sea_query::{Expr, ExprTrait, Func};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::entity::rejection;
use super::error::StoreError;
use super::transaction::conclude;
use super::{Store, backend};
use crate::domain::time::Timestamp;

/// A callback that was refused, with as much of it as is kept.
#[derive(Clone, Debug)]
pub struct Rejection {
    pub id: Uuid,
    pub task: Option<String>,
    pub generator: String,
    pub code: String,
    pub detail: String,
    pub received_at: Timestamp,
    pub duration_us: i64,
    pub method: String,
    pub path: String,
    /// From the query.
    pub attempt: Option<u32>,
    /// The attempt that a good token proved, or [none](Self::OF_NO_ATTEMPT); the token itself is not kept.
    pub token_attempt: Option<u32>,
    /// Whether there was a token that did not hold.
    pub token_wrong: bool,
    /// A JSON object.
    pub headers: String,
    /// The first bytes of the body.
    pub body: Vec<u8>,
    /// Of the whole body, in bytes.
    pub body_length: u64,
    /// Why its proof did not hold: a JSON object.
    pub finding: Option<String>,
}

/// How much of the refused is kept.
#[derive(Clone, Copy, Debug)]
pub struct RejectionLimits {
    pub rows: u64,
    pub bytes: u64,
}

impl Rejection {
    /// What a good token proved that is the same for all tasks of its generator: attempts count from 1.
    pub const OF_NO_ATTEMPT: u32 = 0;

    /// Whether less than the whole body was kept.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.body.len() as u64 != self.body_length
    }
}

#[derive(FromQueryResult)]
struct Totals {
    rows: i64,
    bytes: Option<i64>,
}

impl Store {
    /// # Errors
    /// Whatever the database says.
    pub async fn add_rejections(&self, rejections: Vec<Rejection>) -> Result<(), StoreError> {
        let transaction = self.begin().await?;
        let rows = rejections.into_iter().map(rejection::ActiveModel::from);
        let added = rejection::Entity::insert_many(rows).exec_without_returning(&*transaction).await;
        conclude(transaction, added.map_err(backend::error).map(drop)).await
    }

    /// Drops the oldest until both bounds hold, a slice at a time.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn trim_rejections(&self, limits: RejectionLimits) -> Result<(), StoreError> {
        const SLICE: u64 = 500;
        loop {
            let totals = rejection::Entity::find()
                .select_only()
                .column_as(Expr::col(rejection::Column::Id).count(), "rows")
                .column_as(Expr::expr(Func::cast_as(Expr::cust("SUM(LENGTH(body))"), "BIGINT")), "bytes")
                .into_model::<Totals>()
                .one(&self.reader)
                .await
                .map_err(backend::error)?;
            let (rows, bytes) = totals.map_or((0, 0), |totals| (totals.rows, totals.bytes.unwrap_or(0)));
            let too_many = u64::try_from(rows).unwrap_or(0).saturating_sub(limits.rows);
            let too_large = u64::try_from(bytes).unwrap_or(0) > limits.bytes;
            if too_many == 0 && !too_large {
                return Ok(());
            }
            let slice = if too_large { SLICE } else { Ord::min(too_many, SLICE) };
            self.drop_oldest_rejections(slice).await?;
        }
    }

    async fn drop_oldest_rejections(&self, rows: u64) -> Result<(), StoreError> {
        let oldest: Vec<Uuid> = rejection::Entity::find()
            .select_only()
            .column(rejection::Column::Id)
            .order_by_asc(rejection::Column::Id)
            .limit(rows)
            .into_tuple()
            .all(&self.reader)
            .await
            .map_err(backend::error)?;
        let delete = rejection::Entity::delete_many().filter(rejection::Column::Id.is_in(oldest));
        let transaction = self.begin().await?;
        let deleted = delete.exec(&*transaction).await;
        conclude(transaction, deleted.map(drop).map_err(backend::error)).await
    }

    /// # Errors
    /// Whatever the database says.
    pub async fn rejection(&self, id: Uuid) -> Result<Option<Rejection>, StoreError> {
        let found = rejection::Entity::find_by_id(id).one(&self.reader).await.map_err(backend::error)?;
        Ok(found.map(Rejection::from))
    }

    /// Newest first, older than `before`.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn rejections(
        &self,
        task: Option<&str>,
        generator: Option<&str>,
        code: Option<&str>,
        before: Option<Uuid>,
        limit: u64,
    ) -> Result<Vec<Rejection>, StoreError> {
        use rejection::Column as C;
        let given = [
            task.map(|task| C::TaskId.eq(task)),
            generator.map(|generator| C::Generator.eq(generator)),
            code.map(|code| C::Code.eq(code)),
            before.map(|id| C::Id.lt(id)),
        ];
        let select = given.into_iter().flatten().fold(rejection::Entity::find(), QueryFilter::filter);
        let rows = select.order_by_desc(C::Id).limit(limit).all(&self.reader).await.map_err(backend::error)?;
        Ok(rows.into_iter().map(Rejection::from).collect())
    }
}

impl From<Rejection> for rejection::ActiveModel {
    fn from(rejection: Rejection) -> Self {
        let small = |number: Option<u32>| number.and_then(|number| i32::try_from(number).ok());
        Self {
            id: Set(rejection.id),
            task_id: Set(rejection.task),
            generator: Set(rejection.generator),
            code: Set(rejection.code),
            detail: Set(rejection.detail),
            received_at: Set(rejection.received_at.micros()),
            duration_us: Set(rejection.duration_us),
            method: Set(rejection.method),
            path: Set(rejection.path),
            attempt: Set(small(rejection.attempt)),
            token_attempt: Set(small(rejection.token_attempt)),
            token_wrong: Set(rejection.token_wrong),
            headers: Set(rejection.headers),
            body: Set(rejection.body),
            body_length: Set(super::entity::bigint(rejection.body_length)),
            finding: Set(rejection.finding),
        }
    }
}

impl From<rejection::Model> for Rejection {
    fn from(row: rejection::Model) -> Self {
        let number = |number: Option<i32>| number.and_then(|number| u32::try_from(number).ok());
        Self {
            id: row.id,
            task: row.task_id,
            generator: row.generator,
            code: row.code,
            detail: row.detail,
            received_at: Timestamp::from_micros(row.received_at),
            duration_us: row.duration_us,
            method: row.method,
            path: row.path,
            attempt: number(row.attempt),
            token_attempt: number(row.token_attempt),
            token_wrong: row.token_wrong,
            headers: row.headers,
            body: row.body,
            body_length: u64::try_from(row.body_length).unwrap_or(0),
            finding: row.finding,
        }
    }
}
