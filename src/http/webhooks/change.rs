//! `PATCH` and `DELETE /api/webhooks/{id}`

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::auth::AuthBody;
use super::fields::{SignatureWord, WebhookStatusWord};
use super::{WebhookBody, fields, judged, known, written};
use crate::domain::webhook::{Origin, Status};
use crate::http::body::{Nothing, Sent};
use crate::http::fields::Fields;
use crate::http::openapi::ActionErrors;
use crate::http::problem::{Code, Problem};
use crate::http::segment::Segment;
use crate::http::state::Hub;
use crate::registrar::{Change, Fault, Registered};
use crate::store::Registration;

/// How often a change is begun again because somebody else was faster.
const REPEATS: usize = 20;

/// What may change about a webhook. What is absent stays; null takes away what may be absent.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = WebhookPatch)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes the body for the API document; it is read field by field")]
pub struct WebhookPatchBody {
    #[schema(max_length = 200)]
    name: Option<String>,
    #[schema(max_length = 2048)]
    url: Option<String>,
    /// Replaces the one that is there at once; `rotate-secret` lets both hold for a while.
    secret: Option<String>,
    #[schema(min_items = 1, max_items = 100)]
    events: Option<Vec<String>>,
    filter: Option<String>,
    /// Replaces all of them; a value of `***` stays as it is.
    headers: Option<BTreeMap<String, String>>,
    auth: Option<AuthBody>,
    #[schema(value_type = Option<serde_json::Value>)]
    template: Option<serde_json::Value>,
    #[schema(value_type = Option<SignatureWord>, example = "sha256")]
    signature: Option<String>,
    #[schema(max_items = 20)]
    retry_delays: Option<Vec<f64>>,
    #[schema(exclusive_minimum = 0.0, maximum = 120.0)]
    timeout_seconds: Option<f64>,
    #[schema(min_length = 1, max_length = 200)]
    customer_id: Option<String>,
    #[schema(value_type = Option<WebhookStatusWord>, example = "paused")]
    status: Option<String>,
    /// Why it is not active.
    #[schema(max_length = 200, example = "moving to another host")]
    reason: Option<String>,
}

/// What is to become of a webhook.
pub(super) enum Act {
    Amend(Box<Change>),
    Rotate { secret: Option<String>, overlap: Duration },
    Remove,
}

/// Change a webhook
///
/// Paused: deliveries are written and wait. Disabled: those that wait are dead, and so are new ones. Active: it is tried
/// again at once.
#[utoipa::path(
    patch,
    path = "/api/webhooks/{webhook_id}",
    tag = "webhooks",
    params(("webhook_id" = Uuid, Path, description = "The webhook's id")),
    request_body(content = WebhookPatchBody, content_type = "application/json"),
    responses(
        (status = 200, description = "The webhook as it is now; with a `secret` if it has needed one", body = WebhookBody),
        ActionErrors,
    ),
)]
pub async fn change_webhook(
    State(hub): State<Arc<Hub>>,
    Segment(id): Segment,
    Sent(body): Sent,
) -> Result<Json<WebhookBody>, Problem> {
    let mut fields = Fields::of_body(&body)?;
    for name in ["url", "secret", "events", "signature", "status"] {
        fields.keep(name);
    }
    let change = fields::read(&mut fields);
    let reason = fields.change("reason", |fields, name| fields.take(name, "a text"));
    let act = Act::Amend(Box::new(Change { reason, ..change }));
    let changed = carry_out(&hub, &id, fields, &act).await?;
    if changed.registration.webhook.status == Status::Active {
        hub.registrar.sender().lanes().reopen(&changed.registration.webhook.lane());
        hub.journal.chores().deliver.send_replace(());
    }
    Ok(Json(WebhookBody::made(&hub, changed)))
}

/// Remove a webhook
///
/// What it has not got is dead; its deliveries stay in the books.
#[utoipa::path(
    delete,
    path = "/api/webhooks/{webhook_id}",
    tag = "webhooks",
    params(("webhook_id" = Uuid, Path, description = "The webhook's id")),
    responses((status = 204, description = "Removed"), ActionErrors),
)]
pub async fn delete_webhook(State(hub): State<Arc<Hub>>, Segment(id): Segment, _: Nothing) -> Result<StatusCode, Problem> {
    carry_out(&hub, &id, Fields::of_query(None), &Act::Remove).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Reads a webhook, makes of it what is wished, and writes that, unless somebody has changed it meanwhile: then again.
pub(super) async fn carry_out(hub: &Hub, id: &str, fields: Fields<'_>, act: &Act) -> Result<Registered, Problem> {
    let mut fields = Some(fields);
    for _ in 0..REPEATS {
        let seen = known(hub, id).await?;
        refuse_of_file(&seen)?;
        let outcome = apply(hub, seen.clone(), act).await;
        let changed = judged(fields.take().unwrap_or_else(|| Fields::of_query(None)), outcome)?;
        let (store, now, registration) = (hub.store.clone(), hub.clock.now(), changed.registration.clone());
        if written(hub, async move { store.replace(&seen, &registration, now).await }).await? {
            return Ok(changed);
        }
    }
    Err(Problem::new(Code::Conflict, "The webhook is being changed by somebody else"))
}

async fn apply(hub: &Hub, seen: Registration, act: &Act) -> Result<Registered, Vec<Fault>> {
    match act {
        Act::Amend(change) => hub.registrar.amend(seen, (**change).clone()).await,
        Act::Rotate { secret, overlap } => hub.registrar.rotate(seen, secret.clone(), *overlap),
        Act::Remove => Ok(hub.registrar.remove(seen)),
    }
}

fn refuse_of_file(registration: &Registration) -> Result<(), Problem> {
    match registration.webhook.origin {
        Origin::Api => Ok(()),
        Origin::File => {
            Err(Problem::new(Code::Conflict, "The webhook comes from the file of DELIVERY_WEBHOOKS_FILE: change it there"))
        }
    }
}
