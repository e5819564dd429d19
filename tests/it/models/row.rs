//! The one task of a model as its row: a real `Task` that is made comparable, so that there are finitely many of them.
//!
//! **Time.** It is always `NOW`. A time in the row has passed (before `NOW`) or has not (after it), and it passes in a
//! step of its own: the lease's end and the deadline. All other times (the next question, a retry's delay) may pass at
//! once, since nothing obliges anybody to come in time: whatever can happen later can happen in the model.
//!
//! **What is forgotten** are values that no rule reads (counters that only grow, receipts, times that are only shown) and
//! the fingerprints of messages that nobody can deliver any more.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use callback_hub::domain::event::Policy;
use callback_hub::domain::fingerprint::{Recent, Seen};
use callback_hub::domain::lease::due_at;
use callback_hub::domain::plan::{Answer, Command, Item, NewTask, World};
use callback_hub::domain::task::{
    Attempt, Lease, Progress, ResultAt, Settlement, Source, State, Status, Submitter, Task, TaskError,
};
use callback_hub::domain::time::Timestamp;
use uuid::Uuid;

use crate::samples::{creation, generator, new_task, policy, step, task_id};

pub(super) const NOW: Timestamp = Timestamp::from_secs(1_000_000);
/// Any time that is still to come.
pub(super) const AHEAD: Timestamp = Timestamp::from_secs(2_000_000);
/// Any time that has gone by.
const GONE: Timestamp = Timestamp::from_secs(1);
/// Asked since the deadline; every deadline that has gone by is before it.
const ASKED_SINCE: Timestamp = Timestamp::from_secs(500_000);

pub(super) const MAX_RETRIES: u32 = 2;
const TASK: &str = "t";

/// The task as it is committed. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Row {
    task: Arc<Task>,
    /// Of the task: rows are hashed far more often than they change.
    hash: u64,
}

impl Eq for Row {}

impl PartialEq for Row {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.task, &other.task) || self.hash == other.hash && self.task == other.task
    }
}

impl Row {
    /// As the hub's client has created it: to be submitted by the hub.
    pub(super) fn created(max_retries: u32) -> Self {
        let mut world = World::default();
        let new = NewTask { max_retries, policy: Arc::new(pace()), ..new_task(Submitter::Hub) };
        assert_eq!(step(&mut world, creation(TASK, NOW, new)), Answer::Created);
        Self::read(&mut world)
    }

    pub(super) fn task(&self) -> &Task {
        &self.task
    }

    pub(super) fn attempt(&self) -> u8 {
        u8::try_from(self.task.attempt().number).expect("few attempts")
    }

    /// What the journal's door says now, and the row that it leaves.
    pub(super) fn meet(&self, command: Command) -> (Answer, Self) {
        let task = Task::clone(&self.task);
        let ids = task.attempts.iter().filter_map(|attempt| attempt.external_id.clone());
        let owners = ids.map(|id| ((task.generator.clone(), id), task.id.clone())).collect();
        let mut world = World { tasks: [(task.id.clone(), task)].into(), owners, ..World::default() };
        let answer = step(&mut world, Item { task: Some(task_id(TASK)), at: NOW, command });
        assert!(world.spilled.is_empty(), "a task's few messages fit into its row");
        (answer, Self::read(&mut world))
    }

    fn read(world: &mut World) -> Self {
        Self::of(world.tasks.remove(&task_id(TASK)).expect("tasks do not vanish"))
    }

    pub(super) fn changed(&self, change: impl FnOnce(&mut Task)) -> Self {
        let mut task = Task::clone(&self.task);
        change(&mut task);
        Self::of(task)
    }

    fn of(task: Task) -> Self {
        let task = comparable(task);
        let mut hasher = DefaultHasher::new();
        hash(&task, &mut hasher);
        Self { task: Arc::new(task), hash: hasher.finish() }
    }

    /// Only `alive` can arrive again, and of the older attempts only those that are spoken of can matter.
    pub(super) fn remembering(&self, alive: impl Iterator<Item = Seen>, spoken_of: impl Fn(u8) -> bool) -> Self {
        let mut recent = Recent::default();
        for seen in alive.filter(|seen| self.task.recent.contains(seen.fingerprint, Some(seen.attempt))) {
            assert_eq!(recent.remember(seen), None);
        }
        let older = self.task.attempts.iter().zip(1..self.attempt());
        let silent: Vec<u8> = older
            .filter(|(old, number)| **old != Attempt::new(old.number) && !spoken_of(*number))
            .map(|(_, number)| number)
            .collect();
        if recent == self.task.recent && silent.is_empty() {
            return self.clone();
        }
        self.changed(|task| {
            task.recent = recent;
            for number in silent {
                task.attempts[usize::from(number) - 1] = Attempt::new(u32::from(number));
            }
        })
    }

    pub(super) fn is_to_be_sent(&self) -> bool {
        matches!(self.task.state, State::Pending { not_before } if not_before <= NOW)
    }

    pub(super) fn is_due(&self) -> bool {
        due_at(&self.task).is_some_and(|due| due <= NOW)
    }

