//! Which generators are left alone for a while. A process knows what it has seen itself.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::domain::breaker::{Breaker, Permit};
use crate::domain::time::Timestamp;
use crate::telemetry::metrics::GENERATOR_BREAKER;

/// Failures in a row before a generator is left alone.
const PATIENCE: u32 = 5;

#[derive(Debug)]
pub(super) struct Breakers {
    /// What generators are asked to do: `submit` or `poll`.
    purpose: &'static str,
    known: Mutex<HashMap<String, Breaker>>,
}

impl Breakers {
    pub(super) fn of(purpose: &'static str) -> Self {
        Self { purpose, known: Mutex::default() }
    }

    pub(super) fn permit(&self, generator: &str, now: Timestamp) -> Permit {
        self.with(generator, |breaker| breaker.permit(now))
    }

    pub(super) fn succeed(&self, generator: &str) {
        self.with(generator, Breaker::succeed);
    }

    pub(super) fn fail(&self, generator: &str, now: Timestamp, wish: Option<Duration>) {
        self.with(generator, |breaker| breaker.fail(now, wish));
    }

    fn with<T>(&self, generator: &str, act: impl FnOnce(&mut Breaker) -> T) -> T {
        let mut breakers = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let breaker = breakers.entry(generator.to_owned()).or_insert(Breaker::after(PATIENCE));
        let outcome = act(breaker);
        // shown while nobody else changes it
        let gauge = metrics::gauge!(GENERATOR_BREAKER, "generator" => generator.to_owned(), "purpose" => self.purpose);
        gauge.set(if breaker.is_closed() { 0 } else { 1 });
        outcome
    }
}
