//! Counts since the start.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use metrics::counter;

use crate::telemetry::metrics::{CALLBACKS, CALLBACKS_REJECTED};

/// Callbacks by what became of them.
#[derive(Default)]
pub struct Figures {
    callbacks: Mutex<BTreeMap<&'static str, u64>>,
    rejected: Mutex<BTreeMap<&'static str, u64>>,
}

impl Figures {
    /// `event`: what it means for a task, or `custom`.
    pub fn count_outcome(&self, generator: &str, event: &'static str, outcome: &'static str) {
        counter!(CALLBACKS, "generator" => generator.to_owned(), "event" => event, "outcome" => outcome).increment(1);
        *self.callbacks.lock().unwrap_or_else(PoisonError::into_inner).entry(outcome).or_default() += 1;
    }

    pub fn count_rejection(&self, generator: &str, code: &'static str) {
        counter!(CALLBACKS_REJECTED, "generator" => generator.to_owned(), "code" => code).increment(1);
        *self.rejected.lock().unwrap_or_else(PoisonError::into_inner).entry(code).or_default() += 1;
    }

    #[must_use]
    pub fn outcomes(&self) -> BTreeMap<&'static str, u64> {
        self.callbacks.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    #[must_use]
    pub fn rejections(&self) -> BTreeMap<&'static str, u64> {
        self.rejected.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
