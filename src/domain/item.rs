//! What is wished at the door of the journal, and what is answered there.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::custom::Custom;
use super::decide::Transition;
use super::event::{Occurrence, Outcome, Policy, Poll};
use super::parked::{Reread, Visit};
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
        /// The id of the receipt to be; also of the stored body.
        receipt: Uuid,
        /// The stored text that a result is a span of: the body, or a mended copy.
        result_payload: Uuid,
        occurrence: Box<Occurrence>,
    },
    /// A custom event. One that names a task is told on that task's path.
    Publish {
        /// The id of the receipt to be; also of the stored body, and of the event.
        receipt: Uuid,
        custom: Box<Custom>,
    },
    /// Look at a parked callback again.
    Visit {
        receipt: Uuid,
        result_payload: Uuid,
        visit: Visit,
    },
    Patch(Patch),
    /// Give back a lease without an event.
    Release(Release),
    /// Forget bodies and results of a settled task.
    Erase,
}

impl Command {
    /// What is to happen to a task, if anything is.
    #[must_use]
    pub fn occurrence(&self) -> Option<&Occurrence> {
        match self {
            Self::Occur { occurrence, .. } | Self::Visit { visit: Visit { reread: Reread::Event(occurrence), .. }, .. } => {
                Some(occurrence)
            }
            _ => None,
        }
    }

    /// The custom event that is to be published, if any is.
    #[must_use]
    pub fn custom(&self) -> Option<&Custom> {
        match self {
            Self::Publish { custom, .. } | Self::Visit { visit: Visit { reread: Reread::Custom(custom), .. }, .. } => {
                Some(custom)
            }
            _ => None,
        }
    }
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
    /// The same creation as before: this is its task.
    Repeated(TaskId),
    Patched,
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
}
