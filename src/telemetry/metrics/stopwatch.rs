//! How long a callback's stages take.

use std::time::Instant;

use metrics::histogram;

use super::CALLBACK_SECONDS;

/// In their order; the last one is all of them.
pub const STAGES: [&str; 5] = ["receive", "verify", "decode", "record", "all"];

/// Runs from the head of a callback to its answer.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch {
    begun: Instant,
    last: Instant,
}

impl Stopwatch {
    #[must_use]
    pub fn start() -> Self {
        let now = Instant::now();
        Self { begun: now, last: now }
    }

    /// The stage that ends here began where the one before it ended.
    pub fn lap(&mut self, stage: &'static str) {
        let now = Instant::now();
        histogram!(CALLBACK_SECONDS, "stage" => stage).record(now - self.last);
        self.last = now;
    }

    pub fn stop(self) {
        histogram!(CALLBACK_SECONDS, "stage" => "all").record(self.begun.elapsed());
    }
}
