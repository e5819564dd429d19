//! Lists of tasks: what is looked for by an index is found by it, what no index holds apart is looked for among a
//! [window](crate::store::WINDOW) of tasks at a time. So no page takes longer for there being many tasks.

use std::collections::BTreeSet;

use sea_orm::sea_query::{Expr, ExprTrait, Order, Query, SelectStatement};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};

use super::entity::{attempt, task};
use super::error::StoreError;
use super::tasks::TaskRecord;
use super::windows::{WINDOW, looked_at};
use super::write::json;
use super::{Store, backend};
use crate::domain::task::Status;
use crate::domain::time::Timestamp;

/// So many are put in order for one page.
const FEW: usize = 2_000;

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

/// What tasks are looked for among; an index keeps each of these in the order in which they are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ground<'a> {
    All,
    Of(&'a str),
    /// Failed, timed out or cancelled.
    Unsuccessful,
}

impl Store {
    /// Tasks without input, params and result, newest first. Fewer than wanted, even none, do not mean that there are no more:
    /// `looked_to` says so.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn tasks(&self, filter: &TaskFilter, page: &Page) -> Result<Listed, StoreError> {
        let mut looked_to = None;
        let select = match self.few(filter).await? {
            Some(few) => filter.of_few(self.backend.is_among(json(&few)?), page),
            None => {
                if filter.is_found_by_looking() {
                    looked_to = self.place(filter.window_end(page)).await?;
                }
                filter.of_window(page, looked_to.as_ref())
            }
        };
        let rows = select.all(&self.reader).await.map_err(backend::error)?;
        Ok(Listed { records: self.with_metadata(rows).await?, looked_to })
    }

    /// The ids of those tasks that an index finds, where these are few.
    async fn few(&self, filter: &TaskFilter) -> Result<Option<BTreeSet<String>>, StoreError> {
        for finder in filter.finders() {
            let mut found = BTreeSet::new();
            for mut select in finder {
                let rows = self.reader.query_all(select.limit(FEW as u64 + 1)).await.map_err(backend::error)?;
                let ids = rows.iter().map(|row| row.try_get_by_index(0));
                found.extend(ids.collect::<Result<Vec<String>, _>>().map_err(backend::error)?);
            }
            if found.len() <= FEW {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    async fn place(&self, select: Select<task::Entity>) -> Result<Option<Place>, StoreError> {
        let place = select.into_tuple::<(i64, String)>().one(&self.reader).await.map_err(backend::error)?;
        Ok(place.map(|(created, id)| (Timestamp::from_micros(created), id)))
    }
}

impl TaskFilter {
    /// Ids of those that an index finds, in several ways: all that fit are among them, and others may be, too.
    pub(super) fn finders(&self) -> Vec<Vec<SelectStatement>> {
        use task::Column as C;
        let mut finders = Vec::new();
        if let Some(id) = &self.external_id {
            finders.push(vec![tasks_with(attempt::Column::ExternalId.eq(id.as_str()))]);
        }
        if let Some(prefix) = &self.prefix {
            finders
                .push(vec![ids_where(starts_with(C::Id, prefix)), tasks_with(starts_with(attempt::Column::ExternalId, prefix))]);
        }
        // the loops have to look at all that run, and pending tasks wait for their time
        let are_open = !self.status.is_empty() && !self.status.iter().any(|status| status.is_settled());
        if self.overdue_at.is_some() || are_open {
            let mut finder = vec![ids_where(C::DueAt.is_not_null())];
            if self.overdue_at.is_none() && self.status.contains(&Status::Pending) {
                finder.push(ids_where(C::NotBefore.is_not_null()));
            }
            finders.push(finder);
        }
        if let Some(time) = self.settled_after {
            finders.push(vec![ids_where(C::SettledAt.gte(time.micros()))]);
        }
        finders
    }

    /// Of those for whose ids this holds.
    pub(super) fn of_few(&self, few: Expr, page: &Page) -> Select<task::Entity> {
        // not by the index of all that were created
        let key = [looked_at(task::Column::CreatedAt), Expr::col(task::Column::Id)];
        let mut select = task::Entity::find().filter(few);
        if let Some(place) = &page.after {
            select = select.filter(Expr::tuple(key.clone()).lt(tuple(place)));
        }
        let select = key.into_iter().fold(select, |select, column| select.order_by(column, Order::Desc));
        self.timely(self.rest(select, Ground::All)).limit(page.limit)
    }

    /// Whether tasks must be looked at to know if they fit.
    pub(super) fn is_found_by_looking(&self) -> bool {
        let generator = self.generator.as_deref().is_some_and(|generator| self.ground() != Ground::Of(generator));
        let by_finder = self.external_id.is_some() || self.prefix.is_some() || self.settled_after.is_some();
        generator || by_finder || !self.status.is_empty() || self.overdue_at.is_some()
    }

    /// The last of the tasks that one page may look through.
    pub(super) fn window_end(&self, page: &Page) -> Select<task::Entity> {
        let among = self.among(self.ground(), page, None);
        among.select_only().column(task::Column::CreatedAt).column(task::Column::Id).offset(WINDOW - 1).limit(1)
    }

    /// Down to that place.
    pub(super) fn of_window(&self, page: &Page, end: Option<&Place>) -> Select<task::Entity> {
        self.rest(self.among(self.ground(), page, end), self.ground()).limit(page.limit)
    }

    /// The narrowest.
    fn ground(&self) -> Ground<'_> {
        let is_unsuccessful = |status: &Status| status.is_settled() && *status != Status::Completed;
        if !self.status.is_empty() && self.status.iter().all(is_unsuccessful) {
            return Ground::Unsuccessful;
        }
        self.generator.as_deref().map_or(Ground::All, Ground::Of)
    }

    /// Behind the page before, down to that place, and of the wanted time; newest first. Each end is said once, by what says
    /// most: of several bounds a database may take any one to begin with.
    fn among(&self, ground: Ground<'_>, page: &Page, end: Option<&Place>) -> Select<task::Entity> {
        let key = Expr::tuple(ground.key());
        let time = || ground.time();
        let above = match (&page.after, self.created_before) {
            (Some(place), Some(before)) if before <= place.0 => time().lt(before.micros()),
            (Some(place), _) => key.clone().lt(tuple(place)),
            (None, Some(before)) => time().lt(before.micros()),
            (None, None) => time().lte(i64::MAX),
        };
        let below = match (end, self.created_after) {
            (Some(place), _) => key.gte(tuple(place)),
            (None, Some(after)) => time().gte(after.micros()),
            (None, None) => time().gte(i64::MIN),
        };
        let mut select = task::Entity::find().filter(above).filter(below);
        match ground {
            Ground::All => {}
            Ground::Of(generator) => select = select.filter(task::Column::Generator.eq(generator)),
            Ground::Unsuccessful => {
                select = select.filter(task::Column::SettledAt.is_not_null().and(task::Column::ResultPayload.is_null()));
            }
        }
        ground.key().into_iter().fold(self.timely(select), |select, column| select.order_by(column, Order::Desc))
    }

    fn timely(&self, select: Select<task::Entity>) -> Select<task::Entity> {
        let created = || looked_at(task::Column::CreatedAt);
        let given = [
            self.created_after.map(|time| created().gte(time.micros())),
            self.created_before.map(|time| created().lt(time.micros())),
        ];
        given.into_iter().flatten().fold(select, QueryFilter::filter)
    }

    /// All that is not said by [`among`](Self::among).
    fn rest(&self, mut select: Select<task::Entity>, ground: Ground<'_>) -> Select<task::Entity> {
        use task::Column as C;
        if !self.status.is_empty() {
            select = select.filter(C::Status.is_in(self.status.iter().map(|status| status.as_str())));
        }
        if let Some(generator) = self.generator.as_deref().filter(|generator| ground != Ground::Of(generator)) {
            select = select.filter(looked_at(C::Generator).eq(generator));
        }
        if let Some(id) = &self.external_id {
            select = select.filter(has_attempt(attempt::Column::ExternalId.eq(id.as_str())));
        }
        if let Some(prefix) = &self.prefix {
            let external = has_attempt(starts_with(attempt::Column::ExternalId, prefix));
            select = select.filter(starts_with(C::Id, prefix).or(external));
        }
        if let Some(now) = self.overdue_at {
            select = overdue(select, now);
        }
        match self.settled_after {
            Some(time) => select.filter(looked_at(C::SettledAt).gte(time.micros())),
            None => select,
        }
    }
}

impl Ground<'_> {
    /// The columns of its index by which its tasks are found and put in order. The index of all tasks has other words: where it
    /// had the same, a database might read that one, and look at all that lies between.
    fn key(self) -> Vec<Expr> {
        vec![self.time(), Expr::col(task::Column::Id)]
    }

    /// The same, but for the ids.
    fn time(self) -> Expr {
        match self {
            Self::All => Expr::col(task::Column::CreatedAt),
            // as the indexes have it, and not as a parameter
            Self::Of(_) | Self::Unsuccessful => Expr::cust("created_at + 0"),
        }
    }
}

