//! Sends what is due: claims it lane by lane, as many as the lanes take, makes and keeps the bodies, asks the courier, and
//! hands what was heard to the recorder.
//!
//! Steps overlap: one that waits for a slow subscriber holds up no other lane.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::courier::{Attempted, Courier, Parcel};
use super::envelope;
use super::journey::Journey;
use super::lanes::{Lanes, Sign};
use super::recorder::Recorder;
use crate::cadence::Step;
use crate::clock::Clock;
use crate::domain::delivery::Heard;
use crate::domain::task::Lease;
use crate::domain::time::Timestamp;
use crate::domain::webhook::{Credentials, Status, Webhook};
use crate::store::{Claimed, DueDelivery, Registration, Store, StoreError};
use crate::subscription::Template;
use crate::vault::Vault;

/// What the settings say.
#[derive(Clone, Debug)]
pub struct Terms {
    /// Of one request, where the webhook does not say.
    pub timeout: Duration,
    pub retry_delays: Arc<[Duration]>,
    /// Requests at a time.
    pub concurrency: usize,
    /// Signs for webhooks that borrow it.
    pub secret: Option<String>,
}

/// What it works with.
pub struct Means {
    pub store: Store,
    pub courier: Courier,
    pub vault: Vault,
    pub clock: Clock,
    pub stopping: CancellationToken,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Sender {
    pub(super) store: Store,
    pub(super) courier: Courier,
    pub(super) vault: Vault,
    pub(super) clock: Clock,
    pub(super) terms: Arc<Terms>,
    pub(super) lanes: Arc<Lanes>,
    recorder: Recorder,
    stopping: CancellationToken,
}

/// A webhook that can be sent to, with everything that this takes.
pub(super) struct Address {
    pub webhook: Webhook,
    pub credentials: Credentials,
    pub template: Option<Result<Template, String>>,
}

/// What becomes of a delivery whose turn it is.
enum Fate {
    Send(Box<Parcel>, Duration),
    /// It can never be sent.
    Dead(String),
    /// Its webhook has not the time, or the hub not the keys.
    Later(Option<String>),
}

/// To a webhook that waits, or that the hub cannot serve.
const LATER: Duration = Duration::from_secs(60);
/// With subscribers that have not answered when the hub stops.
const PATIENCE: Duration = Duration::from_secs(5);

impl Sender {
    #[must_use]
    pub fn new(means: Means, terms: Terms, recorder: Recorder) -> Self {
        let Means { store, courier, vault, clock, stopping } = means;
        let lanes = Arc::new(Lanes::new(terms.concurrency));
        Self { store, courier, vault, clock, terms: Arc::new(terms), lanes, recorder, stopping }
    }

    /// Whether the settings have a secret for webhooks that borrow one.
    #[must_use]
    pub fn has_secret(&self) -> bool {
        self.terms.secret.is_some()
    }

    /// For looking at, and for operators.
    #[must_use]
    pub const fn lanes(&self) -> &Arc<Lanes> {
        &self.lanes
    }

    /// Sends what is due, as much as may run.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn step(&self) -> Result<Step, StoreError> {
        let now = self.clock.now();
        let mut due = self.store.due_lanes(now).await?;
        // whoever comes first today comes later tomorrow
        if !due.is_empty() {
            let turn = usize::try_from(now.micros().unsigned_abs()).unwrap_or(0) % due.len();
            due.rotate_left(turn);
        }
        let admitted: Vec<(String, usize)> = due
            .into_iter()
            .map(|lane| {
                let count = self.lanes.admit(&lane, now);
                (lane, count)
            })
            .filter(|(_, count)| *count > 0)
            .collect();
        let steps = join_all(admitted.iter().map(|(lane, count)| self.serve(lane, *count))).await;
        Ok(steps.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().sum())
    }

    async fn serve(&self, lane: &str, room: usize) -> Result<Step, StoreError> {
        let claimed = self.claim(lane, room).await;
        let taken = claimed.as_ref().map_or(0, |(claimed, _)| claimed.due.len());
        self.lanes.let_go(lane, room - taken, Sign::None, self.clock.now());
        let (Claimed { due, put_off }, addresses) = claimed?;
        let texts = match self.bodies(&due, &addresses).await {
            Ok(texts) => texts,
            Err(error) => {
                self.lanes.let_go(lane, taken, Sign::None, self.clock.now());
                return Err(error);
            }
        };
        let sent = join_all(due.iter().map(|due| async {
            let body = texts.get(&due.id);
            self.send(due, addresses.get(&due.webhook), body).await;
        }));
        let looked_at = sent.await.len() + put_off;
        // behind those that have to wait there may be others that need not
        Ok(Step { handled: looked_at as u64, more: looked_at == room })
    }

    /// What is due, and whom it is for.
    async fn claim(&self, lane: &str, room: usize) -> Result<(Claimed, HashMap<Uuid, Address>), StoreError> {
        let now = self.clock.now();
        let longest = self.longest(lane).await?;
        // twice the request, so that nobody else sends what is being sent
        let lease = Lease { token: Uuid::now_v7(), until: now.plus(2 * longest + Duration::from_secs(10)) };
        let claimed = self.store.claim_deliveries(lane, lease, now, room as u64).await?;
        let mut ids: Vec<Uuid> = claimed.due.iter().map(|due| due.webhook).collect();
        ids.sort_unstable();
        ids.dedup();
        let mut addresses = HashMap::new();
        for registration in self.store.registrations(ids).await? {
            if let Some(address) = self.address(registration) {
                addresses.insert(address.webhook.id, address);
            }
        }
        Ok((claimed, addresses))
    }

