//! What a generator's answers mean: to a submission, a question after a job, the fetching of a result, a cancellation.

use std::time::Duration;

use bytes::Bytes;

use super::request::Request;
use crate::domain::event::Event;
use crate::domain::task::{ExternalId, TaskError};
use crate::domain::time::Timestamp;

/// What came back to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// A whole answer. Redirects are not followed.
    Answer {
        status: u16,
        retry_after: Option<Duration>,
        body: Bytes,
    },
    /// A command that ended by itself.
    Output {
        code: Option<i32>,
        stdout: Bytes,
        stderr: String,
    },
    Silence(Silence),
}

/// Why nothing came back that could be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Silence {
    /// The request surely did not arrive: no connection, no such host, no such program.
    NotSent(String),
    /// It may have arrived: a timeout, a connection that broke.
    Lost(String),
    /// The answer is longer than what is read of one.
    TooLarge,
    /// There is no such request: it can never be sent.
    Unwritable(String),
}

/// What became of a submission.
#[derive(Clone, Debug, PartialEq)]
pub enum SubmitReply {
    Accepted {
        external_id: Option<ExternalId>,
    },
    /// The generator does not want it as it is.
    Refused(TaskError),
    /// It surely did not take it; later it may.
    NotTaken {
        retry_after: Option<Duration>,
        detail: String,
    },
    /// It may have taken it.
    Unknown(String),
}

/// What became of the question whether a job of ours arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LookupReply {
    Found(ExternalId),
    Absent,
    Trouble(Trouble),
}

/// What a status request brought.
#[derive(Clone, Debug, PartialEq)]
pub enum StatusReply {
    Event(Box<Polled>),
    /// The job is completed; a second request brings its result.
    HasResult {
        request: Request,
        finished_at: Option<Timestamp>,
    },
    /// The generator knows no such job (any more).
    NotFound,
    Trouble(Trouble),
}

/// What the request for a result brought.
#[derive(Clone, Debug, PartialEq)]
pub enum ResultReply {
    Event(Box<Polled>),
    /// 404 or 410.
    Gone,
    Trouble(Trouble),
}

/// A polled answer that was understood.
#[derive(Clone, Debug, PartialEq)]
pub struct Polled {
    pub event: Event,
    /// The generator's own time.
    pub generator_time: Option<Timestamp>,
    /// What a result's span counts from.
    pub body: Bytes,
    /// A word that its file does not map; it was taken for "still running".
    pub unknown_word: Option<String>,
}

/// No answer to build on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    pub kind: TroubleKind,
    pub retry_after: Option<Duration>,
    /// For logs and operators: without credentials, and without a word of the body.
    pub detail: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TroubleKind {
    /// No connection, a timeout, a broken connection.
    Unreachable,
    /// 5xx.
    ServerError,
    /// 429.
    Throttled,
    /// 401 or 403.
    Denied,
    /// Another 4xx.
    Refused,
    Redirect,
    /// No JSON object (an HTML page, say), or without the word for the state.
    Unreadable,
    TooLarge,
    /// The job is completed, and its result cannot be fetched yet.
    NotReady,
}

impl TroubleKind {
    pub const ALL: [Self; 9] = [
        Self::Unreachable,
        Self::ServerError,
        Self::Throttled,
        Self::Denied,
        Self::Refused,
        Self::Redirect,
        Self::Unreadable,
        Self::TooLarge,
        Self::NotReady,
    ];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::ServerError => "server_error",
            Self::Throttled => "throttled",
            Self::Denied => "denied",
            Self::Refused => "refused",
            Self::Redirect => "redirect",
            Self::Unreadable => "unreadable",
            Self::TooLarge => "too_large",
            Self::NotReady => "not_ready",
        }
    }

    /// Whether the generator as a whole seems to be down, so that asking after other jobs is vain, too.
    #[must_use]
    pub const fn is_down(self) -> bool {
        matches!(self, Self::Unreachable | Self::ServerError | Self::Throttled | Self::Denied)
    }
}
