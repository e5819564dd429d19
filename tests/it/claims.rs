//! Which attempt an event speaks of, and how an attempt comes by its external id.

use callback_hub::domain::event::{Claim, Event, Occurrence, Outcome};
use callback_hub::domain::plan::{Answer, NewTask, Recorded, Refusal, World};
use callback_hub::domain::task::{Attempt, Status, Submitter, Task};
use callback_hub::domain::time::Timestamp;
use rstest::rstest;

use crate::samples::{
    FIRST_POLL_AFTER, NOW, creation, external, generator, happening, meet, new_task, occurrence, progress, step, submit_answered,
    task, task_id,
};
use crate::table;

/// The task `t` has three attempts; the first two have the ids ext-1 and ext-2, the third has been sent or not.
const MEANT: &str = "
state     | third | token | named | query | attempt
submitted | sent  | 2     | ext-1 | 3     | 2
submitted | sent  | 1     | t     | 2     | 1
submitted | sent  | 3     | -     | -     | 3
submitted | sent  | -     | ext-1 | 3     | 1
submitted | sent  | -     | ext-2 | -     | 2
submitted | sent  | -     | t     | 2     | 2
submitted | sent  | -     | -     | 1     | 1
submitted | sent  | -     | t     | -     | 3
submitted | sent  | -     | -     | -     | 3
pending   | not   | -     | -     | -     | 2
pending   | not   | -     | t     | -     | 2
pending   | not   | -     | -     | 3     | 3
pending   | not   | 3     | -     | -     | 3
pending   | not   | -     | ext-1 | -     | 1
pending   | sent  | -     | -     | -     | 3
cancelled | not   | -     | -     | -     | 3
submitted | sent  | 4     | -     | -     | no such attempt
submitted | sent  | 4     | ext-1 | 1     | no such attempt
submitted | sent  | -     | -     | 4     | no such attempt
submitted | sent  | -     | -     | 0     | no such attempt
submitted | sent  | 0     | -     | -     | no such attempt
submitted | sent  | 1     | ext-4 | -     | task mismatch
submitted | sent  | -     | T     | -     | task mismatch
submitted | sent  | -     | -     | -     | 3
";

#[test]
fn token_then_external_id_then_query_then_the_current_one() {
    let mut found = table::rows(MEANT);
    for row in found.iter_mut().skip(1) {
        let [state, third, token, named, query, attempt] = row.as_mut_slice() else { panic!("six columns: {row:?}") };
        let status = Status::parse(state).expect("a state");
        let task = with_ids(status, (third == "sent").then_some(NOW));
        let claim = Claim {
            token: token.parse().ok(),
            named: (named != "-").then(|| named.clone()),
            query: query.parse().ok(),
            may_adopt: false,
        };
        *attempt = match meet(&task, claiming(Event::NotOfInterest, claim)).0 {
            Answer::Recorded(recorded) => recorded.attempt.to_string(),
            Answer::Refused(Refusal::NoSuchAttempt) => "no such attempt".to_owned(),
            Answer::Refused(Refusal::TaskMismatch) => "task mismatch".to_owned(),
            other => format!("{other:?}"),
        };
    }
    table::assert_same(MEANT, &found);
}

#[test]
fn the_first_attempt_has_none_before_it() {
    let (answer, _) = meet(&task(Status::Pending, 1), occurrence(Event::NotOfInterest));
    assert!(matches!(answer, Answer::Recorded(Recorded { attempt: 1, .. })), "{answer:?}");
}

fn with_ids(status: Status, sending_at: Option<Timestamp>) -> Task {
    let mut task = task(status, 3);
    task.attempts[0].external_id = Some(external("ext-1"));
    task.attempts[1].external_id = Some(external("ext-2"));
    task.attempts[2].sending_at = sending_at;
    task
}

fn claiming(event: Event, claim: Claim) -> Occurrence {
    Occurrence { claim, ..occurrence(event) }
}

fn naming(named: &str) -> Claim {
    Claim { named: Some(named.to_owned()), may_adopt: true, ..Claim::default() }
}

#[test]
fn an_unknown_task_and_another_generators_task_look_the_same() {
    let mut world = running(&["a"]);
    let before = world.clone();
    let stranger = Occurrence { generator: Some(generator("other")), ..occurrence(progress(None)) };
    assert_eq!(step(&mut world, happening("a", NOW, stranger)), Answer::Refused(Refusal::UnknownTask));
    assert_eq!(step(&mut world, happening("b", NOW, occurrence(progress(None)))), Answer::Refused(Refusal::UnknownTask));
    assert_eq!(world, before);
}

