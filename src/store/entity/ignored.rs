//! `hub_ignored`: callbacks that no task wanted to hear, to be known again.

use std::sync::LazyLock;

use sea_orm::entity::prelude::*;

use super::super::backend::Table;
use super::super::error::StoreError;
use super::Place;
use crate::domain::fingerprint::Fingerprint;
use crate::domain::parked::Ignored;
use crate::domain::task::GeneratorName;
use crate::domain::time::Timestamp;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "hub_ignored")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub generator: String,
    /// The id of a task that nobody knows; empty: it names none.
    #[sea_orm(primary_key, auto_increment = false)]
    pub awaits: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub fingerprint: Vec<u8>,
    pub at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

pub(in crate::store) static TABLE: LazyLock<Table<Entity>> = LazyLock::new(Table::constant);

impl Model {
    pub(in crate::store) fn of(ignored: &Ignored, now: Timestamp) -> Self {
        let Ignored { generator, awaits, fingerprint } = ignored;
        let (generator, awaits) = (generator.as_str().to_owned(), awaits.clone());
        Self { generator, awaits, fingerprint: fingerprint.0.to_vec(), at: now.micros() }
    }
}

impl TryFrom<Model> for Ignored {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let place = Place { table: "hub_ignored", row: &row.awaits };
        let generator = place.check("generator", GeneratorName::parse(&row.generator).ok())?;
        let fingerprint = Fingerprint(place.check("fingerprint", row.fingerprint.as_slice().try_into().ok())?);
        Ok(Self { generator, fingerprint, awaits: row.awaits })
    }
}
