//! What a callback, a polled answer, a submission's answer, an expired deadline or an operator's click means for a task.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use uuid::Uuid;

use super::fingerprint::Fingerprint;
use super::review::ContentRecipe;
use super::task::{ExternalId, GeneratorName, Source, Status, Submitter, Task, TaskError};
use super::time::Timestamp;

#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The generator took the job, or may have taken it (`external_id` unknown then).
    SubmitAnswered {
        external_id: Option<ExternalId>,
        unknown: bool,
    },
    /// The generator does not want the job as it is.
    SubmitRefused(TaskError),
    Progress(Report),
    /// `None`: it says completed, and where the result should be there is nothing.
    Completed(Option<Found>),
    Failed(Failure),
    Cancelled,
    /// The attempt's deadline went by; ignored if the row's deadline is another one by now.
    DeadlinePassed {
        deadline: Timestamp,
    },
    /// A reason to ask the generator, no more.
    Hint,
    /// A word that the generator's file does not want to hear; kept, and nothing else.
    NotOfInterest,
    OperatorCancel,
    OperatorRetry,
}

impl Event {
    /// The event's name in receipts and logs.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::SubmitAnswered { .. } => "submitted",
            Self::SubmitRefused(_) => "submit_refused",
            Self::Progress(_) => "progress",
            Self::Completed(_) => "completed",
            Self::Failed(_) => "failed",
            Self::Cancelled => "cancelled",
            Self::DeadlinePassed { .. } => "deadline",
            Self::Hint => "hint",
            Self::NotOfInterest => "not_of_interest",
            Self::OperatorCancel => "cancel",
            Self::OperatorRetry => "retry",
        }
    }
}

/// Where a result was found: a span of the body that brought it, or a text of its own where that had to be mended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    InBody(Range<usize>),
    Rewritten(Arc<str>),
}

/// What a progress event reports. A missing percent keeps the stored one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// 0 to 100.
    pub percent: Option<f64>,
    pub stage: Option<String>,
    pub message: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    pub error: TaskError,
    /// False for errors that the generator's file calls final, or that say so themselves.
    pub retryable: bool,
}

/// What is known about which attempt of the task is meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claim {
    /// The attempt that a capability token proves, or that was asked about.
    pub token: Option<u32>,
    /// The id that the body names: the task's own, or one that the generator minted.
    pub named: Option<String>,
    /// The attempt that the query names.
    pub query: Option<u32>,
    /// Whether an id that nobody knows yet may become the attempt's (true on the task's own path).
    pub may_adopt: bool,
}

/// How the generator at hand wants its tasks treated; the result of its file and the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// It has a status request that can be asked.
    pub can_ask: bool,
    /// It is asked by the submission, made once more.
    pub asks_by_resubmission: bool,
    /// That request names the job by the generator's own id.
    pub needs_external_id: bool,
    /// It has a request that cancels a job.
    pub can_cancel: bool,
    pub resubmit_on_timeout: bool,
    /// Its callbacks may come before their task is known, and wait for it.
    pub parks: bool,
    /// Before attempts 2, 3, …; the last one repeats.
    pub retry_delays: Arc<[Duration]>,
    /// From submission to the first poll.
    pub first_poll_after: Duration,
    /// From the moment that a task is presumed dead to the next poll.
    pub late_poll_after: Duration,
    /// How long the generator keeps a result.
    pub result_ttl: Option<Duration>,
    /// How a result becomes a content, where it does.
    pub content: Option<ContentRecipe>,
}

impl Policy {
    /// Whether the generator can be asked about the task's current attempt.
    #[must_use]
    pub fn can_ask_about(&self, task: &Task) -> bool {
        self.may_ask_about(task) && (!self.needs_external_id || task.attempt().external_id.is_some())
    }

    /// The same once its id is known. What the hub has not submitted it does not submit to ask, nor what is presumed dead:
    /// where the generator has forgotten the job, that would be a second one.
    #[must_use]
    pub fn may_ask_about(&self, task: &Task) -> bool {
        let repeats = task.submitter == Submitter::Hub && task.status() != Status::TimedOut;
        self.can_ask && (repeats || !self.asks_by_resubmission)
    }
}

/// By which lease somebody acts for the task; with another one, or after its end, the event is not recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    pub lease: Uuid,
    /// Where it is the answer to a question.
    pub poll: Option<Poll>,
}

/// A question that was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Poll {
    pub at: Timestamp,
    /// When to ask again if the task's end is not known by now.
    pub next: Option<Timestamp>,
}

/// One event on its way into a task.
#[derive(Clone, Debug, PartialEq)]
pub struct Occurrence {
    pub event: Event,
    pub source: Source,
    /// Who says so; a task of another generator is as good as unknown. `None` for operators.
    pub generator: Option<GeneratorName>,
    pub claim: Claim,
    pub policy: Arc<Policy>,
    /// `None`: never taken for a duplicate (operators).
    pub fingerprint: Option<Fingerprint>,
    /// An operator wants it to count although it may have been seen before.
    pub replayed: bool,
    /// The generator's own time.
    pub generator_time: Option<Timestamp>,
    pub held: Option<Held>,
}

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Applied,
    Duplicate,
    Ignored(Reason),
    Hint,
    /// It waits for its task to become known.
    Parked,
    /// No task's business: handed on as it is.
    Event,
}

impl Outcome {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Duplicate => "duplicate",
            Self::Ignored(_) => "ignored",
            Self::Hint => "hint",
            Self::Parked => "parked",
            Self::Event => "event",
        }
    }

    #[must_use]
    pub const fn reason(self) -> Option<Reason> {
        match self {
            Self::Ignored(reason) => Some(reason),
            _ => None,
        }
    }
}

/// Why an event changed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    AlreadySettled,
    StaleProgress,
    StaleAttempt,
    /// A word that the generator's file does not want to hear.
    NotOfInterest,
}

impl Reason {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AlreadySettled => "already_settled",
            Self::StaleProgress => "stale_progress",
            Self::StaleAttempt => "stale_attempt",
            Self::NotOfInterest => "not_of_interest",
        }
    }
}
