//! THE HEART: what an event does to a task, for every state, event and attempt.
//!
//! Idempotency, reordering and "poll and callback at once" are rows of this table, not code elsewhere.

use super::event::{Event, Failure, Occurrence, Reason, Report};
use super::task::{Source, Status, Task, TaskError};
use super::time::Timestamp;

/// Whether an event speaks of the task's current attempt or of one that the task has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    Current,
    Older,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    Apply(Transition),
    Ignore(Reason),
    /// Ask the generator soon.
    Hint,
    /// What an operator wants is so already.
    Unchanged,
    /// What an operator wants is impossible in this state.
    Refuse,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transition {
    /// The submission's id and time are recorded; the state stays.
    NoteSubmission,
    /// → submitted
    Submit,
    /// → processing
    Progress,
    /// → completed
    Complete { late: bool },
    /// → pending, next attempt, after the retry delay
    Retry,
    /// → failed
    Fail,
    /// → `timed_out`
    TimeOut,
    /// → cancelled
    Cancel,
    /// An operator's retry: → pending at once, or → submitted where the user's own code submits
    NewAttempt,
}

/// How many hints are followed once a task is presumed dead.
pub const LATE_HINTS: u32 = 3;
/// How often a generator that says "completed" without a result is asked again.
pub const EMPTY_ANSWERS: u32 = 5;

#[must_use]
pub fn decide(task: &Task, relation: Relation, event: &Event, occurrence: &Occurrence) -> Decision {
    use Decision::{Apply, Hint, Ignore, Refuse, Unchanged};
    use Event as E;
    use Reason::{AlreadySettled, NotOfInterest, StaleAttempt, StaleProgress};
    use Relation::{Current, Older};
    use Status as S;

    match (task.status(), event, relation) {
        // operators are told what is impossible
        (S::Pending | S::Submitted | S::Processing, E::OperatorCancel, _) => Apply(Transition::Cancel),
        (S::Cancelled, E::OperatorCancel, _) => Unchanged,
        (S::Failed | S::TimedOut | S::Cancelled, E::OperatorRetry, _) => Apply(Transition::NewAttempt),
        (_, E::OperatorCancel | E::OperatorRetry, _) => Refuse,

        (_, E::NotOfInterest, _) => Ignore(NotOfInterest),

        // a submission's answer is recorded whatever came before it
        (S::Pending, E::SubmitAnswered { .. }, Current) => Apply(Transition::Submit),
        (_, E::SubmitAnswered { .. }, _) => Apply(Transition::NoteSubmission),

        // timed_out is a presumption: the truth may still arrive
        (S::TimedOut, E::Completed(_), _) => Apply(Transition::Complete { late: true }),
        (S::TimedOut, E::Failed(_), Current) => Apply(Transition::Fail),
        (S::TimedOut, E::Cancelled, Current) => Apply(Transition::Cancel),
        (S::TimedOut, E::Hint, Current) if task.late_hints < LATE_HINTS || occurrence.source != Source::Callback => Hint,
        (S::TimedOut, E::Failed(_) | E::Cancelled, Older) => Ignore(StaleAttempt),

        // settled stays settled
        (S::Completed | S::Failed | S::TimedOut | S::Cancelled, _, _) => Ignore(AlreadySettled),

        // a result is a result, whichever attempt it took
        (_, E::Completed(_), _) => Apply(Transition::Complete { late: false }),
        (_, _, Older) => Ignore(StaleAttempt),

        (_, E::Hint, Current) => Hint,
        (_, E::Progress(report), Current) if is_stale(task, report, occurrence) => Ignore(StaleProgress),
        (_, E::Progress(_), Current) => Apply(Transition::Progress),
        (_, E::Failed(Failure { retryable: true, .. }), Current) if task.has_retries_left() => Apply(Transition::Retry),
        (_, E::Failed(_) | E::SubmitRefused(_), Current) => Apply(Transition::Fail),
        (_, E::Cancelled, Current) => Apply(Transition::Cancel),

        // no deadline runs before the submission, and an expired one may have been replaced meanwhile
        (S::Pending, E::DeadlinePassed { .. }, Current) => Ignore(StaleAttempt),
        (_, E::DeadlinePassed { deadline }, Current) if task.attempt().deadline_at != Some(*deadline) => Ignore(StaleAttempt),
        (_, E::DeadlinePassed { .. }, Current) if occurrence.policy.resubmit_on_timeout && task.has_retries_left() => {
            Apply(Transition::Retry)
        }
        (_, E::DeadlinePassed { .. }, Current) => Apply(Transition::TimeOut),
    }
}

/// Lower than what is known, or older by the generator's own clock where both tell the time.
fn is_stale(task: &Task, report: &Report, occurrence: &Occurrence) -> bool {
    let lower = matches!((report.percent, task.progress.percent), (Some(new), Some(known)) if new < known);
    let older = matches!((occurrence.generator_time, task.generator_time), (Some(new), Some(known)) if new < known);
    lower || older
}

/// What the event amounts to for this task: "completed" without a result is a reason to ask where one can ask, and a
/// failure where one cannot, or has asked often enough.
#[must_use]
pub fn interpret(task: &Task, occurrence: &Occurrence, now: Timestamp) -> Event {
    match &occurrence.event {
        Event::Completed(None) if occurrence.policy.may_ask_about(task) && may_ask_again(task, occurrence.source) => Event::Hint,
        Event::Completed(None) => Event::Failed(without_result(task, occurrence, now)),
        event => event.clone(),
    }
}

fn may_ask_again(task: &Task, source: Source) -> bool {
    source != Source::Poll || task.empty_answers < EMPTY_ANSWERS
}

fn without_result(task: &Task, occurrence: &Occurrence, now: Timestamp) -> Failure {
    let since = occurrence.generator_time.or(task.attempt().submitted_at).unwrap_or(task.created_at);
    let expired = occurrence.policy.result_ttl.is_some_and(|ttl| now.since(since) > ttl);
    let error = if expired {
        TaskError::new("RESULT_EXPIRED", TaskError::KIND, "The generator completed the task and no longer has its result")
    } else {
        TaskError::new("INVALID_RESULT", TaskError::KIND, "The generator says completed and gives no result")
    };
    Failure { error, retryable: false }
}
