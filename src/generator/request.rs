//! Requests that the hub makes of a generator: to submit a job, to ask after it, to fetch its result, to cancel it.

use std::time::Duration;

use crate::domain::task::{ExternalId, TaskId};
use crate::domain::time::Timestamp;

/// One request, ready to be made; by whom is not this room's business.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    Http(HttpRequest),
    Command(CommandLine),
}

#[derive(Clone, PartialEq, Eq)]
pub struct HttpRequest {
    pub method: String,
    pub url: String,
    /// Names in lower case. They carry credentials.
    pub headers: Vec<(String, String)>,
    pub body: Option<Vec<u8>>,
}

/// A program and its arguments; no shell reads them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandLine {
    pub program: String,
    pub arguments: Vec<String>,
    pub timeout: Duration,
    /// Of its output, in bytes.
    pub output_limit: usize,
}

/// What of a task goes into requests about one of its attempts.
#[derive(Clone, Copy, Debug)]
pub struct Job<'a> {
    pub task: &'a TaskId,
    pub attempt: u32,
    pub external_id: Option<&'a ExternalId>,
    /// JSON texts.
    pub input: Option<&'a str>,
    pub params: Option<&'a str>,
    pub priority: u8,
    /// With its token; none where the generator could not reach it, and is polled instead.
    pub callback_url: Option<&'a str>,
    /// The token alone.
    pub token: Option<&'a str>,
    /// What the generator answered to the submission.
    pub submit_answer: Option<&'a [u8]>,
    /// When the request is made.
    pub now: Timestamp,
}

/// Why a request cannot be made, for the task's error.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{fact}")]
pub struct Unsendable {
    /// The member of the task that is at fault: `input`, `params`, or, where neither is, `generator`.
    pub field: &'static str,
    pub fact: String,
}

impl Unsendable {
    pub(super) fn input(fact: impl Into<String>) -> Self {
        Self { field: "input", fact: fact.into() }
    }

    pub(super) fn params(fact: impl Into<String>) -> Self {
        Self { field: "params", fact: fact.into() }
    }

    pub(super) fn generator(fact: impl Into<String>) -> Self {
        Self { field: "generator", fact: fact.into() }
    }
}

impl std::fmt::Debug for HttpRequest {
    /// Without what may be secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpRequest").field("method", &self.method).finish_non_exhaustive()
    }
}
