//! How a task comes to its end even if not one callback arrives: it is submitted, asked about, and stopped where nobody
//! wants it any more.
//!
//! [`launcher`]: pending → submit → event. [`reconciler`]: due → ask → event. [`canceller`]: in vain → stop. [`unparker`]: what
//! came before its task was known → event. Each is a step
//! over rows that are due, taken under a lease; what they learn enters through the journal, as a callback does.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::clock::Clock;
use crate::domain::event::{Claim, Event, Held, Occurrence, Policy};
use crate::domain::plan::{Answer, Command, Item, Refusal, Release, Then};
use crate::domain::task::{Attempt, Lease, Source, Task, TaskId};
use crate::domain::time::Timestamp;
use crate::generator::entry::Generator;
use crate::generator::request::Job;
use crate::journal::{Journal, RecordError};
use crate::store::{Entry, Papers, Store};
use crate::terms::Terms;
use crate::upstream::Upstream;

mod breakers;
pub mod canceller;
pub mod figures;
pub mod launcher;
pub mod reconciler;
mod slots;
pub mod unparker;
mod verdict;

/// What all of them work with. Cheap to clone.
#[derive(Clone)]
pub struct Means {
    pub store: Store,
    pub journal: Journal,
    pub upstream: Upstream,
    pub terms: Arc<Terms>,
    pub clock: Clock,
    pub stopping: CancellationToken,
}

/// How long something that happened is tried to be written down before it is left to the lease's end.
const PERSISTENCE: Duration = Duration::from_secs(60);
const BETWEEN_WRITES: Duration = Duration::from_millis(500);

impl Means {
    /// Long enough for two requests, or two of the generator's commands, after each other.
    fn lease(&self, request: Duration, generator: Option<&Generator>) -> Lease {
        let request = request.max(generator.and_then(Generator::longest_command).unwrap_or_default());
        Lease { token: Uuid::now_v7(), until: self.clock.now().plus(2 * request + Duration::from_secs(10)) }
    }

    /// What happened out there cannot be asked for again: it is written as soon as the database takes it. None: it was
    /// not recorded, because the lease has ended or the database stayed away.
    async fn record(&self, entry: Entry) -> Option<Answer> {
        let task = entry.item.task.as_ref().map(TaskId::as_str);
        let end = Instant::now() + PERSISTENCE;
        loop {
            match self.journal.record(entry.clone()).await {
                Ok(Answer::Refused(refusal)) => {
                    if refusal != Refusal::LeaseLost {
                        tracing::warn!(task, %refusal, "what was learnt about a task was refused");
                    }
                    return None;
                }
                Ok(answer) => return Some(answer),
                Err(RecordError::Full | RecordError::Unavailable) if Instant::now() < end => {
                    tokio::time::sleep(BETWEEN_WRITES).await;
                }
                Err(error) => {
                    tracing::error!(task, %error, "what was learnt about a task could not be recorded");
                    return None;
                }
            }
        }
    }

    async fn release(&self, task: &TaskId, lease: Lease, then: Then) -> Option<Answer> {
        let command = Command::Release(Release { lease: lease.token, then });
        let item = Item { task: Some(task.clone()), at: self.clock.now(), command };
        self.record(Entry { item, papers: Papers::None }).await
    }
}

/// What was learnt about the task's current attempt by somebody who holds its lease.
fn learnt(task: &Task, event: Event, source: Source, policy: Arc<Policy>, lease: Lease) -> Occurrence {
    Occurrence {
        event,
        source,
        generator: Some(task.generator.clone()),
        claim: Claim { token: Some(task.attempt().number), ..Claim::default() },
        policy,
        fingerprint: None,
        replayed: false,
        generator_time: None,
        held: Some(Held { lease: lease.token, poll: None }),
    }
}

/// What the requests about an attempt of a task are made of.
#[derive(Default)]
struct Texts {
    input: Option<String>,
    params: Option<String>,
    callback_url: Option<String>,
    token: Option<String>,
    submit_answer: Option<Vec<u8>>,
}

impl Texts {
    /// Of an attempt that was submitted, as far as they are among these stored texts.
    fn of_submitted(task: &Task, attempt: &Attempt, stored: &HashMap<Uuid, Vec<u8>>) -> Self {
        let bytes = |id: Option<Uuid>| id.and_then(|id| stored.get(&id)).cloned();
        let text = |id: Option<Uuid>| bytes(id).and_then(|bytes| String::from_utf8(bytes).ok());
        let (input, params) = (text(task.documents.input), text(task.documents.params));
        Self { input, params, submit_answer: bytes(attempt.answer), ..Self::default() }
    }

    fn job<'a>(&'a self, task: &'a Task, attempt: &'a Attempt, now: Timestamp) -> Job<'a> {
        Job {
            task: &task.id,
            attempt: attempt.number,
            external_id: attempt.external_id.as_ref(),
            input: self.input.as_deref(),
            params: self.params.as_deref(),
            priority: task.priority,
            callback_url: self.callback_url.as_deref(),
            token: self.token.as_deref(),
            submit_answer: self.submit_answer.as_deref(),
            now,
        }
    }
}

/// From 0 to 1.
fn chance() -> f64 {
    let mut bytes = [0; 4];
    // without randomness everybody comes at the same time, which is a pity and no more
    let _ = getrandom::fill(&mut bytes);
    f64::from(u32::from_be_bytes(bytes)) / f64::from(u32::MAX)
}