fn tuple((created, id): &Place) -> Expr {
    Expr::tuple([Expr::val(created.micros()), Expr::val(id.as_str())])
}

/// Those that run past their deadline.
pub(super) fn overdue(select: Select<task::Entity>, now: Timestamp) -> Select<task::Entity> {
    use task::Column as C;
    let current = Expr::col((attempt::Entity, attempt::Column::Number)).equals((task::Entity, C::Attempt));
    let late = attempt::Column::DeadlineAt.lte(now.micros()).and(current);
    let running = C::Status.is_in([Status::Submitted.as_str(), Status::Processing.as_str()]);
    select.filter(running).filter(has_attempt(late))
}

fn ids_where(condition: Expr) -> SelectStatement {
    Query::select().column(task::Column::Id).from(task::Entity).and_where(condition).take()
}

fn tasks_with(condition: Expr) -> SelectStatement {
    Query::select().column(attempt::Column::TaskId).from(attempt::Entity).and_where(condition).take()
}

fn has_attempt(condition: Expr) -> Expr {
    let of_the_task = Expr::col((attempt::Entity, attempt::Column::TaskId)).equals((task::Entity, task::Column::Id));
    let attempts = Query::select().expr(Expr::val(1)).from(attempt::Entity).and_where(condition.and(of_the_task)).take();
    Expr::exists(attempts)
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
