//! Folds a batch of items over what is known of their tasks: what to write, what to answer.
//!
//! Planning a batch equals planning its items one at a time; what has to be written is the difference between the world
//! before and the world after.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::decide::{Decision, Relation, Transition, decide, interpret};
use super::event::{Claim, Event, Occurrence, Outcome, Policy};
use super::fingerprint::{Fingerprint, Recent, Seen};
use super::task::{Attempt, Documents, ExternalId, GeneratorName, Progress, State, Status, Submitter, Task, TaskId};
use super::time::Timestamp;
use super::transition::{Arrival, carry_out, follow_hint, submitted_by_own_code};

/// One wish at the door of the journal.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    pub task: TaskId,
    pub at: Timestamp,
    pub command: Command,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    Create(Box<NewTask>),
    Occur {
        /// The id of the receipt to be; also of the stored body.
        receipt: Uuid,
        /// The stored text that a result is a span of: the body, or a mended copy.
        result_payload: Uuid,
        occurrence: Box<Occurrence>,
    },
    Patch(Patch),
    /// Forget bodies and results of a settled task.
    Erase,
}

#[derive(Clone, Debug, PartialEq)]
pub struct NewTask {
    pub generator: GeneratorName,
    pub submitter: Submitter,
    pub max_retries: u32,
    pub timeout: Duration,
    pub priority: u8,
    pub external_id: Option<ExternalId>,
    pub documents: Documents,
    pub request_digest: [u8; 32],
    pub idempotency: Option<IdempotencyKey>,
    pub policy: Arc<Policy>,
}

/// A client's `Idempotency-Key`, which counts per API key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdempotencyKey {
    pub owner: String,
    pub key: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Patch {
    pub external_id: Option<ExternalId>,
    pub metadata: Option<Uuid>,
    pub priority: Option<u8>,
    pub policy: Arc<Policy>,
}

/// What is known before a batch, and, folded over it, after.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct World {
    pub tasks: BTreeMap<TaskId, Task>,
    /// Which task holds an external id.
    pub owners: HashMap<(GeneratorName, ExternalId), TaskId>,
    pub idempotent: HashMap<IdempotencyKey, Remembered>,
    /// Fingerprints that no longer fit into their task's row, as far as this batch asks for them.
    pub spilled: HashSet<(TaskId, Seen)>,
}

/// The creation that an idempotency key stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remembered {
    pub task: TaskId,
    pub request_digest: [u8; 32],
}

#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    Recorded(Recorded),
    Created,
    /// The same creation as before: this is its task.
    Repeated(TaskId),
    Patched,
    Erased,
    /// An operator's wish was fulfilled already.
    Unchanged,
    Refused(Refusal),
}

/// An event that is in the books now.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    pub outcome: Outcome,
    pub transition: Option<Transition>,
    /// After the event.
    pub status: Status,
    /// The attempt that the event speaks of.
    pub attempt: u32,
    pub receipt: Uuid,
    /// The receipt's number within the task, from 1.
    pub sequence: u64,
    /// The task's receipt before this one.
    pub previous: Option<Uuid>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("There is no such task")]
    UnknownTask,
    #[error("The body names another task")]
    TaskMismatch,
    #[error("The task has had no such attempt")]
    NoSuchAttempt,
    #[error("A different task was created under this id")]
    IdTaken,
    #[error("A different request was made under this Idempotency-Key")]
    KeyReused,
    #[error("The external id belongs to another task or attempt")]
    ExternalIdTaken,
    #[error("The attempt has another external id already")]
    ExternalIdSet,
    #[error("The task is {}", .0.as_str())]
    WrongState(Status),
    #[error("The task was erased")]
    Erased,
}

/// The answers, one an item, in order. What is to be written is `world` compared with what it was.
#[must_use]
pub fn plan(world: &mut World, items: &[Item]) -> Vec<Answer> {
    items.iter().map(|item| step(world, item)).collect()
}

fn step(world: &mut World, item: &Item) -> Answer {
    let answer = match &item.command {
        Command::Create(new) => create(world, item, new),
        Command::Occur { receipt, result_payload, occurrence } => occur(world, item, *receipt, *result_payload, occurrence),
        Command::Patch(wanted) => patch(world, item, wanted),
        Command::Erase => erase(world, item),
    };
    answer.unwrap_or_else(Answer::Refused)
}

