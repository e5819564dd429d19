//! `GET /api/webhooks`

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{WebhookBody, fields};
use crate::domain::time::Timestamp;
use crate::http::cursor::{self, DEFAULT_LIMIT};
use crate::http::fields::Fields;
use crate::http::openapi::ListErrors;
use crate::http::problem::Problem;
use crate::http::state::Hub;
use crate::registrar::RefusedFile;
use crate::store::{Page, WebhookFilter};

#[derive(Debug, Serialize, ToSchema)]
pub struct WebhookList {
    items: Vec<WebhookBody>,
    /// Give it as `cursor` for the next page; null on the last one.
    next_cursor: Option<String>,
    /// Set while the file of `DELIVERY_WEBHOOKS_FILE` that is there now is broken: what it said before counts.
    refused: Option<RefusedWebhooksFile>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct RefusedWebhooksFile {
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// The places in the file, and what is wrong there.
    #[schema(example = "DELIVERY_WEBHOOKS_FILE (webhooks.json): webhooks[0].url is missing")]
    fault: String,
}

/// List webhooks
///
/// Newest first, without those of single tasks.
#[utoipa::path(
    get,
    path = "/api/webhooks",
    tag = "webhooks",
    params(
        ("customer_id" = Option<String>, Query, min_length = 1, description = "Webhooks with this `customer_id`"),
        ("status" = Option<String>, Query, pattern = "^(active|paused|disabled)$", description = "`active`, `paused` or `disabled`"),
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 200, description = "Items on a page; 50 if absent"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses((status = 200, description = "A page of webhooks", body = WebhookList), ListErrors),
)]
pub async fn list_webhooks(State(hub): State<Arc<Hub>>, RawQuery(query): RawQuery) -> Result<Json<WebhookList>, Problem> {
    let mut fields = Fields::of_query(query.as_deref());
    let filter = WebhookFilter {
        customer_id: fields.text("customer_id", "a customer's id"),
        status: fields.parse("status", "one of active, paused, disabled", fields::status),
    };
    let limit = fields.parse("limit", "a whole number from 1 to 200", cursor::limit).unwrap_or(DEFAULT_LIMIT);
    let after = fields.parse("cursor", "the next_cursor of a page", position);
    fields.finish()?;

    let mut found = hub.store.webhooks(&filter, &Page { limit: limit + 1, after }).await?;
    let more = found.len() as u64 > limit;
    found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let last = found.last().filter(|_| more).map(|last| &last.webhook);
    let next_cursor = last.map(|last| cursor::encode(&[&last.created_at.micros().to_string(), &last.id.to_string()]));
    let items = found.into_iter().map(|found| WebhookBody::of(&hub, found)).collect();
    let refused = hub.registrar.refused_file().map(|RefusedFile { at, fault }| RefusedWebhooksFile { at, fault });
    Ok(Json(WebhookList { items, next_cursor, refused }))
}

fn position(text: &str) -> Option<(Timestamp, String)> {
    let [created, id] = cursor::decode(text)?;
    id.parse::<Uuid>().ok()?;
    Some((Timestamp::from_micros(created.parse().ok()?), id))
}
