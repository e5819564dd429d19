//! Who watches: everything, or one task. Whoever watches a task is woken for nothing else, so that many may.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast};

use super::shape::Notice;
use crate::domain::task::TaskId;

/// At the same time, of both kinds.
const WATCHERS: usize = 2048;
/// For whoever watches everything and does not keep up: more than one look can bring of all kinds.
const MUCH: usize = 8192;
/// The same of a task.
const LITTLE: usize = 32;

pub(super) struct Rooms {
    all: broadcast::Sender<Arc<Notice>>,
    tasks: Mutex<HashMap<String, Room>>,
    places: Arc<Semaphore>,
}

/// Of those who watch one task.
struct Room {
    notices: broadcast::Sender<Arc<Notice>>,
    /// How the task stood when they were told last.
    standing: Option<u64>,
    /// Somebody began with another state, older or newer.
    differs: bool,
}

/// A place among those who watch.
pub(super) struct Seat {
    pub notices: broadcast::Receiver<Arc<Notice>>,
    _place: OwnedSemaphorePermit,
}

/// Of what is to be told.
pub(super) enum Wanted {
    Everything,
    About(HashSet<String>),
}

impl Default for Rooms {
    fn default() -> Self {
        let (all, _) = broadcast::channel(MUCH);
        Self { all, tasks: Mutex::default(), places: Arc::new(Semaphore::new(WATCHERS)) }
    }
}

impl Rooms {
    /// None: as many watch as may.
    pub fn take_seat(&self, task: Option<&TaskId>) -> Option<Seat> {
        let place = self.places.clone().try_acquire_owned().ok()?;
        let notices = match task {
            None => self.all.subscribe(),
            Some(task) => {
                let mut tasks = self.tasks();
                let room = tasks.entry(task.as_str().to_owned());
                room.or_insert_with(|| Room { notices: broadcast::channel(LITTLE).0, standing: None, differs: false })
                    .notices
                    .subscribe()
            }
        };
        Some(Seat { notices, _place: place })
    }

    /// How many watch.
    pub fn taken(&self) -> usize {
        WATCHERS - self.places.available_permits()
    }

    /// Gives up what was left.
    pub fn sweep(&self) {
        self.tasks().retain(|_, room| room.notices.receiver_count() > 0);
    }

    /// None: nobody watches.
    pub fn wanted(&self) -> Option<Wanted> {
        if self.all.receiver_count() > 0 {
            return Some(Wanted::Everything);
        }
        let watched: HashSet<String> = self.watched().into_iter().collect();
        (!watched.is_empty()).then_some(Wanted::About(watched))
    }

    /// Tasks that are watched by themselves.
    pub fn watched(&self) -> Vec<String> {
        self.tasks().keys().cloned().collect()
    }

    pub fn tell(&self, notice: Notice) {
        let (notice, mut tasks) = (Arc::new(notice), self.tasks());
        if let Some(room) = notice.task.as_ref().and_then(|task| tasks.get_mut(task)) {
            if notice.standing.is_some() {
                (room.standing, room.differs) = (notice.standing, false);
            }
            // whoever has just left need not hear it
            let _ = room.notices.send(notice.clone());
        }
        let _ = self.all.send(notice);
    }

    /// To those who watch everything.
    pub fn tell_all(&self, notice: Notice) {
        let _ = self.all.send(Arc::new(notice));
    }

    /// How a task stands now: told to those who watch it, unless they know.
    pub fn tell_current(&self, current: Notice) {
        let mut tasks = self.tasks();
        let Some(room) = current.task.as_ref().and_then(|task| tasks.get_mut(task)) else { return };
        if room.differs || room.standing != current.standing {
            (room.standing, room.differs) = (current.standing, false);
            let _ = room.notices.send(Arc::new(current));
        }
    }

    /// How a task stood when somebody began to watch it.
    pub fn begin(&self, task: &TaskId, standing: Option<u64>) {
        if let Some(room) = self.tasks().get_mut(task.as_str()) {
            room.differs |= room.standing.is_some() && room.standing != standing;
            room.standing = room.standing.or(standing);
        }
    }

    fn tasks(&self) -> MutexGuard<'_, HashMap<String, Room>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wanted {
    pub fn is_about(&self, task: Option<&str>) -> bool {
        match self {
            Self::Everything => true,
            Self::About(tasks) => task.is_some_and(|task| tasks.contains(task)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;

    fn task(id: &str) -> TaskId {
        TaskId::parse(id).expect("an id")
    }

    fn notice(task: &str, standing: u64) -> Notice {
        let (id, text) = (standing.to_string(), String::new());
        Notice { id, made: Timestamp::from_secs(1), name: "task", task: Some(task.to_owned()), text, standing: Some(standing) }
    }

    /// The ids of what has come.
    fn heard(seat: &mut Seat) -> Vec<String> {
        std::iter::from_fn(|| seat.notices.try_recv().ok()).map(|notice| notice.id.clone()).collect()
    }

    #[test]
    fn no_more_may_watch_than_there_are_places_and_who_leaves_makes_room() {
        let rooms = Rooms::default();
        let mut seats: Vec<Seat> =
            (0..WATCHERS).filter_map(|number| rooms.take_seat(Some(&task(&format!("t{number}"))))).collect();
        assert!(seats.len() == WATCHERS && rooms.take_seat(None).is_none());
        seats.truncate(1);
        assert!(rooms.take_seat(None).is_some());
        rooms.sweep();
        assert_eq!(rooms.watched(), ["t0"]);
    }

    #[test]
    fn whoever_watches_a_task_hears_of_it_alone() {
        let rooms = Rooms::default();
        assert!(rooms.wanted().is_none());
        let mut one = rooms.take_seat(Some(&task("one"))).expect("a place");
        assert!(rooms.wanted().is_some_and(|wanted| wanted.is_about(Some("one")) && !wanted.is_about(Some("two"))));
        let mut all = rooms.take_seat(None).expect("a place");
        assert!(rooms.wanted().is_some_and(|wanted| wanted.is_about(Some("two")) && wanted.is_about(None)));
        rooms.tell(notice("one", 1));
        rooms.tell(notice("two", 2));
        rooms.tell_all(Notice::resync(Timestamp::from_secs(1)));
        assert_eq!((heard(&mut one).len(), heard(&mut all).len()), (1, 3));
        drop((one, all));
        rooms.sweep();
        assert!(rooms.wanted().is_none());
    }

    #[test]
    fn how_a_task_stands_is_told_to_those_who_do_not_know() {
        let rooms = Rooms::default();
        let mut seat = rooms.take_seat(Some(&task("t"))).expect("a place");
        rooms.begin(&task("t"), Some(1));
        rooms.tell_current(notice("t", 1));
        rooms.tell_current(notice("t", 2));
        rooms.tell_current(notice("t", 2));
        rooms.tell(notice("t", 3));
        rooms.tell_current(notice("t", 3));
        assert_eq!(heard(&mut seat), ["2", "3"]);
        // who has read it earlier may come later: one of them does not know
        rooms.begin(&task("t"), Some(2));
        rooms.tell_current(notice("t", 3));
        rooms.tell_current(notice("t", 3));
        assert_eq!(heard(&mut seat), ["3"]);
    }
}
