//! What was written, read once for all who watch. Nobody watches: nothing is read.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore, broadcast};
use tokio::time::Instant;
use uuid::Uuid;

use super::shape::Notice;
use crate::cadence::Step;
use crate::domain::time::Timestamp;
use crate::http::problem::Problem;
use crate::http::state::Hub;
use crate::http::tasks::{TaskBody, briefly};
use crate::store::{Mark, Newest, Store, StoreError};

/// So long what was made earlier may be written later: a batch's time, and what replicas' clocks differ by.
pub(super) const OVERLAP: Duration = Duration::from_secs(5);
/// What is read at once, of each kind. Where more is written within the overlap, watchers are told to read anew instead.
const MOST: u64 = 2000;
/// After watchers were told to read anew.
const PAUSE: Duration = Duration::from_secs(1);
/// The same for whoever comes back, each for himself.
const MOST_MISSED: u64 = 500;
/// Who may find out at the same time what he has missed.
const TURNS: usize = 4;
/// For whoever does not keep up: more than one look can bring of all kinds.
const BUFFER: usize = 8192;
/// At the same time.
const WATCHERS: usize = 2048;

/// Who watches, and up to where has been read.
pub struct Live {
    notices: broadcast::Sender<Arc<Notice>>,
    places: Arc<Semaphore>,
    turns: Semaphore,
    /// None while nobody watches.
    position: Mutex<Option<Position>>,
}

struct Position {
    newest: Newest,
    /// Nothing before it is looked at.
    floor: Newest,
    /// Of what lies within the overlap.
    seen: HashSet<Mark>,
    /// Where so much is written that watchers cannot follow, looking all the time would only slow it.
    not_before: Option<Instant>,
}

/// A place among those who watch.
pub(super) struct Seat {
    pub notices: broadcast::Receiver<Arc<Notice>>,
    _place: OwnedSemaphorePermit,
}

impl Default for Live {
    fn default() -> Self {
        let (notices, _) = broadcast::channel(BUFFER);
        let (places, turns) = (Arc::new(Semaphore::new(WATCHERS)), Semaphore::new(TURNS));
        Self { notices, places, turns, position: Mutex::default() }
    }
}

impl Live {
    /// What is written from now on will be told, but for what [`OVERLAP`] is too short for.
    pub(super) async fn take_seat(&self, hub: &Hub) -> Result<Seat, Problem> {
        let place = self.places.clone().try_acquire_owned();
        let place = place.map_err(|_| Problem::unavailable("As many watch as may"))?;
        // registered before anything is read: a step that finds nobody forgets where it was
        let notices = self.notices.subscribe();
        let mut position = self.position.lock().await;
        if position.is_none() {
            *position = Some(Position::of_now(&hub.store, hub.clock.now()).await?);
        }
        Ok(Seat { notices, _place: place })
    }

    /// Tells what is new.
    ///
    /// # Errors
    /// Whatever the database says; the next step begins where this one did.
    pub async fn step(&self, hub: &Hub) -> Result<Step, StoreError> {
        let mut position = self.position.lock().await;
        if self.notices.receiver_count() == 0 {
            *position = None;
        }
        let Some(Position { newest, floor, seen, not_before }) = position.as_mut() else { return Ok(Step::default()) };
        if not_before.is_some_and(|time| Instant::now() < time) {
            return Ok(Step::default());
        }
        let marks = hub.store.written_since(newest.minus(OVERLAP, *floor), MOST).await?;
        let now = hub.clock.now();
        if is_cut(&marks, MOST) {
            let not_before = Some(Instant::now() + PAUSE);
            *position = Some(Position { not_before, ..Position::of_now(&hub.store, now).await? });
            self.tell(Notice::resync(now));
            return Ok(Step::default());
        }
        let fresh: Vec<Mark> = marks.iter().filter(|mark| !seen.contains(mark)).cloned().collect();
        for notice in notices(hub, &fresh).await? {
            self.tell(notice);
        }
        *newest = marks.iter().fold(*newest, Newest::with).no_later_than(now);
        *seen = marks.into_iter().collect();
        Ok(Step { handled: fresh.len() as u64, more: false })
    }

