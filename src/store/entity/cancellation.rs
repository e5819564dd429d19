//! `hub_cancellations`: attempts that their generator should be told to stop.

use sea_orm::entity::prelude::*;
use serde::Serialize;

use super::super::backend::{Cache, Kind, Table};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize)]
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

pub(in crate::store) static TABLE: Table = Table {
    name: "hub_cancellations",
    key: &["task_id", "number"],
    columns: &[
        ("task_id", Kind::Text),
        ("number", Kind::Int),
        ("generator", Kind::Text),
        ("due_at", Kind::Int),
        ("tries", Kind::Int),
    ],
    // one that waits already waits on
    mutable: &[],
    texts: Cache::new(),
};
