//! `hub_receipts`: what was accepted, and what became of it.

use std::sync::LazyLock;

use sea_orm::entity::prelude::*;

use super::super::backend::Table;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "hub_receipts")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub task_id: Option<String>,
    pub generator: String,
    pub attempt: Option<i32>,
    pub sequence: i64,
    pub previous: Option<Uuid>,
    pub source: String,
    pub event: String,
    pub outcome: String,
    pub reason: Option<String>,
    pub received_at: i64,
    pub duration_us: i64,
    pub headers: String,
    pub payload: Option<Uuid>,
    pub operator: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

pub(in crate::store) static TABLE: LazyLock<Table<Entity>> = LazyLock::new(Table::constant);
