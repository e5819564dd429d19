//! The grid of `decide`, written by hand from the contract and compared as a whole with what happens.
//!
//! A cell is what `decide` and `interpret` say, told by what the door then did to the task; if the two disagree, the
//! cell says so. A cell that depends on attempts being left shows both ends of it: "retry or → failed".

mod finer;
mod results;
mod retried;

use callback_hub::domain::decide::{Decision, Relation, Transition, decide, interpret};
use callback_hub::domain::event::{Claim, Event, Occurrence, Outcome, Policy};
use callback_hub::domain::plan::{Answer, Recorded, Refusal};
use callback_hub::domain::task::{Source, State, Status, Task, TaskError};

use crate::samples::{self, DEADLINE, NOW, completed, failed, meet, occurrence, progress, submit_answered};
use crate::table;

const CURRENT_ATTEMPT: &str = "
state      | submit answered  | submit refused  | progress        | completed          | failed            | cancelled       | deadline        | hint                  | operator cancel | operator retry
pending    | → submitted      | → failed        | → processing    | → completed        | retry or → failed | → cancelled     | stale_attempt   | poll after submission | → cancelled     | 409
submitted  | records id, time | → failed        | → processing    | → completed        | retry or → failed | → cancelled     | → timed_out     | poll now              | → cancelled     | 409
processing | records id, time | → failed        | applied         | → completed        | retry or → failed | → cancelled     | → timed_out     | poll now              | → cancelled     | 409
completed  | records id       | already_settled | already_settled | already_settled    | already_settled   | already_settled | already_settled | already_settled       | 409             | 409
failed     | records id       | already_settled | already_settled | already_settled    | already_settled   | already_settled | already_settled | already_settled       | 409             | new attempt
timed_out  | records id       | already_settled | already_settled | → completed, late  | → failed          | → cancelled     | already_settled | poll (≤ 3)            | 409             | new attempt
cancelled  | records id       | already_settled | already_settled | already_settled    | already_settled   | already_settled | already_settled | already_settled       | 200, unchanged  | new attempt
";

/// The same for an event of attempt 1 while attempt 2 is the current one. Operators always mean the task.
const OLDER_ATTEMPT: &str = "
state      | submit answered  | submit refused  | progress        | completed          | failed            | cancelled       | deadline        | hint                  | operator cancel | operator retry
pending    | records id, time | stale_attempt   | stale_attempt   | → completed        | stale_attempt     | stale_attempt   | stale_attempt   | stale_attempt         | → cancelled     | 409
submitted  | records id, time | stale_attempt   | stale_attempt   | → completed        | stale_attempt     | stale_attempt   | stale_attempt   | stale_attempt         | → cancelled     | 409
processing | records id, time | stale_attempt   | stale_attempt   | → completed        | stale_attempt     | stale_attempt   | stale_attempt   | stale_attempt         | → cancelled     | 409
completed  | records id       | already_settled | already_settled | already_settled    | already_settled   | already_settled | already_settled | already_settled       | 409             | 409
failed     | records id       | already_settled | already_settled | already_settled    | already_settled   | already_settled | already_settled | already_settled       | 409             | new attempt
timed_out  | records id       | already_settled | already_settled | → completed, late  | stale_attempt     | stale_attempt   | already_settled | already_settled       | 409             | new attempt
cancelled  | records id       | already_settled | already_settled | already_settled    | already_settled   | already_settled | already_settled | already_settled       | 200, unchanged  | new attempt
";

#[test]
fn an_event_of_the_current_attempt() {
    table::assert_same(CURRENT_ATTEMPT, &whole_grid(2));
}

#[test]
fn an_event_of_an_older_attempt() {
    table::assert_same(OLDER_ATTEMPT, &whole_grid(1));
}

/// Events of this attempt meet tasks whose second attempt is the current one.
fn whole_grid(attempt: u32) -> Vec<Vec<String>> {
    let head = ["state"].into_iter().chain(columns().map(|(name, _)| name)).map(str::to_owned).collect();
    let row = |status: Status| {
        let cells = columns().into_iter().map(|(_, event)| cell(status, attempt, event));
        [status.as_str().to_owned()].into_iter().chain(cells).collect()
    };
    [head].into_iter().chain(Status::ALL.map(row)).collect()
}

