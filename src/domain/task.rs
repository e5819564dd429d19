//! Tasks and attempts as types that own their data: what is only known in one state lives in that state.

use std::ops::Range;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::fingerprint::Recent;
pub use super::name::{ExternalId, GeneratorName, NotAName, TaskId};
use super::time::Timestamp;

/// The seven states by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The hub has yet to submit it.
    Pending,
    Submitted,
    Processing,
    Completed,
    Failed,
    TimedOut,
    Cancelled,
}

impl Status {
    pub const ALL: [Self; 7] =
        [Self::Pending, Self::Submitted, Self::Processing, Self::Completed, Self::Failed, Self::TimedOut, Self::Cancelled];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Submitted => "submitted",
            Self::Processing => "processing",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
            Self::Cancelled => "cancelled",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    #[must_use]
    pub const fn is_settled(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::TimedOut | Self::Cancelled)
    }
}

/// The road that a piece of news took into the hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    Submit,
    Callback,
    Poll,
    Deadline,
    Operator,
}

impl Source {
    pub const ALL: [Self; 5] = [Self::Submit, Self::Callback, Self::Poll, Self::Deadline, Self::Operator];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Submit => "submit",
            Self::Callback => "callback",
            Self::Poll => "poll",
            Self::Deadline => "deadline",
            Self::Operator => "operator",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.as_str() == text)
    }
}

/// Who hands the job to the generator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Submitter {
    /// The hub, by the generator's submit request.
    Hub,
    /// The user's own code, which reports the generator's id by PATCH or lets a callback bring it.
    OwnCode,
}

/// The end of a task: when, and by which road the news came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settlement {
    pub at: Timestamp,
    pub by: Source,
    /// When the generator was through by its own clock, where it tells.
    pub finished_at: Option<Timestamp>,
}

/// The right to act for a task, until a time; whoever comes later records nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    pub token: Uuid,
    pub until: Timestamp,
}

impl Lease {
    #[must_use]
    pub fn is_held_by(&self, token: Uuid, now: Timestamp) -> bool {
        self.token == token && now <= self.until
    }
}

/// Where a result's JSON text lies: a span of a stored body, so that the bytes are kept once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultAt {
    pub payload: Uuid,
    pub span: Range<usize>,
}

/// Where the documents lie that the client sent along.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Documents {
    pub input: Option<Uuid>,
    pub params: Option<Uuid>,
    pub metadata: Option<Uuid>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct TaskError {
    pub code: String,
    pub kind: String,
    pub message: String,
    /// JSON text.
    pub details: Option<String>,
}

impl TaskError {
    pub const CODE: &'static str = "UNKNOWN";
    pub const KIND: &'static str = "GeneralError";
    pub const MESSAGE: &'static str = "Unknown error";

    #[must_use]
    pub fn new(code: &str, kind: &str, message: &str) -> Self {
        Self { code: code.to_owned(), kind: kind.to_owned(), message: message.to_owned(), details: None }
    }
}

impl Default for TaskError {
    /// What a generator that fails without a word is taken to have said.
    fn default() -> Self {
        Self::new(Self::CODE, Self::KIND, Self::MESSAGE)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum State {
    Pending {
        /// Not submitted before this time (a retry's delay).
        not_before: Timestamp,
    },
    Submitted,
    Processing,
    Completed {
        settled: Settlement,
        result: ResultAt,
        late: bool,
    },
    Failed {
        settled: Settlement,
        error: TaskError,
    },
    TimedOut {
        settled: Settlement,
    },
    Cancelled {
        settled: Settlement,
    },
}

impl State {
    #[must_use]
    pub const fn status(&self) -> Status {
        match self {
            Self::Pending { .. } => Status::Pending,
            Self::Submitted => Status::Submitted,
            Self::Processing => Status::Processing,
            Self::Completed { .. } => Status::Completed,
            Self::Failed { .. } => Status::Failed,
            Self::TimedOut { .. } => Status::TimedOut,
            Self::Cancelled { .. } => Status::Cancelled,
        }
    }

    #[must_use]
    pub const fn settlement(&self) -> Option<Settlement> {
        match self {
            Self::Completed { settled, .. }
            | Self::Failed { settled, .. }
            | Self::TimedOut { settled }
            | Self::Cancelled { settled } => Some(*settled),
            Self::Pending { .. } | Self::Submitted | Self::Processing => None,
        }
    }
}

/// How far the current attempt says it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    /// 0 to 100.
    pub percent: Option<f64>,
    pub stage: Option<String>,
    pub message: Option<String>,
    pub updated_at: Option<Timestamp>,
}

/// One submission of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Counts from 1.
    pub number: u32,
    /// Never overwritten once it is known.
    pub external_id: Option<ExternalId>,
    /// When the hub began to send it; set before the request goes out.
    pub sending_at: Option<Timestamp>,
    pub submitted_at: Option<Timestamp>,
    pub deadline_at: Option<Timestamp>,
    /// When the task left this attempt, or settled under it.
    pub ended_at: Option<Timestamp>,
    /// The generator itself has said that it is through with it.
    pub over: bool,
    /// Where the generator's answer to the submission is stored.
    pub answer: Option<Uuid>,
    /// When it was told that the deadline went by and asking the generator has not told the end.
    pub overdue_at: Option<Timestamp>,
}

