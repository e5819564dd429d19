//! Policies as times: what is due when. SQL only compares the results.

use std::time::Duration;

use super::time::Timestamp;

/// When a failed attempt's successor may be submitted. `failed` counts from 1; the last delay repeats.
#[must_use]
pub fn retry_at(now: Timestamp, delays: &[Duration], failed: u32) -> Timestamp {
    let index = usize::try_from(failed.saturating_sub(1)).unwrap_or(usize::MAX);
    let delay = delays.get(index).or(delays.last()).copied().unwrap_or_default();
    now.plus(delay)
}

/// How often a generator is asked about a task.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// Between the first and the second question.
    pub interval: Duration,
    /// What each further interval is longer by.
    pub growth: f64,
    pub max: Duration,
}

impl Pace {
    /// The interval after so many questions, without jitter.
    #[must_use]
    pub fn interval(&self, polls: u32) -> Duration {
        let grown = self.interval.as_secs_f64() * self.growth.max(1.0).powi(i32::try_from(polls).unwrap_or(i32::MAX));
        Duration::try_from_secs_f64(grown).unwrap_or(self.max).min(self.max)
    }

    /// When to ask after the question number `polls`; `chance`, from 0 to 1, spreads tasks that began together.
    #[must_use]
    pub fn next(&self, now: Timestamp, polls: u32, chance: f64) -> Timestamp {
        now.plus(self.interval(polls).mul_f64(0.9 + 0.2 * chance.clamp(0.0, 1.0)))
    }
}

/// The earlier of two times that may be missing.
#[must_use]
pub fn soonest(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_grow_up_to_their_bound() {
        let pace = Pace { interval: Duration::from_secs(30), growth: 1.5, max: Duration::from_secs(600) };
        let seconds = [0, 1, 2, 7, 8, 1_000_000].map(|polls| pace.interval(polls).as_secs());
        assert_eq!(seconds, [30, 45, 67, 512, 600, 600]);
        let spread = [0.0, 0.5, 1.0].map(|chance| pace.next(Timestamp::EPOCH, 0, chance).secs());
        assert_eq!(spread, [27, 30, 33]);
    }

    #[test]
    fn the_last_delay_repeats() {
        let delays = [30, 60, 120].map(Duration::from_secs);
        let after = |failed| retry_at(Timestamp::EPOCH, &delays, failed).secs();
        assert_eq!([after(1), after(2), after(3), after(4), after(99)], [30, 60, 120, 120, 120]);
        assert_eq!(retry_at(Timestamp::EPOCH, &[], 1), Timestamp::EPOCH);
    }
}
