//! Who may act for a task, what follows when his lease has ended, and what is due when nobody acts.

use std::time::Duration;

use callback_hub::domain::event::{Event, Held, Occurrence, Policy, Poll};
use callback_hub::domain::lease::{BETWEEN_POLLS, due_at, take, take_to_send};
use callback_hub::domain::plan::{Answer, Command, Item, Recorded, Refusal, Release, Then, World};
use callback_hub::domain::task::{Attempt, Lease, State, Status, Task};
use callback_hub::domain::time::Timestamp;
use rstest::rstest;
use uuid::Uuid;

use crate::samples::{
    DEADLINE, LATE_POLL_AFTER, LEASE, NOW, answered, completed, failed, leased, meet, meet_at, occurrence, policy, progress,
    step, submit_answered, task,
};

const LATER: Timestamp = Timestamp::from_secs(10_100);

fn release(task: &Task, lease: Uuid, then: Then, at: Timestamp) -> (Answer, Task) {
    let mut world = World { tasks: [(task.id.clone(), task.clone())].into(), ..World::default() };
    let command = Command::Release(Release { lease, then });
    let answer = step(&mut world, Item { task: Some(task.id.clone()), at, command });
    (answer, world.tasks.remove(&task.id).expect("tasks do not vanish"))
}

#[rstest]
#[case::completed(completed())]
#[case::failed(failed(false))]
#[case::cancelled(Event::Cancelled)]
#[case::progress(progress(Some(50.0)))]
#[case::deadline(Event::DeadlinePassed { deadline: DEADLINE })]
#[case::refused(Event::SubmitRefused(callback_hub::domain::task::TaskError::default()))]
fn what_is_said_after_the_lease_is_not_recorded(#[case] event: Event) {
    let after_the_end = NOW.plus(Duration::from_secs(31));
    let somebody_elses = Task { lease: Some(Lease { token: Uuid::from_u128(2), until: LATER }), ..task(Status::Processing, 1) };
    let cases =
        [(leased(&task(Status::Processing, 1)), after_the_end), (somebody_elses, NOW), (task(Status::Processing, 1), NOW)];
    for (task, at) in cases {
        let (answer, after) = meet_at(&task, answered(event.clone(), LATER), at);
        assert_eq!((answer, after), (Answer::Refused(Refusal::LeaseLost), task));
    }
}

#[test]
fn that_a_generator_took_the_job_counts_even_then() {
    let held = Some(Held { lease: LEASE, poll: None });
    let taken = Occurrence { held, ..occurrence(submit_answered(Some("ext"))) };
    for task in [task(Status::Submitted, 1), leased(&task(Status::Pending, 1))] {
        let (answer, after) = meet_at(&task, taken.clone(), LATER);
        assert!(matches!(answer, Answer::Recorded(_)), "{answer:?}");
        assert_eq!(after.attempt().external_id.as_ref().map(|id| id.as_str()), Some("ext"));
        assert_eq!(after.lease, None);
    }
}

#[test]
fn an_answer_ends_the_lease_and_says_when_to_ask_again() {
    let (_, after) = meet(&leased(&task(Status::Processing, 1)), answered(progress(Some(10.0)), LATER));
    assert_eq!((after.lease, after.next_poll_at, after.polled_at, after.polls), (None, Some(LATER), Some(NOW), 1));
    let (_, done) = meet(&leased(&task(Status::Processing, 1)), answered(completed(), LATER));
    assert_eq!((done.status(), done.lease, done.next_poll_at), (Status::Completed, None, None));
}

#[test]
fn a_lease_can_be_given_back_without_news() {
    let asked = Then::Asked(Poll { at: NOW, next: Some(LATER) });
    let (answer, after) = release(&leased(&task(Status::Submitted, 1)), LEASE, asked.clone(), NOW);
    assert_eq!((answer, after.lease, after.next_poll_at, after.polls), (Answer::Released, None, Some(LATER), 1));
    let (_, after) = release(&leased(&task(Status::Submitted, 1)), LEASE, Then::AskAt(LATER), NOW);
    assert_eq!((after.lease, after.next_poll_at, after.polls), (None, Some(LATER), 0));
    let (answer, after) = release(&leased(&task(Status::Submitted, 1)), Uuid::nil(), asked, NOW);
    assert_eq!((answer, after), (Answer::Refused(Refusal::LeaseLost), leased(&task(Status::Submitted, 1))));
}

