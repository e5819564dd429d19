//! From a proven callback to what it stands for: an event of a task, or one that is no task's business.

use std::sync::Arc;

use bytes::Bytes;

use crate::domain::event::{Claim, Event, Occurrence, Policy};
use crate::domain::fingerprint::Fingerprint;
use crate::domain::task::{self, ExternalId, GeneratorName, TaskId};
use crate::domain::time::Timestamp;

use super::entry::Generator;
use super::json::{Document, Malformed};
use super::mac::sha256;
use super::meaning::{event, said};
use super::raw::{Contradiction, RawCallback, agreed};
use super::reader::{Reader, Takes};
use super::reading::Reading;
use super::refusal::{Code, FieldError, Refusal};
use super::scalar::Confirm;
use super::signature::Verified;
use super::source::{IdSource, Source, TaskSource};
use super::vocabulary::Meaning;

mod batch;
mod custom;

pub use batch::{BatchItem, MOST_ITEMS, decode_batch};
pub use custom::CustomEvent;

/// What a callback turned out to be.
#[derive(Clone, Debug, PartialEq)]
pub enum Decoded {
    Task(Box<TaskEvent>),
    Custom(Box<CustomEvent>),
}

/// An event, whose it is, and how to know it again.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskEvent {
    /// The task that the path, or the item of a batch, names; on shared ingress nobody but the claim names it.
    pub task: Option<TaskId>,
    pub generator: GeneratorName,
    pub event: Event,
    /// The generator's own word for it.
    pub word: Option<String>,
    pub claim: Claim,
    pub fingerprint: Fingerprint,
    pub generator_time: Option<Timestamp>,
    /// What was signed, or the item's part of it; a result's span counts from its start.
    pub body: Bytes,
}

impl TaskEvent {
    /// As it meets its task.
    #[must_use]
    pub fn occurrence(self, policy: Arc<Policy>) -> Occurrence {
        Occurrence {
            event: self.event,
            source: task::Source::Callback,
            generator: Some(self.generator),
            claim: self.claim,
            policy,
            fingerprint: Some(self.fingerprint),
            replayed: false,
            generator_time: self.generator_time,
            held: None,
        }
    }
}

/// # Errors
/// `malformed_body`, `missing_event`, `unknown_event`, `invalid_event`, in this order.
pub fn decode(verified: &Verified) -> Result<Decoded, Refusal> {
    decode_from(verified, false)
}

/// Of a callback whose path names no task: if it is about one, then its body must name it.
///
/// # Errors
/// As [`decode`].
pub fn decode_shared(verified: &Verified) -> Result<Decoded, Refusal> {
    decode_from(verified, true)
}

/// On a path of a task's own as [`decode`], on the one of all as [`decode_shared`].
///
/// # Errors
/// As [`decode`].
pub fn decode_as_sent(verified: &Verified) -> Result<Decoded, Refusal> {
    decode_from(verified, verified.raw().task.is_none())
}

fn decode_from(verified: &Verified, must_name: bool) -> Result<Decoded, Refusal> {
    let raw = verified.raw();
    let claim = Claim { token: verified.token_attempt(), may_adopt: !must_name, ..Claim::default() };
    let is_hearsay = verified.is_hearsay();
    let message = Message { body: &raw.body, envelope: Some(raw), task: raw.task.clone(), claim, must_name, is_hearsay };
    message.decode(verified.generator(), query_attempt(raw))
}

/// For a callback that was proven when it arrived: its stored bytes, read with today's catalog. Of the claim only the
/// named id is read anew. See [`Verified::is_hearsay`].
///
/// # Errors
/// As [`decode`].
pub fn decode_stored(
    generator: &Arc<Generator>,
    stored: &RawCallback,
    claim: Claim,
    is_hearsay: bool,
) -> Result<Decoded, Refusal> {
    let (query, task) = (Ok(claim.query), stored.task.clone());
    let must_name = task.is_none();
    let message = Message { body: &stored.body, envelope: Some(stored), task, claim, must_name, is_hearsay };
    message.decode(generator, query)
}

/// What is wrong with the query's attempt.
type NoAttempt = &'static str;

fn query_attempt(raw: &RawCallback) -> Result<Option<u32>, NoAttempt> {
    let number = |text: &str| text.parse().ok().filter(|&attempt| attempt > 0).ok_or("must be a whole number from 1");
    match agreed(raw.parameter("attempt")) {
        Ok(attempt) => attempt.map(number).transpose(),
        Err(Contradiction) => Err("is given more than once, with different values"),
    }
}

struct Message<'a> {
    body: &'a Bytes,
    envelope: Option<&'a RawCallback>,
    task: Option<TaskId>,
    claim: Claim,
    must_name: bool,
    is_hearsay: bool,
}

