//! `hub_webhooks`: URLs that want to hear.

use std::sync::LazyLock;
use std::time::Duration;

use sea_orm::entity::prelude::*;
use serde::Serialize;

use super::super::backend::Table;
use super::super::error::StoreError;
use super::{Place, duration_micros};
use crate::domain::task::TaskId;
use crate::domain::time::Timestamp;
use crate::domain::webhook::{Origin, Signature, Status, Webhook};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "hub_webhooks")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub name: String,
    pub url: String,
    /// Globs, as a JSON array.
    pub events: String,
    pub filter: Option<String>,
    pub template: Option<String>,
    pub signature: String,
    /// Microseconds, as a JSON array.
    pub retry_delays: Option<String>,
    pub timeout_us: Option<i64>,
    pub customer_id: Option<String>,
    pub status: String,
    pub reason: Option<String>,
    pub task_id: Option<String>,
    pub origin: String,
    /// Encrypted.
    pub credentials: Option<Vec<u8>>,
    pub created_at: i64,
    pub updated_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

pub(in crate::store) static TABLE: LazyLock<Table<Entity>> =
    LazyLock::new(|| Table::changing_but(&[Column::TaskId, Column::Origin, Column::CreatedAt]));

impl Model {
    pub(in crate::store) fn of(webhook: &Webhook, credentials: Option<Vec<u8>>) -> Self {
        let delays = webhook.retry_delays.as_ref().map(|delays| delays.iter().copied().map(duration_micros).collect::<Vec<_>>());
        Self {
            id: webhook.id,
            name: webhook.name.clone(),
            url: webhook.url.clone(),
            events: json(&webhook.events),
            filter: webhook.filter.clone(),
            template: webhook.template.clone(),
            signature: webhook.signature.as_str().to_owned(),
            retry_delays: delays.as_ref().map(json),
            timeout_us: webhook.timeout.map(duration_micros),
            customer_id: webhook.customer_id.clone(),
            status: webhook.status.as_str().to_owned(),
            reason: webhook.reason.clone(),
            task_id: webhook.task.as_ref().map(|task| task.as_str().to_owned()),
            origin: webhook.origin.as_str().to_owned(),
            credentials,
            created_at: webhook.created_at.micros(),
            updated_at: webhook.updated_at.micros(),
        }
    }
}

/// Texts and numbers can be written as JSON.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

impl TryFrom<Model> for Webhook {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let name = row.id.to_string();
        let place = Place { table: "hub_webhooks", row: &name };
        let delays = row.retry_delays.as_deref().map(|text| {
            let micros = place.check("retry_delays", serde_json::from_str::<Vec<u64>>(text).ok())?;
            Ok::<_, StoreError>(micros.into_iter().map(Duration::from_micros).collect())
        });
        let timeout = row.timeout_us.map(|micros| place.number("timeout_us", micros).map(Duration::from_micros));
        let task = row.task_id.as_deref().map(|id| place.check("task_id", TaskId::parse(id).ok()));
        Ok(Self {
            id: row.id,
            events: place.check("events", serde_json::from_str(&row.events).ok())?,
            signature: place.check("signature", Signature::parse(&row.signature))?,
            retry_delays: delays.transpose()?,
            timeout: timeout.transpose()?,
            status: place.check("status", Status::parse(&row.status))?,
            task: task.transpose()?,
            origin: if row.origin == Origin::File.as_str() { Origin::File } else { Origin::Api },
            created_at: Timestamp::from_micros(row.created_at),
            updated_at: Timestamp::from_micros(row.updated_at),
            name: row.name,
            url: row.url,
            filter: row.filter,
            template: row.template,
            customer_id: row.customer_id,
            reason: row.reason,
        })
    }
}
