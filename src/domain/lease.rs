//! Leases: who acts for a task right now, and what is due when nobody does.

use std::time::Duration;

use super::event::{Event, Held, Occurrence};
use super::item::{Refusal, Release, Then};
use super::schedule::soonest;
use super::task::{Lease, State, Status, Task};
use super::time::Timestamp;

/// From the last question to one that a hint asks for.
pub const BETWEEN_POLLS: Duration = Duration::from_secs(2);

/// Takes a task that is due, to ask about it. While it is asked about, `next_poll_at` only holds what hints want.
pub fn take(task: &mut Task, lease: Lease) {
    task.lease = Some(lease);
    task.next_poll_at = None;
    task.hinted = false;
}

/// Takes a pending task, to submit it. True: nothing was sent of this attempt before.
pub fn take_to_send(task: &mut Task, lease: Lease, now: Timestamp) -> bool {
    task.lease = Some(lease);
    task.state = State::Pending { not_before: lease.until };
    let attempt = task.attempt_mut();
    let first = attempt.sending_at.is_none();
    attempt.sending_at.get_or_insert(now);
    first
}

/// That a generator took a job stays true after the lease; everything else that is said too late may be wrong by now.
pub(super) fn check(task: &Task, occurrence: &Occurrence, now: Timestamp) -> Result<(), Refusal> {
    match occurrence.held {
        Some(held) if !matches!(occurrence.event, Event::SubmitAnswered { unknown: false, .. }) => is_held(task, held.lease, now),
        _ => Ok(()),
    }
}

fn is_held(task: &Task, token: uuid::Uuid, now: Timestamp) -> Result<(), Refusal> {
    if task.lease.is_some_and(|lease| lease.is_held_by(token, now)) { Ok(()) } else { Err(Refusal::LeaseLost) }
}

/// After the event: the lease has served its purpose. Where the task's end is not known, it is asked about again.
pub(super) fn end(task: &mut Task, held: Option<Held>) {
    let Some(held) = held else { return };
    if task.lease.is_none_or(|lease| lease.token != held.lease) {
        return;
    }
    task.lease = None;
    if let Some(poll) = held.poll {
        note_poll(task, poll.at, poll.next);
    }
}

pub(super) fn give_back(task: &mut Task, release: &Release, now: Timestamp) -> Result<(), Refusal> {
    is_held(task, release.lease, now)?;
    task.lease = None;
    match release.then {
        Then::Asked(poll) => note_poll(task, poll.at, poll.next),
        Then::AskAt(at) => ask_at(task, Some(at)),
        Then::SendAt { at, unsent } => send_at(task, at, unsent),
    }
    Ok(())
}

fn note_poll(task: &mut Task, at: Timestamp, next: Option<Timestamp>) {
    task.polled_at = task.polled_at.max(Some(at));
    task.polls += 1;
    // a hint that came meanwhile is no reason to ask sooner than that
    let floor = at.plus(BETWEEN_POLLS);
    task.next_poll_at = task.next_poll_at.map(|hinted| hinted.max(floor));
    ask_at(task, next);
}

/// A hint that came while the generator was asked stands if it is sooner.
fn ask_at(task: &mut Task, at: Option<Timestamp>) {
    if matches!(task.status(), Status::Submitted | Status::Processing | Status::TimedOut) {
        task.next_poll_at = soonest(task.next_poll_at, at);
    }
}

fn send_at(task: &mut Task, at: Timestamp, unsent: bool) {
    // a callback may have come meanwhile, and then it was sent after all
    if let State::Pending { not_before } = &mut task.state {
        *not_before = at;
        if unsent {
            task.attempt_mut().sending_at = None;
        }
    }
}

/// When the loops have to look at the task again; none: never, or it waits for its submission.
#[must_use]
pub fn due_at(task: &Task) -> Option<Timestamp> {
    if let (Some(lease), true) = (task.lease, task.status() != Status::Pending) {
        return Some(lease.until);
    }
    match task.status() {
        Status::Submitted | Status::Processing => {
            let deadline = task.attempt().deadline_at;
            // past the deadline, and asked since: the next question decides
            let asked_since = deadline.is_some_and(|deadline| task.polled_at.is_some_and(|asked| asked >= deadline));
            soonest(task.next_poll_at, deadline.filter(|_| !asked_since || task.next_poll_at.is_none()))
        }
        Status::TimedOut => task.next_poll_at,
        Status::Pending | Status::Completed | Status::Failed | Status::Cancelled => None,
    }
}
