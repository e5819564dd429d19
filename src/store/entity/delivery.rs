//! `hub_deliveries`: one event on its way to one webhook.

use std::sync::LazyLock;

use sea_orm::entity::prelude::*;

use super::super::backend::Table;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "hub_deliveries")]
pub struct Model {
    /// Also what a subscriber knows it by, on every attempt.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub event: Uuid,
    /// The event's name.
    pub topic: String,
    pub task_id: Option<String>,
    /// Of the event within its task's.
    pub sequence: i64,
    pub webhook: Uuid,
    pub lane: String,
    pub status: String,
    pub attempts: i32,
    /// When to look at it; while it is being sent, when that is over at the latest. Null: it is settled.
    pub due_at: Option<i64>,
    /// Who sends it right now.
    pub lease: Option<Uuid>,
    /// A later event has taken its place while it was being sent.
    pub outdated: bool,
    pub created_at: i64,
    pub settled_at: Option<i64>,
    pub last_error: Option<String>,
    pub note: Option<String>,
    /// What is sent, from the first attempt on.
    pub body: Option<Uuid>,
    /// Attempts, as a JSON array.
    pub log: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

pub(in crate::store) static TABLE: LazyLock<Table<Entity>> = LazyLock::new(Table::constant);
