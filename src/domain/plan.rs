//! Folds a batch of items over what is known of their tasks: what to write, what to answer.
//!
//! Planning a batch equals planning its items one at a time; what has to be written is the difference between the world
//! before and the world after.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use uuid::Uuid;

use super::cancel;
use super::claim::{attempt_meant, claim_external_id, is_known, take_external_id, task_meant};
use super::custom::{self, Heard};
use super::decide::{Decision, Relation, Transition, decide, interpret};
use super::event::{Event, Occurrence, Outcome};
use super::fingerprint::{Recent, Seen};
use super::gazette;
pub use super::item::{
    Announcement, Answer, Command, IdempotencyKey, Item, Kept, NewTask, Patch, Places, Recorded, Refusal, Release, Then,
};
use super::lease;
use super::news::News;
use super::parked::{self, Ignored, Parked};
use super::review::{self, Content};
use super::task::{Attempt, Documents, ExternalId, GeneratorName, Progress, Source, State, Status, Submitter, Task, TaskId};
use super::time::Timestamp;
use super::transition::{Arrival, carry_out, follow_hint, poll_once_known, submitted_by_own_code};

/// What is known before a batch, and, folded over it, after.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct World {
    pub tasks: BTreeMap<TaskId, Task>,
    /// Which task holds an external id.
    pub owners: HashMap<(GeneratorName, ExternalId), TaskId>,
    pub idempotent: HashMap<IdempotencyKey, Remembered>,
    /// Fingerprints that no longer fit into their task's row, as far as this batch asks for them.
    pub spilled: HashSet<(TaskId, Seen)>,
    /// Attempts that the generator should be told to stop.
    pub cancellations: BTreeSet<(TaskId, u32)>,
    /// Callbacks that wait for their task, by their receipts, as far as this batch asks for them.
    pub parked: BTreeMap<Uuid, Parked>,
    /// How many more of a generator's wait.
    pub parked_beside: HashMap<GeneratorName, u64>,
    /// Ids by which tasks have become known: what waits for them need not wait any longer.
    pub woken: BTreeSet<(GeneratorName, String)>,
    /// Custom events that were told before, as far as this batch asks for them.
    pub heard: HashSet<Heard>,
    /// Callbacks that no task wanted to hear before, as far as this batch asks for them.
    pub ignored: BTreeSet<Ignored>,
    /// Results on their way to the public, as far as this batch asks for them.
    pub contents: BTreeMap<TaskId, Content>,
    /// Whether there are webhooks: if not, only what tasks with webhooks of their own do is news.
    pub is_listening: bool,
    /// What has happened in this batch, in its order.
    pub news: Vec<News>,
}

/// The creation that an idempotency key stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remembered {
    pub task: TaskId,
    pub request_digest: [u8; 32],
}

/// The answers, one an item, in order. What is to be written is `world` compared with what it was.
#[must_use]
pub fn plan(world: &mut World, items: &[Item]) -> Vec<Answer> {
    items.iter().map(|item| step(world, item)).collect()
}

fn step(world: &mut World, item: &Item) -> Answer {
    let answer = match &item.command {
        Command::Create(new) => create(world, item, new),
        Command::Occur { places, occurrence } => occur(world, item, *places, occurrence),
        Command::Publish { receipt, custom } => Ok(custom::publish(world, item, *receipt, custom)),
        Command::Announce(announcement) => custom::announce(world, item, announcement),
        Command::Visit { places, visit } => parked::visit(world, item, *places, visit),
        Command::Patch(wanted) => patch(world, item, wanted),
        Command::Review(act) => review::review(world, item, act),
        Command::Release(release) => give_back(world, item, release),
        Command::Erase => erase(world, item),
    };
    answer.unwrap_or_else(Answer::Refused)
}

