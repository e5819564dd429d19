//! What is counted in the database, row by row: that takes as long as there are rows. One counts at a time, and what has taken
//! long rests before it is counted again, so that counting takes a small part of the time, however many rows there are and
//! however often somebody asks. A count that was begun is brought to its end, though nobody may wait for it any more: whoever
//! asks again would begin it anew.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex as Turn, OwnedMutexGuard};

use super::problem::Problem;
use crate::clock::Clock;
use crate::domain::time::Timestamp;
use crate::lifecycle::Lifecycle;
use crate::store::{Rescued, StatusCount, Store, StoreError};

/// A count that took longer than this is kept …
const QUICK: Duration = Duration::from_millis(50);
/// … for so many times as long as it took, and told for so long afterwards, until there is another one.
const REST: u32 = 20;
const OLDEST: Duration = Duration::from_secs(600);

/// A large file is read from end to end no more often than that: meanwhile its log cannot begin anew.
const HOUR: Duration = Duration::from_secs(3600);
/// So long is waited for what need not be known.
const BRIEF: Duration = Duration::from_millis(100);

/// By a name: a generator's, a lane's, or that of a kind.
type ByName = BTreeMap<String, u64>;

pub struct Census {
    store: Store,
    counter: Counter,
    tasks: Kept<Vec<StatusCount>>,
    overdue: Kept<ByName>,
    rescued: Kept<Vec<Rescued>>,
    parked: Kept<ByName>,
    pending: Kept<ByName>,
    dead: Kept<ByName>,
    bytes: Kept<ByName>,
}

/// A count, and when it was made.
pub struct Count<T> {
    pub at: Timestamp,
    pub found: T,
}

/// When counts are made, and in which tasks of the process.
#[derive(Clone)]
struct Counter {
    clock: Clock,
    lifecycle: Lifecycle,
}

struct Kept<T> {
    made: Arc<Mutex<Option<Made<T>>>>,
    /// At least so long a count that took long stands.
    rest: Duration,
    /// One counts at a time.
    turn: Arc<Turn<()>>,
}

/// The last count, or why there is none.
struct Made<T> {
    outcome: Counted<T>,
    at: Timestamp,
    /// Until when it stands.
    until: Timestamp,
    /// Whether it took long to count.
    slow: bool,
}

type Counted<T> = Result<Arc<Count<T>>, Uncounted>;

#[derive(Clone, Debug)]
pub enum Uncounted {
    /// Whatever the database says, to all who wait for it.
    Failed(Arc<StoreError>),
    /// The process ends.
    Stopping,
}

impl Census {
    #[must_use]
    pub fn new(store: Store, clock: Clock, lifecycle: Lifecycle) -> Self {
        let (tasks, overdue, rescued) = (Kept::new(), Kept::new(), Kept::new());
        let (parked, pending, dead, bytes) = (Kept::new(), Kept::new(), Kept::new(), Kept::resting(HOUR));
        Self { store, counter: Counter { clock, lifecycle }, tasks, overdue, rescued, parked, pending, dead, bytes }
    }

    /// Tasks by generator and state.
    ///
    /// # Errors
    /// Why they cannot be counted, where there is no older count either; so for all of these.
    pub async fn tasks(&self) -> Counted<Vec<StatusCount>> {
        let store = self.store.clone();
        self.tasks.read(&self.counter, async move { store.count_by_status().await }).await
    }

    pub async fn overdue(&self) -> Counted<ByName> {
        let (store, clock) = (self.store.clone(), self.counter.clock.clone());
        self.overdue.read(&self.counter, async move { store.count_overdue(clock.now()).await }).await
    }

    pub async fn rescued(&self) -> Counted<Vec<Rescued>> {
        let store = self.store.clone();
        self.rescued.read(&self.counter, async move { store.rescued().await }).await
    }

    pub async fn parked(&self) -> Counted<ByName> {
        let store = self.store.clone();
        self.parked.read(&self.counter, async move { store.count_parked().await }).await
    }

    /// Deliveries that have yet to arrive, by lane.
    pub async fn pending(&self) -> Counted<ByName> {
        let store = self.store.clone();
        self.pending.read(&self.counter, async move { store.count_pending_deliveries().await }).await
    }

