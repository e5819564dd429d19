//! `hub_payloads`: bodies, results, inputs, as bytes.

use std::sync::LazyLock;

use sea_orm::entity::prelude::*;

use super::super::backend::Table;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "hub_payloads")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub bytes: Vec<u8>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

pub(in crate::store) static TABLE: LazyLock<Table<Entity>> = LazyLock::new(Table::constant);