fn columns() -> [(&'static str, Event); 10] {
    [
        ("submit answered", submit_answered(Some("ext"))),
        ("submit refused", Event::SubmitRefused(TaskError::default())),
        ("progress", progress(Some(50.0))),
        ("completed", completed()),
        ("failed", failed(true)),
        ("cancelled", Event::Cancelled),
        ("deadline", Event::DeadlinePassed { deadline: DEADLINE }),
        ("hint", Event::Hint),
        ("operator cancel", Event::OperatorCancel),
        ("operator retry", Event::OperatorRetry),
    ]
}

/// With retries left, and without.
fn cell(status: Status, attempt: u32, event: Event) -> String {
    let operator = matches!(event, Event::OperatorCancel | Event::OperatorRetry);
    let claim = Claim { query: (!operator).then_some(attempt), ..Claim::default() };
    let occurrence = Occurrence { claim, ..occurrence(event) };
    let mut words: Vec<_> = [3, 0].map(|max_retries| word(&Task { max_retries, ..samples::task(status, 2) }, &occurrence)).into();
    words.dedup();
    words.join(" or ")
}

/// What becomes of an event, in the contract's words.
fn word(task: &Task, occurrence: &Occurrence) -> String {
    let relation = match occurrence.claim.query {
        Some(attempt) if attempt < task.attempt().number => Relation::Older,
        _ => Relation::Current,
    };
    let decided = decide(task, relation, &interpret(task, occurrence, NOW), occurrence);
    let (answer, after) = meet(task, occurrence.clone());
    if decision_behind(&answer) != Some(decided) {
        return format!("decided {decided:?}, did {answer:?}");
    }
    match decided {
        Decision::Apply(transition) => applied(transition, task, &after),
        Decision::Ignore(reason) if unchanged(task, &after) => reason.as_str().to_owned(),
        Decision::Ignore(reason) => format!("{}, changed", reason.as_str()),
        Decision::Hint => polled(occurrence, &after),
        Decision::Unchanged if after == *task => "200, unchanged".to_owned(),
        Decision::Refuse if after == *task => "409".to_owned(),
        Decision::Unchanged | Decision::Refuse => "no receipt, changed".to_owned(),
    }
}

fn decision_behind(answer: &Answer) -> Option<Decision> {
    match answer {
        Answer::Recorded(Recorded { outcome: Outcome::Applied, transition, .. }) => transition.map(Decision::Apply),
        Answer::Recorded(Recorded { outcome: Outcome::Ignored(reason), .. }) => Some(Decision::Ignore(*reason)),
        Answer::Recorded(Recorded { outcome: Outcome::Hint, .. }) => Some(Decision::Hint),
        Answer::Unchanged => Some(Decision::Unchanged),
        Answer::Refused(Refusal::WrongState(_)) => Some(Decision::Refuse),
        _ => None,
    }
}

fn applied(transition: Transition, before: &Task, after: &Task) -> String {
    match (transition, &after.state) {
        (Transition::NoteSubmission, _) => noted(before, after),
        (Transition::Retry, State::Pending { .. }) if after.attempts.len() == 3 => "retry".to_owned(),
        (Transition::NewAttempt, _) if after.attempts.len() == 3 => "new attempt".to_owned(),
        (Transition::Progress, _) if after.status() == before.status() => "applied".to_owned(),
        (_, State::Completed { late: true, .. }) => "→ completed, late".to_owned(),
        _ => format!("→ {}", after.status().as_str()),
    }
}

fn noted(before: &Task, after: &Task) -> String {
    let pairs = || before.attempts.iter().zip(&after.attempts);
    let id = pairs().any(|(before, after)| before.external_id != after.external_id);
    let time = pairs().any(|(before, after)| before.submitted_at != after.submitted_at);
    let state = if before.state == after.state { "" } else { ", changes the state" };
    let what: Vec<_> = [(id, "id"), (time, "time")].into_iter().filter_map(|(changed, what)| changed.then_some(what)).collect();
    format!("records {}{state}", what.join(", "))
}

/// Followed as often as it is repeated, unless the task is presumed dead.
fn polled(occurrence: &Occurrence, after: &Task) -> String {
    // who asked knows when to ask again; everybody else wants it now
    if after.next_poll_at != Some(NOW) && occurrence.source != Source::Poll {
        return "no poll".to_owned();
    }
    let next = |task: &Task| {
        let (answer, after) = meet(task, occurrence.clone());
        (decision_behind(&answer) == Some(Decision::Hint)).then_some(after)
    };
    let followed = std::iter::successors(Some(after.clone()), next).take(20).count();
    match (followed, after.status()) {
        (20, Status::Pending) => "poll after submission".to_owned(),
        (20, _) => "poll now".to_owned(),
        (times, _) => format!("poll (≤ {times})"),
    }
}

fn unchanged(before: &Task, after: &Task) -> bool {
    let books = Task { receipts: before.receipts, last_receipt: before.last_receipt, ..after.clone() };
    books == *before
}

/// What a finer table varies beside the event.
fn with_policy(event: Event, policy: Policy) -> Occurrence {
    Occurrence { policy: policy.into(), ..occurrence(event) }
}
