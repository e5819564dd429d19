//! What a simulation tells while it runs: for people as text, for programs as JSON, one line each.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::script::{End, Fault};
use super::summary::Summary;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Line {
    /// The generator's endpoints are there.
    Ready { url: String },
    /// A job was submitted to the generator.
    Job(Taken),
    /// A task was created.
    Task(Announced),
    /// A callback was sent, and answered or not.
    Sent(Box<Sent>),
    /// A callback was lost: nobody will ever send it.
    Unsent(Unsent),
    /// A task could not be created.
    Lost { task: String, error: String },
    /// A task has ended at the hub.
    Settled(Settled),
    /// Comes last.
    Summary(Summary),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announced {
    pub job: u32,
    pub task: String,
    /// How it must end.
    pub end: End,
    /// Requests that the script has.
    pub sendings: usize,
}

/// A job, when the generator takes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    pub job: u32,
    /// What the generator calls it.
    pub id: String,
    pub key: Option<String>,
    /// Whose news its callbacks are, as their URL says.
    pub task: Option<String>,
    /// None: it will never end.
    pub end: Option<End>,
    /// Requests that the script has, lost ones too.
    pub sendings: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unsent {
    pub task: String,
    pub number: u32,
    pub event: String,
    pub percent: Option<u32>,
}

/// A task's end, and whether it is the right one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settled {
    pub task: String,
    pub status: String,
    /// The road of the news: `callback`, `poll` …
    pub by: String,
    /// None: the generator does not know the task's job.
    pub right: Option<String>,
    pub well: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    pub task: String,
    /// Within the job; a duplicate has its original's.
    pub number: u32,
    pub event: String,
    pub percent: Option<u32>,
    pub fault: Option<Fault>,
    /// Requests that it took.
    pub tries: u32,
    pub micros: u64,
    #[serde(flatten)]
    pub answer: Answer,
}

/// As the hub gave it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Absent if there was no answer at all.
    pub status: Option<u16>,
    pub outcome: Option<String>,
    pub reason: Option<String>,
    /// Why it was refused.
    pub code: Option<String>,
    /// The task's state after the callback.
    pub state: Option<String>,
    /// Why there was no answer.
    pub error: Option<String>,
}

impl Sent {
    #[must_use]
    pub fn is_taken(&self) -> bool {
        self.answer.status.is_some_and(|status| (200..300).contains(&status))
    }

    pub(super) fn is_forgery(&self) -> bool {
        self.fault.is_some_and(Fault::is_forgery)
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Task(Announced { task, sendings, .. }) => write!(f, "{task}  created, {sendings} callbacks to come"),
            Self::Ready { url } => write!(f, "generator at {url}/jobs"),
            Self::Job(taken) => taken.fmt(f),
            Self::Sent(sent) => sent.fmt(f),
            Self::Unsent(Unsent { task, event, percent, .. }) => write!(f, "{task}  {:13} lost", what(event, *percent)),
            Self::Settled(settled) => settled.fmt(f),
            Self::Lost { task, error } => write!(f, "{task}  not created: {error}"),
            Self::Summary(summary) => summary.fmt(f),
        }
    }
}

impl fmt::Display for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, task, sendings, .. } = self;
        write!(f, "{id}  submitted")?;
        if let Some(task) = task {
            write!(f, " for {task}")?;
        }
        write!(f, ", {sendings} callbacks to come")
    }
}

impl fmt::Display for Settled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { task, status, by, right, well } = self;
        write!(f, "{task}  {status} by {by}")?;
        match right {
            _ if *well => Ok(()),
            Some(right) => write!(f, ", and should be {right}"),
            None => write!(f, ", and no job of it is known"),
        }
    }
}

impl fmt::Display for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { task, event, percent, fault, tries, micros, answer, .. } = self;
        let what = what(event, *percent);
        let fault = match fault {
            None => "",
            Some(Fault::Duplicate) => "again",
            Some(Fault::Overtaken) => "overtaken",
            Some(Fault::WrongSecret) => "forged",
            Some(Fault::Tampered) => "tampered",
        };
        let Answer { status, outcome, reason, code, error, .. } = answer;
        let word = outcome.as_deref().or(code.as_deref()).or(error.as_deref()).unwrap_or_default();
        let status = status.map_or_else(|| "---".to_owned(), |status| status.to_string());
        write!(f, "{task}  {what:13} {fault:9}  {status} {word}")?;
        if let Some(reason) = reason {
            write!(f, ", {reason}")?;
        }
        write!(f, "  {}.{} ms", micros / 1_000, micros % 1_000 / 100)?;
        if *tries > 1 { write!(f, ", {tries} tries") } else { Ok(()) }
    }
}

fn what(event: &str, percent: Option<u32>) -> String {
    percent.map_or_else(|| event.to_owned(), |percent| format!("{event} {percent} %"))
}
