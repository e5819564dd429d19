//! `POST /api/webhooks/{id}/test` and `/rotate-secret`

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::change::{Act, carry_out};
use super::{WebhookBody, known};
use crate::http::body::{Nothing, Sent};
use crate::http::fields::Fields;
use crate::http::openapi::ActionErrors;
use crate::http::problem::{Code, Problem};
use crate::http::segment::Segment;
use crate::http::state::Hub;
use crate::registrar::{Fault, OVERLAP, Trial};

/// Both secrets may hold for so long.
const LONGEST_OVERLAP: u64 = 30 * 24 * 3600;

/// What a test has met.
#[derive(Debug, Serialize, ToSchema)]
pub struct WebhookTest {
    /// As in `webhook-id`
    id: Uuid,
    /// Whether the answer was 2xx.
    success: bool,
    /// Of the answer; null if there was none.
    #[schema(example = 200)]
    status_code: Option<u16>,
    #[schema(example = "200 OK")]
    detail: String,
    /// How the answer's body begins.
    answer: Option<String>,
    duration_ms: u64,
}

/// A new secret.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes the body for the API document; it is read field by field")]
pub struct SecretRotation {
    /// One is made, and shown once, if absent.
    secret: Option<String>,
    /// How long the old one holds, too; a day if absent. `standard` carries both signatures until then, the others that of
    /// the oldest one that holds. Secrets before that hold as long as was said when they were replaced; 0 ends all of them.
    #[schema(maximum = 2_592_000, example = 86400)]
    overlap_seconds: Option<u64>,
}

/// Try out a webhook
///
/// Sends a `webhook.test` event at once, made and signed like any other one. No delivery stands for it, and it is not
/// repeated.
#[utoipa::path(
    post,
    path = "/api/webhooks/{webhook_id}/test",
    tag = "webhooks",
    params(("webhook_id" = Uuid, Path, description = "The webhook's id")),
    responses((status = 200, description = "What was heard, good or bad", body = WebhookTest), ActionErrors),
)]
pub async fn test_webhook(State(hub): State<Arc<Hub>>, Segment(id): Segment, _: Nothing) -> Result<Json<WebhookTest>, Problem> {
    let registration = known(&hub, &id).await?;
    let tried = hub.stopping.run_until_cancelled(hub.registrar.test(registration)).await;
    match tried.ok_or_else(|| Problem::unavailable("The service is stopping"))? {
        Ok(trial) => Ok(Json(trial.into())),
        Err(faults) => Err(untried(faults)),
    }
}

/// Give a webhook a new secret
///
/// The old one holds, too, until `previous_secret_until`. A secret that the hub has made is in this answer and in no other one.
#[utoipa::path(
    post,
    path = "/api/webhooks/{webhook_id}/rotate-secret",
    tag = "webhooks",
    params(("webhook_id" = Uuid, Path, description = "The webhook's id")),
    request_body(content = SecretRotation, content_type = "application/json"),
    responses((status = 200, description = "The webhook; keep `secret`, if it is there", body = WebhookBody), ActionErrors),
)]
pub async fn rotate_webhook_secret(
    State(hub): State<Arc<Hub>>,
    Segment(id): Segment,
    Sent(body): Sent,
) -> Result<Json<WebhookBody>, Problem> {
    let mut fields = Fields::of_body(&body)?;
    let secret = fields.take("secret", "a text");
    let wanted = "a whole number of seconds from 0 to 30 days";
    let overlap: Option<u64> = fields.whole("overlap_seconds", wanted);
    if overlap.is_some_and(|seconds| seconds > LONGEST_OVERLAP) {
        fields.blame("overlap_seconds", format!("must be {wanted}"));
    }
    let act = Act::Rotate { secret, overlap: overlap.map_or(OVERLAP, Duration::from_secs) };
    let rotated = carry_out(&hub, &id, fields, &act).await?;
    Ok(Json(WebhookBody::made(&hub, rotated)))
}

/// A place that deliveries must not go to is a field's fault; everything else is what the webhook is.
fn untried(faults: Vec<Fault>) -> Problem {
    match faults.into_iter().next() {
        Some(Fault { field, says }) if field == "url" => Problem::field(Code::InvalidRequest, "url", says),
        Some(Fault { says, .. }) => Problem::new(Code::Conflict, format!("The webhook {says}")),
        None => Problem::of(Code::Internal),
    }
}

impl From<Trial> for WebhookTest {
    fn from(trial: Trial) -> Self {
        let Trial { id, success, status, detail, answer, took } = trial;
        let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        Self { id, success, status_code: status, detail, answer, duration_ms }
    }
}
