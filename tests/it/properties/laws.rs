//! The laws that each step keeps, whatever the item.

use std::collections::HashMap;

use callback_hub::domain::decide::Transition;
use callback_hub::domain::event::{Event, Outcome};
use callback_hub::domain::plan::{Answer, Command, Item, Recorded, World};
use callback_hub::domain::task::{Status, Task, TaskId};
use proptest::prelude::*;

type Kept = Result<(), TestCaseError>;

pub(super) fn is_operator_retry(item: &Item, answer: &Answer) -> bool {
    let retry = matches!(&item.command, Command::Occur { occurrence, .. } if occurrence.event == Event::OperatorRetry);
    retry
        && matches!(
            answer,
            Answer::Recorded(Recorded { outcome: Outcome::Applied, transition: Some(Transition::NewAttempt), .. })
        )
}

pub(super) fn assert_only_the_items_task_changed(before: &World, after: &World, item: &Item) -> Kept {
    for (id, task) in before.tasks.iter().filter(|(id, _)| **id != item.task) {
        prop_assert_eq!(Some(task), after.tasks.get(id));
    }
    Ok(())
}

pub(super) fn assert_refusals_change_nothing(before: &World, after: &World, answer: &Answer) -> Kept {
    if matches!(answer, Answer::Refused(_) | Answer::Unchanged) {
        prop_assert_eq!(before, after);
    }
    Ok(())
}

/// But for the named cells: the truth about a presumption, and an operator's retry.
pub(super) fn assert_settled_stays_settled(before: &World, after: &World, item: &Item) -> Kept {
    let Command::Occur { occurrence, .. } = &item.command else { return Ok(()) };
    for (before, after) in
        pairs(before, after).filter(|(before, after)| before.status().is_settled() && before.state != after.state)
    {
        let retried = occurrence.event == Event::OperatorRetry
            && before.status() != Status::Completed
            && matches!(after.status(), Status::Pending | Status::Submitted);
        let learnt = before.status() == Status::TimedOut
            && matches!(
                (&occurrence.event, after.status()),
                (Event::Completed(_), Status::Completed | Status::Failed)
                    | (Event::Failed(_), Status::Failed)
                    | (Event::Cancelled, Status::Cancelled)
            );
        prop_assert!(retried || learnt, "{:?} became {:?}", before.state, after.state);
    }
    Ok(())
}

pub(super) fn assert_progress_never_falls(before: &World, after: &World, item: &Item) -> Kept {
    if item.command == Command::Erase {
        return Ok(());
    }
    for (before, after) in pairs(before, after) {
        if before.attempt().number == after.attempt().number {
            prop_assert!(before.progress.percent <= after.progress.percent, "{:?} became {:?}", before.progress, after.progress);
        }
    }
    Ok(())
}

pub(super) fn assert_attempts_are_bounded(world: &World, operator_retries: &HashMap<TaskId, u32>) -> Kept {
    for (id, task) in &world.tasks {
        let numbers: Vec<_> = task.attempts.iter().map(|attempt| attempt.number).collect();
        let last = task.attempt().number;
        prop_assert_eq!(numbers, (1..=last).collect::<Vec<_>>());
        let allowed = 1 + task.max_retries + operator_retries.get(id).copied().unwrap_or(0);
        prop_assert!(last <= allowed, "{} attempts, {} allowed", last, allowed);
    }
    Ok(())
}

/// Never overwritten, never shared, and the book of owners says the same as the attempts.
pub(super) fn assert_ids_stay_with_their_attempts(before: &World, after: &World) -> Kept {
    for (before, after) in pairs(before, after) {
        for (before, after) in before.attempts.iter().zip(&after.attempts) {
            prop_assert!(before.external_id.is_none() || before.external_id == after.external_id);
        }
    }
    let mut holders = HashMap::new();
    for task in after.tasks.values() {
        for attempt in &task.attempts {
            let Some(id) = &attempt.external_id else { continue };
            let holder = holders.insert((task.generator.clone(), id.clone()), task.id.clone());
            prop_assert_eq!(holder, None, "{} is held twice", id);
        }
    }
    prop_assert_eq!(&holders, &after.owners);
    Ok(())
}

fn pairs<'a>(before: &'a World, after: &'a World) -> impl Iterator<Item = (&'a Task, &'a Task)> {
    before.tasks.iter().filter_map(|(id, task)| Some((task, after.tasks.get(id)?)))
}
