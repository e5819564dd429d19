//! What somebody wants of a webhook becomes a registration, or a list of what is wrong with it: the same for the API, for the
//! webhook of a single task, and for the file of the settings.
//!
//! Whatever is wrong is found before anything is written, by field. Credentials leave this room encrypted.

mod files;
mod trial;
mod wish;

use std::time::Duration;

use uuid::Uuid;

use crate::clock::Clock;
use crate::domain::task::TaskId;
use crate::domain::webhook::{Credentials, LONGEST_TIMEOUT, Origin, Signature, Status, Webhook};
use crate::relay::envelope;
use crate::relay::guard::Guard;
use crate::relay::sender::Sender;
use crate::store::{Registration, Store};
use crate::subscription;
use crate::vault::{Vault, VaultError};

pub use files::RefusedFile;
pub use trial::Trial;
pub use wish::{Change, Fault, MASK, Wish};

/// Both secrets hold for so long after a rotation, unless somebody says otherwise.
pub const OVERLAP: Duration = Duration::from_secs(24 * 3600);
const LONGEST_NAME: usize = 200;
const LONGEST_URL: usize = 2048;
/// Old secrets that hold at a time: each is a signature in every request.
const MOST_PROMISED: usize = 4;
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
    file: files::State,
}

/// A registration to be written, and the secret that was made for it: it is shown once.
#[derive(Clone, Debug)]
pub struct Registered {
    pub registration: Registration,
    pub made: Option<String>,
}

impl Registrar {
    #[must_use]
    pub fn new(store: Store, vault: Vault, guard: Guard, sender: Sender, clock: Clock) -> Self {
        Self { store, vault, guard, sender, clock, file: files::State::default() }
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
        self.draft_as(Uuid::now_v7(), wish, task, origin).await
    }

    /// The same under an id of the caller's choice.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub async fn draft_as(&self, id: Uuid, wish: Wish, task: Option<TaskId>, origin: Origin) -> Result<Registered, Vec<Fault>> {
        let mut faults = Vec::new();
        let has_url = wish.url.is_some();
        if !has_url {
            faults.push(Fault::new("url", "is missing"));
        }
        let now = self.clock.now();
        let mut credentials =
            Credentials { secret: wish.secret, headers: wish.headers, auth: wish.auth, ..Credentials::default() };
        let webhook = Webhook {
            id,
            name: wish.name.unwrap_or_default(),
            url: wish.url.unwrap_or_default(),
            events: wish.events.unwrap_or_else(|| vec!["*".to_owned()]),
            filter: wish.filter,
            template: wish.template,
            signature: wish.signature.unwrap_or(Signature::Standard),
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
        let made = self.complete(&webhook, &mut credentials, &mut faults);
        self.examine(&webhook, &mut faults);
        if has_url {
            self.visit(&webhook.url, &mut faults).await;
        }
        let sealed = self.seal(id, &credentials, &mut faults);
        registered(Registration { webhook, credentials: sealed }, made, faults)
    }

