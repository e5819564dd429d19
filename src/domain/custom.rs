//! Custom events: what a generator tells that is no task's business. They are stored once, and handed on as they are.

use uuid::Uuid;

use super::event::{Found, Outcome};
use super::fingerprint::Fingerprint;
use super::gazette;
use super::item::{Announcement, Answer, Item, Kept, Refusal};
use super::plan::{Remembered, World};
use super::task::{GeneratorName, TaskId};

#[derive(Clone, Debug, PartialEq)]
pub struct Custom {
    pub generator: GeneratorName,
    /// The generator's own word.
    pub name: String,
    pub data: Found,
    /// The text that the data are a span of: the body, or a mended copy.
    pub data_payload: Uuid,
    /// `None`: never taken for a duplicate.
    pub fingerprint: Option<Fingerprint>,
}

/// What makes a custom event the same as one before: its generator, its task if it has one, and its fingerprint.
pub type Heard = (GeneratorName, Option<TaskId>, Fingerprint);

/// Published once, however often it is told.
pub(super) fn publish(world: &mut World, item: &Item, receipt: Uuid, custom: &Custom) -> Answer {
    let told_about = custom.task(world, item).cloned();
    let heard = custom.fingerprint.map(|fingerprint| (custom.generator.clone(), told_about.clone(), fingerprint));
    let is_new = heard.is_none_or(|heard| world.heard.insert(heard));
    let outcome = if is_new { Outcome::Event } else { Outcome::Duplicate };
    if is_new {
        gazette::tell_custom(world, &custom.name, told_about.as_ref(), item.at, receipt);
    }
    Answer::Kept(Kept { receipt, outcome, told_about })
}

/// What a client tells is told once for each of its keys.
pub(super) fn announce(world: &mut World, item: &Item, announcement: &Announcement) -> Result<Answer, Refusal> {
    let unknown = item.task.as_ref().is_some_and(|task| !world.tasks.contains_key(task));
    if let Some(key) = &announcement.idempotency {
        if let Some(first) = world.idempotent.get(key) {
            let same = first.request_digest == announcement.request_digest;
            return if same { Ok(Answer::Repeated(first.task.clone())) } else { Err(Refusal::KeyReused) };
        }
        if unknown {
            return Err(Refusal::UnknownTask);
        }
        let task = TaskId::parse(&announcement.id.to_string()).map_err(|_| Refusal::KeyReused)?;
        let remembered = Remembered { task, request_digest: announcement.request_digest };
        world.idempotent.insert(key.clone(), remembered);
    }
    if unknown {
        return Err(Refusal::UnknownTask);
    }
    gazette::tell_custom(world, &announcement.name, item.task.as_ref(), item.at, announcement.id);
    Ok(Answer::Announced)
}

impl Custom {
    /// The task that its path names, if that is known as one of its generator's.
    #[must_use]
    pub fn task<'a>(&self, world: &World, item: &'a Item) -> Option<&'a TaskId> {
        let known = |id: &&TaskId| world.tasks.get(*id).is_some_and(|task| task.generator == self.generator);
        item.task.as_ref().filter(known)
    }
}
