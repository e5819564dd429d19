//! `hub_contents`: results on their way to review, and into the publish pool.

use std::sync::LazyLock;

use sea_orm::entity::prelude::*;

use super::super::backend::Table;
use super::super::error::StoreError;
use super::{Place, int, time};
use crate::domain::review::{Content, Entry, Review, Stage};
use crate::domain::task::{GeneratorName, Lease, TaskId};
use crate::domain::time::Timestamp;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "hub_contents")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub task_id: String,
    pub generator: String,
    pub document: Uuid,
    pub review: String,
    pub note: Option<String>,
    pub created_at: i64,
    pub priority: Option<i32>,
    pub stage: Option<String>,
    pub tries: i32,
    pub publish_after: Option<i64>,
    pub approved_at: Option<i64>,
    pub published_at: Option<i64>,
    pub lease: Option<Uuid>,
    pub leased_until: Option<i64>,
    pub error: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

pub(in crate::store) static TABLE: LazyLock<Table<Entity>> =
    LazyLock::new(|| Table::changing_but(&[Column::TaskId, Column::Generator, Column::CreatedAt]));

impl Model {
    pub(in crate::store) fn of(content: &Content) -> Self {
        let entry = content.review.entry();
        let stage = entry.map(|entry| &entry.stage);
        let lease = match stage {
            Some(Stage::Publishing(lease)) => Some(lease),
            _ => None,
        };
        let published_at = match stage {
            Some(Stage::Published { at }) => Some(at.micros()),
            _ => None,
        };
        Self {
            id: content.id,
            task_id: content.task.as_str().to_owned(),
            generator: content.generator.as_str().to_owned(),
            document: content.document,
            review: content.review.as_str().to_owned(),
            note: content.note.clone(),
            created_at: content.created_at.micros(),
            priority: entry.map(|entry| int(entry.priority)),
            stage: stage.map(|stage| stage.as_str().to_owned()),
            tries: entry.map_or(0, |entry| int(entry.tries)),
            publish_after: entry.map(|entry| entry.publish_after.micros()),
            approved_at: entry.map(|entry| entry.approved_at.micros()),
            published_at,
            // who holds it, or who has last said that he is done with it
            lease: lease.map(|lease| lease.token).or(entry.and_then(|entry| entry.done)),
            leased_until: lease.map(|lease| lease.until.micros()),
            error: entry.and_then(|entry| entry.error.clone()),
        }
    }

    fn review(&self, place: &Place<'_>) -> Result<Review, StoreError> {
        match self.review.as_str() {
            "pending_review" => Ok(Review::Pending),
            "rejected" => Ok(Review::Rejected),
            "approved" => Ok(Review::Approved(Entry {
                priority: place.number("priority", place.check("priority", self.priority)?)?,
                stage: self.stage(place)?,
                tries: place.number("tries", self.tries)?,
                publish_after: place.check("publish_after", time(self.publish_after))?,
                approved_at: place.check("approved_at", time(self.approved_at))?,
                error: self.error.clone(),
                done: self.lease.filter(|_| self.leased_until.is_none()),
            })),
            _ => place.check("review", None),
        }
    }

    fn stage(&self, place: &Place<'_>) -> Result<Stage, StoreError> {
        match self.stage.as_deref() {
            Some("pending") => Ok(Stage::Pending),
            Some("publishing") => {
                let token = place.check("lease", self.lease)?;
                Ok(Stage::Publishing(Lease { token, until: place.check("leased_until", time(self.leased_until))? }))
            }
            Some("published") => Ok(Stage::Published { at: place.check("published_at", time(self.published_at))? }),
            Some("failed") => Ok(Stage::Failed),
            _ => place.check("stage", None),
        }
    }
}

impl TryFrom<Model> for Content {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let name = row.id.to_string();
        let place = Place { table: "hub_contents", row: &name };
        Ok(Self {
            id: row.id,
            task: place.check("task_id", TaskId::parse(&row.task_id).ok())?,
            generator: place.check("generator", GeneratorName::parse(&row.generator).ok())?,
            document: row.document,
            review: row.review(&place)?,
            note: row.note.clone(),
            created_at: Timestamp::from_micros(row.created_at),
        })
    }
}
