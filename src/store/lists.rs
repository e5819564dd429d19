//! Lists of tasks: what is looked for by an index is found by it, what no index holds apart is looked for among a bounded number
//! of tasks at a time, the newest first. So no page takes longer for there being many tasks.

use sea_orm::sea_query::{Expr, ExprTrait, Query, SelectStatement, UnionType};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};

use super::entity::{attempt, task};
use super::error::StoreError;
use super::tasks::TaskRecord;
use super::{Store, backend};
use crate::domain::task::Status;
use crate::domain::time::Timestamp;

/// Rows that are looked through for one page.
pub const WINDOW: u64 = 20_000;
/// So many are put in order for one page.
const FEW: u64 = 2_000;

/// What a list of tasks is narrowed to. Everything that is given must hold.
#[derive(Clone, Debug, Default)]
pub struct TaskFilter {
    pub status: Vec<Status>,
    pub generator: Option<String>,
    pub external_id: Option<String>,
    /// A prefix of the id, or of an external id.
    pub prefix: Option<String>,
    /// Running past their deadline at this time.
    pub overdue_at: Option<Timestamp>,
    pub created_after: Option<Timestamp>,
    pub created_before: Option<Timestamp>,
    pub settled_after: Option<Timestamp>,
}

/// Newest first; `after` is where the page before ended.
#[derive(Clone, Debug)]
pub struct Page {
    pub limit: u64,
    pub after: Option<Place>,
}

/// Creation and id: where in the list a task is.
pub type Place = (Timestamp, String);

/// Tasks of a page.
#[derive(Debug)]
pub struct Listed {
    pub records: Vec<TaskRecord>,
    /// Where looking has ended, if there may be more behind it.
    pub looked_to: Option<Place>,
}

impl Store {
    /// Tasks without input, params and result, newest first. Fewer than wanted, even none, do not mean that there are no more:
    /// `looked_to` says so.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn tasks(&self, filter: &TaskFilter, page: &Page) -> Result<Listed, StoreError> {
        let behind = |select: Select<task::Entity>| match &page.after {
            Some(place) => select.filter(position().lt(tuple(place))),
            None => select,
        };
        let mut select = behind(filter.created(task::Entity::find()));
        let mut looked_to = None;
        if let Some(few) = self.few(filter).await? {
            select = select.filter(few);
        } else if filter.is_found_by_looking() {
            looked_to = self.window_end(behind(filter.created(task::Entity::find()))).await?;
            if let Some(end) = &looked_to {
                select = select.filter(position().gte(tuple(end)));
            }
        }
        let newest_first = filter.rest(filter.ids(select)).order_by_desc(task::Column::CreatedAt).order_by_desc(task::Column::Id);
        let rows = newest_first.limit(page.limit).all(&self.reader).await.map_err(backend::error)?;
        Ok(Listed { records: self.with_metadata(rows).await?, looked_to })
    }

    /// What holds for those of the tasks that an index finds, where these are few.
    async fn few(&self, filter: &TaskFilter) -> Result<Option<Expr>, StoreError> {
        use task::Column as C;
        let one_more = FEW + 1;
        if let Some(id) = &filter.external_id {
            return Ok(Some(C::Id.in_subquery(tasks_with(attempt::Column::ExternalId.eq(id.as_str())))));
        }
        if let Some(prefix) = &filter.prefix {
            let by_id = Query::select().column(C::Id).from(task::Entity).and_where(starts_with(C::Id, prefix)).take();
            let by_external_id = tasks_with(starts_with(attempt::Column::ExternalId, prefix));
            if self.count(by_id.clone(), one_more).await? + self.count(by_external_id.clone(), one_more).await? <= FEW {
                return Ok(Some(C::Id.in_subquery(by_id.clone().union(UnionType::Distinct, by_external_id).take())));
            }
        }
        if let Some(time) = filter.settled_after {
            let settled = Query::select().column(C::Id).from(task::Entity).and_where(C::SettledAt.gt(time.micros())).take();
            if self.count(settled.clone(), one_more).await? <= FEW {
                return Ok(Some(C::Id.in_subquery(settled)));
            }
        }
        Ok(None)
    }

    /// Up to so many.
    async fn count(&self, mut select: SelectStatement, most: u64) -> Result<u64, StoreError> {
        let rows = self.reader.query_all(select.limit(most)).await.map_err(backend::error)?;
        Ok(rows.len() as u64)
    }

    /// The last of the tasks that one page may look through; none if there are fewer.
    async fn window_end(&self, select: Select<task::Entity>) -> Result<Option<Place>, StoreError> {
        let places = select.select_only().column(task::Column::CreatedAt).column(task::Column::Id);
        let newest_first = places.order_by_desc(task::Column::CreatedAt).order_by_desc(task::Column::Id);
        let last = newest_first.offset(WINDOW - 1).limit(1).into_tuple::<(i64, String)>().one(&self.reader).await;
        Ok(last.map_err(backend::error)?.map(|(created, id)| (Timestamp::from_micros(created), id)))
    }
}