fn create(world: &mut World, item: &Item, new: &NewTask) -> Result<Answer, Refusal> {
    if let Some(first) = new.idempotency.as_ref().and_then(|key| world.idempotent.get(key)) {
        let same = first.request_digest == new.request_digest;
        return if same { Ok(Answer::Repeated(first.task.clone())) } else { Err(Refusal::KeyReused) };
    }
    let id = item.task.clone().ok_or(Refusal::UnknownTask)?;
    if let Some(known) = world.tasks.get(&id) {
        if known.request_digest != new.request_digest || known.generator != new.generator {
            return Err(Refusal::IdTaken);
        }
        remember(world, &id, new);
        return Ok(Answer::Repeated(id));
    }
    if let Some(external_id) = &new.external_id {
        claim_external_id(world, &new.generator, external_id, &id, 1)?;
        parked::wake(world, &new.generator, external_id.as_str(), item.at);
    }
    parked::wake(world, &new.generator, id.as_str(), item.at);
    remember(world, &id, new);
    world.tasks.insert(id.clone(), created(id, item.at, new));
    Ok(Answer::Created)
}

/// From now on the key stands for this task, however often it was created.
fn remember(world: &mut World, task: &TaskId, new: &NewTask) {
    if let Some(key) = &new.idempotency {
        let remembered = Remembered { task: task.clone(), request_digest: new.request_digest };
        world.idempotent.insert(key.clone(), remembered);
    }
}

fn created(id: TaskId, at: Timestamp, new: &NewTask) -> Task {
    let mut task = Task {
        id,
        generator: new.generator.clone(),
        state: State::Pending { not_before: at },
        attempts: vec![Attempt { external_id: new.external_id.clone(), ..Attempt::new(1) }],
        submitter: new.submitter,
        max_retries: new.max_retries,
        timeout: new.timeout,
        priority: new.priority,
        request_digest: new.request_digest,
        documents: new.documents,
        progress: Progress::default(),
        generator_time: None,
        created_at: at,
        started_at: None,
        next_poll_at: None,
        hinted: false,
        told: false,
        polled_at: None,
        polls: 0,
        lease: None,
        empty_answers: 0,
        late_hints: 0,
        submit_unknown: false,
        receipts: 0,
        last_receipt: None,
        recent: Recent::default(),
        auto_approve: new.auto_approve,
        webhook: new.webhook,
        news: 0,
        progress_told: false,
        erased_at: None,
    };
    if new.submitter == Submitter::OwnCode {
        submitted_by_own_code(&mut task, &new.policy, at);
    }
    task
}

fn occur(world: &mut World, item: &Item, places: Places, occurrence: &Occurrence) -> Result<Answer, Refusal> {
    match task_meant(world, item, occurrence) {
        Some(task) => happen(world, &task, item.at, places, occurrence),
        None => parked::park(world, item, places.receipt, occurrence),
    }
}

/// An event meets its task.
pub(super) fn happen(
    world: &mut World,
    id: &TaskId,
    now: Timestamp,
    places: Places,
    occurrence: &Occurrence,
) -> Result<Answer, Refusal> {
    let task = world.tasks.get(id).ok_or(Refusal::UnknownTask)?;
    lease::check(task, occurrence, now)?;
    let meant = attempt_meant(task, &occurrence.claim)?;
    let seen_before = occurrence.fingerprint.is_some_and(|fingerprint| is_known(world, id, fingerprint, &meant));
    let duplicate = seen_before && !occurrence.replayed;
    if !duplicate {
        take_external_id(world, id, now, &occurrence.event, &meant)?;
    }
    let Some(task) = world.tasks.get_mut(id) else { return Err(Refusal::UnknownTask) };

    let arrival = Arrival { now, attempt: meant.attempt, payload: places.result, occurrence };
    let (outcome, transition) = if duplicate {
        ask_once_more(task, &arrival);
        (Outcome::Duplicate, None)
    } else {
        if meant.adopt.is_some() {
            poll_once_known(task, &occurrence.policy, now);
        }
        match act(task, &arrival) {
            Ok(acted) => acted,
            Err(answer) => return answer,
        }
    };
    lease::end(task, occurrence.held);
    if transition.is_some() {
        let vain = cancel::attempts_in_vain(task, &arrival).map(|number| (task.id.clone(), number));
        world.cancellations.extend(vain);
    }

    let recorded = Recorded {
        task: id.clone(),
        outcome,
        transition,
        status: task.status(),
        attempt: meant.attempt,
        receipt: places.receipt,
        sequence: task.receipts + 1,
        previous: task.last_receipt.replace(places.receipt),
    };
    task.receipts = recorded.sequence;
    if let (false, Some(fingerprint)) = (seen_before, occurrence.fingerprint) {
        let seen = Seen { fingerprint, attempt: meant.attempt };
        let spilled = task.recent.remember(seen);
        world.spilled.extend(spilled.map(|seen| (id.clone(), seen)));
    }
    if let Some(transition) = transition {
        gazette::tell_transition(world, id, transition, &arrival, places);
    }
    gazette::tell_overdue(world, id, now);
    Ok(Answer::Recorded(recorded))
}

