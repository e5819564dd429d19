//! `hub_events`: custom events, and what of tasks somebody wants to hear, each stored once.

use sea_orm::entity::prelude::*;
use serde::Serialize;

use super::super::backend::{Cache, Kind, Table};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize)]
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
    #[serde(serialize_with = "super::hex")]
    pub fingerprint: Option<Vec<u8>>,
    /// What webhooks without a template are sent, if any wants to hear.
    pub letter: Option<Uuid>,
    /// Within its task's news, from 1.
    pub sequence: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

pub(in crate::store) static TABLE: Table = Table {
    name: "hub_events",
    key: &["id"],
    columns: &[
        ("id", Kind::Uuid),
        ("name", Kind::Text),
        ("generator", Kind::Text),
        ("task_id", Kind::Text),
        ("data", Kind::Uuid),
        ("data_start", Kind::Int),
        ("data_end", Kind::Int),
        ("metadata", Kind::Uuid),
        ("at", Kind::Int),
        ("fingerprint", Kind::Bytes),
        ("letter", Kind::Uuid),
        ("sequence", Kind::Int),
    ],
    mutable: &[],
    texts: Cache::new(),
};
