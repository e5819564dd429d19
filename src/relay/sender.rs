//! Sends what is due, as much as the lanes bear: takes it in one round over all of them, asks the courier, and
//! hands what was heard to the recorder.
//!
//! Steps overlap: one that waits for a slow subscriber holds up no other lane.

use std::sync::{Arc, PoisonError, RwLock};
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
use super::round::{Address, Round};
use super::trail::Trail;
use super::unread::Unread;
use crate::cadence::Step;
use crate::clock::Clock;
use crate::domain::delivery::{Heard, LATER};
use crate::domain::time::Timestamp;
use crate::domain::webhook::Status;
use crate::store::{DueDelivery, Store, StoreError};
use crate::vault::Vault;

/// What the settings say.
#[derive(Clone, Debug)]
pub struct Terms {
    /// Of one request, where the webhook does not say.
    pub timeout: Duration,
    pub retry_delays: Arc<[Duration]>,
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
    /// Requests at a time.
    pub concurrency: usize,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Sender {
    pub(super) store: Store,
    pub(super) courier: Courier,
    pub(super) vault: Vault,
    pub(super) clock: Clock,
    terms: Arc<RwLock<Arc<Terms>>>,
    pub(super) lanes: Arc<Lanes>,
    pub(super) unread: Arc<Unread>,
    recorder: Recorder,
    stopping: CancellationToken,
}

/// What becomes of a delivery whose turn it is.
enum Fate {
    Send(Box<Parcel>, Duration),
    /// It can never be sent.
    Dead(String),
    /// Its webhook has not the time, or the hub not the keys.
    Later(Option<String>),
}

/// With subscribers that have not answered when the hub stops.
const PATIENCE: Duration = Duration::from_secs(5);

impl Sender {
    #[must_use]
    pub fn new(means: Means, terms: Terms, recorder: Recorder) -> Self {
        let Means { store, courier, vault, clock, stopping, concurrency } = means;
        let terms = Arc::new(RwLock::new(Arc::new(terms)));
        let (lanes, unread) = (Arc::new(Lanes::new(concurrency)), Arc::default());
        Self { store, courier, vault, clock, terms, lanes, unread, recorder, stopping }
    }

    /// Whether the settings have a secret for webhooks that borrow one.
    #[must_use]
    pub fn has_secret(&self) -> bool {
        self.terms().secret.is_some()
    }

    /// Those of this moment: who needs them twice for one thing keeps them.
    pub(super) fn terms(&self) -> Arc<Terms> {
        self.terms.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Others count from now on; what is on its way goes on as it began.
    pub fn replace(&self, terms: Terms) {
        *self.terms.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(terms);
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
        let addresses = self.registered(&due).await?;
        let address_of = |lane: &String| Uuid::parse_str(lane).ok().and_then(|id| addresses.get(&id));
        let buried = self.bury(due.iter().filter_map(address_of)).await;
        // what waits for a webhook that is paused is due, and is not looked at
        due.retain(|lane| address_of(lane).is_none_or(|address| !address.is_paused() && !address.is_deaf()));
        let admitted = self.lanes.admit(due, now);
        if admitted.is_empty() {
            return Ok(buried);
        }
        let round = self.round(&admitted, addresses).await;
        for (lane, count) in &admitted {
            let taken = round.as_ref().map_or(0, |round| round.due.iter().filter(|due| due.lane == *lane).count());
            self.lanes.let_go(lane, count - taken, Sign::None, self.clock.now());
        }
        let Round { due, addresses, bodies, step } = round?;
        join_all(due.iter().map(|due| self.send(due, addresses.get(&due.webhook), bodies.get(&due.id)))).await;
        // those that share lanes are not known before something of theirs has its turn
        let own = self.bury(addresses.values().filter(|address| address.webhook.task.is_some())).await;
        Ok([buried, step, own].into_iter().sum())
    }

    async fn send(&self, due: &DueDelivery, address: Option<&Address>, body: Option<&Result<Bytes, String>>) {
        let began = self.clock.now();
        let journey = Journey { due, began, delays: self.delays(address) };
        let (outcome, sign) = match self.fate(due, address, body, began) {
            Fate::Send(_, timeout) if began.plus(timeout) > due.lease.until => {
                // whoever was kept waiting for so long leaves it to the next one, who might send it beside this one
                tracing::warn!(delivery = %due.id, "a delivery was not sent: its lease ends too soon");
                self.lanes.let_go(&due.lane, 1, Sign::None, began);
                return;
            }
            Fate::Send(mut parcel, timeout) => {
                let trail = Trail::open(due, &mut parcel);
                match self.attempt(&parcel, address, timeout).await {
                    Some(attempted) => {
                        let outcome = journey.attempted(&attempted, self.clock.now(), super::chance());
                        trail.close(&attempted, &outcome);
                        (outcome, sign(&attempted))
                    }
                    None => {
                        trail.lose();
                        (journey.put_off(Some("the hub was stopping".to_owned()), self.clock.now()), Sign::None)
                    }
                }
            }
            Fate::Dead(reason) => (journey.buried(&reason, began), Sign::None),
            Fate::Later(reason) => (journey.put_off(reason, began.plus(LATER)), Sign::None),
        };
        self.recorder.record(outcome).await;
        self.lanes.let_go(&due.lane, 1, sign, self.clock.now());
        self.recorder.ring();
    }

    /// None: the hub is stopping, and nobody knows whether it has arrived.
    async fn attempt(&self, parcel: &Parcel, address: Option<&Address>, timeout: Duration) -> Option<Attempted> {
        let stopped = async {
            self.stopping.cancelled().await;
            tokio::time::sleep(PATIENCE).await;
        };
        tokio::select! {
            biased;
            attempted = self.ask(parcel, address, timeout) => Some(attempted),
            () = stopped => None,
        }
    }

    /// What the subscriber says is kept and shown: what it knows the hub by is not.
    pub(super) async fn ask(&self, parcel: &Parcel, address: Option<&Address>, timeout: Duration) -> Attempted {
        let mut attempted = self.courier.send(parcel, timeout).await;
        if let (Some(snippet), Some(address)) = (&mut attempted.snippet, address) {
            *snippet = envelope::veiled(snippet, &address.credentials);
        }
        attempted
    }

    fn delays(&self, address: Option<&Address>) -> Arc<[Duration]> {
        let own = address.and_then(|address| address.webhook.retry_delays.as_deref());
        own.map_or_else(|| self.terms().retry_delays.clone(), Into::into)
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
            Some(Err(reason)) => return Fate::Dead(format!("the template makes no body: {reason}")),
            None => return Fate::Dead("what it would send was erased".to_owned()),
        };
        if address.lacks_lent_secret() {
            return Fate::Later(Some("DELIVERY_SECRET is not set, and the webhook is signed with it".to_owned()));
        }
        match self.parcel(address, &due.id.to_string(), body, now) {
            Ok(parcel) => Fate::Send(Box::new(parcel), address.webhook.timeout.unwrap_or_else(|| self.terms().timeout)),
            Err(reason) => Fate::Dead(reason),
        }
    }

    pub(super) fn parcel(&self, address: &Address, id: &str, body: Bytes, now: Timestamp) -> Result<Parcel, String> {
        let Address { webhook, credentials, .. } = address;
        let headers = envelope::headers(webhook.signature, credentials, id, now, &body).map_err(|error| error.to_string())?;
        Ok(Parcel { url: webhook.url.clone(), headers, body })
    }
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
