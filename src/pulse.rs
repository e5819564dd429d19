//! How often generators call back, over all replicas and restarts, and which of them have gone quiet though tasks wait for
//! them: usually somebody has changed a secret or a URL on one side only, and polling hides it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use metrics::gauge;

use crate::cadence::Step;
use crate::clock::Clock;
use crate::store::{Beats, Store, StoreError};
use crate::telemetry::metrics::{GENERATOR_LAST_CALLBACK, GENERATOR_QUIET};
use crate::terms::Terms;

/// What is usual is what was so lately.
const LATELY: Duration = Duration::from_secs(7 * 24 * 3600);

/// Cheap to clone.
#[derive(Clone)]
pub struct Pulses(Arc<Shared>);

struct Shared {
    store: Store,
    clock: Clock,
    terms: Arc<Terms>,
    /// Not in the database yet, by generator and hour.
    fresh: Mutex<BTreeMap<(String, i64), Beats>>,
    quiet: Mutex<BTreeSet<String>>,
}

impl Pulses {
    #[must_use]
    pub fn new(store: Store, clock: Clock, terms: Arc<Terms>) -> Self {
        Self(Arc::new(Shared { store, clock, terms, fresh: Mutex::default(), quiet: Mutex::default() }))
    }

    /// A callback of that generator was taken.
    pub fn beat(&self, generator: &str) {
        let now = self.0.clock.now();
        let mut fresh = locked(&self.0.fresh);
        let beats = fresh.entry((generator.to_owned(), now.hour())).or_insert(Beats { callbacks: 0, last_at: now });
        (beats.callbacks, beats.last_at) = (beats.callbacks + 1, beats.last_at.max(now));
    }

    /// The generators that have gone quiet.
    #[must_use]
    pub fn quiet(&self) -> BTreeSet<String> {
        locked(&self.0.quiet).clone()
    }

    /// Writes down what was heard, and looks who was not.
    ///
    /// # Errors
    /// Whatever the database says; then what was heard is written down the next time.
    pub async fn step(&self) -> Result<Step, StoreError> {
        let Shared { store, fresh, .. } = &*self.0;
        let heard = std::mem::take(&mut *locked(fresh));
        if let Err(error) = store.add_beats(&heard).await {
            self.put_back(heard);
            return Err(error);
        }
        self.look().await?;
        Ok(Step { handled: heard.len() as u64, more: false })
    }

    fn put_back(&self, heard: BTreeMap<(String, i64), Beats>) {
        let mut fresh = locked(&self.0.fresh);
        for (key, old) in heard {
            let beats = fresh.entry(key).or_insert(Beats { callbacks: 0, last_at: old.last_at });
            (beats.callbacks, beats.last_at) = (beats.callbacks + old.callbacks, beats.last_at.max(old.last_at));
        }
    }

    async fn look(&self) -> Result<(), StoreError> {
        let Shared { store, clock, terms, quiet, .. } = &*self.0;
        let now = clock.now();
        let pulses = store.pulses(now.minus(LATELY).hour(), now).await?;
        let mut silent = BTreeSet::new();
        for generator in terms.catalog().iter() {
            let name = generator.name().as_str();
            let pulse = pulses.get(name);
            note_last(name, pulse.map_or(0, |pulse| pulse.last_at.secs()));
            let Some(pulse) = pulse else { continue };
            if pulse.overdue_since(now, Duration::ZERO).is_some()
                && let Some(before) = pulse.overdue_since(now, store.usual_duration(name).await?)
                && let Some(task) = store.waiting_since(name, before).await?
            {
                if !locked(quiet).contains(name) {
                    let (last_callback, task) = (pulse.last_at.to_string(), task.as_str());
                    tracing::warn!(
                        generator = name,
                        last_callback,
                        task,
                        "a generator that used to call back has gone quiet: are its secret and the callback URL still right?"
                    );
                }
                silent.insert(name.to_owned());
            }
        }
        let before = std::mem::replace(&mut *locked(quiet), silent.clone());
        for back in before.difference(&silent) {
            note_quiet(back, false);
        }
        silent.iter().for_each(|name| note_quiet(name, true));
        Ok(())
    }
}

fn note_quiet(generator: &str, is_quiet: bool) {
    gauge!(GENERATOR_QUIET, "generator" => generator.to_owned()).set(if is_quiet { 1 } else { 0 });
}

#[expect(clippy::cast_precision_loss, reason = "a second more or less in millions of years")]
fn note_last(generator: &str, second: i64) {
    gauge!(GENERATOR_LAST_CALLBACK, "generator" => generator.to_owned()).set(second as f64);
}

fn locked<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}
