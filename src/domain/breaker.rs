//! When somebody who does not answer is left alone, and for how long: a generator, or a webhook.

use std::time::Duration;

use super::delivery::LONGEST_WISH;
use super::time::Timestamp;

const FIRST_PAUSE: Duration = Duration::from_secs(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Breaker {
    /// Failures in a row before it opens.
    patience: u32,
    failures: u32,
    /// Openings in a row.
    openings: u32,
    open_until: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permit {
    Freely,
    /// One request, to see whether it is back.
    Probe,
    NotBefore(Timestamp),
}

impl Breaker {
    /// One that opens after so many failures in a row.
    #[must_use]
    pub const fn after(patience: u32) -> Self {
        Self { patience, failures: 0, openings: 0, open_until: None }
    }

    #[must_use]
    pub fn permit(&self, now: Timestamp) -> Permit {
        match self.open_until {
            None => Permit::Freely,
            Some(until) if until <= now => Permit::Probe,
            Some(until) => Permit::NotBefore(until),
        }
    }

    /// Whether nothing has failed for too often since it was closed.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        self.open_until.is_none()
    }

    pub fn succeed(&mut self) {
        *self = Self::after(self.patience);
    }

    /// `wish`: how long it asks to be left alone, which is followed within bounds.
    pub fn fail(&mut self, now: Timestamp, wish: Option<Duration>) {
        self.failures = self.failures.saturating_add(1);
        let wished = wish.map(|wish| now.plus(wish.min(LONGEST_WISH)));
        let due_again = self.open_until.is_none_or(|until| until <= now);
        let opened = (self.failures >= self.patience && due_again).then(|| {
            let pause = FIRST_PAUSE.saturating_mul(1 << self.openings.min(6)).min(LONGEST_PAUSE);
            self.openings += 1;
            now.plus(pause)
        });
        self.open_until = self.open_until.max(opened).max(wished);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    #[test]
    fn opens_after_five_failures_and_doubles_its_pauses() {
        let mut breaker = Breaker::after(5);
        for _ in 0..4 {
            breaker.fail(after(0), None);
        }
        assert_eq!(breaker.permit(after(0)), Permit::Freely);
        let mut now = 0;
        let mut pauses = Vec::new();
        for _ in 0..8 {
            breaker.fail(after(now), None);
            let Permit::NotBefore(until) = breaker.permit(after(now)) else { panic!("it is open") };
            pauses.push(until.secs() - now);
            now = until.secs();
            assert_eq!(breaker.permit(after(now)), Permit::Probe);
        }
        assert_eq!(pauses, [10, 20, 40, 80, 160, 320, 600, 600]);
        breaker.succeed();
        assert_eq!(breaker.permit(after(now)), Permit::Freely);
    }

    #[test]
    fn those_that_fail_together_open_it_once() {
        let mut breaker = Breaker::after(5);
        for _ in 0..20 {
            breaker.fail(after(0), None);
        }
        assert_eq!(breaker.permit(after(0)), Permit::NotBefore(after(10)));
    }

    #[test]
    fn a_wish_is_followed_at_once_and_within_bounds() {
        let mut breaker = Breaker::after(5);
        breaker.fail(after(0), Some(Duration::from_secs(90)));
        assert_eq!(breaker.permit(after(1)), Permit::NotBefore(after(90)));
        breaker.fail(after(0), Some(Duration::from_secs(1_000_000)));
        assert_eq!(breaker.permit(after(1)), Permit::NotBefore(after(3600)));
    }
}
