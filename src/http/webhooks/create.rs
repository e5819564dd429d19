//! `POST /api/webhooks`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::fields::{self, NewWebhookBody};
use super::{WebhookBody, judged, written};
use crate::domain::webhook::Origin;
use crate::http::body::Sent;
use crate::http::fields::Fields;
use crate::http::openapi::BulkErrors;
use crate::http::problem::Problem;
use crate::http::state::Hub;

/// Register a webhook
///
/// From now on it gets the events that it names. A `secret` that the hub has made is in this answer and in no other one.
#[utoipa::path(
    post,
    path = "/api/webhooks",
    tag = "webhooks",
    request_body(content = NewWebhookBody, content_type = "application/json"),
    responses((status = 201, description = "Registered; keep `secret`, if it is there", body = WebhookBody), BulkErrors),
)]
pub async fn create_webhook(State(hub): State<Arc<Hub>>, Sent(body): Sent) -> Result<(StatusCode, Json<WebhookBody>), Problem> {
    let mut fields = Fields::of_body(&body)?;
    let wish = fields::read(&mut fields).into();
    let drafted = hub.registrar.draft(wish, None, Origin::Api).await;
    let registered = judged(fields, drafted)?;
    let (store, now) = (hub.store.clone(), hub.clock.now());
    let registration = registered.registration.clone();
    written(&hub, async move { store.register(&[registration], now).await }).await?;
    Ok((StatusCode::CREATED, Json(WebhookBody::made(&hub, registered))))
}
