//! From a decoded callback to an entry of the journal.

use std::sync::Arc;

use tokio::time::Instant;

use super::headers;
use super::ingress::Proven;
use crate::domain::event::Occurrence;
use crate::domain::plan::Answer;
use crate::domain::task::{Source, TaskId};
use crate::domain::time::Timestamp;
use crate::generator::entry::Generator;
use crate::generator::payload::TaskEvent;
use crate::http::state::Hub;
use crate::journal::RecordError;
use crate::store::{Entry, Origin};

/// How and when a callback came, for its receipt.
pub(super) struct Arrival<'a> {
    pub generator: &'a Arc<Generator>,
    pub received_at: Timestamp,
    /// A JSON object.
    pub headers: String,
    /// Past the fingerprint, though not past the grid.
    pub replayed: bool,
}

impl<'a> Arrival<'a> {
    pub(super) fn of(proven: &'a Proven) -> Self {
        let raw = proven.verified.raw();
        let headers = raw.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice()));
        let secret: Vec<&str> = proven.generator.secret_headers().collect();
        Self { generator: &proven.generator, received_at: raw.arrived, headers: headers::kept(headers, &secret), replayed: false }
    }

    pub(super) fn entry(&self, hub: &Hub, task: TaskId, event: TaskEvent) -> Entry {
        let occurrence = Occurrence {
            event: event.event,
            source: Source::Callback,
            generator: Some(event.generator.clone()),
            claim: event.claim,
            policy: hub.terms.policy(self.generator),
            fingerprint: Some(event.fingerprint),
            replayed: self.replayed,
            generator_time: event.generator_time,
            held: None,
        };
        let origin = Origin {
            generator: event.generator,
            received_at: self.received_at,
            headers: self.headers.clone(),
            body: Some(event.body),
        };
        Entry::of_event(task, hub.clock.now(), occurrence, origin)
    }
}

/// Waits for the commit, no longer than a callback may take.
pub(super) async fn record(hub: &Hub, entry: Entry) -> Result<Answer, RecordError> {
    until(deadline(hub), hub.journal.record(entry)).await
}

/// When a callback whose body is here must have its answer.
pub(super) fn deadline(hub: &Hub) -> Instant {
    Instant::now() + hub.options.callback_timeout
}

pub(super) async fn until(
    deadline: Instant,
    answer: impl Future<Output = Result<Answer, RecordError>>,
) -> Result<Answer, RecordError> {
    tokio::time::timeout_at(deadline, answer).await.unwrap_or(Err(RecordError::Unavailable))
}