/// A hint that comes again changes nothing, but its first time may have been a forgery, or too early to be confirmed.
fn ask_once_more(task: &mut Task, arrival: &Arrival<'_>) {
    let occurrence = arrival.occurrence;
    let is_hint = occurrence.event == Event::Hint && occurrence.source == Source::Callback;
    if is_hint && decide(task, relation(task, arrival), &Event::Hint, occurrence) == Decision::Hint {
        follow_hint(task, arrival);
    }
}

fn relation(task: &Task, arrival: &Arrival<'_>) -> Relation {
    if arrival.attempt < task.attempt().number { Relation::Older } else { Relation::Current }
}

type Acted = (Outcome, Option<Transition>);

fn act(task: &mut Task, arrival: &Arrival<'_>) -> Result<Acted, Result<Answer, Refusal>> {
    let relation = relation(task, arrival);
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

fn patch(world: &mut World, item: &Item, patch: &Patch) -> Result<Answer, Refusal> {
    let task = known(world, item)?;
    if task.erased_at.is_some() {
        return Err(Refusal::Erased);
    }
    let (task_id, generator, number) = (task.id.clone(), task.generator.clone(), task.attempt().number);
    if patch.external_id.is_some() && task.submitter == Submitter::Hub && task.status() == Status::Pending {
        return Err(Refusal::IdToCome);
    }
    if let Some(id) = &patch.external_id {
        let set = task.attempt().external_id.as_ref();
        if set.is_some_and(|set| set != id) {
            return Err(Refusal::ExternalIdSet);
        }
        claim_external_id(world, &generator, id, &task_id, number)?;
        parked::wake(world, &generator, id.as_str(), item.at);
    }
    let task = known_mut(world, item)?;
    if let Some(id) = &patch.external_id {
        task.attempt_mut().external_id = Some(id.clone());
        poll_once_known(task, &patch.policy, item.at);
    }
    task.documents.metadata = patch.metadata.or(task.documents.metadata);
    task.priority = patch.priority.unwrap_or(task.priority);
    Ok(Answer::Patched)
}

fn give_back(world: &mut World, item: &Item, release: &Release) -> Result<Answer, Refusal> {
    let task = known_mut(world, item)?;
    lease::give_back(task, release, item.at)?;
    let id = task.id.clone();
    gazette::tell_overdue(world, &id, item.at);
    Ok(Answer::Released)
}

fn erase(world: &mut World, item: &Item) -> Result<Answer, Refusal> {
    let task = known_mut(world, item)?;
    if !task.status().is_settled() {
        return Err(Refusal::WrongState(task.status()));
    }
    // once more: what has come about it since then goes, too
    task.erased_at = Some(item.at);
    task.documents = Documents::default();
    task.progress = Progress::default();
    if let State::Failed { error, .. } = &mut task.state {
        error.details = None;
        "Erased with its task".clone_into(&mut error.message);
    }
    let id = task.id.clone();
    world.contents.remove(&id);
    Ok(Answer::Erased)
}

fn known<'a>(world: &'a World, item: &Item) -> Result<&'a Task, Refusal> {
    item.task.as_ref().and_then(|id| world.tasks.get(id)).ok_or(Refusal::UnknownTask)
}

fn known_mut<'a>(world: &'a mut World, item: &Item) -> Result<&'a mut Task, Refusal> {
    item.task.as_ref().and_then(|id| world.tasks.get_mut(id)).ok_or(Refusal::UnknownTask)
}

impl World {
    /// Callbacks of a generator that wait for their task.
    pub(super) fn parked_by(&self, generator: &GeneratorName) -> u64 {
        let here = self.parked.values().filter(|parked| parked.generator == *generator).count() as u64;
        here + self.parked_beside.get(generator).copied().unwrap_or(0)
    }
}