    /// The longest that a request in this lane may take.
    async fn longest(&self, lane: &str) -> Result<Duration, StoreError> {
        let Ok(id) = Uuid::parse_str(lane) else { return Ok(self.terms.timeout) };
        let registration = self.store.registrations(vec![id]).await?.pop();
        Ok(registration.and_then(|found| found.webhook.timeout).unwrap_or(self.terms.timeout))
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

    /// What each of them sends: what it sent before, or what its webhook's template makes of the letter now, or the letter.
    /// What is sent first is kept first. None: there is nothing to send any more.
    async fn bodies(
        &self,
        due: &[DueDelivery],
        addresses: &HashMap<Uuid, Address>,
    ) -> Result<HashMap<Uuid, Result<Bytes, String>>, StoreError> {
        let stored = self.store.letters(due).await?;
        let (mut bodies, mut fresh) = (HashMap::new(), Vec::new());
        for delivery in due {
            let Some(text) = delivery.body.or(delivery.letter).and_then(|id| stored.get(&id)) else { continue };
            let template = addresses.get(&delivery.webhook).and_then(|address| address.template.as_ref());
            let body = match (delivery.body, delivery.letter, template) {
                (Some(_), ..) => Ok(Bytes::from(text.clone())),
                (None, Some(letter), None) => {
                    fresh.push((delivery.clone(), letter, None));
                    Ok(Bytes::from(text.clone()))
                }
                (None, _, Some(template)) => render(template.as_ref(), text).inspect(|made| {
                    fresh.push((delivery.clone(), Uuid::now_v7(), Some(made.to_vec())));
                }),
                (None, None, None) => continue,
            };
            bodies.insert(delivery.id, body);
        }
        if !fresh.is_empty() {
            self.store.keep_bodies(fresh).await?;
        }
        Ok(bodies)
    }

    async fn send(&self, due: &DueDelivery, address: Option<&Address>, body: Option<&Result<Bytes, String>>) {
        let began = self.clock.now();
        let journey = Journey { due, began, delays: self.delays(address) };
        let (outcome, sign) = match self.fate(due, address, body, began) {
            Fate::Send(parcel, timeout) => match self.attempt(&parcel, timeout).await {
                Some(attempted) => {
                    let sign = sign(&attempted);
                    (journey.attempted(&attempted, self.clock.now(), super::chance()), sign)
                }
                None => (journey.put_off(Some("the hub was stopping".to_owned()), self.clock.now()), Sign::None),
            },
            Fate::Dead(reason) => (journey.buried(&reason, began), Sign::None),
            Fate::Later(reason) => (journey.put_off(reason, began.plus(LATER)), Sign::None),
        };
        self.recorder.record(outcome).await;
        self.lanes.let_go(&due.lane, 1, sign, self.clock.now());
        self.recorder.ring();
    }

    /// None: the hub is stopping, and nobody knows whether it has arrived.
    async fn attempt(&self, parcel: &Parcel, timeout: Duration) -> Option<Attempted> {
        let stopped = async {
            self.stopping.cancelled().await;
            tokio::time::sleep(PATIENCE).await;
        };
        tokio::select! {
            biased;
            attempted = self.courier.send(parcel, timeout) => Some(attempted),
            () = stopped => None,
        }
    }

    fn delays(&self, address: Option<&Address>) -> Arc<[Duration]> {
        let own = address.and_then(|address| address.webhook.retry_delays.as_deref());
        own.map_or_else(|| self.terms.retry_delays.clone(), Into::into)
    }

    fn fate(&self, due: &DueDelivery, address: Option<&Address>, body: Option<&Result<Bytes, String>>, now: Timestamp) -> Fate {
        let Some(address) = address else {
            return Fate::Later(Some("the webhook's credentials cannot be read: see SECRETS_KEY".to_owned()));
        };
        match address.webhook.status {
            Status::Active => {}
            Status::Paused => return Fate::Later(None),
            Status::Disabled | Status::Deleted => return Fate::Dead(crate::store::WEBHOOK_DISABLED.to_owned()),
        }
        let body = match body {
            Some(Ok(body)) => body.clone(),
            Some(Err(reason)) => return Fate::Dead(format!("the template makes no body: it {reason}")),
            None => return Fate::Dead("what it would send was erased".to_owned()),
        };
        match self.parcel(address, &due.id.to_string(), body, now) {
            Ok(parcel) => Fate::Send(Box::new(parcel), address.webhook.timeout.unwrap_or(self.terms.timeout)),
            Err(reason) => Fate::Dead(reason),
        }
    }

    pub(super) fn parcel(&self, address: &Address, id: &str, body: Bytes, now: Timestamp) -> Result<Parcel, String> {
        let Address { webhook, credentials, .. } = address;
        let headers = envelope::headers(webhook.signature, credentials, id, now, &body).map_err(|error| error.to_string())?;
        Ok(Parcel { url: webhook.url.clone(), headers, body })
    }
}

pub(super) fn render(template: Result<&Template, &String>, letter: &[u8]) -> Result<Bytes, String> {
    let letter = std::str::from_utf8(letter).map_err(|error| error.to_string())?;
    let template = template.map_err(Clone::clone)?;
    template.render(letter).map(Bytes::from)
}

fn sign(attempted: &Attempted) -> Sign {
    match attempted.heard {
        Heard::Answered { status: 429, retry_after } | Heard::Answered { status: 500..=599, retry_after } => {
            Sign::Failing { wish: retry_after }
        }
        Heard::Answered { status: 200..=299 | 400..=499, .. } => Sign::Alive(attempted.took),
        Heard::Answered { .. } | Heard::Nothing(_) => Sign::Failing { wish: None },
        Heard::Unsendable(_) => Sign::None,
    }
}
