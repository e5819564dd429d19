//! How a generator's tasks are treated: what the settings say of it alone, then of all, then its file's word, then the defaults.

use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use ipnet::IpNet;

use crate::domain::event::Policy;
use crate::domain::schedule::Pace;
use crate::domain::task::Task;
use crate::domain::time::Timestamp;
use crate::generator::catalog::Catalog;
use crate::generator::entry::Generator;
use crate::generator::keyset::PublishedKeys;
use crate::generator::scalar::{Early, Ingress};
use crate::generator::token::{Capability, CapabilityKeys};

/// A setting that a generator's file may have a word about, too.
#[derive(Clone, Copy, Debug)]
pub struct Choice {
    /// Goes before the file.
    pub set: Option<Duration>,
    /// Where neither says anything.
    pub default: Duration,
}

impl Choice {
    fn over(self, file: Option<Duration>) -> Duration {
        self.set.or(file).unwrap_or(self.default)
    }
}

/// What the settings say. `None` leaves it to the generator's file.
#[derive(Clone, Debug)]
pub struct TermSettings {
    /// What callback URLs begin with.
    pub base_url: Arc<str>,
    pub timeout: Choice,
    pub max_retries: Option<u32>,
    pub retry_delays: Arc<[Duration]>,
    /// 0: no limit.
    pub max_concurrent: Option<u32>,
    pub poll: PollSettings,
}

#[derive(Clone, Copy, Debug)]
pub struct PollSettings {
    pub enabled: bool,
    pub first_after: Choice,
    pub interval: Choice,
    pub max_interval: Choice,
    /// Requests at once, per generator.
    pub concurrency: u32,
    /// Of one request.
    pub timeout: Duration,
    pub late_window: Duration,
}

pub struct Terms {
    loaded: RwLock<Loaded>,
    capabilities: CapabilityKeys,
    published: PublishedKeys,
}

/// The catalog that counts, with what the settings say beside it, and how it came to that.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub catalog: Arc<Catalog>,
    pub settings: Arc<TermSettings>,
    pub at: Timestamp,
    /// Set while the files or settings that are there now are broken.
    pub refused: Option<Refused>,
}

#[derive(Clone, Debug)]
pub struct Refused {
    pub at: Timestamp,
    /// File, line and key, or a setting's name, and what is wrong there.
    pub fault: String,
}

/// Of intervals, where a file does not say.
const GROWTH: f64 = 1.5;

impl Terms {
    #[must_use]
    pub fn new(settings: TermSettings, catalog: Arc<Catalog>, capabilities: CapabilityKeys, now: Timestamp) -> Self {
        let loaded = RwLock::new(Loaded { catalog, settings: Arc::new(settings), at: now, refused: None });
        Self { loaded, capabilities, published: PublishedKeys::default() }
    }

    /// The catalog of this moment. It may be another one a moment later: who needs it twice for one thing keeps it.
    #[must_use]
    pub fn catalog(&self) -> Arc<Catalog> {
        self.read().catalog.clone()
    }

    /// The same of what the settings say.
    #[must_use]
    pub fn settings(&self) -> Arc<TermSettings> {
        self.read().settings.clone()
    }

    #[must_use]
    pub fn loaded(&self) -> Loaded {
        self.read().clone()
    }

    fn read(&self) -> RwLockReadGuard<'_, Loaded> {
        self.loaded.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another catalog and other settings count from now on, both at once. The keys that generators publish stay known.
    pub fn replace(&self, settings: TermSettings, catalog: Arc<Catalog>, now: Timestamp) {
        let settings = Arc::new(settings);
        *self.loaded.write().unwrap_or_else(PoisonError::into_inner) = Loaded { catalog, settings, at: now, refused: None };
    }

    /// The files and settings that are there now cannot count: what did before stays.
    pub fn refuse(&self, fault: String, now: Timestamp) {
        self.loaded.write().unwrap_or_else(PoisonError::into_inner).refused = Some(Refused { at: now, fault });
    }

    #[must_use]
    pub const fn capabilities(&self) -> &CapabilityKeys {
        &self.capabilities
    }

    /// The keys that generators publish, as far as they have been fetched.
    #[must_use]
    pub const fn published(&self) -> &PublishedKeys {
        &self.published
    }

    /// What callback URLs begin with, without a slash at the end.
    #[must_use]
    pub fn base_url(&self) -> Arc<str> {
        self.read().settings.base_url.clone()
    }

    #[must_use]
    pub fn poll(&self) -> PollSettings {
        self.read().settings.poll
    }

    /// Where the generator of a task's current attempt should call.
    #[must_use]
    pub fn callback_url(&self, task: &Task) -> String {
        match self.sharing(task) {
            Some(generator) => self.ingress_url(&generator),
            None => self.capabilities.callback_url(&self.base_url(), capability(task)),
        }
    }

    /// The token in that URL, or for it.
    #[must_use]
    pub fn token(&self, task: &Task) -> String {
        match self.sharing(task) {
            Some(generator) => self.capabilities.mint_ingress(generator.name()),
            None => self.capabilities.mint(capability(task)),
        }
    }

    /// Where a generator should call about all its tasks, with a token where it needs one.
    #[must_use]
    pub fn ingress_url(&self, generator: &Generator) -> String {
        self.capabilities.ingress_url(&self.base_url(), generator)
    }

