//! What is wanted of a webhook, as far as somebody has said it.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::webhook::{Auth, Credentials, Signature, Status, Webhook};
use crate::relay::envelope;

/// Shown instead of what nobody may read back.
pub const MASK: &str = "***";

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
    /// Why it is not active.
    pub reason: Option<Option<String>>,
}

/// A new webhook is a change of nothing.
impl From<Change> for Wish {
    fn from(change: Change) -> Self {
        Self {
            name: change.name,
            url: change.url,
            secret: change.secret,
            events: change.events,
            filter: change.filter.flatten(),
            headers: change.headers.unwrap_or_default(),
            auth: change.auth.flatten(),
            template: change.template.flatten(),
            signature: change.signature,
            retry_delays: change.retry_delays.flatten(),
            timeout: change.timeout.flatten(),
            customer_id: change.customer_id.flatten(),
            status: change.status,
        }
    }
}

impl Change {
    /// Whether it cannot be made without knowing what the webhook's credentials are.
    pub(super) fn concerns_credentials(&self) -> bool {
        let signs = self.signature.is_some_and(|signature| signature != Signature::None);
        signs || self.secret.is_some() || self.headers.is_some() || self.auth.is_some()
    }

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
        if let Some(status) = self.status.filter(|status| *status != webhook.status) {
            webhook.status = status;
            webhook.reason = None;
        }
        set(&mut webhook.reason, self.reason);
        if webhook.status == Status::Active {
            webhook.reason = None;
        }
        if let Some(headers) = self.headers {
            let known = std::mem::take(&mut credentials.headers);
            credentials.headers = headers.into_iter().map(|(name, value)| unmasked(name, value, &known)).collect();
        }
        set(&mut credentials.auth, self.auth);
        if let Some(secret) = self.secret {
            credentials.secret = Some(secret);
            credentials.previous = None;
            credentials.older.clear();
        }
    }
}

/// Who sends back what he was shown has not meant three stars.
fn unmasked(name: String, value: String, known: &BTreeMap<String, String>) -> (String, String) {
    let value = if value == MASK { known.get(&name).cloned().unwrap_or(value) } else { value };
    (name, value)
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

/// What the API shows instead of credentials must not become one.
pub(super) fn masks(credentials: &Credentials) -> Vec<Fault> {
    let auth = credentials.auth.as_ref().map(|auth| match auth {
        Auth::Basic { password, .. } => ("auth.password", password),
        Auth::Bearer { token } => ("auth.token", token),
        Auth::ApiKey { key_value, .. } => ("auth.key_value", key_value),
    });
    let secret = credentials.secret.as_ref().map(|secret| ("secret", secret));
    let headers = credentials.headers.iter().map(|(name, value)| (format!("headers.{name}"), value));
    let all = auth.into_iter().chain(secret).map(|(field, value)| (field.to_owned(), value)).chain(headers);
    let masked = all.filter(|(_, value)| *value == MASK);
    masked.map(|(field, _)| Fault { field, says: "is what is shown instead of a value: give the value".to_owned() }).collect()
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
