//! A webhook as operators see it: with the names of its secrets, never with their values.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use uuid::Uuid;

use super::auth::AuthBody;
use super::fields::{SignatureWord, WebhookStatusWord};
use crate::domain::breaker::Permit;
use crate::domain::time::Timestamp;
use crate::http::state::Hub;
use crate::registrar::{MASK, Registered};
use crate::store::Registration;

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Webhook)]
pub struct WebhookBody {
    id: Uuid,
    #[schema(example = "editorial")]
    name: String,
    #[schema(example = "https://editorial.example/hooks/hub")]
    url: String,
    /// Only in the answer to the request that has made it; never again.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    events: Vec<String>,
    filter: Option<String>,
    /// The values are masked.
    headers: BTreeMap<String, &'static str>,
    auth: Option<AuthBody>,
    #[schema(value_type = Option<serde_json::Value>)]
    template: Option<Box<RawValue>>,
    #[schema(value_type = SignatureWord, example = "standard")]
    signature: &'static str,
    /// Seconds before the second attempt, the third, …; null: as `DELIVERY_RETRY_DELAYS` says.
    #[schema(value_type = Option<Vec<f64>>)]
    retry_delays: Option<Vec<serde_json::Number>>,
    /// Null: as `DELIVERY_TIMEOUT` says.
    #[schema(value_type = Option<f64>)]
    timeout_seconds: Option<serde_json::Number>,
    customer_id: Option<String>,
    #[schema(value_type = WebhookStatusWord, example = "active")]
    status: &'static str,
    /// Why it is not active.
    reason: Option<String>,
    /// Why its credentials cannot be read: its deliveries wait until they can.
    fault: Option<String>,
    /// How it is treated for failing, apart from its `status`: each process finds that out for itself.
    breaker: BreakerBody,
    /// Whether it has a secret of its own; while its credentials cannot be read (`fault`), whether it has any.
    has_secret: bool,
    /// Until then the secret before the last rotation holds, too; those before that as long as was said then.
    #[schema(value_type = Option<String>, format = DateTime)]
    previous_secret_until: Option<Timestamp>,
    /// The only task whose events it gets, if it was made with that.
    task_id: Option<String>,
    /// `api`, `file`
    #[schema(example = "api")]
    origin: &'static str,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

/// Of the process that answers.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WebhookBreaker)]
struct BreakerBody {
    #[schema(value_type = BreakerWord, example = "closed")]
    state: &'static str,
    /// While it is open.
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
}

/// `closed`: deliveries are sent. `open`: it has failed too often, and is left alone `until` then. `probing`: the next delivery
/// is to find out whether it is back; all others wait for that.
#[derive(ToSchema)]
#[schema(as = BreakerState, rename_all = "snake_case")]
#[expect(dead_code, reason = "describes `state` for the API document")]
enum BreakerWord {
    Closed,
    Open,
    Probing,
}

impl From<Permit> for BreakerBody {
    fn from(permit: Permit) -> Self {
        match permit {
            Permit::Freely => Self { state: "closed", until: None },
            Permit::Probe => Self { state: "probing", until: None },
            Permit::NotBefore(until) => Self { state: "open", until: Some(until) },
        }
    }
}

impl WebhookBody {
    pub(super) fn of(hub: &Hub, registration: Registration) -> Self {
        let Registration { webhook, credentials } = registration;
        let opened = hub.registrar.open(webhook.id, credentials.as_deref());
        let fault = opened.as_ref().err().map(ToString::to_string);
        // what cannot be opened is there
        let has_secret = opened.as_ref().map_or(true, |known| known.secret.is_some());
        let known = opened.unwrap_or_default();
        let (now, lane) = (hub.clock.now(), webhook.lane());
        Self {
            id: webhook.id,
            name: webhook.name,
            url: webhook.url,
            secret: None,
            events: webhook.events,
            filter: webhook.filter,
            headers: known.headers.into_keys().map(|name| (name, MASK)).collect(),
            auth: known.auth.map(Into::into),
            template: webhook.template.and_then(|text| RawValue::from_string(text).ok()),
            signature: webhook.signature.as_str(),
            retry_delays: webhook.retry_delays.map(|delays| delays.into_iter().filter_map(seconds).collect()),
            timeout_seconds: webhook.timeout.and_then(seconds),
            customer_id: webhook.customer_id,
            status: webhook.status.as_str(),
            reason: webhook.reason,
            breaker: hub.registrar.sender().lanes().permit(&lane, now).into(),
            has_secret,
            previous_secret_until: known.previous.map(|previous| previous.until).filter(|until| *until > now),
            fault,
            task_id: webhook.task.map(|task| task.as_str().to_owned()),
            origin: webhook.origin.as_str(),
            created_at: webhook.created_at,
            updated_at: webhook.updated_at,
        }
    }

    /// With the secret that was made, this once.
    pub(super) fn made(hub: &Hub, registered: Registered) -> Self {
        let Registered { registration, made } = registered;
        Self { secret: made, ..Self::of(hub, registration) }
    }
}

/// Whole numbers without a fraction.
fn seconds(duration: Duration) -> Option<serde_json::Number> {
    match duration.subsec_nanos() {
        0 => Some(duration.as_secs().into()),
        _ => serde_json::Number::from_f64(duration.as_secs_f64()),
    }
}
