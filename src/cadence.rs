//! Runs a step again and again: on a period, on a hint, at once while there is more to do, until shutdown.
//!
//! The scan is the truth, a hint only makes it come sooner. A step that waits for somebody slow does not hold up the next
//! one: steps may overlap, and it is theirs to keep out of each other's way.

use std::fmt::Display;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::domain::time::Timestamp;
use crate::telemetry::metrics::STEP_SECONDS;

/// Steps of one loop at the same time, where it does not say.
const USUAL_STEPS: usize = 64;
/// Between two steps that hints ask for, where a loop does not say.
const USUAL_REST: Duration = Duration::from_millis(20);

/// What a step has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Step {
    pub handled: u64,
    /// It stopped for its bounds' sake, not for want of work.
    pub more: bool,
}

impl std::iter::Sum for Step {
    fn sum<I: Iterator<Item = Self>>(steps: I) -> Self {
        steps.fold(Self::default(), |all, one| Self { handled: all.handled + one.handled, more: all.more || one.more })
    }
}

/// Why a step ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    Period,
    Hint,
    /// The step before had left something to do.
    More,
}

impl Reason {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Period => "period",
            Self::Hint => "hint",
            Self::More => "more",
        }
    }
}

/// A loop's last step.
#[derive(Clone, Copy, Debug)]
pub struct Last {
    pub at: Timestamp,
    pub reason: Reason,
    /// None: it failed.
    pub handled: Option<u64>,
    pub took: Duration,
}

/// When a loop runs, and what its last step was.
#[derive(Clone, Debug)]
pub struct Cadence {
    pub name: &'static str,
    pub period: Duration,
    pub clock: Clock,
    /// Steps at the same time.
    steps: usize,
    /// Between two steps that hints ask for.
    rest: Duration,
    last: Arc<Mutex<Option<Last>>>,
}

impl Cadence {
    #[must_use]
    pub fn new(name: &'static str, period: Duration, clock: Clock) -> Self {
        Self { name, period, clock, steps: USUAL_STEPS, rest: USUAL_REST, last: Arc::default() }
    }

    /// For a loop whose steps may each wait for somebody slow, and are bounded by how many may wait: that many at least may
    /// run, and beside them those that find out that there is nothing to do.
    #[must_use]
    pub fn with_waiting(self, most: usize) -> Self {
        Self { steps: USUAL_STEPS.saturating_add(most), ..self }
    }

    /// For a loop whose steps would only find that one of them is at it already.
    #[must_use]
    pub fn one_at_a_time(self) -> Self {
        Self { steps: 1, ..self }
    }

    /// For a loop that hints ask for all the time, and whose steps may see to many of them at once.
    #[must_use]
    pub fn resting(self, rest: Duration) -> Self {
        Self { rest, ..self }
    }

    /// None before the first step has ended.
    #[must_use]
    pub fn last(&self) -> Option<Last> {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs steps until `stopping`, then lets those that run come to their end.
    pub async fn run<E: Display, F: Future<Output = Result<Step, E>>>(
        &self,
        mut hints: watch::Receiver<()>,
        stopping: CancellationToken,
        step: impl Fn() -> F,
    ) {
        let mut running = FuturesUnordered::new();
        let mut reason = Reason::Period;
        let mut hinted_at = Instant::now();
        loop {
            let is_full = running.len() >= self.steps;
            if !is_full {
                running.push(self.timed(step(), reason));
            }
            let due = Instant::now() + self.period;
            reason = loop {
                tokio::select! {
                    biased;
                    () = stopping.cancelled() => {
                        while running.next().await.is_some() {}
                        return;
                    }
                    // where there was no room for a step, there was a reason for one
                    Some(more) = running.next(), if !running.is_empty() => if more || is_full { break Reason::More },
                    () = tokio::time::sleep_until(due) => break Reason::Period,
                    () = hint(&mut hints, hinted_at + self.rest) => {
                        hinted_at = Instant::now();
                        break Reason::Hint;
                    }
                }
            };
        }
    }

    /// True: there is more to do.
    async fn timed<E: Display>(&self, step: impl Future<Output = Result<Step, E>>, reason: Reason) -> bool {
        let (at, begun) = (self.clock.now(), Instant::now());
        let outcome = step.await;
        if let Err(error) = &outcome {
            tracing::error!(%error, name = self.name, "a step failed and will be repeated");
        }
        metrics::histogram!(STEP_SECONDS, "loop" => self.name).record(begun.elapsed());
        let handled = outcome.as_ref().ok().map(|step| step.handled);
        let last = Last { at, reason, handled, took: begun.elapsed() };
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(last);
        outcome.is_ok_and(|step| step.more)
    }
}

async fn hint(hints: &mut watch::Receiver<()>, not_before: Instant) {
    tokio::time::sleep_until(not_before).await;
    if hints.changed().await.is_err() {
        // nobody is left to give hints
        std::future::pending::<()>().await;
    }
}
