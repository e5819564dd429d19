//! A completed result on its way to review, and into the publish pool.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::gazette;
use super::item::{Answer, Item, Places, Refusal};
use super::news::Topic;
use super::plan::World;
use super::task::{GeneratorName, Lease, Task, TaskId};
use super::time::Timestamp;
use super::transition::Arrival;

/// Publishers that took it and did not publish it, before it is given up.
pub const MOST_TRIES: u32 = 3;

/// What became of a completed task's result. One a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    pub id: Uuid,
    pub task: TaskId,
    pub generator: GeneratorName,
    /// Where title, text and pictures lie: a stored JSON object.
    pub document: Uuid,
    pub review: Review,
    pub note: Option<String>,
    pub created_at: Timestamp,
}

/// An approved content is in the pool: there is no approval without an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Review {
    Pending,
    Rejected,
    Approved(Entry),
}

/// A place in the publish pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// 1 is taken first, 10 last.
    pub priority: u8,
    pub stage: Stage,
    /// How often a publisher took it.
    pub tries: u32,
    /// Not taken before this time.
    pub publish_after: Timestamp,
    pub approved_at: Timestamp,
    /// What the publisher said who has last given it back.
    pub error: Option<String>,
    /// Under which a publisher has last said that he is done with it: what he says again, since he did not hear the answer, is
    /// nothing new. None while it is lent, and after a lease that has ended without a word.
    pub done: Option<Uuid>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    Pending,
    /// A publisher has it; when the lease ends before he says a word, it counts as a try.
    Publishing(Lease),
    Published {
        at: Timestamp,
    },
    Failed,
}

impl Review {
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Pending => "pending_review",
            Self::Rejected => "rejected",
            Self::Approved(_) => "approved",
        }
    }

    #[must_use]
    pub const fn entry(&self) -> Option<&Entry> {
        match self {
            Self::Approved(entry) => Some(entry),
            Self::Pending | Self::Rejected => None,
        }
    }
}

impl Stage {
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Publishing(_) => "publishing",
            Self::Published { .. } => "published",
            Self::Failed => "failed",
        }
    }
}

/// How a result becomes a content: what its generator's file says.
pub trait Recipe: Debug + Send + Sync {
    /// Title, text and pictures, of the JSON texts of a completed task.
    fn make(&self, result: &str, input: Option<&str>, metadata: Option<&str>) -> Document;

    /// Whether the result alone brings nothing that could be published: what was asked for is no work of the generator's.
    fn leaves_bare(&self, result: &str) -> bool {
        self.make(result, None, None).is_bare()
    }
}

/// A [`Recipe`] that is the same as another one if it is the very same.
#[derive(Clone, Debug)]
pub struct ContentRecipe(pub Arc<dyn Recipe>);

impl PartialEq for ContentRecipe {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for ContentRecipe {}

/// What is reviewed and published. Its JSON object is what is stored, and what the API shows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Document {
    pub title: Option<String>,
    pub summary: Option<String>,
    pub content: Option<String>,
    pub html: Option<String>,
    /// URLs, or objects as the generator describes its pictures.
    #[serde(default)]
    pub images: Vec<serde_json::Value>,
    pub cover_image: Option<String>,
    /// Of the text: Chinese, Japanese and Korean characters count as words of their own.
    pub word_count: Option<u64>,
    /// Under names of the generator's own.
    #[serde(default)]
    pub fields: serde_json::Map<String, serde_json::Value>,
}

impl Document {
    /// A title alone is nothing that could be published.
    #[must_use]
    pub fn is_bare(&self) -> bool {
        let is_blank = |text: &Option<String>| text.as_ref().is_none_or(|text| text.trim().is_empty());
        let texts = [&self.summary, &self.content, &self.html, &self.cover_image];
        texts.into_iter().all(is_blank) && self.images.is_empty() && self.fields.is_empty()
    }
}

/// What an operator or a publisher does to a content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// A new document; only until it is approved, and only if nobody else has changed the old one meanwhile.
    Edit {
        document: Uuid,
        instead_of: Uuid,
    },
    Approve {
        note: Option<String>,
        /// At once, if not.
        publish_after: Option<Timestamp>,
    },
    Reject {
        note: Option<String>,
    },
    /// By the holder of the lease.
    Published {
        lease: Uuid,
    },
    Failed {
        lease: Uuid,
        error: Option<String>,
        publish_after: Option<Timestamp>,
    },
    Extend {
        lease: Uuid,
        by: Duration,
    },
    /// What was given up is offered again, as if nobody had tried.
    Retry,
}

/// What whoever looks at it reads about a result that was not published by itself.
const BARE: &str = "The result has no text, no pictures and no fields: it waits for somebody to look at it";