fn create(world: &mut World, item: &Item, new: &NewTask) -> Result<Answer, Refusal> {
    if let Some(first) = new.idempotency.as_ref().and_then(|key| world.idempotent.get(key)) {
        let same = first.request_digest == new.request_digest;
        return if same { Ok(Answer::Repeated(first.task.clone())) } else { Err(Refusal::KeyReused) };
    }
    if let Some(known) = world.tasks.get(&item.task) {
        if known.request_digest != new.request_digest || known.generator != new.generator {
            return Err(Refusal::IdTaken);
        }
        remember(world, item, new);
        return Ok(Answer::Repeated(item.task.clone()));
    }
    if let Some(id) = &new.external_id {
        claim_external_id(world, &new.generator, id, &item.task, 1)?;
    }
    world.tasks.insert(item.task.clone(), created(item, new));
    remember(world, item, new);
    Ok(Answer::Created)
}

/// What a key was answered with, it stands for from then on.
fn remember(world: &mut World, item: &Item, new: &NewTask) {
    if let Some(key) = &new.idempotency {
        let remembered = Remembered { task: item.task.clone(), request_digest: new.request_digest };
        world.idempotent.insert(key.clone(), remembered);
    }
}

fn created(item: &Item, new: &NewTask) -> Task {
    let mut task = Task {
        id: item.task.clone(),
        generator: new.generator.clone(),
        state: State::Pending { not_before: item.at },
        attempts: vec![Attempt { external_id: new.external_id.clone(), ..Attempt::new(1) }],
        submitter: new.submitter,
        max_retries: new.max_retries,
        timeout: new.timeout,
        priority: new.priority,
        request_digest: new.request_digest,
        documents: new.documents,
        progress: Progress::default(),
        generator_time: None,
        created_at: item.at,
        started_at: None,
        next_poll_at: None,
        empty_answers: 0,
        late_hints: 0,
        submit_unknown: false,
        receipts: 0,
        last_receipt: None,
        recent: Recent::default(),
        erased_at: None,
    };
    if new.submitter == Submitter::OwnCode {
        task.state = State::Submitted;
        submitted_by_own_code(&mut task, item.at, new.timeout);
        poll_once_known(&mut task, &new.policy, item.at);
    }
    task
}

fn occur(
    world: &mut World,
    item: &Item,
    receipt: Uuid,
    result_payload: Uuid,
    occurrence: &Occurrence,
) -> Result<Answer, Refusal> {
    let task = known(world, item)?;
    if occurrence.generator.as_ref().is_some_and(|generator| *generator != task.generator) {
        return Err(Refusal::UnknownTask);
    }
    let meant = attempt_meant(task, &occurrence.claim)?;
    let duplicate = occurrence.fingerprint.is_some_and(|fingerprint| is_known(world, item, fingerprint, &meant));
    if !duplicate {
        take_external_id(world, item, &occurrence.event, &meant)?;
    }
    let Some(task) = world.tasks.get_mut(&item.task) else { return Err(Refusal::UnknownTask) };

    let arrival = Arrival { now: item.at, attempt: meant.attempt, payload: result_payload, occurrence };
    let (outcome, transition) = if duplicate {
        (Outcome::Duplicate, None)
    } else {
        if meant.adopt.is_some() {
            poll_once_known(task, &occurrence.policy, item.at);
        }
        match act(task, &arrival) {
            Ok(acted) => acted,
            Err(answer) => return answer,
        }
    };

    let recorded = Recorded {
        outcome,
        transition,
        status: task.status(),
        attempt: meant.attempt,
        receipt,
        sequence: task.receipts + 1,
        previous: task.last_receipt.replace(receipt),
    };
    task.receipts = recorded.sequence;
    if let (false, Some(fingerprint)) = (duplicate, occurrence.fingerprint) {
        let seen = Seen { fingerprint, attempt: meant.attempt };
        let spilled = task.recent.remember(seen);
        world.spilled.extend(spilled.map(|seen| (item.task.clone(), seen)));
    }
    Ok(Answer::Recorded(recorded))
}

type Acted = (Outcome, Option<Transition>);

fn act(task: &mut Task, arrival: &Arrival<'_>) -> Result<Acted, Result<Answer, Refusal>> {
    let relation = if arrival.attempt < task.attempt().number { Relation::Older } else { Relation::Current };
    let event = interpret(task, arrival.occurrence, arrival.now);
    match decide(task, relation, &event, arrival.occurrence) {
        Decision::Apply(Transition::NewAttempt) if task.erased_at.is_some() => Err(Err(Refusal::Erased)),
        Decision::Apply(transition) => {
            carry_out(task, transition, &event, arrival);
            Ok((Outcome::Applied, Some(transition)))
        }
        Decision::Hint => {
            follow_hint(task, arrival);
            Ok((Outcome::Hint, None))
        }
        Decision::Ignore(reason) => Ok((Outcome::Ignored(reason), None)),
        Decision::Unchanged => Err(Ok(Answer::Unchanged)),
        Decision::Refuse => Err(Err(Refusal::WrongState(task.status()))),
    }
}

