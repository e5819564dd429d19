//! Telling a redelivery from the same words said again by a later attempt.

use std::ops::Range;

use callback_hub::domain::event::{Claim, Event, Occurrence, Outcome, Reason};
use callback_hub::domain::fingerprint::Fingerprint;
use callback_hub::domain::plan::{Answer, World};
use callback_hub::domain::task::{Status, Submitter};
use callback_hub::domain::time::Timestamp;
use proptest::prelude::*;

use crate::samples::{
    NOW, creation, failed, fingerprint, happening, new_task, occurrence, progress, step, submit_answered, task_id,
};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// With any number of other events in between: sixteen fingerprints fit into the row, the others spill.
    #[test]
    fn the_same_failure_counts_once_an_attempt(between in 0..48_u8, after in 0..48_u8) {
        let mut world = submitted();
        prop_assert_eq!(outcome(&mut world, failure(Some(1))), Outcome::Applied);
        prop_assert_eq!(status(&world), (Status::Pending, 2));

        chatter(&mut world, "t", 0..between);
        prop_assert_eq!(outcome(&mut world, failure(Some(1))), Outcome::Duplicate);
        prop_assert_eq!(outcome(&mut world, failure(None)), Outcome::Duplicate, "an unknown attempt may be any");
        prop_assert_eq!(status(&world), (Status::Pending, 2), "no second retry burnt");

        step(&mut world, happening("t", NOW, occurrence_of(2, submit_answered(None))));
        prop_assert_eq!(outcome(&mut world, failure(None)), Outcome::Duplicate, "even while attempt 2 runs");
        prop_assert_eq!(outcome(&mut world, failure(Some(2))), Outcome::Applied);
        prop_assert_eq!(status(&world), (Status::Pending, 3));

        chatter(&mut world, "t", between..between + after);
        for claimed in [Some(1), Some(2), None] {
            prop_assert_eq!(outcome(&mut world, failure(claimed)), Outcome::Duplicate);
        }
        prop_assert_eq!(status(&world), (Status::Pending, 3));
        prop_assert_eq!(world.tasks[&task_id("t")].recent.has_spilled(), u32::from(between) + u32::from(after) + 2 > 16);
    }

    /// A task's fingerprints are its own.
    #[test]
    fn another_task_may_hear_the_same(between in 0..48_u8) {
        let mut world = submitted();
        outcome(&mut world, failure(Some(1)));
        chatter(&mut world, "t", 0..between);
        step(&mut world, creation("u", Timestamp::EPOCH, new_task(Submitter::OwnCode)));
        chatter(&mut world, "u", 0..between);
        prop_assert_eq!(outcome_for(&mut world, "u", failure(None)), Outcome::Applied);
    }
}

#[test]
fn an_event_without_a_fingerprint_is_never_a_duplicate() {
    let mut world = submitted();
    let report = || occurrence_of(1, progress(Some(5.0)));
    assert_eq!([outcome(&mut world, report()), outcome(&mut world, report())], [Outcome::Applied; 2]);
    assert!(world.spilled.is_empty());
}

#[test]
fn a_duplicate_does_not_push_others_out_of_the_row() {
    let mut world = submitted();
    outcome(&mut world, failure(Some(1)));
    for _ in 0..40 {
        assert_eq!(outcome(&mut world, failure(Some(1))), Outcome::Duplicate);
    }
    assert!(!world.tasks[&task_id("t")].recent.has_spilled());
}

fn submitted() -> World {
    let mut world = World::default();
    step(&mut world, creation("t", Timestamp::EPOCH, new_task(Submitter::Hub)));
    step(&mut world, happening("t", NOW, occurrence_of(1, submit_answered(None))));
    world
}

/// Byte for byte the same, whichever attempt's token it comes with.
fn failure(token: Option<u32>) -> Occurrence {
    let claim = Claim { token, ..Claim::default() };
    Occurrence { claim, fingerprint: Some(fingerprint("failed")), ..occurrence(failed(true)) }
}

fn occurrence_of(attempt: u32, event: Event) -> Occurrence {
    Occurrence { claim: Claim { query: Some(attempt), ..Claim::default() }, ..occurrence(event) }
}

/// Other events of the first attempt, each with a fingerprint of its own.
fn chatter(world: &mut World, task: &str, numbers: Range<u8>) {
    for number in numbers {
        let told = Occurrence { fingerprint: Some(Fingerprint([number; 16])), ..occurrence_of(1, Event::NotOfInterest) };
        assert_eq!(outcome_for(world, task, told), Outcome::Ignored(Reason::NotOfInterest));
    }
}

fn outcome(world: &mut World, occurrence: Occurrence) -> Outcome {
    outcome_for(world, "t", occurrence)
}

fn outcome_for(world: &mut World, task: &str, occurrence: Occurrence) -> Outcome {
    match step(world, happening(task, NOW, occurrence)) {
        Answer::Recorded(recorded) => recorded.outcome,
        other => panic!("not recorded: {other:?}"),
    }
}

fn status(world: &World) -> (Status, u32) {
    let task = &world.tasks[&task_id("t")];
    (task.status(), task.attempt().number)
}
