//! What handlers work with: handles, and the few settings that they need.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use governor::clock::DefaultClock;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use ipnet::IpNet;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::budget::Budget;
use super::census::Census;
use super::console::history::History;
use super::console::session::SessionKeys;
use super::figures::Figures;
use super::health::Readiness;
use super::live::Live;
use crate::cadence::Cadence;
use crate::clock::Clock;
use crate::journal::Journal;
use crate::keyring::Keyring;
use crate::lifecycle::Lifecycle;
use crate::pulse::Pulses;
use crate::pursuit::reconciler::Reconciler;
use crate::registrar::Registrar;
use crate::rejections::Rejections;
use crate::store::Store;
use crate::telemetry::flood::Flood;
use crate::telemetry::metrics::Metrics;
use crate::terms::Terms;

/// Settings of the listener and of the callbacks.
#[derive(Clone, Debug)]
pub struct Options {
    pub callbacks_enabled: bool,
    /// From a body's last byte to the answer.
    pub callback_timeout: Duration,
    /// In bytes.
    pub max_body: usize,
    /// Over all connections, in bytes.
    pub max_buffered: usize,
    pub body_timeout: Duration,
    /// Empty: any.
    pub allowed_ips: Vec<IpNet>,
    /// Callbacks per client address and period.
    pub rate_limit: Option<(NonZeroU32, Duration)>,
    pub trusted_proxies: Vec<IpNet>,
    /// Whether only this machine reaches the listener; without a key nobody else may.
    pub loopback: bool,
    /// SHA-256 of each key of the settings, behind the owner that it makes.
    pub api_keys: Vec<(String, [u8; 32])>,
    pub auto_approve: bool,
    /// All settings as they count, for people.
    pub shown: Vec<ShownSetting>,
}

/// A setting for people: secrets are masked.
#[derive(Clone, Debug)]
pub struct ShownSetting {
    pub name: String,
    pub value: String,
    /// Where it was set, or `default`.
    pub origin: String,
}

const FEW_ADDRESSES: usize = 10_000;

type Limiter = RateLimiter<IpAddr, DashMapStateStore<IpAddr>, DefaultClock>;

/// Shared by all handlers: the handles that the composition root brings along, and what only the outside needs.
pub struct Hub {
    pub options: Options,
    handles: Handles,
    pub budget: Budget,
    pub figures: Figures,
    pub census: Census,
    pub readiness: Readiness,
    pub live: Live,
    pub lines: Lines,
    pub history: History,
    /// Questions to the doctor cost seconds of hashing, and copies of a body: one at a time.
    pub doctor: Arc<Semaphore>,
    limiter: Option<Limiter>,
    /// Beyond so many, addresses that have not come lately are forgotten.
    most_addresses: AtomicUsize,
}

/// The lines that are written for each callback, as far as there is room for them.
pub struct Lines {
    pub taken: Flood,
    pub refused: Flood,
}

impl Default for Lines {
    fn default() -> Self {
        Self { taken: Flood::of(200), refused: Flood::of(50) }
    }
}

/// What other rooms give.
pub struct Handles {
    pub terms: Arc<Terms>,
    /// What the console's cookies are signed with.
    pub sessions: SessionKeys,
    pub store: Store,
    pub journal: Journal,
    pub rejections: Rejections,
    /// Where callbacks are counted, and who has gone quiet.
    pub pulses: Pulses,
    pub reconciler: Reconciler,
    /// For looking at its figures.
    pub keyring: Keyring,
    /// What webhooks are made with.
    pub registrar: Registrar,
    /// In which administrators' writes and the census run to their end.
    pub lifecycle: Lifecycle,
    /// For looking at their last steps.
    pub loops: Vec<Cadence>,
    /// The process's recorder, if it has one.
    pub metrics: Option<Metrics>,
    pub clock: Clock,
    pub stopping: CancellationToken,
}

impl Deref for Hub {
    type Target = Handles;

    fn deref(&self) -> &Handles {
        &self.handles
    }
}

impl Hub {
    #[must_use]
    pub fn new(options: Options, handles: Handles) -> Self {
        let limiter = options.rate_limit.and_then(|(most, period)| {
            let quota = Quota::with_period(period.checked_div(most.get())?)?;
            Some(RateLimiter::keyed(quota.allow_burst(most)))
        });
        let budget = Budget::new(options.max_buffered);
        let figures = Figures::default();
        let census = Census::new(handles.store.clone(), handles.clock.clone(), handles.lifecycle.clone());
        let most_addresses = AtomicUsize::new(FEW_ADDRESSES);
        Self {
            options,
            handles,
            budget,
            figures,
            census,
            readiness: Readiness::default(),
            live: Live::default(),
            lines: Lines::default(),
            history: History::default(),
            doctor: Arc::new(Semaphore::new(1)),
            limiter,
            most_addresses,
        }
    }

    /// Seconds until the address may come again, if it comes too often.
    #[must_use]
    pub fn rate_limited(&self, address: IpAddr) -> Option<u64> {
        use governor::clock::{Clock, QuantaClock};
        let limiter = self.limiter.as_ref()?;
        self.forget_old_addresses(limiter);
        let refused = limiter.check_key(&address).err()?;
        let wait = refused.wait_time_from(QuantaClock::default().now());
        // rounded up: who comes at the very second must not be too early again
        Some(wait.as_secs() + 1)
    }

    /// Looking at all of them pays once they have doubled.
    fn forget_old_addresses(&self, limiter: &Limiter) {
        let known = limiter.len();
        if known > self.most_addresses.load(Ordering::Relaxed) {
            limiter.retain_recent();
            self.most_addresses.store((2 * limiter.len()).max(FEW_ADDRESSES), Ordering::Relaxed);
        }
    }
}
