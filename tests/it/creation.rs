//! Creating a task twice, and what a client may change afterwards.

use std::sync::Arc;

use callback_hub::domain::event::{Event, Policy};
use callback_hub::domain::plan::{Answer, Command, IdempotencyKey, Item, NewTask, Patch, Refusal, World};
use callback_hub::domain::task::{Attempt, State, Status, Submitter};
use callback_hub::domain::time::Timestamp;
use rstest::rstest;

use crate::samples::{
    FIRST_POLL_AFTER, NOW, TIMEOUT, creation, external, generator, happening, new_task, occurrence, policy, step, task_id,
};

#[test]
fn a_task_of_the_hub_waits_and_one_of_own_code_runs() {
    let world = world();
    let (of_hub, of_own_code) = (&world.tasks[&task_id("a")], &world.tasks[&task_id("own")]);
    assert_eq!(of_hub.state, State::Pending { not_before: NOW });
    assert_eq!(of_hub.attempts, [Attempt { external_id: Some(external("ext-a")), ..Attempt::new(1) }]);
    assert_eq!(of_own_code.state, State::Submitted);
    assert_eq!((of_own_code.attempt().submitted_at, of_own_code.attempt().deadline_at), (Some(NOW), Some(NOW.plus(TIMEOUT))));
}

#[test]
fn a_running_task_is_polled_from_the_start_if_its_id_is_known_and_it_can_be_asked() {
    let first_poll = |external_id: Option<&str>, can_ask| {
        let policy = Arc::new(Policy { can_ask, ..policy() });
        let new = NewTask { external_id: external_id.map(external), policy, ..new_task(Submitter::OwnCode) };
        let mut world = World::default();
        step(&mut world, creation("n", NOW, new));
        world.tasks[&task_id("n")].next_poll_at
    };
    assert_eq!(first_poll(Some("ext"), true), Some(NOW.plus(FIRST_POLL_AFTER)));
    assert_eq!((first_poll(None, true), first_poll(Some("ext"), false)), (None, None));
}

#[rstest]
#[case::the_same_again("a", request(1, None), Answer::Repeated(task_id("a")))]
#[case::another_body("a", request(2, None), Answer::Refused(Refusal::IdTaken))]
#[case::another_generator("a", NewTask { generator: generator("other"), ..request(1, None) }, Answer::Refused(Refusal::IdTaken))]
#[case::the_same_key("b", request(1, Some(("alice", "k"))), Answer::Repeated(task_id("keyed")))]
#[case::the_same_key_and_id("keyed", request(1, Some(("alice", "k"))), Answer::Repeated(task_id("keyed")))]
#[case::the_same_key_for_another_body("b", request(2, Some(("alice", "k"))), Answer::Refused(Refusal::KeyReused))]
#[case::the_same_key_and_id_for_another_body("keyed", request(2, Some(("alice", "k"))), Answer::Refused(Refusal::KeyReused))]
#[case::another_key_for_the_same_id("a", request(1, Some(("alice", "l"))), Answer::Repeated(task_id("a")))]
#[case::a_taken_id("b", naming("default", "ext-a"), Answer::Refused(Refusal::ExternalIdTaken))]
fn a_creation_that_creates_nothing(#[case] id: &str, #[case] new: NewTask, #[case] expected: Answer) {
    let mut world = world();
    let before = world.clone();
    assert_eq!(step(&mut world, creation(id, NOW, new)), expected);
    assert_eq!(world.tasks, before.tasks);
    assert_eq!(world.owners, before.owners);
}

#[rstest]
#[case::an_equal_body_without_a_key(request(1, None))]
#[case::another_key(request(1, Some(("alice", "l"))))]
#[case::somebody_elses_key(request(1, Some(("bob", "k"))))]
#[case::another_generators_id(naming("other", "ext-a"))]
fn a_creation_that_creates(#[case] new: NewTask) {
    assert_eq!(step(&mut world(), creation("b", NOW, new)), Answer::Created);
}

#[test]
fn a_refused_creation_leaves_its_key_free() {
    let mut world = world();
    let refused = NewTask { external_id: Some(external("ext-a")), ..request(1, Some(("alice", "new"))) };
    assert_eq!(step(&mut world, creation("b", NOW, refused)), Answer::Refused(Refusal::ExternalIdTaken));
    assert_eq!(step(&mut world, creation("b", NOW, request(2, Some(("alice", "new"))))), Answer::Created);
}

