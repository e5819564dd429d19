//! Fetches the public keys that generators publish, and keeps them fresh.
//!
//! Keys are fetched at the start, daily from then on, and at most once a minute when a signature came that none of the
//! known ones explains. Nobody waits for them: until the first ones are here such callbacks are answered with 503. What is
//! known stays known while the endpoint is down or answers nonsense, and without keys nothing is believed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use metrics::{counter, gauge};

use crate::cadence::Step;
use crate::clock::Clock;
use crate::domain::time::Timestamp;
use crate::generator::entry::Generator;
use crate::generator::keyset::KeySet;
use crate::generator::reply::{Heard, Silence};
use crate::generator::request::{HttpRequest, Request};
use crate::telemetry::metrics::{KEY_FETCHES, KEYS_FETCHED};
use crate::terms::Terms;
use crate::upstream::Upstream;

mod ledger;

pub use ledger::Figures;
use ledger::Ledger;

const TIMEOUT: Duration = Duration::from_secs(10);
/// Of an answer, in bytes. Sets of keys have a few hundred.
const MOST_READ: usize = 64 << 10;
/// Of what is told about a failure, in bytes.
const LONGEST_FAULT: usize = 200;

/// In the metrics.
const FETCHED: &str = "fetched";
const FAILED: &str = "failed";

/// Cheap to clone. Each process fetches for itself.
#[derive(Clone)]
pub struct Keyring {
    terms: Arc<Terms>,
    upstream: Upstream,
    clock: Clock,
    ledger: Arc<Mutex<Ledger>>,
}

impl Keyring {
    #[must_use]
    pub fn new(terms: Arc<Terms>, upstream: &Upstream, clock: Clock) -> Self {
        for generator in terms.catalog().iter().filter(|generator| generator.jwks_url().is_some()) {
            for word in [FETCHED, FAILED] {
                // an alert cannot watch what is not there yet
                counter!(KEY_FETCHES, "generator" => generator.name().to_string(), "outcome" => word).increment(0);
            }
            gauge!(KEYS_FETCHED, "generator" => generator.name().to_string()).increment(0);
        }
        Self { terms, upstream: upstream.reading_at_most(MOST_READ), clock, ledger: Arc::default() }
    }

    /// Fetches what is due to be fetched.
    pub async fn step(&self) -> Step {
        let due = self.due(self.clock.now());
        join_all(due.iter().map(|(url, generators)| self.fetch(url, generators))).await;
        Step { handled: due.len() as u64, more: false }
    }

    /// How fetching goes, by generator.
    #[must_use]
    pub fn figures(&self) -> BTreeMap<String, Figures> {
        let (catalog, ledger) = (self.terms.catalog(), self.ledger());
        let published = catalog.iter().filter_map(|generator| Some((generator.name().to_string(), generator.jwks_url()?)));
        published.map(|(name, url)| (name, ledger.figures(url))).collect()
    }

    /// URLs whose turn it is, with the generators that publish there. What is given out here is nobody else's turn.
    fn due(&self, now: Timestamp) -> BTreeMap<String, Vec<String>> {
        let (catalog, mut ledger) = (self.terms.catalog(), self.ledger());
        let mut publishers: BTreeMap<&str, Vec<&Generator>> = BTreeMap::new();
        for generator in catalog.iter() {
            if let Some(url) = generator.jwks_url() {
                publishers.entry(url).or_default().push(generator);
            }
        }
        publishers.retain(|url, generators| self.is_due(&mut ledger, url, generators, now));
        let names = |generators: Vec<&Generator>| generators.iter().map(|generator| generator.name().to_string()).collect();
        publishers.into_iter().map(|(url, generators)| (url.to_owned(), names(generators))).collect()
    }

    fn is_due(&self, ledger: &mut Ledger, url: &str, generators: &[&Generator], now: Timestamp) -> bool {
        let published = self.terms.published();
        let is_wanted = published.is_wanted(url);
        // nobody is asked for the keys of a generator that nobody uses
        let is_needed = is_wanted || generators.iter().any(|generator| is_in_use(generator));
        let is_due = is_needed && ledger.take_turn(url, is_wanted, now);
        if is_due {
            published.no_longer_wanted(url);
        }
        is_due
    }

    async fn fetch(&self, url: &str, generators: &[String]) {
        let headers = vec![("accept".to_owned(), "application/json".to_owned())];
        let request = HttpRequest { method: "GET".to_owned(), url: url.to_owned(), headers, body: None };
        let heard = self.upstream.make(&Request::Http(request), TIMEOUT, self.clock.now()).await;
        let outcome = read(heard);
        let (now, word) = (self.clock.now(), if outcome.is_ok() { FETCHED } else { FAILED });
        for generator in generators {
            counter!(KEY_FETCHES, "generator" => generator.clone(), "outcome" => word).increment(1);
        }
        match outcome {
            Ok(keys) => {
                self.terms.published().put(url, keys);
                self.ledger().fetched(url, now);
                for generator in generators {
                    #[expect(clippy::cast_precision_loss, reason = "whole seconds are exact for a long time to come")]
                    gauge!(KEYS_FETCHED, "generator" => generator.clone()).set(now.secs() as f64);
                }
            }
            Err(fault) => {
                tracing::warn!(?generators, url, fault, "a generator's public keys could not be fetched");
                self.ledger().failed(url, fault);
            }
        }
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody has set it up, or written its file.
fn is_in_use(generator: &Generator) -> bool {
    !generator.is_built_in() || generator.is_named_in_settings() || generator.can_submit().is_ok()
}

/// The keys, or why there are none.
fn read(heard: Heard) -> Result<KeySet, String> {
    let mut fault = match heard {
        Heard::Answer { status: 200, body, .. } => match std::str::from_utf8(&body).map(KeySet::parse) {
            Ok(Ok(keys)) => return Ok(keys),
            Ok(Err(fact)) => format!("The answer {fact}"),
            Err(_) => "The answer is no text".to_owned(),
        },
        Heard::Answer { status, .. } => format!("The answer has status {status}"),
        Heard::Silence(Silence::TooLarge) => format!("The answer is larger than {MOST_READ} bytes"),
        Heard::Silence(Silence::NotSent(fact) | Silence::Lost(fact) | Silence::Unwritable(fact)) => fact,
        Heard::Output { .. } => "There was no answer".to_owned(),
    };
    fault.truncate(fault.floor_char_boundary(LONGEST_FAULT));
    Err(fault)
}
