//! What became of callbacks and questions minute by minute, since this process started and for a day at most: for the charts
//! of the overview.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use crate::cadence::Step;
use crate::domain::event::Outcome;
use crate::domain::time::Timestamp;
use crate::http::state::Hub;
use crate::pursuit::figures::Finding;

const MINUTES: usize = 24 * 60;

/// What is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub applied: u64,
    pub duplicate: u64,
    /// Ignored, parked, hints and custom events.
    pub other: u64,
    pub refused: u64,
    /// Questions that brought an end.
    pub polled: u64,
}

#[derive(Default)]
pub struct History(Mutex<Minutes>);

#[derive(Default)]
struct Minutes {
    /// Minutes since 1970, in their order; one in which nothing happened is not there.
    kept: VecDeque<(i64, Counts)>,
    last: Counts,
}

impl History {
    /// Takes down what has happened since the last time.
    pub fn step(&self, hub: &Hub) -> Step {
        // counted under the lock: an older total behind a newer one would count what lies between twice
        let mut minutes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        minutes.add(minute(hub.clock.now()), Counts::of(hub));
        Step::default()
    }

    /// The last so many minutes, the current one last.
    #[must_use]
    pub fn minutes(&self, now: Timestamp, count: usize) -> Vec<Counts> {
        let minutes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known: BTreeMap<i64, Counts> = minutes.kept.iter().copied().collect();
        let newest = minute(now);
        let wanted = (0..i64::try_from(count).unwrap_or(0)).rev();
        wanted.map(|ago| known.get(&(newest - ago)).copied().unwrap_or_default()).collect()
    }
}

impl Minutes {
    fn add(&mut self, minute: i64, total: Counts) {
        let fresh = total.minus(self.last);
        self.last = total;
        if fresh == Counts::default() {
            return;
        }
        // a clock that was set back counts on where it was
        match self.kept.back_mut() {
            Some((newest, counts)) if *newest >= minute => *counts = counts.plus(fresh),
            _ => self.kept.push_back((minute, fresh)),
        }
        let oldest = minute - i64::try_from(MINUTES).unwrap_or(0);
        while self.kept.len() > MINUTES || self.kept.front().is_some_and(|(kept, _)| *kept <= oldest) {
            self.kept.pop_front();
        }
    }
}

const fn minute(time: Timestamp) -> i64 {
    time.secs().div_euclid(60)
}

impl Counts {
    fn of(hub: &Hub) -> Self {
        let mut counts = Self { refused: hub.figures.rejections().values().sum(), ..Self::default() };
        for (outcome, amount) in hub.figures.outcomes() {
            match outcome {
                word if word == Outcome::Applied.as_str() => counts.applied += amount,
                word if word == Outcome::Duplicate.as_str() => counts.duplicate += amount,
                _ => counts.other += amount,
            }
        }
        let ends = [Finding::Completed, Finding::WithoutResult, Finding::Failed, Finding::Cancelled].map(Finding::as_str);
        let found = hub.reconciler.figures().counts().into_values().flat_map(|figures| figures.found);
        counts.polled = found.filter(|(word, _)| ends.contains(word)).map(|(_, amount)| amount).sum();
        counts
    }

    fn each(self, other: Self, join: impl Fn(u64, u64) -> u64) -> Self {
        Self {
            applied: join(self.applied, other.applied),
            duplicate: join(self.duplicate, other.duplicate),
            other: join(self.other, other.other),
            refused: join(self.refused, other.refused),
            polled: join(self.polled, other.polled),
        }
    }

    fn minus(self, earlier: Self) -> Self {
        self.each(earlier, u64::saturating_sub)
    }

    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        self.each(other, u64::saturating_add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(applied: u64) -> Counts {
        Counts { applied, ..Counts::default() }
    }

    #[test]
    fn each_minute_has_what_was_new_in_it() {
        let history = History::default();
        for (minute, total) in [(100, 5), (100, 7), (102, 8), (101, 9)] {
            history.0.lock().unwrap().add(minute, applied(total));
        }
        let shown = history.minutes(Timestamp::from_secs(102 * 60 + 59), 4);
        assert_eq!(shown, [0, 7, 0, 2].map(applied));
    }

    #[test]
    fn a_day_is_kept() {
        let history = History::default();
        for minute in 0..3000 {
            history.0.lock().unwrap().add(minute, applied(minute.unsigned_abs() + 1));
        }
        assert_eq!(history.0.lock().unwrap().kept.len(), MINUTES);
    }
}
