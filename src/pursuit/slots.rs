//! How many requests a generator is sent at a time, over all steps of a loop: a slow answer holds its own slot, and nobody
//! else's.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

#[derive(Debug, Default)]
pub(super) struct Slots(Mutex<HashMap<String, u64>>);

/// Slots of one generator that a step has taken; those that are left are given back with it.
pub(super) struct Reserved<'a> {
    slots: &'a Slots,
    generator: String,
    held: Mutex<u64>,
}

impl Slots {
    /// What is free of `most`, be it nothing.
    pub(super) fn reserve(&self, generator: &str, most: u64) -> Reserved<'_> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = taken.entry(generator.to_owned()).or_default();
        let free = most.saturating_sub(*taken);
        *taken += free;
        Reserved { slots: self, generator: generator.to_owned(), held: Mutex::new(free) }
    }
}

impl Reserved<'_> {
    pub(super) fn count(&self) -> u64 {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives back all but `kept`.
    pub(super) fn keep(&self, kept: u64) {
        self.give_back(self.count().saturating_sub(kept));
    }

    pub(super) fn give_back(&self, number: u64) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let number = number.min(*held);
        *held -= number;
        let mut taken = self.slots.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(taken) = taken.get_mut(&self.generator) {
            *taken -= number;
        }
    }
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        self.keep(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_are_taken_than_there_are() {
        let slots = Slots::default();
        let first = slots.reserve("a", 8);
        assert_eq!((first.count(), slots.reserve("a", 8).count(), slots.reserve("b", 8).count()), (8, 0, 8));
        first.keep(5);
        let second = slots.reserve("a", 8);
        assert_eq!((first.count(), second.count()), (5, 3));
        first.give_back(1);
        assert_eq!(slots.reserve("a", 8).count(), 1);
        assert_eq!(slots.reserve("a", 1).count(), 0);
        drop((first, second));
        assert_eq!(slots.reserve("a", 8).count(), 8);
    }
}
