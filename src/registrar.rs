//! What somebody wants of a webhook becomes a registration, or a list of what is wrong with it: the same for the API, for the
//! webhook of a single task, and for the file of the settings.
//!
//! Whatever is wrong is found before anything is written, by field. Credentials leave this room encrypted.

mod trial;
mod wish;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use crate::clock::Clock;
use crate::domain::task::TaskId;
use crate::domain::webhook::{Credentials, Origin, Previous, Signature, Status, Webhook};
use crate::relay::envelope;
use crate::relay::guard::Guard;
use crate::relay::sender::Sender;
use crate::store::{Registration, Store};
use crate::subscription;
use crate::vault::{Vault, VaultError};

pub use trial::Trial;
pub use wish::{Change, Fault, Wish};

/// Both secrets hold for so long after a rotation, unless somebody says otherwise.
pub const OVERLAP: Duration = Duration::from_secs(24 * 3600);
const LONGEST_NAME: usize = 200;
const LONGEST_URL: usize = 2048;
const LONGEST_TIMEOUT: Duration = Duration::from_secs(120);
const MOST_DELAYS: usize = 20;
const LONGEST_DELAY: Duration = Duration::from_secs(7 * 24 * 3600);

/// Cheap to clone.
#[derive(Clone)]
pub struct Registrar {
    store: Store,
    vault: Vault,
    guard: Guard,
    sender: Sender,
    clock: Clock,
}

/// A registration to be written, and the secret that was made for it: it is shown once.
#[derive(Clone, Debug)]
pub struct Registered {
    pub registration: Registration,
    pub made: Option<String>,
}

impl Registrar {
    #[must_use]
    pub const fn new(store: Store, vault: Vault, guard: Guard, sender: Sender, clock: Clock) -> Self {
        Self { store, vault, guard, sender, clock }
    }

    #[must_use]
    pub const fn store(&self) -> &Store {
        &self.store
    }

    #[must_use]
    pub const fn sender(&self) -> &Sender {
        &self.sender
    }

