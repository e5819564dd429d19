//! `hub_receipts`: what was accepted, and what became of it.

use sea_orm::entity::prelude::*;
use serde::Serialize;

use super::super::backend::{Cache, Kind, Table};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize)]
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
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

pub(in crate::store) static TABLE: Table = Table {
    name: "hub_receipts",
    key: &["id"],
    columns: &[
        ("id", Kind::Uuid),
        ("task_id", Kind::Text),
        ("generator", Kind::Text),
        ("attempt", Kind::Int),
        ("sequence", Kind::Int),
        ("previous", Kind::Uuid),
        ("source", Kind::Text),
        ("event", Kind::Text),
        ("outcome", Kind::Text),
        ("reason", Kind::Text),
        ("received_at", Kind::Int),
        ("duration_us", Kind::Int),
        ("headers", Kind::Text),
        ("payload", Kind::Uuid),
    ],
    mutable: &[],
    texts: Cache::new(),
};
