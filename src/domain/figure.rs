//! What is counted of deliveries, by lane and hour. The names are kept in rows: they mean the same for ever.

use std::fmt;

use super::delivery::Status;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Figure {
    /// Requests, as far as they came.
    Attempts,
    /// The sum of what they took, in milliseconds.
    Milliseconds,
    /// Those that took at most so many milliseconds, and more than the bound before; none: more than all bounds.
    Took(Option<u64>),
    Delivered,
    /// Given up, by a subscriber's word or without one.
    Dead,
    Superseded,
    /// Delivered or given up after so many attempts; the last number stands for all above, too.
    Tries(u32),
}

/// Upper bounds of the histogram of durations, in milliseconds.
const BUCKETS: [u64; 12] = [5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000];
const MOST_TRIES: u32 = 10;
const TOOK: &str = "took:";
const TRIES: &str = "tries:";
/// Instead of a bound.
const MORE: &str = "more";

impl Figure {
    /// The bucket of a duration.
    #[must_use]
    pub fn took(milliseconds: u64) -> Self {
        Self::Took(BUCKETS.into_iter().find(|bound| milliseconds <= *bound))
    }

    #[must_use]
    pub fn tries(attempts: u32) -> Self {
        Self::Tries(attempts.min(MOST_TRIES))
    }

    /// That a delivery has come to its end; none for one that has not.
    #[must_use]
    pub const fn of(status: Status) -> Option<Self> {
        match status {
            Status::Pending => None,
            Status::Delivered => Some(Self::Delivered),
            Status::Dead => Some(Self::Dead),
            Status::Superseded => Some(Self::Superseded),
        }
    }

    /// None: a newer version counts more.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        if let Some(bound) = name.strip_prefix(TOOK) {
            return if bound == MORE { Some(Self::Took(None)) } else { bound.parse().ok().map(|bound| Self::Took(Some(bound))) };
        }
        if let Some(attempts) = name.strip_prefix(TRIES) {
            return attempts.parse().ok().map(Self::Tries);
        }
        [Self::Attempts, Self::Milliseconds, Self::Delivered, Self::Dead, Self::Superseded]
            .into_iter()
            .find(|figure| figure.to_string() == name)
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Attempts => f.write_str("attempts"),
            Self::Milliseconds => f.write_str("duration_ms"),
            Self::Took(Some(bound)) => write!(f, "{TOOK}{bound}"),
            Self::Took(None) => write!(f, "{TOOK}{MORE}"),
            Self::Delivered => f.write_str(Status::Delivered.as_str()),
            Self::Dead => f.write_str(Status::Dead.as_str()),
            Self::Superseded => f.write_str(Status::Superseded.as_str()),
            Self::Tries(attempts) => write!(f, "{TRIES}{attempts}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        let buckets = BUCKETS.into_iter().map(|bound| Figure::Took(Some(bound)));
        let tries = (1..=MOST_TRIES).map(Figure::Tries);
        let ends = Status::ALL.into_iter().filter_map(Figure::of);
        let all = buckets.chain(tries).chain(ends).chain([Figure::Attempts, Figure::Milliseconds, Figure::Took(None)]);
        for figure in all {
            assert_eq!(Figure::parse(&figure.to_string()), Some(figure), "{figure}");
        }
        for unknown in ["", "pending", "took:", "tries:x", "bytes"] {
            assert_eq!(Figure::parse(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn buckets_hold_up_to_their_bounds() {
        assert_eq!(
            [0, 5, 6, 30_000, 30_001].map(|took| Figure::took(took).to_string()),
            ["took:5", "took:5", "took:10", "took:30000", "took:more"]
        );
        assert_eq!(Figure::tries(11), Figure::Tries(10));
    }
}
