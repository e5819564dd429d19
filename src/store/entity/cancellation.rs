//! `hub_cancellations`: attempts that their generator should be told to stop.

use std::sync::LazyLock;

use sea_orm::entity::prelude::*;

use super::super::backend::Table;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "hub_cancellations")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub task_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub number: i32,
    pub generator: String,
    pub due_at: i64,
    pub tries: i32,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

/// One that waits already waits on.
pub(in crate::store) static TABLE: LazyLock<Table<Entity>> = LazyLock::new(Table::constant);
