//! `hub_parked`: callbacks that wait for their task to become known.

use std::sync::LazyLock;

use sea_orm::entity::prelude::*;

use super::super::backend::Table;
use super::super::error::StoreError;
use super::Place;
use crate::domain::fingerprint::Fingerprint;
use crate::domain::parked::{Awaited, Parked};
use crate::domain::task::{ExternalId, GeneratorName, TaskId};
use crate::domain::time::Timestamp;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "hub_parked")]
pub struct Model {
    /// The receipt's.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub generator: String,
    /// An id of the task's, whose path the callback came on, or, `named`, one by which it names the task.
    pub awaits: String,
    pub named: bool,
    pub fingerprint: Option<Vec<u8>>,
    /// The attempt that a token proved.
    pub token_attempt: Option<i32>,
    /// The one that the query named.
    pub query_attempt: Option<i32>,
    pub may_adopt: bool,
    /// Pairs as JSON, without the token.
    pub query: String,
    pub signed: bool,
    pub arrived_at: i64,
    pub due_at: i64,
    pub expires_at: i64,
    pub looks: i32,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

pub(in crate::store) static TABLE: LazyLock<Table<Entity>> = LazyLock::new(Table::constant);

impl Model {
    fn awaited(&self) -> Result<Awaited, StoreError> {
        let row = self.id.to_string();
        let place = Place { table: "hub_parked", row: &row };
        if self.named {
            return place.check("awaits", ExternalId::parse(&self.awaits).ok()).map(Awaited::Named);
        }
        place.check("awaits", TaskId::parse(&self.awaits).ok()).map(Awaited::Task)
    }

    pub(in crate::store) fn to_parked(&self) -> Result<Parked, StoreError> {
        let row = self.id.to_string();
        let place = Place { table: "hub_parked", row: &row };
        let fingerprint = self.fingerprint.as_deref().map(TryInto::try_into).transpose();
        Ok(Parked {
            generator: place.check("generator", GeneratorName::parse(&self.generator).ok())?,
            awaits: self.awaited()?,
            fingerprint: place.check("fingerprint", fingerprint.ok())?.map(Fingerprint),
            arrived_at: Timestamp::from_micros(self.arrived_at),
            due_at: Timestamp::from_micros(self.due_at),
            expires_at: Timestamp::from_micros(self.expires_at),
            looks: place.number("looks", self.looks)?,
        })
    }
}
