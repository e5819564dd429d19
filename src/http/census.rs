//! What is counted in the database, row by row: that takes as long as there are rows. One counts at a time, and what has taken
//! long rests before it is counted again, so that counting takes a small part of the time, however many rows there are and
//! however often somebody asks.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;

use crate::clock::Clock;
use crate::domain::time::Timestamp;
use crate::store::{Rescued, StatusCount, Store, StoreError};

/// A count that took longer than this is kept …
const QUICK: Duration = Duration::from_millis(50);
/// … for so many times as long as it took.
const REST: u32 = 20;

/// By a name: a generator's, or a lane's.
type ByName = BTreeMap<String, u64>;

pub struct Census {
    store: Store,
    clock: Clock,
    tasks: Kept<Vec<StatusCount>>,
    overdue: Kept<ByName>,
    rescued: Kept<Vec<Rescued>>,
    parked: Kept<ByName>,
    pending: Kept<ByName>,
    dead: Kept<ByName>,
}

/// A count, and when it was made.
pub struct Count<T> {
    pub at: Timestamp,
    pub found: T,
}

struct Kept<T>(Mutex<Option<Made<T>>>);

struct Made<T> {
    count: Arc<Count<T>>,
    /// Until when it stands.
    until: Timestamp,
}

type Counted<T> = Result<Arc<Count<T>>, StoreError>;

impl Census {
    #[must_use]
    pub fn new(store: Store, clock: Clock) -> Self {
        let (tasks, overdue, rescued) = (Kept::new(), Kept::new(), Kept::new());
        let (parked, pending, dead) = (Kept::new(), Kept::new(), Kept::new());
        Self { store, clock, tasks, overdue, rescued, parked, pending, dead }
    }

    /// Tasks by generator and state.
    ///
    /// # Errors
    /// Whatever the database says, where there is no older count either; so for all of these.
    pub async fn tasks(&self) -> Counted<Vec<StatusCount>> {
        self.tasks.read(&self.clock, self.store.count_by_status()).await
    }

    pub async fn overdue(&self) -> Counted<ByName> {
        self.overdue.read(&self.clock, self.store.count_overdue(self.clock.now())).await
    }

    pub async fn rescued(&self) -> Counted<Vec<Rescued>> {
        self.rescued.read(&self.clock, self.store.rescued()).await
    }

    pub async fn parked(&self) -> Counted<ByName> {
        self.parked.read(&self.clock, self.store.count_parked()).await
    }

    /// Deliveries that have yet to arrive, by lane.
    pub async fn pending(&self) -> Counted<ByName> {
        self.pending.read(&self.clock, self.store.count_pending_deliveries()).await
    }

    /// Dead deliveries, by lane.
    pub async fn dead(&self) -> Counted<ByName> {
        self.dead.read(&self.clock, self.store.count_dead_deliveries()).await
    }
}

impl<T> Kept<T> {
    const fn new() -> Self {
        Self(Mutex::const_new(None))
    }

    /// Counts, unless the last count stands. Whoever asks meanwhile waits for his turn.
    async fn read(&self, clock: &Clock, counting: impl Future<Output = Result<T, StoreError>>) -> Counted<T> {
        let mut kept = self.0.lock().await;
        let at = clock.now();
        // a clock that was set back makes nothing stand for longer
        if let Some(made) = kept.as_ref().filter(|made| made.count.at <= at && at < made.until) {
            return Ok(made.count.clone());
        }
        let outcome = counting.await;
        let now = clock.now();
        let until = Some(now.since(at)).filter(|took| *took > QUICK).map_or(now, |took| now.plus(took * REST));
        let count = match (outcome, kept.take()) {
            (Ok(found), _) => Arc::new(Count { at, found }),
            // an old count says how old it is, and is better than none
            (Err(error), Some(made)) => {
                tracing::warn!(%error, "what was counted before stands, since it cannot be counted anew");
                made.count
            }
            (Err(error), None) => return Err(error),
        };
        *kept = Some(Made { count: count.clone(), until });
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGIN: Timestamp = Timestamp::from_secs(1_800_000_000);

    /// Takes so long by the clock.
    async fn counted(clock: &Clock, takes: Duration, outcome: Result<u32, StoreError>) -> Result<u32, StoreError> {
        tokio::task::yield_now().await;
        clock.advance(takes);
        outcome
    }

    fn broken() -> Result<u32, StoreError> {
        Err(StoreError::Schema("away".to_owned()))
    }

    #[tokio::test]
    async fn what_is_counted_quickly_is_counted_each_time() {
        let (clock, kept) = (Clock::manual(BEGIN), Kept::new());
        for number in 0..3 {
            let count = kept.read(&clock, counted(&clock, QUICK, Ok(number))).await.unwrap();
            assert_eq!(count.found, number);
        }
    }

    #[tokio::test]
    async fn what_takes_long_rests_and_says_how_old_it_is() {
        let (clock, kept) = (Clock::manual(BEGIN), Kept::new());
        let long = Duration::from_secs(3);
        let read = async |found| kept.read(&clock, counted(&clock, long, Ok(found))).await.map(|count| (count.found, count.at));
        let all = tokio::join!(read(1), read(2), read(3));
        assert_eq!([all.0, all.1, all.2].map(Result::unwrap), [(1, BEGIN); 3], "one counts for all");
        clock.advance(long * REST - Duration::from_millis(1));
        assert_eq!(read(4).await.unwrap(), (1, BEGIN));
        clock.advance(Duration::from_millis(1));
        assert_eq!(read(5).await.unwrap(), (5, BEGIN.plus(long * (REST + 1))));
    }

    #[tokio::test]
    async fn an_old_count_is_better_than_none() {
        let (clock, kept) = (Clock::manual(BEGIN), Kept::new());
        assert!(kept.read(&clock, counted(&clock, QUICK, broken())).await.is_err());
        kept.read(&clock, counted(&clock, QUICK, Ok(7))).await.unwrap();
        let failing = kept.read(&clock, counted(&clock, Duration::from_secs(30), broken())).await.unwrap();
        assert_eq!((failing.found, failing.at), (7, BEGIN.plus(QUICK)));
        let tried_again_soon = kept.read(&clock, counted(&clock, QUICK, Ok(8))).await.unwrap();
        assert_eq!(tried_again_soon.found, 7);
    }
}
