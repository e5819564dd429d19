//! What handlers work with: handles, and the few settings that they need.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use governor::clock::DefaultClock;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use ipnet::IpNet;
use tokio_util::sync::CancellationToken;

use super::body::Budget;
use super::figures::Figures;
use crate::clock::Clock;
use crate::domain::event::Policy;
use crate::domain::task::Task;
use crate::generator::catalog::Catalog;
use crate::generator::entry::Generator;
use crate::generator::token::{Capability, CapabilityKeys};
use crate::journal::Journal;
use crate::rejections::Rejections;
use crate::store::Store;

/// Settings of the listener and of the callbacks.
#[derive(Clone, Debug)]
pub struct Options {
    pub callbacks_enabled: bool,
    /// What callback URLs begin with, without a slash at the end.
    pub base_url: String,
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
    /// SHA-256 of each key of the settings, with the name that it goes by.
    pub api_keys: Vec<(String, [u8; 32])>,
    /// For tasks that name no timeout: `None` leaves it to the generator.
    pub task_timeout: Option<Duration>,
    pub task_timeout_default: Duration,
    pub task_max_retries: Option<u32>,
    pub task_retry_delays: Arc<[Duration]>,
    pub poll_first_after: Duration,
    pub auto_approve: bool,
}

const FEW_ADDRESSES: usize = 10_000;

type Limiter = RateLimiter<IpAddr, DashMapStateStore<IpAddr>, DefaultClock>;

/// Shared by all handlers.
pub struct Hub {
    pub options: Options,
    pub catalog: Arc<Catalog>,
    pub capabilities: CapabilityKeys,
    pub store: Store,
    pub journal: Journal,
    pub rejections: Rejections,
    pub clock: Clock,
    pub stopping: CancellationToken,
    pub budget: Budget,
    pub figures: Figures,
    limiter: Option<Limiter>,
    /// Beyond so many, addresses that have not come lately are forgotten.
    most_addresses: AtomicUsize,
}

/// The handles that the composition root brings along.
pub struct Handles {
    pub catalog: Arc<Catalog>,
    pub capabilities: CapabilityKeys,
    pub store: Store,
    pub journal: Journal,
    pub rejections: Rejections,
    pub clock: Clock,
    pub stopping: CancellationToken,
}

impl Hub {
    #[must_use]
    pub fn new(options: Options, handles: Handles) -> Self {
        let Handles { catalog, capabilities, store, journal, rejections, clock, stopping } = handles;
        let limiter = options.rate_limit.and_then(|(most, period)| {
            let quota = Quota::with_period(period.checked_div(most.get())?)?;
            Some(RateLimiter::keyed(quota.allow_burst(most)))
        });
        let budget = Budget::new(options.max_buffered);
        let figures = Figures::default();
        let most_addresses = AtomicUsize::new(FEW_ADDRESSES);
        Self {
            options,
            catalog,
            capabilities,
            store,
            journal,
            rejections,
            clock,
            stopping,
            budget,
            figures,
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

    /// How tasks of this generator are treated: its file, overridden by what the settings say.
    #[must_use]
    pub fn policy(&self, generator: &Generator) -> Arc<Policy> {
        Arc::new(Policy {
            can_ask: false,
            resubmit_on_timeout: generator.resubmit_on_timeout(),
            retry_delays: self.options.task_retry_delays.clone(),
            first_poll_after: self.options.poll_first_after,
            result_ttl: generator.result_ttl(),
        })
    }

    /// The same by name. A generator whose file has gone can be asked nothing; its tasks can still be ended.
    #[must_use]
    pub fn policy_of(&self, generator: &str) -> Arc<Policy> {
        let gone = || Policy {
            can_ask: false,
            resubmit_on_timeout: false,
            retry_delays: self.options.task_retry_delays.clone(),
            first_poll_after: self.options.poll_first_after,
            result_ttl: None,
        };
        self.catalog.find(generator).map_or_else(|| Arc::new(gone()), |generator| self.policy(generator))
    }

    /// Where the generator of a task's current attempt should call.
    #[must_use]
    pub fn callback_url(&self, task: &Task) -> String {
        let capability = Capability { task: &task.id, attempt: task.attempt().number, generator: &task.generator };
        self.capabilities.callback_url(&self.options.base_url, capability)
    }
}
