//! What a transaction costs is not what comes in, but what goes out: a few words of progress may bring a letter with all that
//! their task's client has added, and a delivery to each of many webhooks.

use crate::store::commit::Entry;
use crate::store::error::StoreError;

/// Stored texts that are at hand together, and what letters and documents are made of them.
const MOST_BYTES: usize = 32 << 20;
/// Deliveries.
const MOST_ROWS: usize = 4096;
/// What filters take, each about a nanosecond.
const MOST_STEPS: u64 = 250_000_000;

/// Counts what a batch brings to webhooks. A single entry may bring whatever it brings.
pub(super) struct Outlay {
    is_alone: bool,
    bytes: usize,
    rows: usize,
    steps: u64,
}

impl Outlay {
    pub(super) const fn of(entries: &[Entry]) -> Self {
        Self { is_alone: entries.len() < 2, bytes: 0, rows: 0, steps: 0 }
    }

    /// # Errors
    /// [`StoreError::TooMuch`] if the entries should be written in several transactions.
    pub(super) fn hold(&self, bytes: usize) -> Result<(), StoreError> {
        if self.is_alone || bytes <= MOST_BYTES { Ok(()) } else { Err(StoreError::TooMuch) }
    }

    /// # Errors
    /// As [`Self::hold`].
    pub(super) fn add(&mut self, bytes: usize, rows: usize, steps: u64) -> Result<(), StoreError> {
        self.bytes = self.bytes.saturating_add(bytes);
        self.rows = self.rows.saturating_add(rows);
        self.steps = self.steps.saturating_add(steps);
        let fits = self.rows <= MOST_ROWS && self.steps <= MOST_STEPS;
        if self.is_alone || fits { self.hold(self.bytes) } else { Err(StoreError::TooMuch) }
    }
}
