//! What holds for every history: generated items meet a small world, and the laws are looked for after each.

mod fingerprints;
mod histories;
mod laws;

use std::collections::HashMap;

use callback_hub::domain::event::{Event, Outcome};
use callback_hub::domain::fingerprint::Recent;
use callback_hub::domain::plan::{Answer, Command, Item, Recorded, World, plan};
use callback_hub::domain::task::{Task, TaskId};
use proptest::prelude::*;
use uuid::Uuid;

use crate::samples::step;
use histories::history;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn every_step_keeps_the_laws(history in history()) {
        let mut world = history.start();
        let mut operator_retries = HashMap::new();
        for item in &history.items {
            let before = world.clone();
            let answer = step(&mut world, item.clone());
            if laws::is_operator_retry(item, &answer) {
                let Answer::Recorded(retried) = &answer else { unreachable!("a retry is recorded") };
                *operator_retries.entry(retried.task.clone()).or_insert(0) += 1;
            }
            laws::assert_only_the_items_task_changed(&before, &world, item, &answer)?;
            laws::assert_waits_end_by_visits(&before, &world, item, &answer)?;
            laws::assert_only_the_early_are_parked(&before, item, &answer)?;
            laws::assert_refusals_change_nothing(&before, &world, &answer)?;
            laws::assert_settled_stays_settled(&before, &world, item)?;
            laws::assert_progress_never_falls(&before, &world, item)?;
            laws::assert_ids_stay_with_their_attempts(&before, &world)?;
            laws::assert_attempts_are_bounded(&world, &operator_retries)?;
        }
    }

    #[test]
    fn the_same_item_at_once_again_is_a_duplicate(history in history()) {
        let mut world = history.start();
        for item in &history.items {
            let first = step(&mut world, item.clone());
            if !has_fingerprint(item) || !matches!(first, Answer::Recorded(_)) {
                continue;
            }
            let once = world.clone();
            let second = step(&mut world, item.clone());
            prop_assert_eq!(outcome(&second), Some(Outcome::Duplicate));
            if is_hint(item) {
                prop_assert_eq!(but_for_questions(&world), but_for_questions(&once));
            } else {
                prop_assert_eq!(without_books(&world), without_books(&once));
            }
            prop_assert_eq!(&world.spilled, &once.spilled);
        }
    }

    /// Unless it was one from the start: what was a duplicate because its attempt was unknown may have one by now.
    #[test]
    fn whatever_was_recorded_is_a_duplicate_for_ever(history in history()) {
        let mut world = history.start();
        let answers = plan(&mut world, &history.items);
        let counted = |answer| outcome(answer).is_some_and(|outcome| outcome != Outcome::Duplicate);
        let recorded = history.items.iter().zip(&answers).filter(|(item, answer)| has_fingerprint(item) && counted(answer));
        let recorded: Vec<_> = recorded.collect();
        let end = world.clone();
        for (item, first) in recorded {
            let again = step(&mut world, item.clone());
            prop_assert_eq!(outcome(&again), Some(Outcome::Duplicate), "{:?} was {:?}", item, first);
        }
        prop_assert_eq!(but_for_questions(&world), but_for_questions(&end));
    }

    #[test]
    fn a_batch_is_its_items_one_at_a_time(history in history(), cut in any::<prop::sample::Index>()) {
        let mut whole = history.start();
        let answers = plan(&mut whole, &history.items);

        let mut halves = history.start();
        let (first, second) = history.items.split_at(cut.index(history.items.len() + 1));
        let mut of_halves = plan(&mut halves, first);
        reload(&mut halves);
        of_halves.extend(plan(&mut halves, second));

        let mut singles = history.start();
        let mut of_singles = Vec::new();
        for item in &history.items {
            of_singles.push(step(&mut singles, item.clone()));
            reload(&mut singles);
        }
        prop_assert_eq!(&of_halves, &answers);
        prop_assert_eq!(&of_singles, &answers);
        prop_assert_eq!(&halves, &whole);
        prop_assert_eq!(&singles, &whole);
    }

    #[test]
    fn receipts_are_numbered_without_a_gap_and_chained(history in history()) {
        let mut world = history.start();
        let mut chains: HashMap<TaskId, Vec<Recorded>> = HashMap::new();
        for (item, answer) in history.items.iter().zip(plan(&mut world, &history.items)) {
            if let Answer::Recorded(recorded) = answer {
                let (Command::Occur { places, .. } | Command::Visit { places, .. }) = &item.command else {
                    return Err(TestCaseError::fail("only events leave receipts"));
                };
                prop_assert_eq!(recorded.receipt, places.receipt);
                chains.entry(recorded.task.clone()).or_default().push(recorded);
            }
        }
        for (id, task) in &world.tasks {
            let chain = chains.remove(id).unwrap_or_default();
            let numbers: Vec<_> = chain.iter().map(|recorded| recorded.sequence).collect();
            prop_assert_eq!(numbers, (1..=task.receipts).collect::<Vec<_>>());
            let receipts: Vec<Option<Uuid>> = std::iter::once(None).chain(chain.iter().map(|recorded| Some(recorded.receipt))).collect();
            let previous: Vec<_> = chain.iter().map(|recorded| recorded.previous).chain([task.last_receipt]).collect();
            prop_assert_eq!(previous, receipts);
            prop_assert_eq!(chain.last().map(|last| last.status), chain.last().map(|_| task.status()));
        }
        prop_assert!(chains.is_empty());
    }
}

fn has_fingerprint(item: &Item) -> bool {
    matches!(&item.command, Command::Occur { occurrence, .. } if occurrence.fingerprint.is_some())
}

fn is_hint(item: &Item) -> bool {
    matches!(&item.command, Command::Occur { occurrence, .. } if occurrence.event == Event::Hint)
}

fn outcome(answer: &Answer) -> Option<Outcome> {
    match answer {
        Answer::Recorded(recorded) => Some(recorded.outcome),
        _ => None,
    }
}

/// The tasks but for how many receipts they have.
fn without_books(world: &World) -> Vec<Task> {
    world.tasks.values().map(|task| Task { receipts: 0, last_receipt: None, ..task.clone() }).collect()
}

/// Nor when the generator is asked: a hint that comes again is a reason to ask again.
fn but_for_questions(world: &World) -> Vec<Task> {
    let unasked = |task: Task| Task { next_poll_at: None, hinted: false, told: false, late_hints: 0, ..task };
    without_books(world).into_iter().map(unasked).collect()
}

/// What a row cannot keep is lost between two batches.
fn reload(world: &mut World) {
    for task in world.tasks.values_mut() {
        task.recent = Recent::from_bytes(&task.recent.to_bytes()).expect("reads what it wrote");
    }
}
