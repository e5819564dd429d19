//! What may be said of a webhook: to make one, to change it, and in the file of the settings.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use utoipa::ToSchema;

use super::auth::{self, AuthBody};
use crate::domain::webhook::{Signature, Status};
use crate::generator::json::storable;
use crate::http::fields::Fields;
use crate::registrar::Change;

/// A webhook to be.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = NewWebhook)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes the body for the API document; it is read field by field")]
pub struct NewWebhookBody {
    /// For people.
    #[schema(max_length = 200, example = "editorial")]
    name: Option<String>,
    /// Where events are posted. Private addresses need `DELIVERY_ALLOWED_NETWORKS`.
    #[schema(max_length = 2048, example = "https://editorial.example/hooks/hub")]
    url: String,
    /// Signs what is sent: any text, or `whsec_…`. One is made, and shown once, if absent.
    secret: Option<String>,
    /// Names of events, with `*` for any run of characters; all events if absent.
    #[schema(min_items = 1, max_items = 100, example = json!(["task.completed", "content.*"]))]
    events: Option<Vec<String>>,
    /// An expression over `event`, `data`, `timestamp` and `metadata`: only what it holds for is sent.
    #[schema(example = "data.generator == 'replicate'")]
    filter: Option<String>,
    /// Sent with every request; shown as `***`.
    headers: Option<BTreeMap<String, String>>,
    auth: Option<AuthBody>,
    /// The JSON document to send instead of `{event, data, timestamp, metadata}`, with placeholders in its strings.
    #[schema(value_type = Option<serde_json::Value>, example = json!({"id": "{{ task_id }}", "result": "{{ result_json }}"}))]
    template: Option<serde_json::Value>,
    /// `standard`: `webhook-signature`. `sha256`: `X-Webhook-Signature`. `idp`: `X-IDP-Signature`. `none`
    #[schema(value_type = Option<SignatureWord>, example = "standard")]
    signature: Option<String>,
    /// Seconds before the second attempt, the third, …; after the last one a delivery is dead. As `DELIVERY_RETRY_DELAYS`
    /// says, if absent.
    #[schema(max_items = 20)]
    retry_delays: Option<Vec<f64>>,
    /// Of one request. As `DELIVERY_TIMEOUT` says, if absent.
    #[schema(exclusive_minimum = 0.0, maximum = 120.0, example = 10)]
    timeout_seconds: Option<f64>,
    /// Yours, for lists.
    #[schema(min_length = 1, max_length = 200, example = "customer-7")]
    customer_id: Option<String>,
    /// `active`, `paused`: deliveries are written and wait, `disabled`: they are dead from the start
    #[schema(value_type = Option<WebhookStatusWord>, example = "active")]
    status: Option<String>,
}

#[derive(ToSchema)]
#[schema(as = WebhookSignature, rename_all = "snake_case")]
#[expect(dead_code, reason = "describes `signature` for the API document; a test holds it against the domain's")]
pub(in crate::http) enum SignatureWord {
    Standard,
    Sha256,
    Idp,
    None,
}

#[derive(ToSchema)]
#[schema(as = WebhookStatus, rename_all = "snake_case")]
#[expect(dead_code, reason = "describes `status` for the API document")]
pub(super) enum WebhookStatusWord {
    Active,
    Paused,
    Disabled,
}

/// Seconds, with a fraction or without.
#[derive(Deserialize)]
#[serde(try_from = "f64")]
pub(super) struct Seconds(pub Duration);

impl TryFrom<f64> for Seconds {
    type Error = std::time::TryFromFloatSecsError;

    fn try_from(seconds: f64) -> Result<Self, Self::Error> {
        Duration::try_from_secs_f64(seconds).map(Self)
    }
}

/// As far as it is said; null takes away what may be absent.
pub(super) fn read(fields: &mut Fields<'_>) -> Change {
    let delays = |fields: &mut Fields<'_>, name| {
        let delays: Option<Vec<Seconds>> = fields.take(name, "a list of numbers of seconds");
        delays.map(|delays| delays.into_iter().map(|Seconds(delay)| delay).collect())
    };
    let headers = |fields: &mut Fields<'_>, name| fields.take(name, "an object of texts");
    let timeout = |fields: &mut Fields<'_>, name| fields.take(name, "a number of seconds").map(|Seconds(timeout)| timeout);
    Change {
        name: fields.change("name", |fields, name| fields.take(name, "a text")).map(Option::unwrap_or_default),
        url: fields.take("url", "a URL"),
        secret: fields.take("secret", "a text"),
        events: fields.take("events", "a list of names of events, with * for any run of characters"),
        filter: fields.change("filter", |fields, name| fields.take(name, "an expression, as a text")),
        headers: fields.change("headers", headers).map(Option::unwrap_or_default),
        auth: fields.change("auth", auth::read),
        template: fields.change("template", |fields, name| fields.document(name).map(|json| document(json.get()))),
        signature: fields.parse("signature", "one of standard, sha256, idp, none", Signature::parse),
        retry_delays: fields.change("retry_delays", delays),
        timeout: fields.change("timeout_seconds", timeout),
        customer_id: fields.change("customer_id", |fields, name| fields.take(name, "a text")),
        status: fields.parse("status", "one of active, paused, disabled", status),
        reason: None,
    }
}

/// What an operator may wish.
pub(super) fn status(text: &str) -> Option<Status> {
    Status::parse(text).filter(|status| *status != Status::Deleted)
}

fn document(json: &str) -> String {
    storable(json).unwrap_or_else(|| json.to_owned())
}
