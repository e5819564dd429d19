//! `GET /api/webhooks/{id}`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::{WebhookBody, known};
use crate::http::openapi::ReceiptErrors;
use crate::http::problem::Problem;
use crate::http::segment::Segment;
use crate::http::state::Hub;

/// Read a webhook
///
/// A task's own webhook, too. Secrets are masked.
#[utoipa::path(
    get,
    path = "/api/webhooks/{webhook_id}",
    tag = "webhooks",
    params(("webhook_id" = Uuid, Path, description = "The webhook's id")),
    responses((status = 200, description = "The webhook", body = WebhookBody), ReceiptErrors),
)]
pub async fn read_webhook(State(hub): State<Arc<Hub>>, Segment(id): Segment) -> Result<Json<WebhookBody>, Problem> {
    let registration = known(&hub, &id).await?;
    Ok(Json(WebhookBody::of(&hub, registration)))
}
