//! What the filters of one event may cost together, and what went wrong where they looked. A step is about a nanosecond: a
//! byte that is looked at or made.
//!
//! Who has seen nothing because there was too much of it must not decide by that: a [`Meter`] remembers, and whoever has
//! evaluated something asks it. (A value that fails whoever touches it would be no good: the engine panics where it compares
//! two of them.)

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Once there is nothing left, there will never be anything again.
#[derive(Debug)]
pub struct Meter {
    budget: u64,
    left: AtomicU64,
    /// As large as what was not looked at for its size; or zero.
    crowd: AtomicUsize,
}

const SPENT: &str = "the filters of this event take too long together";

impl Meter {
    #[must_use]
    pub const fn new(budget: u64) -> Self {
        Self { budget, left: AtomicU64::new(budget), crowd: AtomicUsize::new(0) }
    }

    /// For what is bounded elsewhere.
    #[must_use]
    pub const fn endless() -> Self {
        Self::new(u64::MAX)
    }

    /// False: there was not that much left.
    pub fn spend(&self, steps: u64) -> bool {
        // one thread at a time: values have to be shareable, and are not shared
        let left = self.left.load(Ordering::Relaxed).saturating_sub(steps);
        self.left.store(left, Ordering::Relaxed);
        left > 0
    }

    #[must_use]
    pub const fn budget(&self) -> u64 {
        self.budget
    }

    #[must_use]
    pub fn spent(&self) -> u64 {
        self.budget - self.left.load(Ordering::Relaxed)
    }

    /// Somebody wants to look at so many.
    pub fn meet(&self, crowd: usize) {
        self.crowd.store(crowd, Ordering::Relaxed);
    }

    /// # Errors
    /// Why what was made since the last time is worth nothing.
    pub fn check(&self) -> Result<(), String> {
        match self.crowd.swap(0, Ordering::Relaxed) {
            _ if self.left.load(Ordering::Relaxed) == 0 => Err(SPENT.to_owned()),
            0 => Ok(()),
            crowd => Err(format!("{crowd} members are more than the {} that are looked at", super::tree::MOST)),
        }
    }
}
