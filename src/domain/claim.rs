//! Which task and attempt an event speaks of, whether it was seen before, and whose an external id is.

use super::event::{Claim, Event, Occurrence};
use super::fingerprint::Fingerprint;
use super::item::{Item, Refusal};
use super::parked;
use super::plan::World;
use super::task::{Attempt, ExternalId, GeneratorName, Status, Task, TaskId};
use super::time::Timestamp;

/// The task that the item is about, or that its event names, if it is known as one of its generator's. An id that its
/// generator gave it goes before the hub's own.
#[must_use]
pub fn task_meant(world: &World, item: &Item, occurrence: &Occurrence) -> Option<TaskId> {
    let theirs = |id: &TaskId| {
        let task = world.tasks.get(id);
        task.is_some_and(|task| occurrence.generator.as_ref().is_none_or(|generator| *generator == task.generator))
    };
    if item.task.is_some() {
        return item.task.clone().filter(theirs);
    }
    let (named, generator) = (occurrence.claim.named.as_deref()?, occurrence.generator.clone()?);
    let owner = ExternalId::parse(named).ok().and_then(|id| world.owners.get(&(generator, id)));
    owner.cloned().filter(theirs).or_else(|| TaskId::parse(named).ok().filter(theirs))
}

/// The attempt that an event belongs to.
pub(super) struct Meant {
    pub attempt: u32,
    /// Whether the event itself says so.
    pub known: bool,
    /// An id that nobody has yet: it becomes the attempt's.
    pub adopt: Option<ExternalId>,
}

/// The attempt of its token; else of the external id that it names; else of the query; else the current one, or, while
/// that was never sent, the one before.
pub(super) fn attempt_meant(task: &Task, claim: &Claim) -> Result<Meant, Refusal> {
    let named = claim.named.as_deref().filter(|named| *named != task.id.as_str());
    let holder = named.and_then(|named| {
        task.attempts.iter().find(|attempt| attempt.external_id.as_ref().is_some_and(|id| id.as_str() == named))
    });
    let said = claim.token.or(holder.map(|attempt| attempt.number)).or(claim.query);
    let current = task.attempt();
    let likely = if task.status() == Status::Pending && !current.was_sent() { current.number.max(2) - 1 } else { current.number };
    let number = said.unwrap_or(likely);
    let attempt = task.attempts.iter().find(|attempt| attempt.number == number).ok_or(Refusal::NoSuchAttempt)?;
    let adopt = match (named, holder) {
        (Some(named), None) => {
            let free = claim.may_adopt && attempt.external_id.is_none();
            Some(ExternalId::parse(named).ok().filter(|_| free).ok_or(Refusal::TaskMismatch)?)
        }
        _ => None,
    };
    Ok(Meant { attempt: number, known: said.is_some(), adopt })
}

pub(super) fn is_known(world: &World, id: &TaskId, fingerprint: Fingerprint, meant: &Meant) -> bool {
    let attempt = meant.known.then_some(meant.attempt);
    let Some(task) = world.tasks.get(id) else { return false };
    task.recent.contains(fingerprint, attempt)
        || (task.recent.has_spilled()
            && world.spilled.iter().any(|(task, seen)| task == id && seen.matches(fingerprint, attempt)))
}

/// The id that a callback is the first to name, or that a submission's answer brings.
pub(super) fn take_external_id(
    world: &mut World,
    task: &TaskId,
    now: Timestamp,
    event: &Event,
    meant: &Meant,
) -> Result<(), Refusal> {
    if let Some(id) = &meant.adopt {
        return adopt(world, task, now, id, meant.attempt).map_err(|_| Refusal::TaskMismatch);
    }
    if let Event::SubmitAnswered { external_id: Some(id), .. } = event {
        // the submission is a fact, and recorded without the id if that is taken
        adopt(world, task, now, id, meant.attempt).ok();
    }
    Ok(())
}

fn adopt(world: &mut World, task_id: &TaskId, now: Timestamp, id: &ExternalId, number: u32) -> Result<(), Refusal> {
    let task = world.tasks.get(task_id).ok_or(Refusal::UnknownTask)?;
    let generator = task.generator.clone();
    if task.attempts.iter().any(|attempt| attempt.number == number && attempt.external_id.is_some()) {
        return Err(Refusal::ExternalIdSet);
    }
    claim_external_id(world, &generator, id, task_id, number)?;
    parked::wake(world, &generator, id.as_str(), now);
    if let Some(attempt) = world.tasks.get_mut(task_id).and_then(|task| task.numbered(number)) {
        attempt.external_id = Some(id.clone());
    }
    Ok(())
}

/// An id belongs to one attempt of one task.
pub(super) fn claim_external_id(
    world: &mut World,
    generator: &GeneratorName,
    id: &ExternalId,
    task: &TaskId,
    number: u32,
) -> Result<(), Refusal> {
    let is_elsewhere = |attempt: &Attempt| attempt.number != number && attempt.external_id.as_ref() == Some(id);
    if world.tasks.get(task).is_some_and(|task| task.attempts.iter().any(is_elsewhere)) {
        return Err(Refusal::ExternalIdTaken);
    }
    let owner = world.owners.entry((generator.clone(), id.clone())).or_insert_with(|| task.clone());
    if owner == task { Ok(()) } else { Err(Refusal::ExternalIdTaken) }
}