#[test]
fn the_first_id_that_is_named_on_the_tasks_own_path_becomes_the_attempts() {
    let mut world = running(&["a"]);
    assert_eq!(world.tasks[&task_id("a")].next_poll_at, None, "without an id there is nothing to ask about");
    let answer = step(&mut world, happening("a", NOW, claiming(Event::NotOfInterest, naming("ext"))));

    assert!(matches!(answer, Answer::Recorded(Recorded { attempt: 1, .. })), "{answer:?}");
    assert_eq!(id_of(&world, "a"), Some("ext"));
    assert_eq!(world.owners[&(generator("default"), external("ext"))], task_id("a"));
    assert_eq!(world.tasks[&task_id("a")].next_poll_at, Some(NOW.plus(FIRST_POLL_AFTER)));
    // from now on it is a known name
    let again = Claim { may_adopt: false, ..naming("ext") };
    let answer = step(&mut world, happening("a", NOW, claiming(progress(None), again)));
    assert!(matches!(answer, Answer::Recorded(Recorded { outcome: Outcome::Applied, .. })), "{answer:?}");
}

#[test]
fn an_id_is_adopted_by_the_attempt_that_is_meant() {
    for (claim, expected) in [
        (Claim { token: Some(1), ..naming("ext") }, [Some("ext"), None]),
        (Claim { query: Some(1), ..naming("ext") }, [Some("ext"), None]),
        (naming("ext"), [None, Some("ext")]),
    ] {
        let (_, after) = meet(&task(Status::Submitted, 2), claiming(Event::NotOfInterest, claim));
        let ids: Vec<_> = after.attempts.iter().map(external_id).collect();
        assert_eq!(ids, expected);
    }
}

#[rstest]
#[case::not_on_the_tasks_own_path("a", Claim { may_adopt: false, ..naming("ext") })]
#[case::the_attempt_has_an_id("b", naming("other"))]
#[case::it_is_anothers("a", naming("ext-b"))]
#[case::empty("a", naming(""))]
#[case::too_long("a", naming(&"x".repeat(257)))]
#[case::control_characters("a", naming("ext\n"))]
fn a_name_that_cannot_be_adopted_is_another_tasks(#[case] id: &str, #[case] claim: Claim) {
    let mut world = running(&["a", "b"]);
    step(&mut world, happening("b", NOW, claiming(Event::NotOfInterest, naming("ext-b"))));
    let before = world.clone();
    let answer = step(&mut world, happening(id, NOW, claiming(progress(Some(1.0)), claim)));
    assert_eq!(answer, Answer::Refused(Refusal::TaskMismatch));
    assert_eq!(world, before);
}

#[test]
fn generators_may_use_the_same_ids() {
    let mut world = running(&["a"]);
    let of_another =
        NewTask { generator: generator("other"), external_id: Some(external("ext")), ..new_task(Submitter::OwnCode) };
    assert_eq!(step(&mut world, creation("b", NOW, of_another)), Answer::Created);
    step(&mut world, happening("a", NOW, claiming(Event::NotOfInterest, naming("ext"))));
    assert_eq!((id_of(&world, "a"), id_of(&world, "b")), (Some("ext"), Some("ext")));
}

#[test]
fn the_id_that_a_submissions_answer_brings_is_the_attempts_alone() {
    let mut world = running(&["a", "b"]);
    step(&mut world, happening("a", NOW, occurrence(submit_answered(Some("ext")))));
    assert_eq!(id_of(&world, "a"), Some("ext"));
    assert_eq!(world.owners.get(&(generator("default"), external("ext"))), Some(&task_id("a")));

    // the submission is a fact, and stays one without an id
    let answer = step(&mut world, happening("b", NOW, occurrence(submit_answered(Some("ext")))));
    assert!(matches!(answer, Answer::Recorded(Recorded { outcome: Outcome::Applied, .. })), "{answer:?}");
    assert_eq!((id_of(&world, "a"), id_of(&world, "b")), (Some("ext"), None));
    let answer = step(&mut world, happening("b", NOW, claiming(Event::NotOfInterest, naming("ext"))));
    assert_eq!(answer, Answer::Refused(Refusal::TaskMismatch));
}

#[test]
fn a_submissions_answer_overwrites_no_id_and_shares_none_between_attempts() {
    let mut known = task(Status::Submitted, 2);
    known.attempts[0].external_id = Some(external("ext-1"));
    let (_, after) = meet(&known, occurrence(submit_answered(Some("ext-1"))));
    assert_eq!(external_id(&after.attempts[1]), None);

    known.attempts[1].external_id = Some(external("ext-2"));
    let (_, after) = meet(&known, occurrence(submit_answered(Some("ext-3"))));
    assert_eq!(external_id(&after.attempts[1]), Some("ext-2"));
}

/// Tasks that their owners' code has submitted, without external ids.
fn running(ids: &[&str]) -> World {
    let mut world = World::default();
    for id in ids {
        assert_eq!(step(&mut world, creation(id, Timestamp::EPOCH, new_task(Submitter::OwnCode))), Answer::Created);
    }
    world
}

fn id_of<'a>(world: &'a World, task: &str) -> Option<&'a str> {
    external_id(world.tasks[&task_id(task)].attempt())
}

fn external_id(attempt: &Attempt) -> Option<&str> {
    attempt.external_id.as_ref().map(|id| id.as_str())
}
