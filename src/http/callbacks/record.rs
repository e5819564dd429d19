//! From a decoded callback to an entry of the journal.

use std::sync::Arc;

use bytes::Bytes;
use tokio::time::Instant;

use super::headers;
use super::ingress::Proven;
use crate::domain::event::Occurrence;
use crate::domain::plan::Answer;
use crate::domain::task::GeneratorName;
use crate::domain::time::Timestamp;
use crate::domain::trace::TraceParent;
use crate::generator::entry::Generator;
use crate::generator::payload::{CustomEvent, Decoded, TaskEvent};
use crate::http::state::Hub;
use crate::journal::RecordError;
use crate::store::{Call, Entry, Origin, Told};

/// How and when a callback came, for its receipt.
pub(super) struct Arrival<'a> {
    pub generator: &'a Arc<Generator>,
    pub received_at: Timestamp,
    /// A JSON object.
    pub headers: String,
    pub call: Call,
    /// Who has replayed it: past the fingerprint, though not past the grid.
    pub operator: Option<String>,
    /// What its news is a part of.
    pub trace: Option<TraceParent>,
}

impl<'a> Arrival<'a> {
    pub(super) fn of(proven: &'a Proven, trace: Option<TraceParent>) -> Self {
        let raw = proven.verified.raw();
        let headers = raw.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice()));
        let secret: Vec<&str> = proven.generator.secret_headers().collect();
        let query = raw.query.iter().filter(|(name, _)| name != "token").cloned().collect();
        Self {
            generator: &proven.generator,
            received_at: raw.arrived,
            headers: headers::kept(headers, &secret),
            call: Call { query, signed: proven.verified.is_signed() },
            operator: None,
            trace,
        }
    }

    pub(super) fn entry(&self, hub: &Hub, decoded: Decoded) -> Entry {
        match decoded {
            Decoded::Task(event) => self.of_task(hub, *event),
            Decoded::Custom(event) => {
                let CustomEvent { generator, name, data, fingerprint, task, body, .. } = *event;
                let origin = self.origin(generator.clone(), body);
                Entry::of_custom(task, hub.clock.now(), Told { generator, name, data, fingerprint }, origin)
            }
        }
    }

    fn of_task(&self, hub: &Hub, event: TaskEvent) -> Entry {
        let (task, origin) = (event.task.clone(), self.origin(event.generator.clone(), event.body.clone()));
        let occurrence = Occurrence { replayed: self.operator.is_some(), ..event.occurrence(hub.terms.policy(self.generator)) };
        Entry::of_event(task, hub.clock.now(), occurrence, origin)
    }

    fn origin(&self, generator: GeneratorName, body: Bytes) -> Origin {
        let (received_at, headers) = (self.received_at, self.headers.clone());
        let (call, operator) = (Some(self.call.clone()), self.operator.clone());
        Origin { generator, received_at, headers, body: Some(body), call, operator, trace: self.trace }
    }
}

/// Waits for the commit, no longer than a callback may take.
pub(super) async fn record(hub: &Hub, entry: Entry) -> Result<Answer, RecordError> {
    until(deadline(hub), hub.journal.record(entry)).await
}

/// When a callback whose body is here must have its answer.
pub(super) fn deadline(hub: &Hub) -> Instant {
    Instant::now() + hub.options().callback_timeout
}

pub(super) async fn until(
    deadline: Instant,
    answer: impl Future<Output = Result<Answer, RecordError>>,
) -> Result<Answer, RecordError> {
    tokio::time::timeout_at(deadline, answer).await.unwrap_or(Err(RecordError::Unavailable))
}