    /// Dead deliveries, by lane.
    pub async fn dead(&self) -> Counted<ByName> {
        let store = self.store.clone();
        self.dead.read(&self.counter, async move { store.count_dead_deliveries().await }).await
    }

    /// Bytes of the database, by kind. The first time, too, nobody waits for them for long: none, as long as they are being
    /// measured.
    pub async fn bytes(&self) -> Option<Arc<Count<ByName>>> {
        let store = self.store.clone();
        let measured = self.bytes.read(&self.counter, async move { store.bytes().await });
        tokio::time::timeout(BRIEF, measured).await.ok()?.ok()
    }
}

impl<T: Send + Sync + 'static> Kept<T> {
    fn new() -> Self {
        Self::resting(Duration::ZERO)
    }

    fn resting(rest: Duration) -> Self {
        Self { made: Arc::new(Mutex::new(None)), rest, turn: Arc::default() }
    }

    /// Counts, unless the last count stands. Whoever asks meanwhile waits for his turn; where counting takes long, nobody waits
    /// once there is a count: the old one is told until the new one is there.
    async fn read(
        &self,
        counter: &Counter,
        counting: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Counted<T> {
        if let Some(standing) = self.standing(counter.clock.now()) {
            return standing;
        }
        if let Some(old) = self.old(counter.clock.now()) {
            if let Ok(turn) = self.turn.clone().try_lock_owned() {
                // somebody may have counted meanwhile
                if let Some(standing) = self.standing(counter.clock.now()) {
                    return standing;
                }
                let counted = self.count(counter, turn, counting);
                counter.lifecycle.spawn(async move { drop(counted.await) });
            }
            return old;
        }
        let turn = self.turn.clone().lock_owned().await;
        // somebody may have counted meanwhile
        if let Some(standing) = self.standing(counter.clock.now()) {
            return standing;
        }
        counter.lifecycle.see_through(self.count(counter, turn, counting)).await.unwrap_or(Err(Uncounted::Stopping))
    }

    /// A clock that was set back makes nothing stand for longer.
    fn standing(&self, now: Timestamp) -> Option<Counted<T>> {
        let kept = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        kept.as_ref().filter(|made| made.at <= now && now < made.until).map(|made| made.outcome.clone())
    }

    /// What took long to count, and may be told for a while longer.
    fn old(&self, now: Timestamp) -> Option<Counted<T>> {
        let kept = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let is_fit = |made: &&Made<T>| made.slow && made.outcome.is_ok() && now < made.until.plus(OLDEST);
        kept.as_ref().filter(is_fit).map(|made| made.outcome.clone())
    }

    fn count(
        &self,
        counter: &Counter,
        turn: OwnedMutexGuard<()>,
        counting: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> impl Future<Output = Counted<T>> + Send + 'static {
        let (kept, rest, clock, at) = (self.made.clone(), self.rest, counter.clock.clone(), counter.clock.now());
        async move {
            let outcome = counting.await;
            let (now, took) = (clock.now(), clock.now().since(at));
            let slow = took > QUICK;
            let until = if slow { now.plus((took * REST).max(rest)) } else { now };
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            let outcome = outcome.map(|found| Arc::new(Count { at, found }));
            let outcome = outcome.or_else(|error| older(kept.take(), error));
            let at = outcome.as_ref().map_or(at, |count| count.at);
            *kept = Some(Made { outcome: outcome.clone(), at, until, slow });
            drop(kept);
            drop(turn);
            outcome
        }
    }
}

/// An old count says how old it is, and is better than none.
fn older<T>(made: Option<Made<T>>, error: StoreError) -> Counted<T> {
    match made {
        Some(Made { outcome: Ok(count), .. }) => {
            tracing::warn!(%error, "what was counted before stands, since it cannot be counted anew");
            Ok(count)
        }
        _ => Err(Uncounted::Failed(Arc::new(error))),
    }
}

