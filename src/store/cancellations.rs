//! Attempts that their generator should be told to stop.

use sea_orm::sea_query::{Expr, LockBehavior, LockType};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::backend::Writing;
use super::entity::cancellation::{self, Column as C};
use super::error::StoreError;
use super::transaction::conclude;
use super::{Store, backend};
use crate::domain::task::Task;
use crate::domain::time::Timestamp;

/// An attempt to be stopped.
#[derive(Clone, Debug)]
pub struct Cancellation {
    pub task: Task,
    pub attempt: u32,
    /// How often it was tried before.
    pub tries: u32,
    /// What its row says until somebody else takes it.
    until: Timestamp,
}

impl Store {
    /// Whether any is due.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn has_due_cancellations(&self, now: Timestamp) -> Result<bool, StoreError> {
        let due = cancellation::Entity::find().filter(C::DueAt.lte(now.micros())).one(&self.reader).await;
        Ok(due.map_err(backend::error)?.is_some())
    }

    /// Takes those that are due; they are due again at `until` unless they are [done](Self::finish_cancellation).
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn claim_cancellations(
        &self,
        now: Timestamp,
        until: Timestamp,
        limit: u64,
    ) -> Result<Vec<Cancellation>, StoreError> {
        let transaction = self.begin().await?;
        let taken = take(&transaction, now, until, limit).await;
        self.with_tasks(conclude(transaction, taken).await?, until).await
    }
    /// One that needs no further try.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn finish_cancellation(&self, done: &Cancellation) -> Result<(), StoreError> {
        let transaction = self.begin().await?;
        let gone = self.waiting(done, cancellation::Entity::delete_many()).exec(&*transaction).await;
        conclude(transaction, gone.map(drop).map_err(backend::error)).await
    }

    /// One to be tried again at `at`.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn postpone_cancellation(&self, waiting: &Cancellation, at: Timestamp) -> Result<(), StoreError> {
        let update = cancellation::Entity::update_many().col_expr(C::DueAt, Expr::value(at.micros()));
        let transaction = self.begin().await?;
        let put_off = self.waiting(waiting, update).exec(&*transaction).await;
        conclude(transaction, put_off.map(drop).map_err(backend::error)).await
    }

    /// Its row, unless somebody else has taken it meanwhile.
    fn waiting<Q: QueryFilter>(&self, cancellation: &Cancellation, query: Q) -> Q {
        query
            .filter(C::TaskId.eq(cancellation.task.id.as_str()))
            .filter(C::Number.eq(super::entity::int(cancellation.attempt)))
            .filter(C::DueAt.eq(cancellation.until.micros()))
    }

    async fn with_tasks(&self, rows: Vec<cancellation::Model>, until: Timestamp) -> Result<Vec<Cancellation>, StoreError> {
        let mut found = Vec::with_capacity(rows.len());
        for row in rows {
            let Ok(id) = crate::domain::task::TaskId::parse(&row.task_id) else { continue };
            let Some(task) = self.task_state(&id).await? else { continue };
            let attempt = u32::try_from(row.number).unwrap_or(0);
            found.push(Cancellation { task, attempt, tries: u32::try_from(row.tries).unwrap_or(0), until });
        }
        Ok(found)
    }
}

async fn take(
    transaction: &Writing,
    now: Timestamp,
    until: Timestamp,
    limit: u64,
) -> Result<Vec<cancellation::Model>, StoreError> {
    let rows = cancellation::Entity::find()
        .filter(C::DueAt.lte(now.micros()))
        .order_by_asc(C::DueAt)
        .limit(limit)
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .all(transaction)
        .await
        .map_err(backend::error)?;
    for row in &rows {
        cancellation::Entity::update_many()
            .col_expr(C::DueAt, Expr::value(until.micros()))
            .col_expr(C::Tries, Expr::value(row.tries + 1))
            .filter(C::TaskId.eq(row.task_id.as_str()))
            .filter(C::Number.eq(row.number))
            .exec(transaction)
            .await
            .map_err(backend::error)?;
    }
    Ok(rows)
}