impl Message<'_> {
    fn decode(self, generator: &Generator, query: Result<Option<u32>, NoAttempt>) -> Result<Decoded, Refusal> {
        let reading = &generator.reading;
        let document = Document::parse(self.body, &reading.wanted).map_err(|malformed| refused(&malformed))?;
        let mut reader = Reader { document, envelope: self.envelope, strict: reading.strict, errors: Vec::new() };

        let said = said(&mut reader, reading)?;
        if said.meaning == Meaning::Custom {
            return self.custom(generator, reader, said.word).map(|event| Decoded::Custom(Box::new(event)));
        }
        let event = event(&mut reader, reading, &generator.final_errors, said.meaning);
        let named = named(&mut reader, reading);
        let occasion = occasion(&mut reader, reading);
        let generator_time = reader.moment(&reading.at, reading.at_unit);
        let query = query.unwrap_or_else(|fault| {
            reader.fault("attempt", fault);
            None
        });
        if self.must_name && event != Event::NotOfInterest {
            check_name(&mut reader, reading, named.as_deref());
        }
        no_faults(reader.errors)?;

        let confirm = if self.is_hearsay { Confirm::Always } else { generator.settings.confirm };
        let is_doubted = confirm.doubts(&event);
        let fingerprint = if is_doubted {
            // known again by its bytes alone: a forged one must not pass for the true one that comes later
            Occasion::Body.fingerprint(&format!("hint {}", event.name()), self.body)
        } else {
            occasion.fingerprint(event.name(), self.body)
        };
        let event = if is_doubted { Event::Hint } else { event };
        Ok(Decoded::Task(Box::new(TaskEvent {
            task: self.task,
            generator: generator.name.clone(),
            event,
            word: said.word,
            claim: Claim { named, query, ..self.claim },
            fingerprint,
            generator_time,
            body: self.body.clone(),
        })))
    }
}

fn no_faults(faults: Vec<FieldError>) -> Result<(), Refusal> {
    if faults.is_empty() {
        return Ok(());
    }
    Err(Refusal::of_fields(Code::InvalidEvent, "A value is of the wrong type or out of range", faults))
}

fn refused(malformed: &Malformed) -> Refusal {
    Refusal::new(Code::MalformedBody, malformed.to_string())
}

/// The id that the body names, the task's own or the generator's.
fn named(reader: &mut Reader<'_>, reading: &Reading) -> Option<String> {
    reading.task.iter().find_map(|place| match place {
        TaskSource::Path => None,
        TaskSource::Elsewhere(source) => reader.text(std::slice::from_ref(source), Takes::Ids),
    })
}

/// Where the path names no task, the body must.
fn check_name(reader: &mut Reader<'_>, reading: &Reading, named: Option<&str>) {
    let wanted = match named.map(ExternalId::parse) {
        Some(Ok(_)) => return,
        Some(Err(_)) => "must be an id of 1 to 256 bytes without control characters",
        None => "is missing, and nothing else names the task",
    };
    let sources = reading.task.iter().filter_map(|place| match place {
        TaskSource::Path => None,
        TaskSource::Elsewhere(source) => Some(source.to_string()),
    });
    let field = sources.reduce(|one, other| format!("{one} or {other}"));
    reader.fault(field.as_deref().unwrap_or("task"), wanted);
}

/// What tells this event from another one of the same state.
enum Occasion {
    Id(String),
    Task,
    Body,
}

fn occasion(reader: &mut Reader<'_>, reading: &Reading) -> Occasion {
    let found = reading.id.iter().find_map(|place| match place {
        IdSource::Task => Some(Occasion::Task),
        IdSource::Elsewhere(sources) => id(reader, sources).map(Occasion::Id),
    });
    found.unwrap_or(Occasion::Body)
}

/// Of several parts each must be there. An empty one would make all events of a state one.
fn id(reader: &mut Reader<'_>, sources: &[Source]) -> Option<String> {
    let mut part = |source| reader.text(std::slice::from_ref(source), Takes::Ids).filter(|id| !id.is_empty());
    sources.iter().map(&mut part).collect::<Option<Vec<_>>>().map(|parts| parts.join("\0"))
}

impl Occasion {
    /// `state`: what the callback maps to.
    fn fingerprint(&self, state: &str, body: &Bytes) -> Fingerprint {
        let (kind, bytes): (&[u8], &[u8]) = match self {
            Self::Id(id) => (b"id", id.as_bytes()),
            Self::Task => (b"task", b""),
            Self::Body => (b"body", body),
        };
        let digest = sha256([state.as_bytes(), b"\0", kind, bytes]);
        let mut first = [0; 16];
        first.copy_from_slice(&digest[..16]);
        Fingerprint(first)
    }
}
