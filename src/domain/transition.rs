//! Carries a decided [`Transition`] out on the task's value.

use uuid::Uuid;

use super::decide::Transition;
use super::event::{Event, Failure, Found, Occurrence, Policy, Report};
use super::lease::BETWEEN_POLLS;
use super::schedule::{self, soonest};
use super::task::{Attempt, Progress, ResultAt, Settlement, Source, State, Status, Submitter, Task, TaskError};
use super::time::Timestamp;

/// Everything about an event's arrival that the task remembers.
pub struct Arrival<'a> {
    pub now: Timestamp,
    /// The attempt that the event speaks of.
    pub attempt: u32,
    /// Where the body is stored that a result may be a span of.
    pub payload: Uuid,
    pub occurrence: &'a Occurrence,
}

pub fn carry_out(task: &mut Task, transition: Transition, event: &Event, arrival: &Arrival<'_>) {
    let now = arrival.now;
    // before the transition: a new attempt starts without the old one's clock
    keep_time(task, arrival);
    match (transition, event) {
        (Transition::NoteSubmission, _) => note_submission(task, event, arrival),
        (Transition::Submit, _) => {
            note_submission(task, event, arrival);
            task.state = State::Submitted;
        }
        (Transition::Progress, Event::Progress(report)) => progress(task, report, arrival),
        (Transition::Complete { late }, Event::Completed(Some(found))) => {
            let result = ResultAt { payload: arrival.payload, span: span(found) };
            settle(task, arrival, |settled| State::Completed { settled, result, late });
        }
        (Transition::Retry, _) => {
            let not_before = schedule::retry_at(now, &arrival.occurrence.policy.retry_delays, task.attempt().number);
            start_attempt(task, now);
            task.state = State::Pending { not_before };
        }
        (Transition::NewAttempt, _) => new_attempt(task, arrival),
        (Transition::Fail, Event::Failed(Failure { error, .. }) | Event::SubmitRefused(error)) => {
            let error = error.clone();
            settle(task, arrival, |settled| State::Failed { settled, error });
        }
        (Transition::TimeOut, _) => {
            settle(task, arrival, |settled| State::TimedOut { settled });
            ask_late(task, arrival);
        }
        (Transition::Cancel, _) => settle(task, arrival, |settled| State::Cancelled { settled }),
        // `decide` pairs them; a failure without a word is the honest reading of the impossible
        (Transition::Fail | Transition::Complete { .. } | Transition::Progress, _) => {
            settle(task, arrival, |settled| State::Failed { settled, error: TaskError::default() });
        }
    }
}

fn keep_time(task: &mut Task, arrival: &Arrival<'_>) {
    let by_generator =
        matches!(arrival.occurrence.event, Event::Completed(_) | Event::Failed(_) | Event::Cancelled | Event::SubmitRefused(_));
    if let (true, Some(attempt)) = (by_generator, task.numbered(arrival.attempt)) {
        attempt.over = true;
    }
    let source = arrival.occurrence.source;
    if matches!(source, Source::Callback | Source::Poll) {
        // a callback that tells no time leaves none to compare the next one with
        let known = task.generator_time.filter(|_| source == Source::Poll);
        task.generator_time = arrival.occurrence.generator_time.or(known);
        task.empty_answers = 0;
    }
}

/// The generator should be asked as soon as the reconciler's floor allows; a pending task first has to be submitted.
pub fn follow_hint(task: &mut Task, arrival: &Arrival<'_>) {
    // who asked and heard nothing of use knows when to ask again
    if arrival.occurrence.source == Source::Poll {
        task.empty_answers += 1;
        return;
    }
    let floor = task.polled_at.map_or(arrival.now, |last| last.plus(BETWEEN_POLLS));
    task.next_poll_at = soonest(task.next_poll_at, Some(floor.max(arrival.now)));
    task.hinted = true;
    task.told |= arrival.occurrence.source == Source::Callback;
    if task.status().is_settled() && arrival.occurrence.source != Source::Operator {
        task.late_hints += 1;
    }
}

/// The id that the answer brings has been taken by now, as every id is. A settled task wants no more than that.
fn note_submission(task: &mut Task, event: &Event, arrival: &Arrival<'_>) {
    let Event::SubmitAnswered { unknown, .. } = event else { return };
    if let (Source::Submit, false, Some(attempt)) = (arrival.occurrence.source, unknown, task.numbered(arrival.attempt)) {
        attempt.answer = Some(arrival.payload);
    }
    let current = arrival.attempt == task.attempt().number;
    if current && !unknown {
        task.submit_unknown = false;
    }
    if task.status().is_settled() {
        if current {
            ask_late(task, arrival);
        }
        return;
    }
    let timeout = task.timeout;
    if let Some(attempt) = task.numbered(arrival.attempt) {
        attempt.submitted_at.get_or_insert(arrival.now);
        attempt.deadline_at.get_or_insert(arrival.now.plus(timeout));
    }
    if current {
        // one who does not know says nothing to one who does
        task.submit_unknown = *unknown && task.attempt().answer.is_none();
        start_polling(task, arrival);
    }
}