#[rstest]
#[case::surely_not_sent(true, None)]
#[case::perhaps_sent(false, Some(NOW))]
fn what_was_not_sent_waits_as_if_it_had_never_been_taken(#[case] unsent: bool, #[case] sending_at: Option<Timestamp>) {
    let mut task = task(Status::Pending, 1);
    let lease = Lease { token: LEASE, until: LATER };
    assert!(take_to_send(&mut task, lease, NOW), "nothing was sent before");
    assert_eq!((task.attempt().sending_at, &task.state), (Some(NOW), &State::Pending { not_before: LATER }));
    let (_, mut after) = release(&task, LEASE, Then::SendAt { at: NOW, unsent }, NOW);
    assert_eq!((after.attempt().sending_at, after.state.clone()), (sending_at, State::Pending { not_before: NOW }));
    assert_eq!(after.attempt().number, 1, "no attempt is burnt");
    assert_eq!(take_to_send(&mut after, lease, NOW), unsent);
}

#[test]
fn a_callback_that_beats_the_submissions_answer_keeps_the_task_running() {
    let mut sending = task(Status::Pending, 1);
    take_to_send(&mut sending, Lease { token: LEASE, until: LATER }, NOW);
    let (_, running) = meet(&sending, occurrence(progress(Some(5.0))));
    assert_eq!(running.status(), Status::Processing);
    let held = Some(Held { lease: LEASE, poll: None });
    let (_, known) = meet(&running, Occurrence { held, ..occurrence(submit_answered(Some("ext"))) });
    assert_eq!((known.status(), known.lease), (Status::Processing, None));
    assert_eq!(known.attempt().external_id.as_ref().map(|id| id.as_str()), Some("ext"));
    let (_, still) = release(&running, LEASE, Then::SendAt { at: NOW, unsent: true }, NOW);
    assert_eq!((still.status(), still.attempt().sending_at), (Status::Processing, Some(NOW)), "it was sent after all");
}

#[test]
fn a_hint_that_comes_while_the_generator_is_asked_is_not_lost() {
    let (_, hinted) = meet(&leased(&task(Status::Processing, 1)), occurrence(Event::Hint));
    let (_, after) = meet(&hinted, answered(progress(Some(10.0)), LATER));
    assert_eq!(after.next_poll_at, Some(NOW.plus(BETWEEN_POLLS)));
}

#[test]
fn a_hint_does_not_ask_twice_within_two_seconds() {
    let asked = Task { polled_at: Some(NOW), ..task(Status::Processing, 1) };
    let (_, hinted) = meet(&asked, occurrence(Event::Hint));
    assert_eq!(hinted.next_poll_at, Some(NOW.plus(BETWEEN_POLLS)));
    let (_, hinted) = meet_at(&asked, occurrence(Event::Hint), LATER);
    assert_eq!(hinted.next_poll_at, Some(LATER));
}

#[test]
fn a_task_that_is_presumed_dead_is_still_asked_about() {
    let running = Task { attempts: vec![known()], ..task(Status::Processing, 1) };
    let passed = || occurrence(Event::DeadlinePassed { deadline: DEADLINE });
    let (_, dead) = meet(&running, passed());
    assert_eq!((dead.status(), dead.next_poll_at), (Status::TimedOut, Some(NOW.plus(LATE_POLL_AFTER))));
    let mute = Policy { can_ask: false, ..policy() };
    let (_, dead) = meet(&running, Occurrence { policy: mute.into(), ..passed() });
    assert_eq!((dead.status(), dead.next_poll_at), (Status::TimedOut, None));
}

fn known() -> Attempt {
    let external_id = Some(crate::samples::external("ext"));
    Attempt { external_id, submitted_at: Some(Timestamp::EPOCH), deadline_at: Some(DEADLINE), ..Attempt::new(1) }
}

