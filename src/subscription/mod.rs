//! Who hears of an event, and what they are told: globs, filters, letters and templates.
//!
//! [`Subscriptions`] is an immutable snapshot of the registrations. For each piece of news it finds the webhooks by the
//! globs over its name, writes the letter once, and asks their filters; nobody is told what nobody wants to know.
//! [`Template`] makes another body of a letter, when a delivery is claimed for the first time.
//!
//! Globs, filters and templates are users' own texts: each is checked when it is saved, and bounded in time and memory
//! whatever it says.

use uuid::Uuid;

use crate::domain::news::{Addressed, Addressee, Audience, Mail, Occasion, OwnWebhook, Topic};
use crate::domain::webhook::{Status, Webhook};

pub use filter::Filter;
pub use glob::Glob;
pub use letter::{SAMPLE, publish_status};
pub use template::Template;

use filter::Opened;

mod expression;
mod filter;
mod glob;
mod json;
mod language;
mod letter;
mod meter;
mod scene;
mod skip;
mod source;
mod template;
mod tokens;
mod tree;

#[cfg(test)]
mod tests;

/// Globs of one webhook.
pub const MOST_EVENTS: usize = 100;

/// Everyone who has registered, as of one version of the registrations.
#[derive(Debug)]
pub struct Subscriptions {
    version: i64,
    subscribers: Vec<Subscriber>,
}

#[derive(Debug)]
struct Subscriber {
    webhook: Uuid,
    lane: String,
    is_disabled: bool,
    globs: Vec<Glob>,
    filter: Option<Filter>,
    /// Why its filter does not work: then everything matches that its globs match.
    broken: Option<String>,
}

impl Subscriptions {
    /// Of registrations. Deleted ones hear nothing any more; tasks' own webhooks are told of by whoever addresses mail.
    #[must_use]
    pub fn new(version: i64, webhooks: impl IntoIterator<Item = Webhook>) -> Self {
        let heard = webhooks.into_iter().filter(|webhook| webhook.status != Status::Deleted && webhook.task.is_none());
        Self { version, subscribers: heard.map(|webhook| Subscriber::new(&webhook)).collect() }
    }
}

impl Audience for Subscriptions {
    fn version(&self) -> i64 {
        self.version
    }

    fn is_empty(&self) -> bool {
        self.subscribers.is_empty()
    }

    fn may_want(&self, topic: &Topic, own: Option<&OwnWebhook>) -> bool {
        own.is_some_and(|own| own.hears_of(topic.name())) || self.subscribers.iter().any(|to| to.hears_of(topic.name()))
    }

    fn address(&self, occasion: Occasion<'_>, own: Option<&OwnWebhook>) -> Addressed {
        let name = occasion.news.topic.name();
        let candidates: Vec<_> = self.subscribers.iter().filter(|subscriber| subscriber.hears_of(name)).collect();
        let own = own.filter(|own| own.hears_of(name));
        if candidates.is_empty() && own.is_none() {
            return Addressed::default();
        }
        let letter = letter::write(&occasion);
        let filters = candidates.iter().filter(|subscriber| subscriber.filter.is_some()).count();
        let opened = (filters > 0).then(|| Opened::new(&letter, filters));
        let told = candidates.into_iter().filter_map(|subscriber| subscriber.told(opened.as_ref()));
        let addressees: Vec<_> = told.chain(own.map(Addressee::from)).collect();
        let steps = opened.map_or(0, |opened| opened.steps());
        Addressed { mail: (!addressees.is_empty()).then_some(Mail { letter, addressees }), steps }
    }
}

impl OwnWebhook {
    fn hears_of(&self, name: &str) -> bool {
        self.events.iter().any(|glob| Glob::stored(glob).matches(name))
    }
}

impl Subscriber {
    fn new(webhook: &Webhook) -> Self {
        let filter = webhook.filter.as_deref().map(Filter::compile).transpose();
        Self {
            webhook: webhook.id,
            lane: webhook.lane(),
            is_disabled: webhook.status == Status::Disabled,
            globs: webhook.events.iter().map(|glob| Glob::stored(glob)).collect(),
            broken: filter.as_ref().err().map(|says| format!("the filter does not work: it {says}")),
            filter: filter.ok().flatten(),
        }
    }

    fn hears_of(&self, name: &str) -> bool {
        self.globs.iter().any(|glob| glob.matches(name))
    }

    /// None: its filter says no. One that cannot say anything loses nobody's news.
    fn told(&self, letter: Option<&Opened>) -> Option<Addressee> {
        let note = match self.filter.as_ref().zip(letter).map(|(filter, letter)| filter.matches(letter)) {
            Some(Ok(false)) => return None,
            Some(Err(says)) => Some(format!("the filter could not be evaluated: {says}")),
            Some(Ok(true)) | None => self.broken.clone(),
        };
        Some(Addressee { webhook: self.webhook, lane: self.lane.clone(), is_disabled: self.is_disabled, note })
    }
}

impl From<&OwnWebhook> for Addressee {
    fn from(own: &OwnWebhook) -> Self {
        Self { webhook: own.id, lane: own.lane.clone(), is_disabled: own.is_disabled, note: None }
    }
}

/// What is wrong with a webhook's own texts: names of fields, and sentences to be read after them.
#[must_use]
pub fn check(events: &[String], filter: Option<&str>, template: Option<&str>) -> Vec<(String, String)> {
    let mut faults = Vec::new();
    if events.is_empty() {
        faults.push(("events".to_owned(), "must name at least one event, as `task.completed`, `task.*` or `*` do".to_owned()));
    }
    if events.len() > MOST_EVENTS {
        faults.push(("events".to_owned(), format!("must not be more than {MOST_EVENTS}")));
    }
    let globs = events.iter().take(MOST_EVENTS).enumerate();
    faults.extend(globs.filter_map(|(at, glob)| Some((format!("events[{at}]"), Glob::parse(glob).err()?))));
    faults.extend(filter.and_then(|text| Filter::compile(text).err()).map(|says| ("filter".to_owned(), says)));
    faults.extend(template.and_then(|text| Template::compile(text).err()).map(|says| ("template".to_owned(), says)));
    faults
}