    /// Past its deadline, and still thought to run.
    pub(super) fn is_overdue(&self) -> bool {
        let running = matches!(self.task.state, State::Submitted | State::Processing);
        running && self.task.attempt().deadline_at.is_some_and(|deadline| deadline <= NOW)
    }

    /// A pending task waits exactly as long as its sender's lease.
    pub(super) fn after_the_lease(&self) -> Option<Self> {
        self.task.lease.filter(|lease| lease.until > NOW)?;
        Some(self.changed(|task| {
            task.lease = task.lease.map(|lease| Lease { until: GONE, ..lease });
            if let State::Pending { not_before } = &mut task.state {
                *not_before = GONE;
            }
        }))
    }

    pub(super) fn after_the_deadline(&self) -> Option<Self> {
        let running = matches!(self.task.state, State::Submitted | State::Processing);
        let number = self.task.attempt().number;
        let ahead = self.task.attempt().deadline_at.is_some_and(|deadline| deadline > NOW);
        (running && ahead).then(|| self.changed(|task| task.attempt_mut().deadline_at = Some(deadline(number))))
    }
}

impl Hash for Row {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.hash.hash(state);
    }
}

/// Everything that is not fixed by [`comparable`]; that nothing is left out is seen where the situations are counted twice.
fn hash(task: &Task, state: &mut impl Hasher) {
    task.status().hash(state);
    matches!(task.state, State::Completed { late: true, .. } | State::Pending { not_before: AHEAD }).hash(state);
    for attempt in &task.attempts {
        let Attempt { number, external_id, sending_at, submitted_at, deadline_at, answer, .. } = attempt;
        (number, external_id.is_some(), answer, sending_at, submitted_at, deadline_at).hash(state);
    }
    task.progress.percent.map(f64::to_bits).hash(state);
    (task.next_poll_at, task.polled_at, task.submit_unknown, task.hinted).hash(state);
    task.lease.map(|lease| (lease.token, lease.until)).hash(state);
    task.recent.to_bytes().hash(state);
}

/// Passed deadlines of different attempts are different times.
pub(super) fn deadline(number: u32) -> Timestamp {
    GONE.plus(Duration::from_secs(u64::from(number)))
}

pub(super) fn pace() -> Policy {
    Policy { needs_external_id: true, ..policy() }
}

fn comparable(mut task: Task) -> Task {
    let settled = Settlement { at: GONE, by: Source::Poll, finished_at: None };
    let leased = task.lease.is_some();
    task.state = match task.state {
        // without a lease it waits for a pause, which may be over
        State::Pending { not_before } => State::Pending { not_before: if leased { pass(not_before) } else { GONE } },
        State::Completed { late, .. } => {
            State::Completed { settled, result: ResultAt { payload: Uuid::nil(), span: 0..2 }, late }
        }
        State::Failed { .. } => State::Failed { settled, error: TaskError::default() },
        State::TimedOut { .. } => State::TimedOut { settled },
        State::Cancelled { .. } => State::Cancelled { settled },
        running => running,
    };
    if is_over(&task) {
        // an operator's retry begins anew, and nothing else is left to happen
        (task.progress, task.submit_unknown) = (Progress::default(), false);
    }
    let last = if is_over(&task) { u32::MAX } else { task.attempt().number };
    task.attempts = task.attempts.iter().map(|attempt| remembered(attempt, last)).collect();
    let current = task.attempt().deadline_at.filter(|deadline| *deadline <= NOW);
    let asked_since = current.is_some_and(|deadline| task.polled_at.is_some_and(|asked| asked >= deadline));
    Task {
        lease: task.lease.map(|lease| Lease { until: pass(lease.until), ..lease }),
        generator: generator("default"),
        created_at: GONE,
        started_at: None,
        progress: Progress { updated_at: None, ..task.progress },
        next_poll_at: task.next_poll_at.map(|_| GONE),
        polled_at: asked_since.then_some(ASKED_SINCE),
        polls: 0,
        receipts: 0,
        last_receipt: None,
        // counted and remembered for others than the task
        news: 0,
        told: false,
        ..task
    }
}

/// Presumed dead is not over.
fn is_over(task: &Task) -> bool {
    matches!(task.status(), Status::Completed | Status::Failed | Status::Cancelled)
}

/// Of an attempt that the task has left, only its id and that it was sent can matter.
fn remembered(attempt: &Attempt, last: u32) -> Attempt {
    let number = attempt.number;
    let sent = attempt.was_sent().then_some(GONE);
    let known = Attempt { external_id: attempt.external_id.clone(), ..Attempt::new(number) };
    if number != last {
        return Attempt { sending_at: sent, ..known };
    }
    let deadline_at = attempt.deadline_at.map(|at| if at > NOW { AHEAD } else { deadline(number) });
    let (sending_at, submitted_at) = (attempt.sending_at.map(|_| GONE), attempt.submitted_at.map(|_| GONE));
    Attempt { sending_at, submitted_at, deadline_at, answer: attempt.answer, ..known }
}

fn pass(time: Timestamp) -> Timestamp {
    if time > NOW { AHEAD } else { GONE }
}