impl Attempt {
    #[must_use]
    pub const fn new(number: u32) -> Self {
        Self {
            number,
            external_id: None,
            sending_at: None,
            submitted_at: None,
            deadline_at: None,
            ended_at: None,
            over: false,
            answer: None,
            overdue_at: None,
        }
    }

    /// Whether a generator can know of it at all.
    #[must_use]
    pub const fn was_sent(&self) -> bool {
        self.sending_at.is_some() || self.submitted_at.is_some()
    }
}

/// A job handed to a generator, as far as events can change it. What never changes (input, params) the store keeps.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    pub id: TaskId,
    pub generator: GeneratorName,
    pub state: State,
    /// All attempts, oldest first; the last one is the current one. Never empty.
    pub attempts: Vec<Attempt>,
    pub submitter: Submitter,
    /// Attempts after the first that a failure may use up.
    pub max_retries: u32,
    /// From an attempt's submission to its deadline.
    pub timeout: Duration,
    /// 1 is served first, 10 last.
    pub priority: u8,
    /// What a second creation under the same id is compared with.
    pub request_digest: [u8; 32],
    pub documents: Documents,
    pub progress: Progress,
    /// The generator's own time of the last applied callback, where it tells one.
    pub generator_time: Option<Timestamp>,
    pub created_at: Timestamp,
    /// First sign of work under the current attempt.
    pub started_at: Option<Timestamp>,
    /// When the generator is to be asked; none while it is being asked.
    pub next_poll_at: Option<Timestamp>,
    /// A hint wants it to be asked, whatever else was heard meanwhile.
    pub hinted: bool,
    /// A callback of the current attempt was such a hint: what asking brings then is no rescue.
    pub told: bool,
    /// When the last question about the current attempt was asked.
    pub polled_at: Option<Timestamp>,
    /// Questions about the current attempt that were answered or given up.
    pub polls: u32,
    /// Who submits it or asks about it right now.
    pub lease: Option<Lease>,
    /// Polls in a row that said completed and had no result.
    pub empty_answers: u32,
    /// Hints followed since the task was presumed dead.
    pub late_hints: u32,
    /// An attempt was sent, and whether the generator took it is not known.
    pub submit_unknown: bool,
    /// Receipts written so far; the next one gets this number plus one.
    pub receipts: u64,
    /// The newest receipt, the head of the task's chain.
    pub last_receipt: Option<Uuid>,
    pub recent: Recent,
    /// Whether its result needs no review.
    pub auto_approve: bool,
    /// Its own webhook.
    pub webhook: Option<Uuid>,
    /// News told so far; the next gets this number plus one.
    pub news: u64,
    /// Its last news was progress, and somebody is being told: the next news takes the place of that.
    pub progress_told: bool,
    pub erased_at: Option<Timestamp>,
}

impl Task {
    #[must_use]
    pub const fn status(&self) -> Status {
        self.state.status()
    }

    /// # Panics
    /// If there is no attempt, which no constructor and no row allows.
    #[must_use]
    pub fn attempt(&self) -> &Attempt {
        self.attempts.last().expect("a task has at least one attempt")
    }

    /// # Panics
    /// As [`Task::attempt`].
    pub fn attempt_mut(&mut self) -> &mut Attempt {
        self.attempts.last_mut().expect("a task has at least one attempt")
    }

    pub fn numbered(&mut self, number: u32) -> Option<&mut Attempt> {
        self.attempts.iter_mut().find(|attempt| attempt.number == number)
    }

    #[must_use]
    pub fn has_retries_left(&self) -> bool {
        self.submitter == Submitter::Hub && self.attempt().number <= self.max_retries
    }
}
