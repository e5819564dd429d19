//! Callbacks that come before their task is known: they wait, in the order of their arrival, for as long as somebody may
//! still create it or report its generator's id.

use std::time::Duration;

use uuid::Uuid;

use super::claim::task_meant;
use super::custom::{self, Custom};
use super::event::{Event, Occurrence, Outcome, Reason};
use super::fingerprint::Fingerprint;
use super::item::{Answer, Item, Kept, Places, Refusal};
use super::plan::{World, happen};
use super::schedule::Pace;
use super::task::{ExternalId, GeneratorName, Source, TaskId};
use super::time::Timestamp;

/// Of one generator.
pub const MOST: u64 = 10_000;
const KEPT_FOR: Duration = Duration::from_secs(24 * 3600);
/// Whoever makes a task known wakes what waits for it; only what was being parked at that very moment is found by these.
const LOOKS: Pace = Pace { interval: Duration::from_secs(1), growth: 4.0, max: Duration::from_secs(3600) };

/// A callback that waits for its task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parked {
    pub generator: GeneratorName,
    pub awaits: Awaited,
    pub fingerprint: Option<Fingerprint>,
    pub arrived_at: Timestamp,
    /// When to look again whether it is known.
    pub due_at: Timestamp,
    /// When it is given up.
    pub expires_at: Timestamp,
    /// How often nobody knew it.
    pub looks: u32,
}

/// What a parked callback waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Awaited {
    /// The task that its path names.
    Task(TaskId),
    /// A task that has this id: the one that its generator gave it, or the hub's own.
    Named(ExternalId),
}

impl Awaited {
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Task(task) => task.as_str(),
            Self::Named(id) => id.as_str(),
        }
    }

    /// What the callback says it is about, if anybody could ever come to know it.
    fn by(item: &Item, occurrence: &Occurrence) -> Option<Self> {
        match &item.task {
            Some(task) => Some(Self::Task(task.clone())),
            None => ExternalId::parse(occurrence.claim.named.as_deref()?).ok().map(Self::Named),
        }
    }
}

/// A callback that was ignored for good, as no task wants to hear it, or as the task that it waited for never came: as far as
/// it takes to know it again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ignored {
    pub generator: GeneratorName,
    /// The task that it names, and that nobody knows; empty: none.
    pub awaits: String,
    pub fingerprint: Fingerprint,
}

impl Ignored {
    /// What it would be kept as; none: it is never the same as another.
    #[must_use]
    pub fn by(item: &Item, occurrence: &Occurrence) -> Option<Self> {
        let fingerprint = occurrence.fingerprint?;
        let awaits = Awaited::by(item, occurrence).map(|awaits| awaits.as_str().to_owned()).unwrap_or_default();
        Some(Self { generator: occurrence.generator.clone()?, awaits, fingerprint })
    }

    /// The same of one whose wait was in vain.
    #[must_use]
    pub fn by_waiting(parked: &Parked) -> Option<Self> {
        let (generator, awaits) = (parked.generator.clone(), parked.awaits.as_str().to_owned());
        Some(Self { generator, awaits, fingerprint: parked.fingerprint? })
    }
}