    /// What a webhook becomes by a change; what the change does not speak of is not judged again. Nothing is written.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub async fn amend(&self, registration: Registration, change: Change) -> Result<Registered, Vec<Fault>> {
        let Registration { mut webhook, credentials: mut sealed } = registration;
        let (moves, opens) = (change.url.is_some(), change.concerns_credentials());
        let (mut faults, mut made) = (Vec::new(), None);
        let mut credentials = if opens { self.opened(webhook.id, sealed.as_deref())? } else { Credentials::default() };
        change.apply(&mut webhook, &mut credentials);
        webhook.updated_at = self.clock.now();
        if opens {
            made = self.complete(&webhook, &mut credentials, &mut faults);
            sealed = self.seal(webhook.id, &credentials, &mut faults);
        }
        self.examine(&webhook, &mut faults);
        if moves {
            self.visit(&webhook.url, &mut faults).await;
        }
        registered(Registration { webhook, credentials: sealed }, made, faults)
    }

    /// A new secret; the old one holds, too, for `overlap`, and those before it as long as was said then. Without an overlap no
    /// old one holds any longer. Nothing is written.
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
        let mut credentials = self.opened(webhook.id, credentials.as_deref())?;
        let now = self.clock.now();
        let made = secret.is_none().then(envelope::make_secret);
        let until = Some(now.plus(overlap)).filter(|_| !overlap.is_zero());
        credentials.rotate(secret.or_else(|| made.clone()).unwrap_or_default(), now, until);
        webhook.updated_at = now;
        let mut faults: Vec<Fault> = envelope::faults(&credentials).into_iter().map(Fault::from).collect();
        if credentials.promised(now).count() > MOST_PROMISED {
            let says = "would let a fifth old secret hold: wait until one of the four ends, or say 0 to end all of them";
            faults.push(Fault::new("overlap_seconds", says));
        }
        let sealed = self.seal(webhook.id, &credentials, &mut faults);
        registered(Registration { webhook, credentials: sealed }, made, faults)
    }

    /// What it leaves behind: its credentials are forgotten. Nothing is written.
    #[must_use]
    pub fn remove(&self, registration: Registration) -> Registered {
        let webhook = Webhook { status: Status::Deleted, reason: None, updated_at: self.clock.now(), ..registration.webhook };
        Registered { registration: Registration { webhook, credentials: None }, made: None }
    }

    /// # Errors
    /// Why they cannot be read.
    pub fn open(&self, webhook: Uuid, sealed: Option<&[u8]>) -> Result<Credentials, VaultError> {
        sealed.map_or_else(|| Ok(Credentials::default()), |sealed| self.vault.open_credentials(webhook, sealed))
    }

    fn opened(&self, webhook: Uuid, sealed: Option<&[u8]>) -> Result<Credentials, Vec<Fault>> {
        self.open(webhook, sealed).map_err(|error| vec![Fault::new("secret", format!("cannot be read: {error}"))])
    }

    /// Whoever signs needs a secret: one is made, or borrowed from the settings.
    fn complete(&self, webhook: &Webhook, credentials: &mut Credentials, faults: &mut Vec<Fault>) -> Option<String> {
        let lacks = webhook.signature != Signature::None && credentials.secret.is_none();
        if lacks && webhook.borrows_secret() && !self.sender.has_secret() {
            faults.push(Fault::new("secret", "is missing, and DELIVERY_SECRET is not set: give one, or say `signature: none`"));
        }
        let made = (lacks && !webhook.borrows_secret()).then(envelope::make_secret);
        if made.is_some() {
            credentials.secret.clone_from(&made);
        }
        faults.extend(envelope::faults(credentials).into_iter().map(Fault::from));
        faults.extend(wish::masks(credentials));
        made
    }

    fn examine(&self, webhook: &Webhook, faults: &mut Vec<Fault>) {
        let is_line = |text: &str| text.chars().count() <= LONGEST_NAME && !text.chars().any(char::is_control);
        let lines =
            [("name", Some(&webhook.name)), ("customer_id", webhook.customer_id.as_ref()), ("reason", webhook.reason.as_ref())];
        let faulty = lines.into_iter().filter(|(_, text)| text.is_some_and(|text| !is_line(text)));
        let says = format!("must be at most {LONGEST_NAME} characters, without control characters");
        faults.extend(faulty.map(|(field, _)| Fault::new(field, says.clone())));
        if webhook.customer_id.as_ref().is_some_and(String::is_empty) {
            faults.push(Fault::new("customer_id", "must not be empty"));
        }
        let texts = subscription::check(&webhook.events, webhook.filter.as_deref(), webhook.template.as_deref());
        faults.extend(texts.into_iter().map(|(field, says)| Fault { field, says }));
        if webhook.timeout.is_some_and(|timeout| timeout.is_zero() || timeout > LONGEST_TIMEOUT) {
            faults.push(Fault::new("timeout_seconds", "must be more than 0 and at most 120 seconds"));
        }
        if webhook.task.is_some() {
            // a task's own webhook is told everything as it is
            let more = [("filter", webhook.filter.is_some()), ("template", webhook.template.is_some())];
            let more = more.into_iter().filter(|(_, given)| *given);
            faults.extend(more.map(|(field, _)| Fault::new(field, "is not for the webhook of a single task")));
        }
        let delays = webhook.retry_delays.as_deref().unwrap_or_default();
        if delays.len() > MOST_DELAYS || delays.iter().any(|delay| *delay > LONGEST_DELAY) {
            faults.push(Fault::new("retry_delays", "must be at most 20 delays of at most 7 days each, in seconds"));
        }
    }

    /// Whether deliveries may go there.
    async fn visit(&self, url: &str, faults: &mut Vec<Fault>) {
        if url.len() > LONGEST_URL {
            faults.push(Fault::new("url", format!("must be at most {LONGEST_URL} bytes")));
        } else if url.contains(char::is_control) {
            faults.push(Fault::new("url", "must not hold control characters"));
        } else if let Err(forbidden) = self.guard.check(url).await {
            faults.push(Fault::new("url", format!("is not allowed: {forbidden}")));
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

fn registered(registration: Registration, made: Option<String>, faults: Vec<Fault>) -> Result<Registered, Vec<Fault>> {
    if faults.is_empty() { Ok(Registered { registration, made }) } else { Err(faults) }
}

/// The field that is to blame if credentials cannot be kept.
fn credential(credentials: &Credentials) -> &'static str {
    match credentials {
        Credentials { secret: Some(_), .. } => "secret",
        Credentials { auth: Some(_), .. } => "auth",
        _ => "headers",
    }
}
