//! What a simulation came to.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::line::{Answer, Sent, Settled};

/// What became of everything that was sent: the counts of outcomes add up to `sent`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    pub seed: u64,
    pub tasks: u32,
    /// Tasks whose end was taken; of a generator, jobs that have ended.
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
    /// Callbacks that were never sent.
    pub lost: u64,
    /// Tasks by the road of the news of their end, where somebody has looked.
    pub settled_by: BTreeMap<String, u64>,
    /// Tasks that have ended as they should not.
    pub wrong: u32,
    pub elapsed_ms: u64,
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

    /// The same, about the tasks of a hub instead of jobs.
    #[must_use]
    pub fn about(self, tasks: u32, settled: &[Settled]) -> Self {
        let mut summary = Self { tasks, ended: 0, ..self };
        for Settled { by, well, .. } in settled {
            summary.ended += 1;
            summary.wrong += u32::from(!well);
            add(&mut summary.settled_by, by);
        }
        summary
    }

    /// Tasks whose callbacks were lost, and which the hub has asked after.
    #[must_use]
    pub fn rescued(&self) -> u64 {
        self.settled_by.get("poll").copied().unwrap_or(0)
    }

    /// Every end was taken and is right, and no forgery was taken.
    #[must_use]
    pub const fn is_well(&self) -> bool {
        self.ended == self.tasks && self.forgeries_taken == 0 && self.wrong == 0
    }
}

fn add(counts: &mut BTreeMap<String, u64>, name: &str) {
    *counts.entry(name.to_owned()).or_default() += 1;
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
        if self.lost > 0 {
            write!(f, "; {} lost", self.lost)?;
        }
        if !self.settled_by.is_empty() {
            let roads: Vec<String> = self.settled_by.iter().map(|(road, count)| format!("{count} by {road}")).collect();
            write!(f, "; settled {}", roads.join(", "))?;
        }
        if self.wrong > 0 {
            write!(f, "; {} AT A WRONG END", self.wrong)?;
        }
        if self.forgeries_taken > 0 {
            write!(f, "; {} FORGERIES TAKEN", self.forgeries_taken)?;
        }
        write!(f, "; seed {}", self.seed)
    }
}
