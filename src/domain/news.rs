//! What webhooks may want to hear: news of tasks and contents, and custom events that are handed on as they are.
//!
//! News is made where the state changes, in the same fold; who hears it, the [`Audience`] says, before the transaction ends.

use uuid::Uuid;

use super::review::Content;
use super::task::{Task, TaskId};
use super::time::Timestamp;

/// What news is about. The name is what webhooks subscribe to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Topic {
    Submitted,
    Progress,
    Completed,
    Failed,
    TimedOut,
    Cancelled,
    /// The deadline went by, and asking the generator has not told the end.
    Overdue,
    Approved,
    Rejected,
    Published,
    /// In its sender's own words.
    Custom(String),
}

impl Topic {
    /// What only the hub itself tells.
    pub const RESERVED: [&'static str; 3] = ["task.", "content.", "webhook."];

    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Submitted => "task.submitted",
            Self::Progress => "task.progress",
            Self::Completed => "task.completed",
            Self::Failed => "task.failed",
            Self::TimedOut => "task.timed_out",
            Self::Cancelled => "task.cancelled",
            Self::Overdue => "task.overdue",
            Self::Approved => "content.approved",
            Self::Rejected => "content.rejected",
            Self::Published => "content.published",
            Self::Custom(name) => name,
        }
    }
}

/// Something that has happened, as it was at that moment: the rest of the batch may have gone on from there.
#[derive(Clone, Debug, PartialEq)]
pub struct News {
    pub topic: Topic,
    pub at: Timestamp,
    /// The receipt, or the event, whose papers tell more.
    pub papers: Option<Uuid>,
    /// None: no task's business.
    pub about: Option<About>,
}

/// The task that news is about.
#[derive(Clone, Debug, PartialEq)]
pub struct About {
    pub task: Box<Task>,
    /// Number of the news within its task's, from 1.
    pub sequence: u64,
    /// Of news about a content.
    pub content: Option<Box<Content>>,
}

impl News {
    #[must_use]
    pub fn task(&self) -> Option<&TaskId> {
        self.about.as_ref().map(|about| &about.task.id)
    }
}

/// News with the texts that belong to it.
#[derive(Clone, Copy, Debug)]
pub struct Occasion<'a> {
    pub news: &'a News,
    pub texts: Texts<'a>,
}

/// JSON texts, where there are any.
#[derive(Clone, Copy, Debug, Default)]
pub struct Texts<'a> {
    /// Of a completed task.
    pub result: Option<&'a str>,
    /// The client's own, of the task.
    pub metadata: Option<&'a str>,
    /// Title, text and pictures of a content, as one object.
    pub document: Option<&'a str>,
    /// What a custom event tells.
    pub data: Option<&'a str>,
    /// What its publisher has added: an object.
    pub remarks: Option<&'a str>,
}

/// Who listens. One of these is a snapshot: it does not change, and says of which version of the registrations it is.
pub trait Audience: Send + Sync {
    fn version(&self) -> i64;

    /// Nobody but single tasks' own webhooks.
    fn is_empty(&self) -> bool;

    /// Whether a registration, or the task's own webhook, may want news of this name.
    fn may_want(&self, topic: &Topic, own: Option<&OwnWebhook>) -> bool;

    /// The letter that tells it, and who gets one: registrations, and the task's own webhook.
    fn address(&self, occasion: Occasion<'_>, own: Option<&OwnWebhook>) -> Addressed;
}

/// What has become of news.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addressed {
    /// None: nobody wants it.
    pub mail: Option<Mail>,
    /// What it took to ask everybody, each about a nanosecond.
    pub steps: u64,
}

/// A webhook that hears of a single task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnWebhook {
    pub id: Uuid,
    pub lane: String,
    /// Globs.
    pub events: Vec<String>,
    pub is_disabled: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// The body that a webhook without a template gets: `{"event", "data", "timestamp", "metadata"}`.
    pub letter: String,
    /// Never empty.
    pub addressees: Vec<Addressee>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addressee {
    pub webhook: Uuid,
    /// Deliveries of one lane share a breaker and a number of requests at a time.
    pub lane: String,
    /// The delivery is written and dead from the start.
    pub is_disabled: bool,
    /// Said in the delivery: a filter that could not be evaluated matches.
    pub note: Option<String>,
}