    /// A new webhook; `task` is the only one whose news it hears, if it is a task's own. Nothing is written.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub async fn draft(&self, wish: Wish, task: Option<TaskId>, origin: Origin) -> Result<Registered, Vec<Fault>> {
        let mut faults = Vec::new();
        if wish.url.is_none() {
            faults.push(Fault::new("url", "is missing"));
        }
        let now = self.clock.now();
        let id = Uuid::now_v7();
        let signature = wish.signature.unwrap_or(Signature::Standard);
        let own_secret = wish.secret.is_some();
        let is_task = task.is_some();
        let mut credentials = Credentials { secret: wish.secret, previous: None, headers: wish.headers, auth: wish.auth };
        // a task's own webhook is signed with the settings' secret where it brings none
        let made = (signature != Signature::None && !own_secret && !is_task).then(envelope::make_secret);
        if let Some(made) = &made {
            credentials.secret = Some(made.clone());
        }
        if is_task && signature != Signature::None && !own_secret && !self.sender.has_secret() {
            faults.push(Fault::new("secret", "is missing, and DELIVERY_SECRET is not set: give one, or say `signature: none`"));
        }
        let webhook = Webhook {
            id,
            name: wish.name.unwrap_or_default(),
            url: wish.url.unwrap_or_default(),
            events: wish.events.unwrap_or_else(|| vec!["*".to_owned()]),
            filter: wish.filter,
            template: wish.template,
            signature,
            retry_delays: wish.retry_delays,
            timeout: wish.timeout,
            customer_id: wish.customer_id,
            status: wish.status.unwrap_or(Status::Active),
            reason: None,
            task,
            origin,
            created_at: now,
            updated_at: now,
        };
        self.examine(&webhook, &credentials, &mut faults).await;
        let sealed = self.seal(id, &credentials, &mut faults);
        if faults.is_empty() {
            Ok(Registered { registration: Registration { webhook, credentials: sealed }, made })
        } else {
            Err(faults)
        }
    }

    /// What a webhook becomes by a change. Nothing is written.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub async fn amend(&self, registration: Registration, change: Change) -> Result<Registered, Vec<Fault>> {
        let Registration { mut webhook, credentials } = registration;
        let mut credentials =
            self.open(webhook.id, credentials.as_deref()).map_err(|error| vec![Fault::new("secret", error.to_string())])?;
        let now = self.clock.now();
        change.apply(&mut webhook, &mut credentials);
        let mut made = None;
        if webhook.signature != Signature::None && credentials.secret.is_none() && webhook.task.is_none() {
            let secret = envelope::make_secret();
            credentials.secret = Some(secret.clone());
            made = Some(secret);
        }
        webhook.updated_at = now;
        let mut faults = Vec::new();
        self.examine(&webhook, &credentials, &mut faults).await;
        let sealed = self.seal(webhook.id, &credentials, &mut faults);
        if faults.is_empty() {
            Ok(Registered { registration: Registration { webhook, credentials: sealed }, made })
        } else {
            Err(faults)
        }
    }

    /// A new secret; the old one holds, too, for `overlap`. Nothing is written.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn rotate(
        &self,
        registration: Registration,
        secret: Option<String>,
        overlap: Duration,
    ) -> Result<Registered, Vec<Fault>> {
        let Registration { mut webhook, credentials } = registration;
        let mut credentials =
            self.open(webhook.id, credentials.as_deref()).map_err(|error| vec![Fault::new("secret", error.to_string())])?;
        let now = self.clock.now();
        let made = secret.is_none().then(envelope::make_secret);
        let secret = secret.or_else(|| made.clone());
        credentials.previous =
            credentials.secret.take().filter(|_| !overlap.is_zero()).map(|secret| Previous { secret, until: now.plus(overlap) });
        credentials.secret = secret;
        webhook.updated_at = now;
        let mut faults = Vec::new();
        faults.extend(envelope::faults(&credentials).into_iter().map(Fault::from));
        let sealed = self.seal(webhook.id, &credentials, &mut faults);
        if faults.is_empty() {
            Ok(Registered { registration: Registration { webhook, credentials: sealed }, made })
        } else {
            Err(faults)
        }
    }

    /// # Errors
    /// Why they cannot be read.
    pub fn open(&self, webhook: Uuid, sealed: Option<&[u8]>) -> Result<Credentials, VaultError> {
        sealed.map_or_else(|| Ok(Credentials::default()), |sealed| self.vault.open_credentials(webhook, sealed))
    }

    async fn examine(&self, webhook: &Webhook, credentials: &Credentials, faults: &mut Vec<Fault>) {
        if webhook.name.chars().count() > LONGEST_NAME || webhook.name.chars().any(char::is_control) {
            faults.push(Fault::new("name", format!("must be at most {LONGEST_NAME} characters, without control characters")));
        }
        if webhook.url.len() > LONGEST_URL {
            faults.push(Fault::new("url", format!("must be at most {LONGEST_URL} bytes")));
        } else if !webhook.url.is_empty()
            && let Err(forbidden) = self.guard.check(&webhook.url).await
        {
            faults.push(Fault::new("url", format!("is not allowed: {forbidden}")));
        }
        let texts = subscription::check(&webhook.events, webhook.filter.as_deref(), webhook.template.as_deref());
        faults.extend(texts.into_iter().map(|(field, says)| Fault { field, says }));
        faults.extend(envelope::faults(credentials).into_iter().map(Fault::from));
        if webhook.timeout.is_some_and(|timeout| timeout.is_zero() || timeout > LONGEST_TIMEOUT) {
            faults.push(Fault::new("timeout_seconds", "must be from 1 to 120 seconds"));
        }
        let delays = webhook.retry_delays.as_deref().unwrap_or_default();
        if delays.len() > MOST_DELAYS || delays.iter().any(|delay| *delay > LONGEST_DELAY) {
            faults.push(Fault::new("retry_delays", "must be at most 20 delays of at most 7 days each, in seconds"));
        }
    }

    fn seal(&self, webhook: Uuid, credentials: &Credentials, faults: &mut Vec<Fault>) -> Option<Vec<u8>> {
        if credentials.is_empty() {
            return None;
        }
        match self.vault.seal_credentials(webhook, credentials) {
            Ok(sealed) => Some(sealed),
            Err(error) => {
                faults.push(Fault::new(credential(credentials), format!("cannot be kept: {error}")));
                None
            }
        }
    }
}

/// The field that is to blame if credentials cannot be kept.
fn credential(credentials: &Credentials) -> &'static str {
    match credentials {
        Credentials { secret: Some(_), .. } => "secret",
        Credentials { auth: Some(_), .. } => "auth",
        _ => "headers",
    }
}

/// Values are never shown again.
#[must_use]
pub fn masked(headers: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    headers.keys().map(|name| (name.clone(), "***".to_owned())).collect()
}

/// Shared by whoever works with them.
pub type Shared = Arc<Registrar>;