/// A task has completed: what its generator's file makes of the result waits for review, or is in the pool at once.
pub(super) fn begin(world: &mut World, id: &TaskId, arrival: &Arrival<'_>, places: Places) {
    let has_content = |task: &&Task| arrival.occurrence.policy.content.is_some() && task.erased_at.is_none();
    let Some(task) = world.tasks.get(id).filter(has_content) else { return };
    let review = match task.auto_approve && !places.bare {
        true => Review::Approved(Entry::new(task.priority, arrival.now, None)),
        false => Review::Pending,
    };
    let content = Content {
        id: places.receipt,
        task: id.clone(),
        generator: task.generator.clone(),
        document: places.document,
        review,
        note: places.bare.then(|| BARE.to_owned()),
        created_at: arrival.now,
    };
    let approved = content.review.entry().is_some();
    world.contents.insert(id.clone(), content);
    if approved {
        gazette::tell(world, id, Topic::Approved, arrival.now, Some(places.receipt));
    }
}

/// Somebody does something to the content of the item's task.
pub(super) fn review(world: &mut World, item: &Item, act: &Act) -> Result<Answer, Refusal> {
    let id = item.task.as_ref().ok_or(Refusal::NoContent)?;
    let priority = world.tasks.get(id).map_or(5, |task| task.priority);
    let content = world.contents.get_mut(id).ok_or(Refusal::NoContent)?;
    if let Some(topic) = content.take(act, priority, item.at)? {
        gazette::tell(world, id, topic, item.at, None);
    }
    Ok(Answer::Reviewed)
}

impl Entry {
    fn new(priority: u8, now: Timestamp, publish_after: Option<Timestamp>) -> Self {
        let publish_after = publish_after.unwrap_or(now).max(now);
        Self { priority, stage: Stage::Pending, tries: 0, publish_after, approved_at: now, error: None, done: None }
    }

    /// A publisher takes it.
    pub fn lend(&mut self, lease: Lease) {
        self.tries += 1;
        self.stage = Stage::Publishing(lease);
        self.done = None;
    }

    fn come_back(&mut self, publish_after: Timestamp) {
        if self.tries >= MOST_TRIES {
            self.stage = Stage::Failed;
        } else {
            self.stage = Stage::Pending;
            self.publish_after = publish_after;
        }
    }

    fn held(&mut self, token: Uuid, now: Timestamp) -> Result<&mut Lease, Refusal> {
        match &mut self.stage {
            Stage::Publishing(lease) if lease.is_held_by(token, now) => Ok(lease),
            _ => Err(Refusal::LeaseLost),
        }
    }
}

impl Content {
    /// What it tells, if it is news.
    fn take(&mut self, act: &Act, priority: u8, now: Timestamp) -> Result<Option<Topic>, Refusal> {
        match act {
            Act::Edit { document, instead_of } => {
                self.open()?;
                if self.document != *instead_of {
                    return Err(Refusal::EditedMeanwhile);
                }
                self.document = *document;
                Ok(None)
            }
            Act::Approve { note, publish_after } => {
                self.open()?;
                self.note = note.clone().or(self.note.take());
                self.review = Review::Approved(Entry::new(priority, now, *publish_after));
                Ok(Some(Topic::Approved))
            }
            Act::Reject { note } => {
                if self.review != Review::Pending {
                    return Err(Refusal::Decided(self.review.as_str()));
                }
                self.note.clone_from(note);
                self.review = Review::Rejected;
                Ok(Some(Topic::Rejected))
            }
            Act::Published { lease } => {
                let entry = self.entry()?;
                if entry.done == Some(*lease) && matches!(entry.stage, Stage::Published { .. }) {
                    return Ok(None);
                }
                entry.held(*lease, now)?;
                entry.stage = Stage::Published { at: now };
                entry.done = Some(*lease);
                Ok(Some(Topic::Published))
            }
            Act::Failed { lease, error, publish_after } => {
                let entry = self.entry()?;
                if entry.done == Some(*lease) && matches!(entry.stage, Stage::Pending | Stage::Failed) {
                    return Ok(None);
                }
                entry.held(*lease, now)?;
                entry.error.clone_from(error);
                entry.come_back(publish_after.unwrap_or(now).max(now));
                entry.done = Some(*lease);
                Ok(None)
            }
            Act::Extend { lease, by } => {
                let lease = self.entry()?.held(*lease, now)?;
                lease.until = lease.until.max(now.plus(*by));
                Ok(None)
            }
            Act::Retry => {
                let Review::Approved(entry) = &mut self.review else { return Err(Refusal::NotFailed(self.review.as_str())) };
                if entry.stage != Stage::Failed {
                    return Err(Refusal::NotFailed(entry.stage.as_str()));
                }
                (entry.stage, entry.tries, entry.publish_after, entry.done) = (Stage::Pending, 0, now, None);
                Ok(None)
            }
        }
    }

    /// Until it is approved; a rejected one may be mended, and approved after all.
    fn open(&self) -> Result<(), Refusal> {
        match self.review {
            Review::Pending | Review::Rejected => Ok(()),
            Review::Approved(_) => Err(Refusal::Decided(self.review.as_str())),
        }
    }

    fn entry(&mut self) -> Result<&mut Entry, Refusal> {
        match &mut self.review {
            Review::Approved(entry) => Ok(entry),
            Review::Pending | Review::Rejected => Err(Refusal::LeaseLost),
        }
    }
}
