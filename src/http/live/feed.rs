//! What was written, read once for all who watch. Nobody watches: nothing is read.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use tokio::sync::{Mutex, Semaphore};
use tokio::time::Instant;
use uuid::Uuid;

use super::rooms::{Rooms, Seat, Wanted};
use super::shape::Notice;
use crate::cadence::Step;
use crate::domain::task::TaskId;
use crate::domain::time::Timestamp;
use crate::http::problem::Problem;
use crate::http::state::Hub;
use crate::http::tasks::{TaskBody, briefly};
use crate::store::{Mark, Newest, Store, StoreError};

/// So long what was made earlier may be written later: a batch's time, and what replicas' clocks differ by.
pub(super) const OVERLAP: Duration = Duration::from_secs(5);
/// What is read at once, of each kind. Where more is written within the overlap, watchers are told to read anew instead.
const MOST: u64 = 2000;
/// After watchers were told to read anew. Those of tasks are told how these stand, and wait until they would be anyway.
const PAUSE: Duration = Duration::from_secs(1);
/// The same for whoever comes back, each for himself.
const MOST_MISSED: u64 = 500;
/// Who may find out at the same time what he has missed.
const TURNS: usize = 4;
/// How often it is looked how watched tasks stand: not all that changes a task is told (a callback that waited for it was told
/// when it came), and nothing of it is to be missed.
const LOOK: Duration = Duration::from_secs(5);
/// Tasks that are read together.
const AT_ONCE: usize = 500;

/// Who watches, and up to where has been read.
pub struct Live {
    rooms: Rooms,
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
    look_at: Timestamp,
}

impl Default for Live {
    fn default() -> Self {
        Self { rooms: Rooms::default(), turns: Semaphore::new(TURNS), position: Mutex::default() }
    }
}

impl Live {
    /// How many watch.
    #[must_use]
    pub fn watchers(&self) -> usize {
        self.rooms.taken()
    }

    /// Of a task, or of everything. What is written from now on will be told, but for what [`OVERLAP`] is too short for.
    pub(super) async fn take_seat(&self, hub: &Hub, task: Option<&TaskId>) -> Result<Seat, Problem> {
        // taken before anything is read: a step that finds nobody forgets where it was
        let seat = self.rooms.take_seat(task).ok_or_else(|| Problem::unavailable("As many watch as may"))?;
        let mut position = self.position.lock().await;
        if position.is_none() {
            *position = Some(Position::of_now(&hub.store, hub.clock.now()).await?);
        }
        Ok(seat)
    }

    /// How a task stands for whoever begins to watch it.
    pub(super) fn begin(&self, task: &TaskId, standing: Option<u64>) {
        self.rooms.begin(task, standing);
    }

    /// Tells what is new.
    ///
    /// # Errors
    /// Whatever the database says; the next step begins where this one did.
    pub async fn step(&self, hub: &Hub) -> Result<Step, StoreError> {
        let mut place = self.position.lock().await;
        self.rooms.sweep();
        if self.rooms.wanted().is_none() {
            *place = None;
        }
        let Some(position) = place.as_mut() else { return Ok(Step::default()) };
        if position.not_before.is_some_and(|time| Instant::now() < time) {
            return Ok(Step::default());
        }
        let Position { newest, floor, seen, look_at, .. } = position;
        let marks = hub.store.written_since(newest.minus(OVERLAP, *floor), MOST).await?;
        let now = hub.clock.now();
        // asked for after the marks: what they hold is not owed to whoever comes later, and is to whoever came meanwhile
        let Some(wanted) = self.rooms.wanted() else { return Ok(Step::default()) };
        if is_cut(&marks, MOST) {
            let pause = if let Wanted::Everything = wanted { PAUSE } else { LOOK };
            let not_before = Some(Instant::now() + pause);
            *place = Some(Position { not_before, ..Position::behind(&hub.store, now).await? });
            self.rooms.tell_all(Notice::resync(now));
            self.look(hub).await?;
            return Ok(Step::default());
        }
        let fresh: Vec<Mark> = marks.iter().filter(|mark| !seen.contains(mark)).cloned().collect();
        for notice in notices(hub, &fresh, &wanted).await? {
            self.rooms.tell(notice);
        }
        *newest = marks.iter().fold(*newest, Newest::with).no_later_than(now);
        *seen = marks.into_iter().collect();
        if *look_at <= now {
            self.look(hub).await?;
            *look_at = now.plus(LOOK);
        }
        Ok(Step { handled: fresh.len() as u64, more: false })
    }

    /// Tells how watched tasks stand that have changed without a word.
    async fn look(&self, hub: &Hub) -> Result<(), StoreError> {
        let watched = self.rooms.watched();
        for tasks in watched.chunks(AT_ONCE) {
            let tasks: Vec<&str> = tasks.iter().map(String::as_str).collect();
            let tasks = hub.store.tasks_by_id(&tasks).await?;
            let now = hub.clock.now();
            for task in briefly(hub, tasks).await? {
                self.rooms.tell_current(Notice::current(&task, now));
            }
        }
        Ok(())
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
        if is_cut(&marks, MOST_MISSED) { Ok(None) } else { notices(hub, &marks, &Wanted::Everything).await.map(Some) }
    }
}

impl Position {
    async fn of_now(store: &Store, now: Timestamp) -> Result<Self, StoreError> {
        let newest = store.newest().await?.no_later_than(now);
        let floor = newest.minus(OVERLAP, Newest::at(Timestamp::from_micros(0)));
        let marks = store.written_since(floor, MOST).await?;
        if is_cut(&marks, MOST) { Self::behind(store, now).await } else { Ok(Self::new(newest, floor, marks, now)) }
    }

    /// After a burst the overlap begins anew, behind it: of what is in it nobody could be told.
    async fn behind(store: &Store, now: Timestamp) -> Result<Self, StoreError> {
        let newest = store.newest().await?.no_later_than(now);
        let floor = newest.next();
        Ok(Self::new(newest, floor, store.written_since(floor, MOST).await?, now))
    }

    fn new(newest: Newest, floor: Newest, marks: Vec<Mark>, now: Timestamp) -> Self {
        Self { newest, floor, seen: marks.into_iter().collect(), not_before: None, look_at: now.plus(LOOK) }
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
async fn notices(hub: &Hub, marks: &[Mark], wanted: &Wanted) -> Result<Vec<Notice>, StoreError> {
    if marks.is_empty() {
        return Ok(Vec::new());
    }
    let receipts: Vec<Uuid> =
        marks.iter().filter_map(|mark| if let Mark::Receipt(id) = mark { Some(*id) } else { None }).collect();
    let rejections: Vec<Uuid> =
        marks.iter().filter_map(|mark| if let Mark::Rejection(id) = mark { Some(*id) } else { None }).collect();
    let (mut said, mut refused) = (hub.store.said(&receipts).await?, hub.store.refused(&rejections).await?);
    said.retain(|said| wanted.is_about(said.task_id.as_deref()));
    refused.retain(|refused| wanted.is_about(refused.task_id.as_deref()));
    let mut created: Vec<(&str, Timestamp)> = marks.iter().filter_map(creation).collect();
    created.retain(|(task, _)| wanted.is_about(Some(task)));
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
