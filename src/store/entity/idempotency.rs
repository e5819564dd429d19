//! `hub_idempotency`: the creation that an `Idempotency-Key` stands for.

use std::sync::LazyLock;

use sea_orm::entity::prelude::*;

use super::super::backend::Table;
use super::super::error::StoreError;
use super::Place;
use crate::domain::plan::{IdempotencyKey, Remembered};
use crate::domain::task::TaskId;
use crate::domain::time::Timestamp;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "hub_idempotency")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub owner: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub idempotency_key: String,
    pub task_id: String,
    pub request_digest: Vec<u8>,
    pub created_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

pub(in crate::store) static TABLE: LazyLock<Table<Entity>> = LazyLock::new(Table::constant);

impl Model {
    pub(in crate::store) fn of(key: &IdempotencyKey, remembered: &Remembered, now: Timestamp) -> Self {
        Self {
            owner: key.owner.clone(),
            idempotency_key: key.key.clone(),
            task_id: remembered.task.as_str().to_owned(),
            request_digest: remembered.request_digest.to_vec(),
            created_at: now.micros(),
        }
    }
}

impl TryFrom<Model> for (IdempotencyKey, Remembered) {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let place = Place { table: "hub_idempotency", row: &row.idempotency_key };
        let remembered = Remembered {
            task: place.check("task_id", TaskId::parse(&row.task_id).ok())?,
            request_digest: place.check("request_digest", row.request_digest.as_slice().try_into().ok())?,
        };
        Ok((IdempotencyKey { owner: row.owner, key: row.idempotency_key }, remembered))
    }
}