/// First poll after the submission; a hint that came earlier stands.
fn start_polling(task: &mut Task, arrival: &Arrival<'_>) {
    let policy = &arrival.occurrence.policy;
    let asking = arrival.occurrence.source == Source::Poll;
    if !asking && policy.can_ask_about(task) && task.next_poll_at.is_none() {
        task.next_poll_at = Some(arrival.now.plus(policy.first_poll_after));
    }
}

fn progress(task: &mut Task, report: &Report, arrival: &Arrival<'_>) {
    let now = arrival.now;
    let timeout = task.timeout;
    let attempt = task.attempt_mut();
    // a callback can beat the submission's own answer
    attempt.submitted_at.get_or_insert(now);
    attempt.deadline_at.get_or_insert(now.plus(timeout));
    start_polling(task, arrival);
    task.progress = Progress {
        percent: report.percent.or(task.progress.percent),
        stage: report.stage.clone().or_else(|| task.progress.stage.take()),
        message: report.message.clone().or_else(|| task.progress.message.take()),
        updated_at: Some(now),
    };
    task.started_at.get_or_insert(now);
    task.state = State::Processing;
}

fn settle(task: &mut Task, arrival: &Arrival<'_>, state: impl FnOnce(Settlement) -> State) {
    let now = arrival.now;
    let finished_at = arrival.occurrence.generator_time;
    task.state = state(Settlement { at: now, by: arrival.occurrence.source, finished_at });
    task.next_poll_at = None;
    task.lease = None;
    task.attempt_mut().ended_at.get_or_insert(now);
}

/// A task that is presumed dead may still have a result.
fn ask_late(task: &mut Task, arrival: &Arrival<'_>) {
    let policy = &arrival.occurrence.policy;
    if task.status() == Status::TimedOut && policy.can_ask_about(task) && task.next_poll_at.is_none() {
        task.next_poll_at = Some(arrival.now.plus(policy.late_poll_after));
    }
}

fn new_attempt(task: &mut Task, arrival: &Arrival<'_>) {
    start_attempt(task, arrival.now);
    match task.submitter {
        Submitter::Hub => task.state = State::Pending { not_before: arrival.now },
        Submitter::OwnCode => submitted_by_own_code(task, &arrival.occurrence.policy, arrival.now),
    }
}

/// An attempt that the user's own code submits counts as submitted from the start.
pub fn submitted_by_own_code(task: &mut Task, policy: &Policy, now: Timestamp) {
    let deadline = now.plus(task.timeout);
    let attempt = task.attempt_mut();
    attempt.submitted_at = Some(now);
    attempt.deadline_at = Some(deadline);
    task.state = State::Submitted;
    poll_once_known(task, policy, now);
}

/// A task whose external id has just become known can be asked about from now on, while it runs or is only presumed dead.
pub fn poll_once_known(task: &mut Task, policy: &Policy, now: Timestamp) {
    let pause = match task.status() {
        Status::Submitted | Status::Processing => policy.first_poll_after,
        Status::TimedOut => policy.late_poll_after,
        Status::Pending | Status::Completed | Status::Failed | Status::Cancelled => return,
    };
    if policy.can_ask_about(task) && task.next_poll_at.is_none() {
        task.next_poll_at = Some(now.plus(pause));
    }
}

/// Leaves the old attempt behind with all that belonged to it.
fn start_attempt(task: &mut Task, now: Timestamp) {
    let left = task.attempt_mut();
    left.ended_at.get_or_insert(now);
    let number = left.number + 1;
    task.attempts.push(Attempt::new(number));
    task.progress = Progress::default();
    task.generator_time = None;
    task.started_at = None;
    task.next_poll_at = None;
    task.hinted = false;
    task.told = false;
    task.polled_at = None;
    task.polls = 0;
    task.lease = None;
    task.empty_answers = 0;
    task.late_hints = 0;
    task.submit_unknown = false;
}

fn span(found: &Found) -> std::ops::Range<usize> {
    match found {
        Found::InBody(span) => span.clone(),
        Found::Rewritten(text) => 0..text.len(),
    }
}
