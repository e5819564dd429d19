//! What the settings say about requests. It may become another while the hub runs: a request keeps what it has found.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::ops::Deref;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use ipnet::IpNet;

use super::budget::Budget;
use super::visitors::Visitors;

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
    /// Whether only this machine reaches the listeners; without a key nobody else may.
    pub loopback: bool,
    /// Whether only this machine reaches the one where `/metrics` is.
    pub metrics_on_loopback: bool,
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

/// Options, and who has come how often while they count.
pub struct Rules {
    options: Options,
    visitors: Option<Arc<Visitors>>,
}

impl Deref for Rules {
    type Target = Options;

    fn deref(&self) -> &Options {
        &self.options
    }
}

impl Rules {
    /// Seconds until the address may come again, if it comes too often.
    #[must_use]
    pub fn rate_limited(&self, address: IpAddr) -> Option<u64> {
        self.visitors.as_ref()?.rate_limited(address)
    }
}

/// The rules of this moment. Clones have the same ones.
#[derive(Clone)]
pub struct RuleBook {
    rules: Arc<RwLock<Arc<Rules>>>,
    /// Held while these and others change together.
    change: Arc<RwLock<()>>,
    budget: Budget,
}

impl RuleBook {
    #[must_use]
    pub fn new(options: Options) -> Self {
        let budget = Budget::new(options.max_buffered);
        let visitors = options.rate_limit.and_then(Visitors::within).map(Arc::new);
        let rules = Arc::new(RwLock::new(Arc::new(Rules { options, visitors })));
        Self { rules, change: Arc::default(), budget }
    }

    /// They may be others a moment later: who needs them twice for one thing keeps them.
    #[must_use]
    pub fn rules(&self) -> Arc<Rules> {
        self.rules.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What these and others are changed by, so that nobody finds a half of it who asks [here](Self::unchanged).
    pub fn change(&self, all: impl FnOnce()) {
        let _changing = self.change.write().unwrap_or_else(PoisonError::into_inner);
        all();
    }

    /// What is found while nothing changes.
    pub fn unchanged<T>(&self, find: impl FnOnce() -> T) -> T {
        let _unchanged = self.change.read().unwrap_or_else(PoisonError::into_inner);
        find()
    }

    /// What bodies may hold, whichever rules they came under.
    #[must_use]
    pub const fn budget(&self) -> &Budget {
        &self.budget
    }

    /// Others count from now on, all of them at once. Who came often stays known, unless the limit is another.
    pub fn replace(&self, options: Options) {
        let before = self.rules();
        let visitors = if before.rate_limit == options.rate_limit {
            before.visitors.clone()
        } else {
            options.rate_limit.and_then(Visitors::within).map(Arc::new)
        };
        self.budget.resize(options.max_buffered);
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(Rules { options, visitors });
    }
}
