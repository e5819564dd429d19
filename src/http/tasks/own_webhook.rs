//! The webhook that a task brings along: it hears of nobody else.

use serde::Deserialize;
use utoipa::ToSchema;

use crate::domain::task::TaskId;
use crate::domain::webhook::{Origin, Signature};
use crate::http::fields::Fields;
use crate::http::state::Hub;
use crate::http::webhooks::SignatureWord;
use crate::registrar::{Fault, Wish};
use crate::store::Registration;

/// Told how this task fares, and nothing else.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = TaskWebhook)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes the body for the API document; it is read field by field")]
pub struct OwnWebhookBody {
    /// Where events are posted. Private addresses need `DELIVERY_ALLOWED_NETWORKS`.
    #[schema(max_length = 2048, example = "https://editorial.example/hooks/video-42")]
    url: String,
    /// Signs what is sent; `DELIVERY_SECRET` does, if absent.
    secret: Option<String>,
    /// Names of events, with `*` for any run of characters; all events of the task if absent.
    #[schema(min_items = 1, max_items = 100, example = json!(["task.completed", "task.failed"]))]
    events: Option<Vec<String>>,
    #[schema(value_type = Option<SignatureWord>, example = "standard")]
    signature: Option<String>,
}

/// None: the task wants none, or what it wants is wrong, which the fields know then.
pub(super) async fn draft(hub: &Hub, fields: &mut Fields<'_>, task: &TaskId) -> Option<Box<Registration>> {
    let mut own = fields.object("webhook")?;
    let wish = Wish {
        url: own.take("url", "a URL"),
        secret: own.take("secret", "a text"),
        events: own.take("events", "a list of names of events, with * for any run of characters"),
        signature: own.parse("signature", "one of standard, sha256, idp, none", Signature::parse),
        ..Wish::default()
    };
    let drafted = hub.registrar.draft(wish, Some(task.clone()), Origin::Api).await;
    let registration = match drafted {
        Ok(registered) => Some(Box::new(registered.registration)),
        Err(faults) => {
            faults.into_iter().for_each(|Fault { field, says }| own.blame_too(&field, says));
            None
        }
    };
    fields.adopt("webhook", own);
    registration
}
