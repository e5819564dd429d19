//! How often a generator usually calls back, and when its silence is out of the ordinary: the sign of a secret or a URL that has
//! been changed on one side only.

use std::time::Duration;

use super::time::Timestamp;

/// Fewer callbacks say nothing about what is usual.
const FEW: u64 = 20;
/// Several times the usual gap …
const SEVERAL: u32 = 10;
/// … and some times as long as its tasks take …
const SOME: u32 = 3;
/// … and so long at least: generators have their breaks.
const SHORTEST: Duration = Duration::from_secs(600);
const HOUR: Duration = Duration::from_secs(3600);

/// What is known of a generator's callbacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pulse {
    pub callbacks: u64,
    /// Hours in which there were any.
    pub hours: u64,
    pub last_at: Timestamp,
}

impl Pulse {
    /// How long it may be silent, while there are tasks that it has to tell of; none while too little is known.
    #[must_use]
    pub fn patience(&self) -> Option<Duration> {
        if self.callbacks < FEW {
            return None;
        }
        let gap = HOUR.saturating_mul(u32::try_from(self.hours).unwrap_or(u32::MAX)).div_f64(exact(self.callbacks));
        Some(gap.saturating_mul(SEVERAL).max(SHORTEST))
    }

    /// If it has been silent for longer than that: what was submitted before this time should have been told of by now.
    /// `usual`: how long nearly all of its tasks have taken lately.
    #[must_use]
    pub fn overdue_since(&self, now: Timestamp, usual: Duration) -> Option<Timestamp> {
        let patience = self.patience()?.max(usual.saturating_mul(SOME));
        (now.since(self.last_at) > patience).then(|| now.minus(patience))
    }
}

#[expect(clippy::cast_precision_loss, reason = "a mean, not a count")]
fn exact(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAST: Timestamp = Timestamp::from_secs(1_800_000_000);

    fn pulse(callbacks: u64, hours: u64) -> Pulse {
        Pulse { callbacks, hours, last_at: LAST }
    }

    #[test]
    fn patience_is_several_times_the_usual_gap_and_ten_minutes_at_least() {
        assert_eq!(pulse(24, 24).patience(), Some(Duration::from_secs(36_000)));
        assert_eq!(pulse(3600, 1).patience(), Some(SHORTEST));
        assert_eq!(pulse(FEW - 1, 1).patience(), None, "nobody knows yet what is usual");
    }

    #[test]
    fn silence_counts_once_patience_is_over() {
        let pulse = pulse(24, 24);
        let patience = pulse.patience().unwrap();
        assert_eq!(pulse.overdue_since(LAST.plus(patience), HOUR), None);
        let later = LAST.plus(patience + Duration::from_secs(5));
        assert_eq!(pulse.overdue_since(later, HOUR), Some(LAST.plus(Duration::from_secs(5))));
        assert_eq!(pulse.overdue_since(later, 4 * HOUR), None, "its tasks take long");
    }
}