const POLL: Timestamp = Timestamp::from_secs(8_000);
const AFTER_DEADLINE: Timestamp = Timestamp::from_secs(9_500);

#[rstest]
#[case::the_poll(Status::Submitted, Some(POLL), None, Some(POLL))]
#[case::the_deadline(Status::Processing, Some(AFTER_DEADLINE), None, Some(DEADLINE))]
#[case::nobody_to_ask(Status::Processing, None, None, Some(DEADLINE))]
#[case::asked_since_the_deadline(Status::Processing, Some(AFTER_DEADLINE), Some(DEADLINE), Some(AFTER_DEADLINE))]
#[case::presumed_dead(Status::TimedOut, Some(AFTER_DEADLINE), None, Some(AFTER_DEADLINE))]
#[case::waits_for_its_submission(Status::Pending, Some(POLL), None, None)]
#[case::completed(Status::Completed, None, None, None)]
fn what_is_due_next(
    #[case] status: Status,
    #[case] next_poll_at: Option<Timestamp>,
    #[case] polled_at: Option<Timestamp>,
    #[case] expected: Option<Timestamp>,
) {
    let task = Task { next_poll_at, polled_at, ..task(status, 1) };
    assert_eq!(due_at(&task), expected);
    if status != Status::Pending {
        let mut taken = task;
        take(&mut taken, Lease { token: LEASE, until: LATER });
        assert_eq!(due_at(&taken), Some(LATER), "not before the lease has ended");
    }
}

#[test]
fn attempts_in_vain_are_to_be_stopped_and_no_others() {
    let sent = |number| Attempt { submitted_at: Some(Timestamp::EPOCH), ..Attempt::new(number) };
    let over = Attempt { over: true, ..sent(1) };
    let running = Task { attempts: vec![over, sent(2), sent(3)], ..task(Status::Processing, 3) };
    let cancelled = |task: &Task, occurrence: Occurrence| -> Vec<u32> {
        let mut world = World { tasks: [(task.id.clone(), task.clone())].into(), ..World::default() };
        let answer = step(&mut world, crate::samples::happening("t", NOW, occurrence));
        assert!(matches!(answer, Answer::Recorded(Recorded { transition: Some(_), .. })), "{answer:?}");
        world.cancellations.into_iter().map(|(_, number)| number).collect()
    };
    assert_eq!(cancelled(&running, occurrence(completed())), [2]);
    assert_eq!(cancelled(&running, occurrence(Event::OperatorCancel)), [2, 3]);
    assert_eq!(cancelled(&running, occurrence(progress(Some(1.0)))), [0; 0]);
    let mute = Policy { can_cancel: false, ..policy() };
    assert_eq!(cancelled(&running, Occurrence { policy: mute.into(), ..occurrence(completed()) }), [0; 0]);
    let unsent = Task { attempts: vec![Attempt::new(1)], ..task(Status::Pending, 1) };
    assert_eq!(cancelled(&unsent, occurrence(Event::OperatorCancel)), [0; 0]);
}

#[test]
fn that_nobody_knows_is_not_said_after_the_lease_nor_against_better_knowledge() {
    let unknown = || Occurrence {
        held: Some(Held { lease: LEASE, poll: None }),
        ..occurrence(Event::SubmitAnswered { external_id: None, unknown: true })
    };
    let sending = leased(&task(Status::Pending, 1));
    let (answer, after) = meet_at(&sending, unknown(), LATER);
    assert_eq!((answer, after), (Answer::Refused(Refusal::LeaseLost), sending.clone()));
    let (_, known) = meet(&sending, occurrence(submit_answered(Some("ext"))));
    let (_, after) = meet(&leased(&known), unknown());
    assert!(!after.submit_unknown);
}

#[test]
fn a_presumed_dead_task_whose_id_comes_late_is_asked_about() {
    let dead = Task { submit_unknown: true, ..task(Status::TimedOut, 1) };
    let (_, after) = meet(&dead, occurrence(submit_answered(Some("ext"))));
    assert_eq!((after.status(), after.next_poll_at), (Status::TimedOut, Some(NOW.plus(LATE_POLL_AFTER))));
    assert!(!after.submit_unknown);
}
