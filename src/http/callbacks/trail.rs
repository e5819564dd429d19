//! What a trace tells of a callback: who, which task, which event, and what became of it. Never a body, a header or a query.

use axum::http::{HeaderMap, StatusCode};

use super::answer::About;
use crate::domain::plan::Answer;
use crate::domain::trace::TraceParent;
use crate::http::problem::Code;
use crate::journal::RecordError;
use crate::telemetry::traces::{Span, names};

/// From the head of a callback to its answer.
pub(super) struct Trail {
    span: Span,
    /// The sender's own, if he traces.
    brought: Option<TraceParent>,
}

impl Trail {
    pub(super) fn open(headers: &HeaderMap) -> Self {
        let brought = TraceParent::among(headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())));
        Self { span: Span::of_callback(brought.map(TraceParent::parts)), brought }
    }

    /// What is a part of the callback's news: its span, if that is recorded, or what the sender brought. None where he brought
    /// nothing, so that nothing is stored and sent for those who do not trace.
    pub(super) fn goes_on(&self) -> Option<TraceParent> {
        let brought = self.brought?;
        Some(self.span.place().and_then(TraceParent::of).unwrap_or(brought))
    }

    /// A stage ends here.
    pub(super) fn reach(&mut self, stage: &'static str) {
        self.span.reach(stage);
    }

    pub(super) fn recorded(&mut self, about: &About, answer: &Result<Answer, RecordError>) {
        self.span.say(names::EVENT, &about.event());
        let (task, outcome) = match answer {
            Ok(Answer::Recorded(recorded)) => (Some(&recorded.task), recorded.outcome),
            Ok(Answer::Kept(kept)) => (kept.told_about.as_ref(), kept.outcome),
            // it is refused
            _ => return,
        };
        self.span.say(names::OUTCOME, &outcome.as_str());
        if let Some(task) = task {
            self.span.say(names::TASK, &task.as_str());
        }
    }

    /// Outcomes of a batch are its items' own.
    pub(super) fn recorded_items(&mut self, items: usize) {
        self.span.count(names::ITEMS, items as u64);
        self.span.say(names::OUTCOME, &"batch");
    }

    pub(super) fn refused(&mut self, task: Option<&str>, code: Code) {
        self.span.say(names::OUTCOME, &code.as_str());
        if let Some(task) = task {
            self.span.say(names::TASK, &task);
        }
    }

    pub(super) fn answered(&mut self, generator: &str, status: StatusCode) {
        self.span.say(names::GENERATOR, &generator);
        self.span.count(names::STATUS, u64::from(status.as_u16()));
        if status.is_server_error() {
            self.span.fail();
        }
    }
}
