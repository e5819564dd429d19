//! The laws that each step keeps, whatever the item.

use std::collections::HashMap;

use callback_hub::domain::claim::task_meant;
use callback_hub::domain::decide::Transition;
use callback_hub::domain::event::{Event, Outcome};
use callback_hub::domain::plan::{Answer, Command, Item, Recorded, World};
use callback_hub::domain::task::{Status, Task, TaskId};
use proptest::prelude::*;

type Kept = Result<(), TestCaseError>;

pub(super) fn is_operator_retry(item: &Item, answer: &Answer) -> bool {
    let retry = item.command.occurrence().is_some_and(|occurrence| occurrence.event == Event::OperatorRetry);
    retry
        && matches!(
            answer,
            Answer::Recorded(Recorded { outcome: Outcome::Applied, transition: Some(Transition::NewAttempt), .. })
        )
}

pub(super) fn assert_only_the_items_task_changed(before: &World, after: &World, item: &Item, answer: &Answer) -> Kept {
    let meant = if let Answer::Recorded(recorded) = answer { Some(&recorded.task) } else { item.task.as_ref() };
    prop_assert!(item.task.is_none() || meant == item.task.as_ref());
    for (id, task) in before.tasks.iter().filter(|(id, _)| Some(*id) != meant) {
        prop_assert_eq!(Some(task), after.tasks.get(id));
    }
    Ok(())
}

/// What is parked stays so until somebody looks at it again, and nothing else is; whoever is not woken waits for growing times.
pub(super) fn assert_waits_end_by_visits(before: &World, after: &World, item: &Item, answer: &Answer) -> Kept {
    let visited = if let Command::Visit { places, .. } = &item.command { Some(&places.receipt) } else { None };
    for (receipt, parked) in &before.parked {
        match after.parked.get(receipt) {
            Some(waiting) if visited != Some(receipt) => prop_assert_eq!(parked.looks, waiting.looks),
            Some(waiting) => {
                prop_assert!(*answer == Answer::Waits && waiting.looks >= parked.looks && item.at < parked.expires_at);
            }
            None => prop_assert!(visited == Some(receipt) && matches!(answer, Answer::Recorded(_) | Answer::Kept(_))),
        }
    }
    for receipt in after.parked.keys().filter(|receipt| !before.parked.contains_key(receipt)) {
        let kept = matches!(answer, Answer::Kept(kept) if kept.outcome == Outcome::Parked && kept.receipt == *receipt);
        prop_assert!(kept && before.tasks == after.tasks);
    }
    Ok(())
}

/// A callback that finds its task is never parked.
pub(super) fn assert_only_the_early_are_parked(before: &World, item: &Item, answer: &Answer) -> Kept {
    let Some(occurrence) = item.command.occurrence() else { return Ok(()) };
    if matches!(answer, Answer::Kept(kept) if kept.outcome == Outcome::Parked) || *answer == Answer::Waits {
        prop_assert_eq!(task_meant(before, item, occurrence), None);
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
    let Some(occurrence) = item.command.occurrence() else { return Ok(()) };
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