impl From<Uncounted> for Problem {
    fn from(uncounted: Uncounted) -> Self {
        match uncounted {
            Uncounted::Failed(error) => Self::from(&*error),
            Uncounted::Stopping => Self::unavailable("The service is stopping"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Poll;

    use futures_util::poll;
    use tokio::sync::oneshot;

    use super::*;

    const BEGIN: Timestamp = Timestamp::from_secs(1_800_000_000);
    const LONG: Duration = Duration::from_secs(3);

    fn counter() -> Counter {
        Counter { clock: Clock::manual(BEGIN), lifecycle: Lifecycle::new() }
    }

    /// Takes so long by the clock.
    async fn counted(clock: Clock, takes: Duration, outcome: Result<u32, StoreError>) -> Result<u32, StoreError> {
        tokio::task::yield_now().await;
        clock.advance(takes);
        outcome
    }

    async fn read(
        kept: &Kept<u32>,
        counter: &Counter,
        takes: Duration,
        outcome: Result<u32, StoreError>,
    ) -> Option<(u32, Timestamp)> {
        let count = kept.read(counter, counted(counter.clock.clone(), takes, outcome)).await;
        count.ok().map(|count| (count.found, count.at))
    }

    fn broken() -> Result<u32, StoreError> {
        Err(StoreError::Schema("away".to_owned()))
    }

    #[tokio::test]
    async fn what_is_counted_quickly_is_counted_each_time() {
        let (counter, kept) = (counter(), Kept::new());
        for number in 0..3 {
            assert_eq!(read(&kept, &counter, QUICK, Ok(number)).await.unwrap().0, number);
        }
    }

    #[tokio::test]
    async fn what_takes_long_rests_and_says_how_old_it_is() {
        let (counter, kept) = (counter(), Kept::new());
        let read = async |found| read(&kept, &counter, LONG, Ok(found)).await.unwrap();
        let all = tokio::join!(read(1), read(2), read(3));
        assert_eq!([all.0, all.1, all.2], [(1, BEGIN); 3], "one counts for all");
        counter.clock.advance(LONG * REST - Duration::from_millis(1));
        assert_eq!(read(4).await, (1, BEGIN));
        counter.clock.advance(Duration::from_millis(1));
        assert_eq!(read(5).await, (1, BEGIN), "nobody waits for the next one");
        while read(6).await == (1, BEGIN) {
            tokio::task::yield_now().await;
        }
        assert_eq!(read(7).await, (5, BEGIN.plus(LONG * (REST + 1))));
    }

    #[tokio::test]
    async fn an_old_count_is_better_than_none() {
        let (counter, kept) = (counter(), Kept::new());
        assert_eq!(read(&kept, &counter, QUICK, broken()).await, None);
        read(&kept, &counter, QUICK, Ok(7)).await.unwrap();
        let failing = read(&kept, &counter, Duration::from_secs(30), broken()).await;
        assert_eq!(failing, Some((7, BEGIN.plus(QUICK))));
        assert_eq!(read(&kept, &counter, QUICK, Ok(8)).await.unwrap().0, 7, "it rests after a failure, too");
    }

    #[tokio::test]
    async fn a_first_count_that_takes_long_to_fail_rests_like_any_other() {
        let (counter, kept) = (counter(), Kept::new());
        assert_eq!(read(&kept, &counter, LONG, broken()).await, None);
        counter.clock.advance(LONG * REST - Duration::from_millis(1));
        assert_eq!(read(&kept, &counter, LONG, Ok(1)).await, None, "nobody counts yet");
        counter.clock.advance(Duration::from_millis(1));
        assert_eq!(read(&kept, &counter, LONG, Ok(2)).await.unwrap().0, 2);
    }

    #[tokio::test]
    async fn a_count_that_nobody_waits_for_any_more_is_brought_to_its_end() {
        let (counter, kept) = (counter(), Kept::new());
        let (release, released) = oneshot::channel::<()>();
        let clock = counter.clock.clone();
        let counting = async move {
            let _ = released.await;
            counted(clock, LONG, Ok(1)).await
        };
        {
            let mut asking = Box::pin(kept.read(&counter, counting));
            assert!(matches!(poll!(&mut asking), Poll::Pending));
        }
        release.send(()).expect("it is still being counted");
        assert_eq!(read(&kept, &counter, LONG, Ok(2)).await, Some((1, BEGIN)), "nothing is begun anew");
    }
}
