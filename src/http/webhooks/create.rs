//! `POST /api/webhooks`

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;

use super::fields::{self, NewWebhookBody};
use super::{WebhookBody, judged, written};
use crate::domain::webhook::Origin;
use crate::http::body::{self, Terms};
use crate::http::fields::Fields;
use crate::http::openapi::WebhookCreationErrors;
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
    responses((status = 201, description = "Registered; keep `secret`, if it is there", body = WebhookBody), WebhookCreationErrors),
)]
pub async fn create_webhook(
    State(hub): State<Arc<Hub>>,
    request: Request<Body>,
) -> Result<(StatusCode, Json<WebhookBody>), Problem> {
    let terms = Terms { limit: hub.options.max_body, within: hub.options.body_timeout, sender: None };
    let body = body::read(request.into_body(), &hub.budget, &terms).await?;
    let mut fields = Fields::of_body(&body)?;
    let wish = fields::read(&mut fields).into();
    let drafted = hub.registrar.draft(wish, None, Origin::Api).await;
    let registered = judged(fields, drafted)?;
    let (store, now) = (hub.store.clone(), hub.clock.now());
    let registration = registered.registration.clone();
    written(&hub, async move { store.register(&[registration], now).await }).await?;
    Ok((StatusCode::CREATED, Json(WebhookBody::made(&hub, registered))))
}
