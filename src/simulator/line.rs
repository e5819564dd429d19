//! What a simulation tells while it runs: for people as text, for programs as JSON, one line each.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::script::{End, Fault};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Line {
    /// A task was created.
    Task(Announced),
    /// A callback was sent, and answered or not.
    Sent(Box<Sent>),
    /// A task could not be created.
    Lost { task: String, error: String },
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

/// What became of everything that was sent: the counts of outcomes add up to `sent`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    pub seed: u64,
    pub tasks: u32,
    /// Tasks whose end was taken.
    pub ended: u32,
    pub sent: u64,
    pub applied: u64,
    pub duplicates: u64,
    /// By reason.
    pub ignored: BTreeMap<String, u64>,
    /// By code.
    pub refused: BTreeMap<String, u64>,
    /// Other outcomes, by name.
    pub other: BTreeMap<String, u64>,
    /// There was no answer, however often it was tried.
    pub unanswered: u64,
    /// Requests beyond the first of each callback.
    pub repeated: u64,
    /// Must be 0.
    pub forgeries_taken: u64,
    pub elapsed_ms: u64,
}

impl Sent {
    #[must_use]
    pub fn is_taken(&self) -> bool {
        self.answer.status.is_some_and(|status| (200..300).contains(&status))
    }

    fn is_forgery(&self) -> bool {
        self.fault.is_some_and(Fault::is_forgery)
    }
}

impl Summary {
    pub fn count(&mut self, sent: &Sent) {
        self.sent += 1;
        self.repeated += u64::from(sent.tries.saturating_sub(1));
        self.forgeries_taken += u64::from(sent.is_forgery() && sent.is_taken());
        let Answer { status, outcome, reason, code, .. } = &sent.answer;
        match (outcome.as_deref(), status) {
            (Some("applied"), _) => self.applied += 1,
            (Some("duplicate"), _) => self.duplicates += 1,
            (Some("ignored"), _) => add(&mut self.ignored, reason.as_deref().unwrap_or("without a reason")),
            (Some(other), _) => add(&mut self.other, other),
            (None, Some(200..300)) => add(&mut self.other, "taken"),
            (None, Some(status)) => add(&mut self.refused, code.as_deref().unwrap_or(&status.to_string())),
            (None, None) => self.unanswered += 1,
        }
    }

    /// Every end was taken, and no forgery.
    #[must_use]
    pub const fn is_well(&self) -> bool {
        self.ended == self.tasks && self.forgeries_taken == 0
    }
}

fn add(counts: &mut BTreeMap<String, u64>, name: &str) {
    *counts.entry(name.to_owned()).or_default() += 1;
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Task(Announced { task, sendings, .. }) => write!(f, "{task}  created, {sendings} callbacks to come"),
            Self::Sent(sent) => sent.fmt(f),
            Self::Lost { task, error } => write!(f, "{task}  not created: {error}"),
            Self::Summary(summary) => summary.fmt(f),
        }
    }
}

impl fmt::Display for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { task, event, percent, fault, tries, micros, answer, .. } = self;
        let what = percent.map_or_else(|| event.clone(), |percent| format!("{event} {percent} %"));
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

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sum = |counts: &BTreeMap<String, u64>| counts.values().sum::<u64>();
        write!(f, "{} of {} tasks ended; {} callbacks sent: ", self.ended, self.tasks, self.sent)?;
        write!(f, "{} applied, {} duplicates, {} ignored", self.applied, self.duplicates, sum(&self.ignored))?;
        write!(f, ", {} refused", sum(&self.refused))?;
        for (name, count) in &self.other {
            write!(f, ", {count} {name}")?;
        }
        write!(f, "; {} unanswered, {} repeated requests", self.unanswered, self.repeated)?;
        if self.forgeries_taken > 0 {
            write!(f, "; {} FORGERIES TAKEN", self.forgeries_taken)?;
        }
        write!(f, "; seed {}", self.seed)
    }
}
