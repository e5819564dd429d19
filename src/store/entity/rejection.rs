//! `hub_rejections`: callbacks that were refused.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "hub_rejections")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub task_id: Option<String>,
    pub generator: String,
    pub code: String,
    pub detail: String,
    pub received_at: i64,
    pub duration_us: i64,
    pub method: String,
    pub path: String,
    pub attempt: Option<i32>,
    pub token_attempt: Option<i32>,
    pub token_wrong: bool,
    pub headers: String,
    pub body: Vec<u8>,
    pub body_length: i64,
    pub finding: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}
