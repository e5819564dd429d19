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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_delay_repeats() {
        let delays = [30, 60, 120].map(Duration::from_secs);
        let after = |failed| retry_at(Timestamp::EPOCH, &delays, failed).secs();
        assert_eq!([after(1), after(2), after(3), after(4), after(99)], [30, 60, 120, 120, 120]);
        assert_eq!(retry_at(Timestamp::EPOCH, &[], 1), Timestamp::EPOCH);
    }
}
