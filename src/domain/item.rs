//! What is wished at the door of the journal, and what is answered there.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::custom::Custom;
use super::decide::Transition;
use super::event::{Occurrence, Outcome, Policy, Poll};
use super::parked::{Reread, Visit};
use super::review::Act;
use super::task::{Documents, ExternalId, GeneratorName, Status, Submitter, TaskId};
use super::time::Timestamp;

/// One wish at the door of the journal.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// None: what happened names its task by an id, or is no task's business.
    pub task: Option<TaskId>,
    pub at: Timestamp,
    pub command: Command,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    Create(Box<NewTask>),
    Occur {
        places: Places,
        occurrence: Box<Occurrence>,
    },
    /// A custom event. One that names a task is told on that task's path.
    Publish {
        /// The id of the receipt to be; also of the stored body, and of the event.
        receipt: Uuid,
        custom: Box<Custom>,
    },
    /// A custom event that a client tells.
    Announce(Box<Announcement>),
    /// Look at a parked callback again.
    Visit {
        places: Places,
        visit: Visit,
    },
    Patch(Patch),
    /// What an operator or a publisher does to the content of a task's result.
    Review(Act),
    /// Give back a lease without an event.
    Release(Release),
    /// Forget bodies and results of a settled task.
    Erase,
}

impl Command {
    /// What is to happen to a task, if anything is, and where its papers will lie.
    #[must_use]
    pub fn happening(&self) -> Option<(&Places, &Occurrence)> {
        match self {
            Self::Occur { places, occurrence }
            | Self::Visit { places, visit: Visit { reread: Reread::Event(occurrence), .. } } => Some((places, occurrence)),
            _ => None,
        }
    }

    #[must_use]
    pub fn occurrence(&self) -> Option<&Occurrence> {
        self.happening().map(|(_, occurrence)| occurrence)
    }

    /// The generator's event that is to be published, if any is, and its receipt's id.
    #[must_use]
    pub fn told(&self) -> Option<(Uuid, &Custom)> {
        match self {
            Self::Publish { receipt, custom } => Some((*receipt, custom)),
            Self::Visit { places, visit: Visit { reread: Reread::Custom(custom), .. } } => Some((places.receipt, custom)),
            _ => None,
        }
    }

    #[must_use]
    pub fn custom(&self) -> Option<&Custom> {
        self.told().map(|(_, custom)| custom)
    }
}

/// Where the papers of an event will lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Places {
    /// The id of the receipt to be; also of the stored body, and of the content that a result becomes.
    pub receipt: Uuid,
    /// The stored text that a result is a span of: the body, or a mended copy.
    pub result: Uuid,
    /// Of a content's title, text and pictures.
    pub document: Uuid,
    /// Whether the result brings no text, no pictures and no fields to a content.
    pub bare: bool,
}

/// A custom event of a client.
#[derive(Clone, Debug, PartialEq)]
pub struct Announcement {
    /// Of the event; also of the stored data.
    pub id: Uuid,
    pub name: String,
    /// Where what its publisher has added is stored.
    pub remarks: Option<Uuid>,
    pub idempotency: Option<IdempotencyKey>,
    pub request_digest: [u8; 32],
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
    /// Whether its result needs no review.
    pub auto_approve: bool,
    /// Its own webhook.
    pub webhook: Option<Uuid>,
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

/// The end of a lease that brought no event.
#[derive(Clone, Debug, PartialEq)]
pub struct Release {
    pub lease: Uuid,
    pub then: Then,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Then {
    /// The generator was asked, and there is no news.
    Asked(Poll),
    /// It was not asked, and should be at this time.
    AskAt(Timestamp),
    /// To be submitted at this time.
    SendAt {
        at: Timestamp,
        /// Surely nothing was sent so far.
        unsent: bool,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    Recorded(Recorded),
    /// In the books, and no task has changed.
    Kept(Kept),
    /// What was parked waits on.
    Waits,
    Created,
    /// The same creation as before: this is its task, or, of an announcement, its event.
    Repeated(TaskId),
    Announced,
    Patched,
    Reviewed,
    Erased,
    Released,
    /// An operator's wish was fulfilled already.
    Unchanged,
    Refused(Refusal),
}

/// An event that is in the books now.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    pub task: TaskId,
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

/// A callback that met no task, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    pub receipt: Uuid,
    pub outcome: Outcome,
    /// The task that a custom event was told about.
    pub told_about: Option<TaskId>,
}

impl Places {
    /// A body that holds its own result.
    #[must_use]
    pub const fn of(receipt: Uuid, document: Uuid) -> Self {
        Self { receipt, result: receipt, document, bare: false }
    }
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
    #[error("The hub submits this task, and the generator's answer will bring its id")]
    IdToCome,
    #[error("The lease has ended")]
    LeaseLost,
    #[error("Too many callbacks of this generator wait for tasks that nobody knows")]
    TooManyParked,
    #[error("The callback is not parked any more")]
    NotParked,
    #[error("The task has no content")]
    NoContent,
    #[error("The content is {0}")]
    Decided(&'static str),
    #[error("The entry is {0}: only failed ones can be offered again")]
    NotFailed(&'static str),
    #[error("Somebody else has edited the content meanwhile")]
    EditedMeanwhile,
}