    /// The task's generator, if all its tasks share one path.
    fn sharing(&self, task: &Task) -> Option<Arc<Generator>> {
        let generator = self.catalog().find(task.generator.as_str()).cloned();
        generator.filter(|generator| generator.ingress() == Ingress::Shared)
    }

    /// Whether a generator out there can reach a hub in here. If not, it is given no callback URL, and polled.
    #[must_use]
    pub fn is_reachable_by(&self, generator: &Generator) -> bool {
        let here = host_of(&self.base_url()).is_some_and(|host| is_inside(&host));
        let there = generator.host().is_none_or(|host| is_inside(&host));
        !here || there
    }

    #[must_use]
    pub fn policy(&self, generator: &Generator) -> Arc<Policy> {
        let (settings, pace) = (self.settings(), self.pace(Some(generator)));
        Arc::new(Policy {
            can_ask: settings.poll.enabled && generator.polling().is_some(),
            asks_by_resubmission: generator.is_asked_by_resubmission(),
            needs_external_id: generator.needs_external_id(),
            can_cancel: generator.can_cancel(),
            resubmit_on_timeout: generator.resubmit_on_timeout(),
            parks: generator.early() == Early::Park,
            retry_delays: settings.retry_delays.clone(),
            first_poll_after: self.first_poll_after(generator),
            late_poll_after: pace.max,
            result_ttl: generator.result_ttl(),
            content: generator.content(),
        })
    }

    /// The same by name.
    #[must_use]
    pub fn policy_of(&self, generator: &str) -> Arc<Policy> {
        self.catalog().find(generator).map_or_else(|| self.policy_of_nobody(), |generator| self.policy(generator))
    }

    /// A generator whose file has gone can be asked nothing; its tasks can still be ended.
    #[must_use]
    pub fn policy_of_nobody(&self) -> Arc<Policy> {
        let settings = self.settings();
        Arc::new(Policy {
            can_ask: false,
            asks_by_resubmission: false,
            needs_external_id: true,
            can_cancel: false,
            resubmit_on_timeout: false,
            parks: false,
            retry_delays: settings.retry_delays.clone(),
            first_poll_after: settings.poll.first_after.default,
            late_poll_after: settings.poll.max_interval.default,
            result_ttl: None,
            content: None,
        })
    }

    /// A generator that cannot call us is polled by its file's word, which knows that it is polled anyway.
    fn first_poll_after(&self, generator: &Generator) -> Duration {
        let file = generator.polling().and_then(|times| times.first_after);
        let Choice { set, default } = self.poll().first_after;
        let set = set.filter(|_| file.is_none() || self.is_reachable_by(generator));
        Choice { set, default }.over(file)
    }

    /// Of a generator that has gone: the settings' own.
    #[must_use]
    pub fn pace(&self, generator: Option<&Generator>) -> Pace {
        let (poll, file) = (self.poll(), generator.and_then(Generator::polling));
        let interval = poll.interval.over(file.and_then(|times| times.every));
        let max = poll.max_interval.over(file.and_then(|times| times.max));
        Pace { interval, growth: file.map_or(GROWTH, |times| times.backoff), max: max.max(interval) }
    }

    /// From an attempt's submission to its deadline, where the task does not say.
    #[must_use]
    pub fn timeout(&self, generator: &Generator) -> Duration {
        generator.set_timeout().unwrap_or_else(|| self.settings().timeout.over(generator.timeout()))
    }

    #[must_use]
    pub fn max_retries(&self, generator: &Generator) -> u32 {
        generator.set_max_retries().or(self.settings().max_retries).unwrap_or(generator.max_retries())
    }

    /// Attempts sent and not ended; none: any number.
    #[must_use]
    pub fn max_concurrent(&self, generator: &Generator) -> Option<u32> {
        self.settings().max_concurrent.or(generator.max_concurrent()).filter(|&most| most > 0)
    }
}

fn capability(task: &Task) -> Capability<'_> {
    Capability { task: &task.id, attempt: task.attempt().number, generator: &task.generator }
}

fn host_of(url: &str) -> Option<String> {
    let rest = url.split_once("://")?.1;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let bare = match host.strip_prefix('[') {
        Some(six) => six.split(']').next()?,
        None => host.split(':').next()?,
    };
    Some(bare.to_ascii_lowercase())
}

/// Loopback, private and link-local addresses, and names that only a local network gives.
fn is_inside(host: &str) -> bool {
    const NETWORKS: [&str; 8] =
        ["127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "::1/128", "fc00::/7", "fe80::/10"];
    const ENDINGS: [&str; 6] = [".localhost", ".local", ".internal", ".lan", ".home.arpa", ".test"];
    let Ok(address) = host.parse::<IpAddr>() else {
        return !host.contains('.') || ENDINGS.iter().any(|ending| host.ends_with(ending));
    };
    address.is_unspecified()
        || NETWORKS.iter().filter_map(|network| network.parse::<IpNet>().ok()).any(|network| network.contains(&address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_sorted_into_inside_and_outside() {
        let inside = |url: &str| is_inside(&host_of(url).expect("a host"));
        for url in ["http://127.0.0.1:8080", "http://localhost/x", "http://[::1]:80", "http://192.168.1.7", "https://hub:8443"] {
            assert!(inside(url), "{url}");
        }
        for url in ["https://api.example.com", "http://8.8.8.8", "https://user@hub.example.org:1/x", "http://[2001:db8::1]"] {
            assert!(!inside(url), "{url}");
        }
    }
}
