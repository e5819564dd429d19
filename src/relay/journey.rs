//! What an attempt makes of a delivery: its next state, its log, and what is counted of it.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::courier::Attempted;
use crate::domain::delivery::{Death, Heard, Status, Verdict, judge};
use crate::domain::figure::Figure;
use crate::domain::time::Timestamp;
use crate::store::{DeliveryOutcome, DueDelivery};

/// A delivery whose turn it is.
pub(super) struct Journey<'a> {
    pub due: &'a DueDelivery,
    pub began: Timestamp,
    pub delays: Arc<[Duration]>,
}

/// An attempt, as the delivery's log tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// From 1.
    pub attempt: u32,
    pub at: Timestamp,
    /// Of the answer, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// What went wrong, if anything did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    pub duration_ms: u64,
    /// How the answer's body begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
}

/// Attempts that a log tells of; after an operator's retries the oldest ones go.
const LOG: usize = 20;

impl Journey<'_> {
    pub(super) fn attempted(&self, attempted: &Attempted, now: Timestamp, chance: f64) -> DeliveryOutcome {
        let attempts = self.due.attempts + 1;
        let verdict = judge(&attempted.heard, attempts, &self.delays, now, chance);
        let delivered = verdict == Verdict::Delivered;
        let duration_ms = u64::try_from(attempted.took.as_millis()).unwrap_or(u64::MAX);
        let line = LogLine {
            attempt: attempts,
            at: self.began,
            status: if let Heard::Answered { status, .. } = attempted.heard { Some(status) } else { None },
            error: (!delivered).then(|| attempted.detail.clone()),
            duration_ms,
            answer: attempted.snippet.clone(),
        };
        let (status, due_at) = match verdict {
            Verdict::Delivered => (Status::Delivered, None),
            Verdict::RetryAt(at) => (Status::Pending, Some(at)),
            Verdict::Dead(_) => (Status::Dead, None),
        };
        let mut figures = vec![(Figure::Attempts, 1), (Figure::took(duration_ms), 1)];
        figures.push((Figure::Milliseconds, i64::try_from(duration_ms).unwrap_or(i64::MAX)));
        if let Some(end) = Figure::of(status) {
            figures.extend([(end, 1), (Figure::tries(attempts), 1)]);
        }
        DeliveryOutcome {
            status,
            attempts,
            due_at,
            last_error: line.error.clone(),
            log: self.log(line),
            figures,
            is_gone: verdict == Verdict::Dead(Death::Gone),
            delivery: self.due.clone(),
        }
    }

    /// It is given up, and was not sent.
    pub(super) fn buried(&self, reason: &str, now: Timestamp) -> DeliveryOutcome {
        let line = LogLine {
            attempt: self.due.attempts,
            at: now,
            status: None,
            error: Some(reason.to_owned()),
            duration_ms: 0,
            answer: None,
        };
        let log = self.log(line);
        let figures = vec![(Figure::Dead, 1)];
        DeliveryOutcome { status: Status::Dead, last_error: Some(reason.to_owned()), log, figures, ..self.unchanged() }
    }

    /// It was not sent, and no attempt is used.
    pub(super) fn put_off(&self, reason: Option<String>, until: Timestamp) -> DeliveryOutcome {
        DeliveryOutcome { due_at: Some(until), last_error: reason, ..self.unchanged() }
    }

    fn unchanged(&self) -> DeliveryOutcome {
        DeliveryOutcome {
            delivery: self.due.clone(),
            status: Status::Pending,
            attempts: self.due.attempts,
            due_at: None,
            last_error: None,
            log: self.due.log.clone(),
            figures: Vec::new(),
            is_gone: false,
        }
    }

    fn log(&self, line: LogLine) -> String {
        let mut lines: Vec<LogLine> = serde_json::from_str(&self.due.log).unwrap_or_default();
        lines.push(line);
        let from = lines.len().saturating_sub(LOG);
        serde_json::to_string(&lines[from..]).unwrap_or_else(|_| self.due.log.clone())
    }
}
