//! What a step of the sender takes, in one transaction over all lanes, and what each of it sends.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use bytes::Bytes;
use uuid::Uuid;

use super::sender::Sender;
use crate::cadence::Step;
use crate::domain::task::Lease;
use crate::domain::webhook::{Credentials, Status, Webhook};
use crate::store::{DueDelivery, Registration, StoreError};
use crate::subscription::Template;

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
    fn is_paused(&self) -> bool {
        self.webhook.status == Status::Paused
    }
}

impl Sender {
    /// Takes what is due in these lanes, so many in each at most.
    pub(super) async fn round(&self, admitted: &[(String, usize)]) -> Result<Round, StoreError> {
        let now = self.clock.now();
        let ids = admitted.iter().filter_map(|(lane, _)| Uuid::parse_str(lane).ok()).collect();
        let mut addresses: HashMap<Uuid, Address> = self.addresses(ids).await?;
        let longest = addresses.values().filter_map(|address| address.webhook.timeout).max();
        let longest = longest.unwrap_or_default().max(self.terms.timeout);
        // twice the request, so that nobody else sends what is being sent
        let lease = Lease { token: Uuid::now_v7(), until: now.plus(2 * longest + Duration::from_secs(10)) };
        let templated: HashSet<Uuid> =
            addresses.values().filter(|address| address.template.is_some()).map(|address| address.webhook.id).collect();
        // what waits for a webhook that is paused is due, and is not looked at
        let paused: HashSet<String> =
            addresses.values().filter(|address| address.is_paused()).map(|address| address.webhook.lane()).collect();
        let open: Vec<(String, usize)> = admitted.iter().filter(|(lane, _)| !paused.contains(lane)).cloned().collect();
        let claimed = self.store.claim_deliveries(&open, lease, now, &templated).await?;
        // tasks' own webhooks share lanes
        let mut own: Vec<Uuid> = claimed.due.iter().map(|due| due.webhook).filter(|id| !addresses.contains_key(id)).collect();
        own.sort_unstable();
        own.dedup();
        addresses.extend(self.addresses(own).await?);
        let bodies = self.bodies(&claimed.due, &addresses).await?;
        let step = Step { handled: claimed.looked_at as u64, more: claimed.more };
        Ok(Round { due: claimed.due, addresses, bodies, step })
    }

    async fn addresses(&self, ids: Vec<Uuid>) -> Result<HashMap<Uuid, Address>, StoreError> {
        let found = self.store.registrations(ids).await?;
        Ok(found.into_iter().filter_map(|found| self.address(found)).map(|address| (address.webhook.id, address)).collect())
    }

    /// None: its credentials cannot be read.
    pub(super) fn address(&self, registration: Registration) -> Option<Address> {
        let Registration { webhook, credentials } = registration;
        let opened = credentials.map(|sealed| self.vault.open_credentials(webhook.id, &sealed)).transpose();
        let mut credentials = match opened {
            Ok(credentials) => credentials.unwrap_or_default(),
            Err(error) => {
                tracing::error!(webhook = %webhook.id, %error, "a webhook cannot be served");
                return None;
            }
        };
        if webhook.borrows_secret() && credentials.secret.is_none() {
            credentials.secret.clone_from(&self.terms.secret);
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
