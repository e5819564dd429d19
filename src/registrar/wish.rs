//! What is wanted of a webhook, as far as somebody has said it.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::webhook::{Auth, Credentials, Signature, Status, Webhook};
use crate::relay::envelope;

/// A new webhook.
#[derive(Clone, Default)]
pub struct Wish {
    pub name: Option<String>,
    pub url: Option<String>,
    /// One is made, if there is none.
    pub secret: Option<String>,
    /// Everything, if nothing is said.
    pub events: Option<Vec<String>>,
    pub filter: Option<String>,
    pub headers: BTreeMap<String, String>,
    pub auth: Option<Auth>,
    /// A JSON document.
    pub template: Option<String>,
    pub signature: Option<Signature>,
    pub retry_delays: Option<Vec<Duration>>,
    pub timeout: Option<Duration>,
    pub customer_id: Option<String>,
    pub status: Option<Status>,
}

/// A change of a webhook: what is not said stays; `Some(None)` takes something away.
#[derive(Clone, Default)]
pub struct Change {
    pub name: Option<String>,
    pub url: Option<String>,
    pub secret: Option<String>,
    pub events: Option<Vec<String>>,
    pub filter: Option<Option<String>>,
    pub headers: Option<BTreeMap<String, String>>,
    pub auth: Option<Option<Auth>>,
    pub template: Option<Option<String>>,
    pub signature: Option<Signature>,
    pub retry_delays: Option<Option<Vec<Duration>>>,
    pub timeout: Option<Option<Duration>>,
    pub customer_id: Option<Option<String>>,
    pub status: Option<Status>,
    /// Why it is disabled.
    pub reason: Option<Option<String>>,
}

impl Change {
    pub(super) fn apply(self, webhook: &mut Webhook, credentials: &mut Credentials) {
        set(&mut webhook.name, self.name);
        set(&mut webhook.url, self.url);
        set(&mut webhook.events, self.events);
        set(&mut webhook.filter, self.filter);
        set(&mut webhook.template, self.template);
        set(&mut webhook.signature, self.signature);
        set(&mut webhook.retry_delays, self.retry_delays);
        set(&mut webhook.timeout, self.timeout);
        set(&mut webhook.customer_id, self.customer_id);
        set(&mut webhook.reason, self.reason);
        if let Some(status) = self.status {
            webhook.status = status;
            if status != Status::Disabled {
                webhook.reason = None;
            }
        }
        set(&mut credentials.headers, self.headers);
        set(&mut credentials.auth, self.auth);
        if let Some(secret) = self.secret {
            credentials.secret = Some(secret);
            credentials.previous = None;
        }
    }
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

/// A field, and a sentence to be read after its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub field: String,
    pub says: String,
}

impl Fault {
    pub(super) fn new(field: &str, says: impl Into<String>) -> Self {
        Self { field: field.to_owned(), says: says.into() }
    }
}

impl From<envelope::Fault> for Fault {
    fn from(fault: envelope::Fault) -> Self {
        let (field, says) = fault;
        Self { field, says }
    }
}
