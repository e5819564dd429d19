//! `hub_attempts`: submissions of a task.

use std::sync::LazyLock;

use sea_orm::entity::prelude::*;
use serde::Deserialize;

use super::super::backend::{Table, listed};
use super::super::error::StoreError;
use super::{Place, int, micros, time};
use crate::domain::task::{Attempt, ExternalId, GeneratorName, TaskId};

#[derive(Clone, Debug, PartialEq, Deserialize, DeriveEntityModel)]
#[sea_orm(table_name = "hub_attempts")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub task_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub number: i32,
    pub generator: String,
    pub external_id: Option<String>,
    pub sending_at: Option<i64>,
    pub submitted_at: Option<i64>,
    pub deadline_at: Option<i64>,
    pub ended_at: Option<i64>,
    #[serde(deserialize_with = "listed::flag")]
    pub is_over: bool,
    pub answer: Option<Uuid>,
    pub overdue_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

pub(in crate::store) static TABLE: LazyLock<Table<Entity>> = LazyLock::new(|| Table::changing_but(&[Column::Generator]));

impl Model {
    pub(in crate::store) fn of(task: &TaskId, generator: &GeneratorName, attempt: &Attempt) -> Self {
        Self {
            task_id: task.as_str().to_owned(),
            number: int(attempt.number),
            generator: generator.as_str().to_owned(),
            external_id: attempt.external_id.as_ref().map(|id| id.as_str().to_owned()),
            sending_at: micros(attempt.sending_at),
            submitted_at: micros(attempt.submitted_at),
            deadline_at: micros(attempt.deadline_at),
            ended_at: micros(attempt.ended_at),
            is_over: attempt.over,
            answer: attempt.answer,
            overdue_at: micros(attempt.overdue_at),
        }
    }
}

impl TryFrom<Model> for Attempt {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let place = Place { table: "hub_attempts", row: &row.task_id };
        let external_id = row.external_id.as_deref().map(|id| place.check("external_id", ExternalId::parse(id).ok()));
        Ok(Self {
            number: place.number("number", row.number)?,
            external_id: external_id.transpose()?,
            sending_at: time(row.sending_at),
            submitted_at: time(row.submitted_at),
            deadline_at: time(row.deadline_at),
            ended_at: time(row.ended_at),
            over: row.is_over,
            answer: row.answer,
            overdue_at: time(row.overdue_at),
        })
    }
}