/// `a` has the external id ext-a, `keyed` was created under alice's key k, `own` is submitted by its owner's code.
fn world() -> World {
    let mut world = World::default();
    for (id, new) in
        [("a", naming("default", "ext-a")), ("keyed", request(1, Some(("alice", "k")))), ("own", new_task(Submitter::OwnCode))]
    {
        assert_eq!(step(&mut world, creation(id, NOW, new)), Answer::Created);
    }
    world
}

fn request(digest: u8, key: Option<(&str, &str)>) -> NewTask {
    let idempotency = key.map(|(owner, key)| IdempotencyKey { owner: owner.to_owned(), key: key.to_owned() });
    NewTask { request_digest: [digest; 32], idempotency, ..new_task(Submitter::Hub) }
}

fn naming(of: &str, external_id: &str) -> NewTask {
    NewTask { generator: generator(of), external_id: Some(external(external_id)), ..request(1, None) }
}

#[test]
fn own_code_reports_its_id_once_and_polling_starts() {
    let mut world = world();
    assert_eq!(step(&mut world, report("own", "ext")), Answer::Patched);
    let own = &world.tasks[&task_id("own")];
    assert_eq!(own.attempt().external_id, Some(external("ext")));
    assert_eq!(own.next_poll_at, Some(NOW.plus(FIRST_POLL_AFTER)));

    assert_eq!(step(&mut world, report("own", "ext")), Answer::Patched, "saying it again is harmless");
    assert_eq!(step(&mut world, report("own", "ext-2")), Answer::Refused(Refusal::ExternalIdSet));
    assert_eq!(step(&mut world, report("keyed", "new")), Answer::Refused(Refusal::IdToCome), "the hub submits this one");
    let submitted = world.tasks.get_mut(&task_id("keyed")).expect("a task");
    submitted.state = State::Submitted;
    let before = world.clone();
    assert_eq!(step(&mut world, report("keyed", "ext")), Answer::Refused(Refusal::ExternalIdTaken));
    assert_eq!(world, before);
}

#[test]
fn an_id_stays_with_the_attempt_that_has_it() {
    let mut world = world();
    step(&mut world, report("own", "ext"));
    step(&mut world, happening("own", NOW, occurrence(Event::OperatorCancel)));
    step(&mut world, happening("own", NOW, occurrence(Event::OperatorRetry)));
    let before = world.clone();
    assert_eq!(before.tasks[&task_id("own")].attempt().number, 2);
    assert_eq!(step(&mut world, report("own", "ext")), Answer::Refused(Refusal::ExternalIdTaken));
    assert_eq!(world, before);
    assert_eq!(step(&mut world, report("own", "ext-2")), Answer::Patched);
}

#[test]
fn only_settled_tasks_are_erased_and_their_ids_stay_taken() {
    let erase = Item { task: Some(task_id("own")), at: NOW, command: Command::Erase };
    let mut world = world();
    assert_eq!(step(&mut world, erase.clone()), Answer::Refused(Refusal::WrongState(Status::Submitted)));
    step(&mut world, happening("own", NOW, occurrence(Event::OperatorCancel)));
    assert_eq!(step(&mut world, erase.clone()), Answer::Erased);
    assert_eq!(world.tasks[&task_id("own")].erased_at, Some(NOW));
    let later = Timestamp::from_secs(99_999);
    assert_eq!(step(&mut world, Item { at: later, ..erase }), Answer::Erased);
    assert_eq!(world.tasks[&task_id("own")].erased_at, Some(later), "what has come meanwhile goes, too");
    assert_eq!(step(&mut world, report("own", "ext")), Answer::Refused(Refusal::Erased));
    let another = NewTask { request_digest: [2; 32], ..new_task(Submitter::OwnCode) };
    assert_eq!(step(&mut world, creation("own", NOW, another)), Answer::Refused(Refusal::IdTaken));
}

fn report(id: &str, external_id: &str) -> Item {
    let patch = Patch { external_id: Some(external(external_id)), metadata: None, priority: None, policy: Arc::new(policy()) };
    Item { task: Some(task_id(id)), at: NOW, command: Command::Patch(patch) }
}
