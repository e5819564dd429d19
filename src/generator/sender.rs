//! How a generator sends its callbacks, as far as anybody knows. It changes nothing in what the hub does: it tells people
//! how long a lost callback is tried again, and which answers lose one for ever.

use std::time::Duration;

use super::outgoing::approval::Statuses;
use super::scalar::{Period, Several};

#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sender {
    timeout: Option<Period>,
    /// After the first try.
    pub retries: Option<u32>,
    window: Option<Period>,
    stops_on: Several<Statuses>,
}

impl Sender {
    /// How long it waits for an answer.
    #[must_use]
    pub fn timeout(&self) -> Option<Duration> {
        self.timeout.map(|period| period.0)
    }

    /// From its first try to its last.
    #[must_use]
    pub fn window(&self) -> Option<Duration> {
        self.window.map(|period| period.0)
    }

    /// The answers (`404`, `4xx`) after which it does not try again.
    pub fn stops_on(&self) -> impl Iterator<Item = String> {
        self.stops_on.0.iter().map(ToString::to_string)
    }

    /// Whether an answer with this status loses the callback.
    #[must_use]
    pub fn stops_at(&self, status: u16) -> bool {
        self.stops_on.0.iter().any(|statuses| statuses.holds(status))
    }
}
