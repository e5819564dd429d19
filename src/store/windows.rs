//! Looking where no index holds apart what is looked for: among so many rows at a time, the newest first, so that no page of a
//! list takes longer for there being many.

use sea_orm::sea_query::{Expr, Func};
use sea_orm::{ColumnTrait, EntityTrait, QueryOrder, QuerySelect, Select};
use uuid::Uuid;

use super::error::StoreError;
use super::{Store, backend};

/// Rows that are looked through for one page.
pub const WINDOW: u64 = 5_000;

impl Store {
    /// The last of these rows that one page may look through, by their ids; none if there are fewer.
    pub(super) async fn window_end<E: EntityTrait>(&self, among: Select<E>, id: E::Column) -> Result<Option<Uuid>, StoreError> {
        let last = among.select_only().column(id).order_by_desc(id).offset(WINDOW - 1).limit(1);
        last.into_tuple().one(&self.reader).await.map_err(backend::error)
    }
}

/// The column as no index knows it. Else rows might be found by it, in any number, where they are to be found by something
/// else and only looked at. Neither SQLite nor PostgreSQL (up to 18) simplifies it; were that to change, tests of their plans
/// would say so.
pub(super) fn looked_at(column: impl ColumnTrait) -> Expr {
    Expr::expr(Func::coalesce([Expr::col(column), Expr::col(column)]))
}
