//! Deliveries: what webhooks were told, what they have yet to be told, and what was given up.

mod bulk;
mod list;
mod retry;
mod shape;

pub(super) use bulk::{__path_retry_deliveries, __path_retry_task_deliveries};
pub use bulk::{BulkAnswer, BulkBody, retry_deliveries, retry_task_deliveries};
pub(super) use list::{__path_list_deliveries, __path_list_task_deliveries, __path_read_delivery};
pub use list::{DeliveryList, list_deliveries, list_task_deliveries, read_delivery};
pub(super) use retry::__path_retry_delivery;
pub use retry::retry_delivery;
pub use shape::DeliveryBody;

use uuid::Uuid;

use super::fields::Fields;
use super::problem::{Code, Problem};
use super::state::Hub;
use crate::domain::task::TaskId;
use crate::store::{Delivery, DeliveryFilter};
use crate::subscription::Template;

fn unknown() -> Problem {
    Problem::new(Code::NotFound, "There is no such delivery")
}

/// # Errors
/// `not_found`: what cannot be a delivery's id is none.
fn delivery_id(text: &str) -> Result<Uuid, Problem> {
    text.parse().map_err(|_| unknown())
}

/// A delivery with its body.
async fn load(hub: &Hub, id: Uuid) -> Result<DeliveryBody, Problem> {
    let delivery = hub.store.delivery(id).await?.ok_or_else(unknown)?;
    let body = body(hub, &delivery).await?;
    Ok(DeliveryBody::of(delivery, body))
}

/// What was sent; before the first attempt, what would be sent today.
async fn body(hub: &Hub, delivery: &Delivery) -> Result<Option<Vec<u8>>, Problem> {
    if let Some(body) = delivery.body {
        return Ok(hub.store.payload(body).await?);
    }
    let Some(letter) = hub.store.letter_of(delivery.event).await? else { return Ok(None) };
    let registration = hub.store.registrations(vec![delivery.webhook]).await?.pop();
    let template = registration.and_then(|registration| registration.webhook.template);
    let Some(template) = template else { return Ok(Some(letter)) };
    // one that makes nothing of it is told when its turn comes
    let made = std::str::from_utf8(&letter).ok().and_then(|letter| Template::compile(&template).ok()?.render(letter).ok());
    Ok(made.map(String::into_bytes))
}

/// What deliveries may be narrowed to, apart from their state.
fn narrowed(fields: &mut Fields<'_>) -> DeliveryFilter {
    DeliveryFilter {
        status: Vec::new(),
        webhook: fields.parse("webhook_id", "a webhook's id", |text| text.parse().ok()),
        task: fields.parse("task_id", "a task's id", |text| TaskId::parse(text).ok()),
        event: fields.text("event", "an event's name"),
        created_after: fields.time("created_after"),
        created_before: fields.time("created_before"),
    }
}

/// Deliveries are due in these lanes, and nobody is left alone any longer.
fn ring<'a>(hub: &Hub, lanes: impl IntoIterator<Item = &'a str>) {
    for lane in lanes {
        hub.registrar.sender().lanes().reopen(lane);
    }
    hub.journal.chores().deliver.send_replace(());
}
