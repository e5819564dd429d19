//! What a step of the sender takes, in one transaction over all lanes, and what each of it sends.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use bytes::Bytes;
use uuid::Uuid;

use super::sender::Sender;
use crate::cadence::Step;
use crate::domain::task::Lease;
use crate::domain::webhook::{Credentials, LONGEST_TIMEOUT, Signature, Status, Webhook};
use crate::store::{DueDelivery, Registration, StoreError};
use crate::subscription::Template;

/// Of what is buried in one step, so that whoever is alive is not kept waiting for the dead.
const MOST_PARTS: usize = 4;

/// Deliveries whose turn it is.
pub(super) struct Round {
    pub due: Vec<DueDelivery>,
    /// Webhooks, as far as they can be served.
    pub addresses: HashMap<Uuid, Address>,
    /// What each delivery sends, or why it cannot be made; nothing where it was erased.
    pub bodies: HashMap<Uuid, Result<Bytes, String>>,
    pub step: Step,
}

/// A webhook that can be sent to, with everything that this takes.
pub(super) struct Address {
    pub webhook: Webhook,
    pub credentials: Credentials,
    pub template: Option<Result<Template, String>>,
}

impl Address {
    /// The settings have forgotten what they lend.
    pub(super) fn lacks_lent_secret(&self) -> bool {
        self.webhook.borrows_secret() && self.webhook.signature != Signature::None && self.credentials.secret.is_none()
    }

    pub(super) fn is_paused(&self) -> bool {
        self.webhook.status == Status::Paused
    }

    pub(super) fn is_deaf(&self) -> bool {
        self.webhook.status.is_deaf()
    }
}

impl Sender {
    /// Takes what is due in these lanes, so many in each at most; `addresses` are those that have lanes for themselves.
    pub(super) async fn round(
        &self,
        admitted: &[(String, usize)],
        mut addresses: HashMap<Uuid, Address>,
    ) -> Result<Round, StoreError> {
        let now = self.clock.now();
        let usual = self.terms().timeout;
        let timeout = |address: &Address| address.webhook.timeout.unwrap_or(usual);
        let longest = addresses.values().map(timeout).max().unwrap_or(usual);
        // whose turn it is in lanes that tasks' own webhooks share is not known yet
        let shared = admitted.iter().any(|(lane, _)| Uuid::parse_str(lane).is_err());
        let longest = if shared { longest.max(LONGEST_TIMEOUT) } else { longest };
        // twice the request, so that nobody else sends what is being sent
        let lease = Lease { token: Uuid::now_v7(), until: now.plus(2 * longest + Duration::from_secs(10)) };
        // so may be what cannot be read now, whose body must not be the letter for ever; tasks' own webhooks have no templates
        let unknown = admitted.iter().filter_map(|(lane, _)| Uuid::parse_str(lane).ok()).filter(|id| !addresses.contains_key(id));
        let with_template = addresses.values().filter(|address| address.template.is_some()).map(|address| address.webhook.id);
        let templated: HashSet<Uuid> = unknown.chain(with_template).collect();
        let claimed = self.store.claim_deliveries(admitted, lease, now, &templated).await?;
        // tasks' own webhooks share lanes
        let mut own: Vec<Uuid> = claimed.due.iter().map(|due| due.webhook).filter(|id| !addresses.contains_key(id)).collect();
        own.sort_unstable();
        own.dedup();
        addresses.extend(self.addresses(own).await?);
        let bodies = self.bodies(&claimed.due, &addresses).await?;
        let step = Step { handled: claimed.looked_at as u64, more: claimed.more };
        Ok(Round { due: claimed.due, addresses, bodies, step })
    }

    /// What waits for the deaf ones of these webhooks is dead: some parts of it now, the rest in the next steps. Whatever
    /// happens to the dead holds up nobody who is alive.
    pub(super) async fn bury<'a>(&self, addresses: impl Iterator<Item = &'a Address> + Send) -> Step {
        let (mut step, mut parts) = (Step::default(), MOST_PARTS);
        for Address { webhook, .. } in addresses.filter(|address| address.is_deaf()) {
            loop {
                if parts == 0 {
                    return Step { more: true, ..step };
                }
                parts -= 1;
                match self.store.bury_part(webhook, self.clock.now()).await {
                    Ok(0) => break,
                    Ok(buried) => step.handled += buried as u64,
                    Err(error) => {
                        tracing::error!(%error, webhook = %webhook.id, "what a webhook will not hear could not be buried yet");
                        break;
                    }
                }
            }
        }
        step
    }

    /// The webhooks that have these lanes for themselves.
    pub(super) async fn registered(&self, lanes: &[String]) -> Result<HashMap<Uuid, Address>, StoreError> {
        self.addresses(lanes.iter().filter_map(|lane| Uuid::parse_str(lane).ok()).collect()).await
    }

    async fn addresses(&self, ids: Vec<Uuid>) -> Result<HashMap<Uuid, Address>, StoreError> {
        let found = self.store.registrations(ids).await?;
        Ok(found.into_iter().filter_map(|found| self.address(found)).map(|address| (address.webhook.id, address)).collect())
    }

    /// None: its credentials cannot be read.
    pub(super) fn address(&self, registration: Registration) -> Option<Address> {
        let Registration { webhook, credentials } = registration;
        if webhook.status.is_deaf() {
            // whether its credentials can be read does not matter any more
            return Some(Address { webhook, credentials: Credentials::default(), template: None });
        }
        let opened = credentials.map(|sealed| self.vault.open_credentials(webhook.id, &sealed)).transpose();
        let mut credentials = match opened {
            Ok(credentials) => credentials.unwrap_or_default(),
            Err(error) => {
                // it is looked at again with each of its deliveries
                if self.unread.is_news(webhook.id, error) {
                    tracing::error!(webhook = %webhook.id, %error, "a webhook cannot be served");
                }
                return None;
            }
        };
        self.unread.forget(webhook.id);
        if webhook.borrows_secret() && credentials.secret.is_none() {
            credentials.secret.clone_from(&self.terms().secret);
        }
        let template = webhook.template.as_deref().map(Template::compile);
        Some(Address { webhook, credentials, template })
    }

    /// What a delivery sent before; or what its webhook's template makes of the letter now, which is kept first; or the letter.
    async fn bodies(
        &self,
        due: &[DueDelivery],
        addresses: &HashMap<Uuid, Address>,
    ) -> Result<HashMap<Uuid, Result<Bytes, String>>, StoreError> {
        let stored = self.store.letters(due).await?;
        let (mut bodies, mut made) = (HashMap::new(), Vec::new());
        for delivery in due {
            let Some(text) = delivery.body.or(delivery.letter).and_then(|id| stored.get(&id)) else { continue };
            let template = addresses.get(&delivery.webhook).and_then(|address| address.template.as_ref());
            let body = match template.filter(|_| delivery.body.is_none()) {
                None => Ok(Bytes::from(text.clone())),
                Some(template) => render(template.as_ref(), text).inspect(|body| made.push((delivery.clone(), body.to_vec()))),
            };
            bodies.insert(delivery.id, body);
        }
        if !made.is_empty() {
            self.store.keep_bodies(made).await?;
        }
        Ok(bodies)
    }
}

pub(super) fn render(template: Result<&Template, &String>, letter: &[u8]) -> Result<Bytes, String> {
    let letter = std::str::from_utf8(letter).map_err(|error| error.to_string())?;
    let template = template.map_err(Clone::clone)?;
    template.render(letter).map(Bytes::from)
}
