//! `hub_events`: custom events, and what of tasks somebody wants to hear, each stored once.

use std::sync::LazyLock;

use sea_orm::entity::prelude::*;

use super::super::backend::Table;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "hub_events")]
pub struct Model {
    /// The receipt's, where a callback brought it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub name: String,
    pub generator: Option<String>,
    pub task_id: Option<String>,
    /// A stored text, and where in it the data lie.
    pub data: Option<Uuid>,
    pub data_start: i64,
    pub data_end: i64,
    pub metadata: Option<Uuid>,
    pub at: i64,
    pub fingerprint: Option<Vec<u8>>,
    /// What webhooks without a template are sent, if any wants to hear.
    pub letter: Option<Uuid>,
    /// Within its task's news, from 1.
    pub sequence: i64,
    /// Of the callback that brought it, if it had one.
    pub traceparent: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

pub(in crate::store) static TABLE: LazyLock<Table<Entity>> = LazyLock::new(Table::constant);