/// The attempt that an event belongs to.
struct Meant {
    attempt: u32,
    /// Whether the event itself says so.
    known: bool,
    /// An id that nobody has yet: it becomes the attempt's.
    adopt: Option<ExternalId>,
}

/// The attempt of its token; else of the external id that it names; else of the query; else the current one, or, while
/// that was never sent, the one before.
fn attempt_meant(task: &Task, claim: &Claim) -> Result<Meant, Refusal> {
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

fn is_known(world: &World, item: &Item, fingerprint: Fingerprint, meant: &Meant) -> bool {
    let attempt = meant.known.then_some(meant.attempt);
    let Some(task) = world.tasks.get(&item.task) else { return false };
    task.recent.contains(fingerprint, attempt)
        || (task.recent.has_spilled()
            && world.spilled.iter().any(|(task, seen)| *task == item.task && seen.matches(fingerprint, attempt)))
}

/// The id that a callback is the first to name, or that a submission's answer brings.
fn take_external_id(world: &mut World, item: &Item, event: &Event, meant: &Meant) -> Result<(), Refusal> {
    if let Some(id) = &meant.adopt {
        return adopt(world, item, id, meant.attempt).map_err(|_| Refusal::TaskMismatch);
    }
    if let Event::SubmitAnswered { external_id: Some(id), .. } = event {
        // the submission is a fact, and recorded without the id if that is taken
        adopt(world, item, id, meant.attempt).ok();
    }
    Ok(())
}

fn adopt(world: &mut World, item: &Item, id: &ExternalId, number: u32) -> Result<(), Refusal> {
    let task = known(world, item)?;
    let generator = task.generator.clone();
    if task.attempts.iter().any(|attempt| attempt.number == number && attempt.external_id.is_some()) {
        return Err(Refusal::ExternalIdSet);
    }
    claim_external_id(world, &generator, id, &item.task, number)?;
    if let Some(attempt) = world.tasks.get_mut(&item.task).and_then(|task| task.numbered(number)) {
        attempt.external_id = Some(id.clone());
    }
    Ok(())
}

/// An id belongs to one attempt of one task.
fn claim_external_id(
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

fn patch(world: &mut World, item: &Item, patch: &Patch) -> Result<Answer, Refusal> {
    let task = known(world, item)?;
    if task.erased_at.is_some() {
        return Err(Refusal::Erased);
    }
    let (generator, number) = (task.generator.clone(), task.attempt().number);
    if let Some(id) = &patch.external_id {
        let set = task.attempt().external_id.as_ref();
        if set.is_some_and(|set| set != id) {
            return Err(Refusal::ExternalIdSet);
        }
        claim_external_id(world, &generator, id, &item.task, number)?;
    }
    let Some(task) = world.tasks.get_mut(&item.task) else { return Err(Refusal::UnknownTask) };
    if let Some(id) = &patch.external_id {
        task.attempt_mut().external_id = Some(id.clone());
        poll_once_known(task, &patch.policy, item.at);
    }
    task.documents.metadata = patch.metadata.or(task.documents.metadata);
    task.priority = patch.priority.unwrap_or(task.priority);
    Ok(Answer::Patched)
}

fn erase(world: &mut World, item: &Item) -> Result<Answer, Refusal> {
    known(world, item)?;
    let Some(task) = world.tasks.get_mut(&item.task) else { return Err(Refusal::UnknownTask) };
    if !task.status().is_settled() {
        return Err(Refusal::WrongState(task.status()));
    }
    task.erased_at.get_or_insert(item.at);
    task.documents = Documents::default();
    task.progress = Progress::default();
    if let State::Failed { error, .. } = &mut task.state {
        error.details = None;
    }
    Ok(Answer::Erased)
}

/// A task that runs and whose external id has just become known can be asked about from now on.
fn poll_once_known(task: &mut Task, policy: &Policy, now: Timestamp) {
    let running = matches!(task.status(), Status::Submitted | Status::Processing);
    if running && policy.can_ask && task.attempt().external_id.is_some() && task.next_poll_at.is_none() {
        task.next_poll_at = Some(now.plus(policy.first_poll_after));
    }
}

fn known<'a>(world: &'a World, item: &Item) -> Result<&'a Task, Refusal> {
    world.tasks.get(&item.task).ok_or(Refusal::UnknownTask)
}
