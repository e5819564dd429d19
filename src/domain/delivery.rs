//! What an attempt at a delivery means: delivered, again at a time, or dead.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::time::Timestamp;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Pending,
    Delivered,
    Dead,
    /// A later event of its task has taken its place.
    Superseded,
}

impl Status {
    pub const ALL: [Self; 4] = [Self::Pending, Self::Delivered, Self::Dead, Self::Superseded];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
            Self::Superseded => "superseded",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

/// What an attempt met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    Answered {
        status: u16,
        /// The subscriber's wish, as far as it says one in seconds or as a date.
        retry_after: Option<Duration>,
    },
    /// No answer in time, no connection, no such name.
    Nothing(Trouble),
    /// It can never be sent as it is: a destination that is not allowed, a body that cannot be made.
    Unsendable(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    Timeout,
    /// The name could not be resolved.
    Name,
    Connection,
    Tls,
}

/// What follows from an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Delivered,
    RetryAt(Timestamp),
    Dead(Death),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Death {
    /// The subscriber refused it.
    Refused,
    /// It answered 410: it wants nothing any more.
    Gone,
    /// The last delay went by.
    Exhausted,
    Unsendable,
}

/// When to look again at what waits for something that nobody says when it comes: a webhook that is paused, a key that is missing.
pub const LATER: Duration = Duration::from_secs(60);

/// Whoever asks to be left alone, a subscriber or a generator, is left alone up to this.
pub const LONGEST_WISH: Duration = Duration::from_secs(3600);

/// `attempts` counts this one; `chance`, from 0 to 1, spreads those that failed together.
#[must_use]
pub fn judge(heard: &Heard, attempts: u32, delays: &[Duration], now: Timestamp, chance: f64) -> Verdict {
    let wish = match heard {
        Heard::Answered { status: 200..=299, .. } => return Verdict::Delivered,
        Heard::Answered { status: 410, .. } => return Verdict::Dead(Death::Gone),
        // redirects are not followed: the URL may be mended, as everything that is not a plain no
        Heard::Answered { status: 429, retry_after } | Heard::Answered { status: 500..=599, retry_after } => *retry_after,
        Heard::Answered { status: 400..=499, .. } => return Verdict::Dead(Death::Refused),
        Heard::Answered { .. } | Heard::Nothing(_) => None,
        Heard::Unsendable(_) => return Verdict::Dead(Death::Unsendable),
    };
    let index = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX);
    let Some(delay) = delays.get(index) else { return Verdict::Dead(Death::Exhausted) };
    let spread = delay.mul_f64(1.0 + 0.1 * chance.clamp(0.0, 1.0));
    Verdict::RetryAt(now.plus(spread.max(wish.unwrap_or_default().min(LONGEST_WISH))))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DELAYS: [Duration; 2] = [Duration::from_secs(10), Duration::from_secs(30)];

    fn answered(status: u16) -> Verdict {
        judge(&Heard::Answered { status, retry_after: None }, 1, &DELAYS, Timestamp::EPOCH, 0.0)
    }

    #[test]
    fn answers_are_sorted_as_promised() {
        let again = Verdict::RetryAt(Timestamp::from_secs(10));
        for status in [200, 201, 202, 204, 299] {
            assert_eq!(answered(status), Verdict::Delivered, "{status}");
        }
        for status in [100, 301, 302, 307, 308, 429, 500, 502, 503, 504, 599] {
            assert_eq!(answered(status), again, "{status}");
        }
        for status in [400, 401, 403, 404, 409, 422, 499] {
            assert_eq!(answered(status), Verdict::Dead(Death::Refused), "{status}");
        }
        assert_eq!(answered(410), Verdict::Dead(Death::Gone));
        for trouble in [Trouble::Timeout, Trouble::Name, Trouble::Connection, Trouble::Tls] {
            assert_eq!(judge(&Heard::Nothing(trouble), 1, &DELAYS, Timestamp::EPOCH, 0.0), again);
        }
        let unsendable = Heard::Unsendable("a private address".to_owned());
        assert_eq!(judge(&unsendable, 1, &DELAYS, Timestamp::EPOCH, 0.0), Verdict::Dead(Death::Unsendable));
    }

    #[test]
    fn after_the_last_delay_it_is_dead() {
        let after = |attempts| judge(&Heard::Nothing(Trouble::Timeout), attempts, &DELAYS, Timestamp::EPOCH, 0.0);
        assert_eq!(after(1), Verdict::RetryAt(Timestamp::from_secs(10)));
        assert_eq!(after(2), Verdict::RetryAt(Timestamp::from_secs(30)));
        assert_eq!(after(3), Verdict::Dead(Death::Exhausted));
        assert_eq!(judge(&Heard::Nothing(Trouble::Timeout), 1, &[], Timestamp::EPOCH, 0.0), Verdict::Dead(Death::Exhausted));
    }

    #[test]
    fn a_wish_is_followed_within_an_hour_and_delays_are_spread() {
        let heard = |secs| Heard::Answered { status: 429, retry_after: Some(Duration::from_secs(secs)) };
        let at = |secs, chance| judge(&heard(secs), 1, &DELAYS, Timestamp::EPOCH, chance);
        assert_eq!(at(5, 0.0), Verdict::RetryAt(Timestamp::from_secs(10)));
        assert_eq!(at(60, 0.0), Verdict::RetryAt(Timestamp::from_secs(60)));
        assert_eq!(at(1_000_000, 0.0), Verdict::RetryAt(Timestamp::from_secs(3600)));
        assert_eq!(at(0, 1.0), Verdict::RetryAt(Timestamp::from_secs(11)));
    }
}