/// Somebody looks at a parked callback again.
#[derive(Clone, Debug, PartialEq)]
pub struct Visit {
    /// What it is by today's catalog.
    pub reread: Reread,
    /// When it would be due by what the visitor has read; if it is due at another time, somebody has woken it meanwhile.
    pub due_at: Timestamp,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Reread {
    Event(Box<Occurrence>),
    Custom(Box<Custom>),
    /// Its generator has gone, or its file has changed: it may be read another day.
    Unreadable,
}

/// The task is not known: the callback waits for it, where its generator's callbacks do.
pub(super) fn park(world: &mut World, item: &Item, receipt: Uuid, occurrence: &Occurrence) -> Result<Answer, Refusal> {
    // what no task wants to hear need not wait for one, and where all share a path much is said that concerns nobody
    if occurrence.event == Event::NotOfInterest && (occurrence.policy.parks || item.task.is_none()) {
        return Ok(kept(receipt, ignore(world, item, occurrence)));
    }
    let waits = occurrence.policy.parks && occurrence.source == Source::Callback;
    let awaits = Awaited::by(item, occurrence).filter(|_| waits);
    let (Some(generator), Some(awaits)) = (occurrence.generator.clone(), awaits) else { return Err(Refusal::UnknownTask) };
    // one that was given up is not waited for again
    if !occurrence.replayed && Ignored::by(item, occurrence).is_some_and(|ignored| world.ignored.contains(&ignored)) {
        return Ok(kept(receipt, Outcome::Duplicate));
    }
    let parked = Parked {
        due_at: LOOKS.after(item.at, 0),
        expires_at: item.at.plus(KEPT_FOR),
        generator,
        awaits,
        fingerprint: occurrence.fingerprint,
        arrived_at: item.at,
        looks: 0,
    };
    if world.parked.values().any(|other| other.is_the_same(&parked)) {
        return Ok(kept(receipt, Outcome::Duplicate));
    }
    if world.parked_by(&parked.generator) >= MOST {
        return Err(Refusal::TooManyParked);
    }
    world.parked.insert(receipt, parked);
    Ok(kept(receipt, Outcome::Parked))
}

/// However often it comes, only the first time is worth keeping.
fn ignore(world: &mut World, item: &Item, occurrence: &Occurrence) -> Outcome {
    let known = Ignored::by(item, occurrence).is_some_and(|ignored| !world.ignored.insert(ignored));
    if known && !occurrence.replayed { Outcome::Duplicate } else { GIVEN_UP }
}

/// A task is known by this id from now on.
pub(super) fn wake(world: &mut World, generator: &GeneratorName, id: &str, now: Timestamp) {
    for parked in world.parked.values_mut().filter(|parked| parked.generator == *generator && parked.awaits.as_str() == id) {
        parked.due_at = parked.due_at.min(now);
    }
    world.woken.insert((generator.clone(), id.to_owned()));
}

/// Counts if its task is known, waits on if not, and is given up when it has waited for long enough.
pub(super) fn visit(world: &mut World, item: &Item, places: Places, visit: &Visit) -> Result<Answer, Refusal> {
    let receipt = places.receipt;
    let parked = world.parked.get(&receipt).cloned().ok_or(Refusal::NotParked)?;
    match &visit.reread {
        Reread::Event(occurrence) => {
            if let Some(task) = task_meant(world, item, occurrence) {
                let answer = happen(world, &task, item.at, places, occurrence);
                world.parked.remove(&receipt);
                // who sent it is gone, and cannot be told that it is wrong
                let recorded = answer.ok().filter(|answer| matches!(answer, Answer::Recorded(_)));
                return Ok(recorded.unwrap_or_else(|| kept(receipt, GIVEN_UP)));
            }
        }
        Reread::Custom(custom) => {
            world.parked.remove(&receipt);
            return Ok(custom::publish(world, item, receipt, custom));
        }
        Reread::Unreadable => {}
    }
    if parked.is_given_up(item.at) {
        world.parked.remove(&receipt);
        world.ignored.extend(Ignored::by_waiting(&parked));
        return Ok(kept(receipt, GIVEN_UP));
    }
    if let Some(waiting) = world.parked.get_mut(&receipt).filter(|waiting| waiting.due_at == visit.due_at) {
        waiting.looks += 1;
        waiting.due_at = LOOKS.after(item.at, waiting.looks).min(waiting.expires_at);
    }
    Ok(Answer::Waits)
}

const GIVEN_UP: Outcome = Outcome::Ignored(Reason::NotOfInterest);

const fn kept(receipt: Uuid, outcome: Outcome) -> Answer {
    Answer::Kept(Kept { receipt, outcome, told_about: None })
}

impl Parked {
    /// Unless its task is known by now.
    #[must_use]
    pub fn is_given_up(&self, now: Timestamp) -> bool {
        now >= self.expires_at
    }

    /// A redelivery.
    fn is_the_same(&self, other: &Self) -> bool {
        self.generator == other.generator
            && self.awaits.as_str() == other.awaits.as_str()
            && self.fingerprint.is_some()
            && self.fingerprint == other.fingerprint
    }
}

impl Pace {
    fn after(&self, now: Timestamp, looks: u32) -> Timestamp {
        now.plus(self.interval(looks))
    }
}
