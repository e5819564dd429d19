//! `hub_fingerprints`: what no longer fits into a task's row.

use std::sync::LazyLock;

use sea_orm::entity::prelude::*;

use super::super::backend::Table;
use super::super::error::StoreError;
use super::{Place, int};
use crate::domain::fingerprint::{Fingerprint, Seen};
use crate::domain::task::TaskId;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "hub_fingerprints")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub task_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub fingerprint: Vec<u8>,
    #[sea_orm(primary_key, auto_increment = false)]
    pub attempt: i32,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

pub(in crate::store) static TABLE: LazyLock<Table<Entity>> = LazyLock::new(Table::constant);

impl Model {
    pub(in crate::store) fn of(task: &TaskId, seen: &Seen) -> Self {
        Self { task_id: task.as_str().to_owned(), fingerprint: seen.fingerprint.0.to_vec(), attempt: int(seen.attempt) }
    }
}

impl TryFrom<Model> for (TaskId, Seen) {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let place = Place { table: "hub_fingerprints", row: &row.task_id };
        let fingerprint = Fingerprint(place.check("fingerprint", row.fingerprint.as_slice().try_into().ok())?);
        let seen = Seen { fingerprint, attempt: place.number("attempt", row.attempt)? };
        Ok((place.check("task_id", TaskId::parse(&row.task_id).ok())?, seen))
    }
}
