//! How long answers took, in a histogram that keeps three digits of every one of them.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

/// An hour, in microseconds: whatever takes longer counts as that.
const LONGEST: u64 = 3_600_000_000;

/// In milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Latency {
    pub p50: f64,
    pub p99: f64,
    pub p999: f64,
}

/// Times as they come, in as much memory however many there are.
pub struct Times(Histogram<u64>);

impl Times {
    /// # Errors
    /// When there is no memory for it.
    pub fn new() -> anyhow::Result<Self> {
        Ok(Self(Histogram::new_with_bounds(1, LONGEST, 3)?))
    }

    pub fn record(&mut self, time: Duration) {
        self.0.saturating_record(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    }

    /// Of nothing, nothing.
    #[must_use]
    pub fn latency(&self) -> Option<Latency> {
        #[expect(clippy::cast_precision_loss, reason = "a figure of three digits")]
        let millis = |quantile| self.0.value_at_quantile(quantile) as f64 / 1000.0;
        (!self.0.is_empty()).then(|| Latency { p50: millis(0.5), p99: millis(0.99), p999: millis(0.999) })
    }
}

impl Latency {
    /// Of nothing, nothing.
    #[must_use]
    pub fn of(times: impl IntoIterator<Item = Duration>) -> Option<Self> {
        let mut all = Times::new().ok()?;
        times.into_iter().for_each(|time| all.record(time));
        all.latency()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_a_thousand_may_take_longer() {
        let late = |count: usize| {
            let times = std::iter::repeat_n(2, 1000 - count).chain(std::iter::repeat_n(500, count));
            Latency::of(times.map(Duration::from_millis)).expect("times")
        };
        let near = |is: f64, should: f64| (is / should - 1.0).abs() < 0.001;
        assert!(near(late(1).p999, 2.0) && near(late(2).p999, 500.0), "{:?} {:?}", late(1), late(2));
        assert!(near(late(10).p99, 2.0) && near(late(11).p99, 500.0) && near(late(499).p50, 2.0));
        assert_eq!(Latency::of([]), None);
    }

    #[test]
    fn nothing_is_too_long_to_be_counted() {
        let hour = Latency::of([Duration::from_secs(7200)]).expect("a time");
        assert!((hour.p50 / 3_600_000.0 - 1.0).abs() < 0.001, "{hour:?}");
    }
}
