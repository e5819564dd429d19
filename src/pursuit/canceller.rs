//! Attempts that nobody waits for any more are stopped at their generator, where it can be told to.
//!
//! It saves the generator work and its customers money; nothing depends on it, so it is given up after a few tries.

use std::time::Duration;

use futures_util::future::join_all;
use uuid::Uuid;

use super::{Means, Texts};
use crate::cadence::Step;
use crate::domain::schedule::Pace;
use crate::store::{Cancellation, StoreError};

const AT_ONCE: u64 = 16;
const MOST_TRIES: u32 = 5;
const TIMEOUT: Duration = Duration::from_secs(10);
const PAUSES: Pace = Pace { interval: Duration::from_secs(10), growth: 3.0, max: Duration::from_secs(600) };

pub struct Canceller {
    means: Means,
}

impl Canceller {
    #[must_use]
    pub const fn new(means: Means) -> Self {
        Self { means }
    }

    /// Stops what is due to be stopped.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn step(&self) -> Result<Step, StoreError> {
        let Means { store, clock, .. } = &self.means;
        let now = clock.now();
        if !store.has_due_cancellations(now).await? {
            return Ok(Step::default());
        }
        let due = store.claim_cancellations(now, self.means.lease(TIMEOUT, None).until, AT_ONCE).await?;
        let outcomes = join_all(due.iter().map(|due| self.cancel(due))).await;
        outcomes.into_iter().collect::<Result<(), StoreError>>()?;
        Ok(Step { handled: due.len() as u64, more: due.len() as u64 == AT_ONCE })
    }

    async fn cancel(&self, due: &Cancellation) -> Result<(), StoreError> {
        if due.tries + 1 >= MOST_TRIES || self.is_cancelled(due).await {
            return self.means.store.finish_cancellation(due).await;
        }
        let again = PAUSES.next(self.means.clock.now(), due.tries, super::chance());
        self.means.store.postpone_cancellation(due, again).await
    }

    async fn is_cancelled(&self, due: &Cancellation) -> bool {
        let task = &due.task;
        let catalog = self.means.terms.catalog();
        let generator = catalog.find(task.generator.as_str());
        let attempt = task.attempts.iter().find(|attempt| attempt.number == due.attempt);
        let (Some(generator), Some(attempt)) = (generator, attempt) else { return true };
        let wanted: Vec<Uuid> = [task.documents.params, attempt.answer].into_iter().flatten().collect();
        let Ok(papers) = self.means.store.payloads(wanted).await else { return false };
        let texts = Texts::of_submitted(task, attempt, &papers);
        match generator.cancel_request(&texts.job(task, attempt, self.means.clock.now())) {
            // its id may still be on its way
            Some(Err(_)) => false,
            Some(Ok(request)) => {
                let heard = self.means.upstream.make(&request, TIMEOUT, self.means.clock.now()).await;
                let done = generator.read_cancellation(&heard);
                tracing::info!(task = %task.id, attempt = due.attempt, done, "an attempt was to be stopped at its generator");
                done
            }
            None => true,
        }
    }
}