fn position() -> Expr {
    Expr::tuple([Expr::col(task::Column::CreatedAt), Expr::col(task::Column::Id)])
}

fn tuple((created, id): &Place) -> Expr {
    Expr::tuple([Expr::val(created.micros()), Expr::val(id.as_str())])
}

impl TaskFilter {
    /// Whether each task must be looked at to know if it fits.
    fn is_found_by_looking(&self) -> bool {
        let by_index = self.prefix.is_some() || self.settled_after.is_some();
        by_index || !self.status.is_empty() || self.generator.is_some() || self.overdue_at.is_some()
    }

    /// Bounds of the order in which tasks are listed.
    fn created(&self, select: Select<task::Entity>) -> Select<task::Entity> {
        use task::Column as C;
        let bounds = [
            self.created_after.map(|time| C::CreatedAt.gt(time.micros())),
            self.created_before.map(|time| C::CreatedAt.lt(time.micros())),
        ];
        bounds.into_iter().flatten().fold(select, QueryFilter::filter)
    }

    /// What an index would find, as it is asked of a task that is looked at.
    fn ids(&self, mut select: Select<task::Entity>) -> Select<task::Entity> {
        if let Some(prefix) = &self.prefix {
            let external = starts_with(attempt::Column::ExternalId, prefix);
            let own = starts_with(task::Column::Id, prefix);
            select = select.filter(own.or(Expr::exists(attempts_where(external.and(of_the_task())))));
        }
        select
    }

    /// All that is not said by the bounds of [`created`](Self::created), nor by [`ids`](Self::ids).
    pub(super) fn rest(&self, mut select: Select<task::Entity>) -> Select<task::Entity> {
        use task::Column as C;
        if !self.status.is_empty() {
            select = select.filter(C::Status.is_in(self.status.iter().map(|status| status.as_str())));
        }
        if let Some(generator) = &self.generator {
            select = select.filter(C::Generator.eq(generator.as_str()));
        }
        if let Some(now) = self.overdue_at {
            let current = Expr::col((attempt::Entity, attempt::Column::Number)).equals((task::Entity, C::Attempt));
            let late = attempt::Column::DeadlineAt.lte(now.micros()).and(current);
            let running = C::Status.is_in([Status::Submitted.as_str(), Status::Processing.as_str()]);
            select = select.filter(running).filter(Expr::exists(attempts_where(late.and(of_the_task()))));
        }
        match self.settled_after {
            Some(time) => select.filter(C::SettledAt.gt(time.micros())),
            None => select,
        }
    }
}

fn tasks_with(condition: Expr) -> SelectStatement {
    Query::select().column(attempt::Column::TaskId).from(attempt::Entity).and_where(condition).take()
}

fn attempts_where(condition: Expr) -> SelectStatement {
    Query::select().expr(Expr::val(1)).from(attempt::Entity).and_where(condition).take()
}

fn of_the_task() -> Expr {
    Expr::col((attempt::Entity, attempt::Column::TaskId)).equals((task::Entity, task::Column::Id))
}

/// A range over the index, not a pattern: ids are compared by bytes.
fn starts_with<C: ColumnTrait>(column: C, prefix: &str) -> Expr {
    let from = column.gte(prefix);
    match successor(prefix) {
        Some(end) => from.and(column.lt(end)),
        None => from,
    }
}

/// The smallest text that is greater than all texts with this prefix.
fn successor(prefix: &str) -> Option<String> {
    let (index, last) = prefix.char_indices().next_back()?;
    let next = (u32::from(last) + 1..=u32::from(char::MAX)).find_map(char::from_u32);
    match next {
        Some(next) => Some(format!("{}{next}", &prefix[..index])),
        None => successor(&prefix[..index]),
    }
}
