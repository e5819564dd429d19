//! An operator's retry: who submits the new attempt, and what it starts with.

use callback_hub::domain::event::{Event, Occurrence, Policy};
use callback_hub::domain::plan::{Answer, Command, Item, Refusal, World};
use callback_hub::domain::task::{Attempt, State, Status, Submitter, Task};
use rstest::rstest;

use super::finer::{assert_clean, well_worn};
use crate::samples::{FIRST_POLL_AFTER, NOW, TIMEOUT, failed, happening, meet, occurrence, policy, step, task};

#[rstest]
fn of_a_task_that_the_hub_submits(
    #[values(Status::Failed, Status::TimedOut, Status::Cancelled)] status: Status,
    #[values(1, 4, 9)] attempts: u32,
) {
    let before = well_worn(task(status, attempts));
    let (_, after) = meet(&before, occurrence(Event::OperatorRetry));

    assert_eq!(after.state, State::Pending { not_before: NOW }, "at once: an operator does not wait");
    assert_eq!(after.attempt(), &Attempt::new(attempts + 1));
    assert_eq!(after.attempts[..after.attempts.len() - 1], ended(&before));
    assert_eq!(after.state.settlement(), None);
    assert_clean(&after);
}

#[rstest]
fn of_a_task_that_own_code_submits(
    #[values(Status::Failed, Status::TimedOut, Status::Cancelled)] status: Status,
    #[values(1, 4)] attempts: u32,
) {
    let before = well_worn(Task { submitter: Submitter::OwnCode, ..task(status, attempts) });
    let (_, after) = meet(&before, occurrence(Event::OperatorRetry));

    assert_eq!(after.state, State::Submitted);
    let (submitted_at, deadline_at) = (Some(NOW), Some(NOW.plus(TIMEOUT)));
    assert_eq!(after.attempt(), &Attempt { submitted_at, deadline_at, ..Attempt::new(attempts + 1) });
    assert_eq!(after.attempts[..after.attempts.len() - 1], ended(&before));
    assert_eq!(after.state.settlement(), None);
    assert_clean(&after);
}

#[test]
fn whoever_is_asked_by_our_own_id_is_asked_about_the_new_attempt() {
    let policy = Policy { needs_external_id: false, ..policy() };
    let before = Task { submitter: Submitter::OwnCode, ..task(Status::Cancelled, 1) };
    let (_, after) = meet(&before, Occurrence { policy: policy.into(), ..occurrence(Event::OperatorRetry) });

    assert_eq!(after.next_poll_at, Some(NOW.plus(FIRST_POLL_AFTER)));
}

fn ended(task: &Task) -> Vec<Attempt> {
    let mut attempts = task.attempts.clone();
    if let Some(last) = attempts.last_mut() {
        last.ended_at.get_or_insert(NOW);
    }
    attempts
}

#[test]
fn beyond_the_limit_brings_no_further_retries() {
    let (_, again) = meet(&task(Status::Failed, 4), occurrence(Event::OperatorRetry));
    let (_, after) = meet(&again, occurrence(failed(true)));
    // nobody said which attempt, and the fifth was never sent: the failure is the fourth's
    assert_eq!(after.status(), Status::Pending);
    let (_, after) = meet(&Task { state: State::Submitted, ..again }, occurrence(failed(true)));
    assert_eq!((after.status(), after.attempt().number), (Status::Failed, 5));
}

#[test]
fn within_the_limit_uses_one_up() {
    let (_, again) = meet(&task(Status::Cancelled, 2), occurrence(Event::OperatorRetry));
    let (_, third) = meet(&Task { state: State::Submitted, ..again }, occurrence(failed(true)));
    assert_eq!((third.status(), third.attempt().number), (Status::Pending, 4));
    let (_, fourth) = meet(&Task { state: State::Submitted, ..third }, occurrence(failed(true)));
    assert_eq!((fourth.status(), fourth.attempt().number), (Status::Failed, 4));
}

#[test]
fn of_an_erased_task_is_refused() {
    let task = task(Status::Failed, 1);
    let mut world = World { tasks: [(task.id.clone(), task.clone())].into(), ..World::default() };
    assert_eq!(step(&mut world, Item { task: Some(task.id), at: NOW, command: Command::Erase }), Answer::Erased);
    let before = world.clone();
    let answer = step(&mut world, happening("t", NOW, occurrence(Event::OperatorRetry)));
    assert_eq!((answer, world), (Answer::Refused(Refusal::Erased), before));
}