    /// What was written since that time, and a while before it; none if that is too much.
    ///
    /// # Errors
    /// Whatever the database says.
    pub(super) async fn missed(&self, hub: &Hub, since: Timestamp) -> Result<Option<Vec<Notice>>, StoreError> {
        // after a restart all of them come back at once, and so do the callbacks; it is never closed
        let _turn = self.turns.acquire().await;
        let beginning = Newest::at(Timestamp::from_micros(0));
        let marks = hub.store.written_since(Newest::at(since).minus(OVERLAP, beginning), MOST_MISSED).await?;
        if is_cut(&marks, MOST_MISSED) { Ok(None) } else { notices(hub, &marks).await.map(Some) }
    }

    fn tell(&self, notice: Notice) {
        // nobody listens: nobody waits
        let _ = self.notices.send(Arc::new(notice));
    }
}

impl Position {
    async fn of_now(store: &Store, now: Timestamp) -> Result<Self, StoreError> {
        let newest = store.newest().await?.no_later_than(now);
        let beginning = Newest::at(Timestamp::from_micros(0));
        let mut floor = newest.minus(OVERLAP, beginning);
        let mut marks = store.written_since(floor, MOST).await?;
        if is_cut(&marks, MOST) {
            // after a burst the overlap begins anew, behind it: of what is in it nobody could be told
            floor = newest.next();
            marks = store.written_since(floor, MOST).await?;
        }
        Ok(Self { newest, floor, seen: marks.into_iter().collect(), not_before: None })
    }
}

fn is_cut(marks: &[Mark], most: u64) -> bool {
    let kinds = [
        |mark: &&Mark| matches!(mark, Mark::Created { .. }),
        |mark: &&Mark| matches!(mark, Mark::Receipt(_)),
        |mark: &&Mark| matches!(mark, Mark::Rejection(_)),
    ];
    kinds.into_iter().any(|is_one| marks.iter().filter(is_one).count() as u64 >= most)
}

/// In the order in which they were made.
async fn notices(hub: &Hub, marks: &[Mark]) -> Result<Vec<Notice>, StoreError> {
    if marks.is_empty() {
        return Ok(Vec::new());
    }
    let receipts: Vec<Uuid> =
        marks.iter().filter_map(|mark| if let Mark::Receipt(id) = mark { Some(*id) } else { None }).collect();
    let rejections: Vec<Uuid> =
        marks.iter().filter_map(|mark| if let Mark::Rejection(id) = mark { Some(*id) } else { None }).collect();
    let (said, refused) = (hub.store.said(&receipts).await?, hub.store.refused(&rejections).await?);
    let created: Vec<(&str, Timestamp)> = marks.iter().filter_map(creation).collect();
    let about: HashSet<&str> =
        created.iter().map(|(task, _)| *task).chain(said.iter().filter_map(|said| said.task_id.as_deref())).collect();
    let tasks = hub.store.tasks_by_id(&about.into_iter().collect::<Vec<_>>()).await?;
    let tasks: HashMap<String, TaskBody> =
        briefly(hub, tasks).await?.into_iter().map(|task| (task.id().to_owned(), task)).collect();
    let mut notices: Vec<Notice> =
        created.into_iter().filter_map(|(id, at)| tasks.get(id).map(|task| Notice::created(at, task))).collect();
    let known = |task: &Option<String>| task.as_deref().and_then(|task| tasks.get(task));
    notices.extend(said.iter().map(|said| Notice::said(said, known(&said.task_id))));
    notices.extend(refused.iter().map(Notice::refused));
    notices.sort_by_key(|notice| notice.made);
    Ok(notices)
}

fn creation(mark: &Mark) -> Option<(&str, Timestamp)> {
    if let Mark::Created { at, task } = mark { Some((task, *at)) } else { None }
}
