//! What nobody needs any more goes, little by little, so that nobody has to wait for it; and what somebody has forgotten to
//! give back comes back.

use std::time::Duration;

use crate::cadence::Step;
use crate::clock::Clock;
use crate::store::{Reach, Remains, Store, StoreError};

/// Rows in one transaction.
const AT_ONCE: u64 = 250;
/// Transactions of a kind in one step.
const MOST_PARTS: u32 = 20;
/// What was counted hour by hour is kept for so long.
const FIGURES: Duration = Duration::from_secs(90 * 24 * 3600);

/// How many callbacks there were in each hour: a little longer than anybody asks for it.
const PULSES: Duration = Duration::from_secs(8 * 24 * 3600);

/// What is no task's business is known again for at least so long: no known sender repeats itself for half of it.
const KNOWN_AGAIN: Duration = Duration::from_secs(7 * 24 * 3600);

/// An end is written a moment after it came, and replicas' clocks differ: what is looked at once is looked at later.
const SETTLED: Duration = Duration::from_secs(5 * 60);

/// So long an `Idempotency-Key` is known, unless its task goes before.
const KEYS: Duration = Duration::from_secs(7 * 24 * 3600);

/// Cheap to clone.
#[derive(Clone)]
pub struct Housekeeper {
    store: Store,
    clock: Clock,
    terms: Terms,
}

/// How long things are kept.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// From the day on which it was delivered, or given up.
    pub deliveries: Duration,
    /// From the day on which their task ended; of no task, from the day on which they came.
    pub callbacks: Duration,
    /// The same for what callbacks and answers held, but for results.
    pub bodies: Duration,
    /// From the day on which they ended.
    pub tasks: Duration,
}

impl Housekeeper {
    #[must_use]
    pub const fn new(store: Store, clock: Clock, terms: Terms) -> Self {
        Self { store, clock, terms }
    }

    /// Each chore is done, whatever became of the others: what keeps failing holds up nothing but itself.
    ///
    /// # Errors
    /// Whatever the database says of the first chore that failed.
    pub async fn step(&self) -> Result<Step, StoreError> {
        let (now, store) = (self.clock.now(), &self.store);
        let returned = store.expire_pool(now).await.map(|handled| Step { handled, more: false });
        let until = now.minus(self.terms.deliveries);
        let deliveries = in_parts(|| store.drop_deliveries(until, AT_ONCE)).await;
        let until = now.minus(FIGURES);
        let figures = in_parts(|| store.drop_tallies(until, AT_ONCE)).await;
        let pulses = store.drop_pulses(now.minus(PULSES).hour()).await.map(|handled| Step { handled, more: false });
        // what is no task's business
        let until = now.minus(self.terms.callbacks.max(KNOWN_AGAIN));
        let ignored = in_parts(|| store.drop_ignored(until, AT_ONCE)).await;
        let events = in_parts(|| store.drop_unheard(until, AT_ONCE)).await;
        let receipts = in_parts(|| store.drop_strays(until, AT_ONCE)).await;
        // of tasks, bodies before rows; each of these has parts of its own size
        let until = now.minus(self.terms.bodies.max(SETTLED));
        let bodies = in_parts(|| store.drop_remains(Remains::Bodies, until)).await;
        let until = now.minus(self.terms.callbacks.max(SETTLED));
        let callbacks = in_parts(|| store.drop_remains(Remains::Receipts, until)).await;
        let tasks = self.drop_tasks().await;
        let until = now.minus(KEYS);
        let keys = in_parts(|| store.drop_idempotency_keys(until, AT_ONCE)).await;
        together([
            ("leases", returned),
            ("deliveries", deliveries),
            ("figures", figures),
            ("pulses", pulses),
            ("ignored callbacks", ignored),
            ("events", events),
            ("receipts", receipts),
            ("bodies of settled tasks", bodies),
            ("callbacks of settled tasks", callbacks),
            ("settled tasks", tasks),
            ("idempotency keys", keys),
        ])
    }

    async fn drop_tasks(&self) -> Result<Step, StoreError> {
        let until = self.clock.now().minus(self.terms.tasks.max(SETTLED));
        let (mut handled, mut behind) = (0, Reach::default());
        for _ in 0..MOST_PARTS {
            let Some((dropped, last)) = self.store.drop_tasks(until, behind).await? else {
                return Ok(Step { handled, more: false });
            };
            (handled, behind) = (handled + dropped, last);
        }
        Ok(Step { handled, more: true })
    }
}

/// Every failure is told here, by the name of its chore; the first stands for the step.
fn together<const N: usize>(chores: [(&'static str, Result<Step, StoreError>); N]) -> Result<Step, StoreError> {
    let (mut done, mut failure) = (Step::default(), None);
    for (chore, outcome) in chores {
        match outcome {
            Ok(step) => done = [done, step].into_iter().sum(),
            Err(error) => {
                tracing::warn!(%error, chore, "a chore has failed and will be repeated");
                failure.get_or_insert(error);
            }
        }
    }
    failure.map_or(Ok(done), Err)
}

/// Between two parts others get their turn at the database.
async fn in_parts<F: Future<Output = Result<u64, StoreError>>>(part: impl Fn() -> F) -> Result<Step, StoreError> {
    let mut handled = 0;
    for _ in 0..MOST_PARTS {
        let dropped = part().await?;
        handled += dropped;
        if dropped == 0 {
            return Ok(Step { handled, more: false });
        }
        tokio::task::yield_now().await;
    }
    Ok(Step { handled, more: true })
}
