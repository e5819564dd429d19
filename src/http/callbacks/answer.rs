//! What a generator is told.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::decide::Transition;
use crate::domain::event::{Outcome, Reason};
use crate::domain::plan::{Answer, Kept, Recorded, Refusal};
use crate::domain::task::TaskId;
use crate::generator::entry::Generator;
use crate::generator::payload::Decoded;
use crate::generator::scalar::Early;
use crate::http::problem::{Code, FieldProblem, Problem};
use crate::http::state::Hub;
use crate::journal::RecordError;

/// A callback that is in the books.
#[derive(Debug, Serialize, ToSchema)]
pub struct Accepted {
    /// Always true.
    pub success: bool,
    /// `applied`, `duplicate`, `ignored` (with a reason), `hint`, `parked` (its task is not known yet, and it waits for it),
    /// `event` (no task's business)
    #[schema(example = "applied")]
    pub outcome: &'static str,
    /// Why it was ignored: `already_settled`, `stale_progress`, `stale_attempt`, `not_of_interest`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    #[schema(example = "Task completed")]
    pub message: String,
    /// Null if it is about no task, or about one that nobody knows yet by the generator's id.
    #[schema(example = "video-42")]
    pub task_id: Option<String>,
    /// The task's state after the callback; null if no task has heard of it (yet).
    #[schema(example = "completed")]
    pub status: Option<&'static str>,
    /// The receipt's id.
    pub callback_id: String,
    /// More about it: `attempt`, the attempt that it counted for.
    #[schema(value_type = BTreeMap<String, serde_json::Value>)]
    pub details: Map<String, Value>,
}

/// An item's outcome, or why it was refused.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum BatchResult {
    Accepted(Accepted),
    Refused(BatchRefusal),
}

#[derive(Debug, Serialize, ToSchema)]
pub struct BatchRefusal {
    /// Always false.
    pub success: bool,
    #[schema(example = "unknown_task")]
    pub code: &'static str,
    pub detail: String,
    pub task_id: Option<String>,
    pub errors: Vec<FieldProblem>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct BatchAccepted {
    /// Whether every item was taken.
    pub success: bool,
    /// In the order of the items.
    pub results: Vec<BatchResult>,
}

/// The answer to a single callback.
pub(super) fn single(
    hub: &Hub,
    generator: &Generator,
    about: &About,
    answer: Result<Answer, RecordError>,
) -> Result<Response, Problem> {
    let accepted = accepted(hub, generator, about, answer)?;
    Ok((status(generator), Json(accepted)).into_response())
}

/// The challenge, as it came.
pub(super) fn handshake(reply: String) -> Response {
    ([("content-type", "text/plain; charset=utf-8"), ("x-content-type-options", "nosniff")], reply).into_response()
}

/// 200, or what the generator's file says.
pub(super) fn status(generator: &Generator) -> StatusCode {
    StatusCode::from_u16(generator.accepted()).unwrap_or(StatusCode::OK)
}

/// # Errors
/// What the contract's rows 12 to 15 say.
pub(super) fn accepted(
    hub: &Hub,
    generator: &Generator,
    about: &About,
    answer: Result<Answer, RecordError>,
) -> Result<Accepted, Problem> {
    match answer {
        Ok(Answer::Recorded(recorded)) => {
            taken(hub, generator, about, recorded.outcome, recorded.receipt);
            Ok(Accepted::of(&recorded))
        }
        Ok(Answer::Kept(kept)) => {
            taken(hub, generator, about, kept.outcome, kept.receipt);
            Ok(Accepted::without_task(about, &kept))
        }
        Ok(Answer::Refused(refusal)) => Err(refused(generator, refusal)),
        Ok(_) => Err(Problem::of(Code::Internal)),
        Err(error) => Err(error.into()),
    }
}

fn taken(hub: &Hub, generator: &Generator, about: &About, outcome: Outcome, callback: Uuid) {
    hub.figures.count_outcome(generator.name().as_str(), about.event, outcome.as_str());
    let Some(left_out) = hub.lines.taken.admit(hub.clock.now().secs()) else { return };
    tracing::info!(
        outcome = outcome.as_str(),
        reason = outcome.reason().map(Reason::as_str),
        task = about.task.as_ref().map(TaskId::as_str),
        named = about.named,
        %callback,
        generator = generator.name().as_str(),
        word = about.word,
        left_out = Some(left_out).filter(|&lines| lines > 0),
        "callback taken"
    );
}

fn refused(generator: &Generator, refusal: Refusal) -> Problem {
    match refusal {
        Refusal::UnknownTask if generator.early() == Early::Retry => Problem {
            retry_after: Some(generator.retry_after().as_secs().max(1)),
            ..Problem::new(Code::Unavailable, "There is no such task yet")
        },
        Refusal::UnknownTask => Problem::of(Code::UnknownTask),
        Refusal::NoSuchAttempt => Problem::field(Code::InvalidEvent, "attempt", "is above the task's current attempt"),
        Refusal::TaskMismatch => Problem::of(Code::TaskMismatch),
        Refusal::TooManyParked => Problem::unavailable(refusal.to_string()),
        other => Problem::new(Code::Conflict, other.to_string()),
    }
}

impl From<RecordError> for Problem {
    fn from(error: RecordError) -> Self {
        match error {
            RecordError::Failed => Self::of(Code::Internal),
            RecordError::Full | RecordError::Closed | RecordError::Unavailable => {
                let mut sentence = error.to_string();
                if let Some(first) = sentence.get_mut(..1) {
                    first.make_ascii_uppercase();
                }
                Self::unavailable(sentence)
            }
        }
    }
}

impl Accepted {
    fn of(recorded: &Recorded) -> Self {
        let mut details = Map::new();
        details.insert("attempt".to_owned(), json!(recorded.attempt));
        Self {
            success: true,
            outcome: recorded.outcome.as_str(),
            reason: recorded.outcome.reason().map(Reason::as_str),
            message: message(recorded),
            task_id: Some(recorded.task.as_str().to_owned()),
            status: Some(recorded.status.as_str()),
            callback_id: recorded.receipt.to_string(),
            details,
        }
    }

    /// No task has heard of it.
    fn without_task(about: &About, kept: &Kept) -> Self {
        let mut details = Map::new();
        let awaited = about.task.as_ref().map(TaskId::as_str).or(about.named.as_deref());
        match (kept.outcome, awaited, &about.word) {
            (Outcome::Parked, Some(awaited), _) => details.insert("waiting_for".to_owned(), json!(awaited)),
            (Outcome::Event, _, Some(word)) => details.insert("event".to_owned(), json!(word)),
            _ => None,
        };
        let message = match kept.outcome {
            Outcome::Parked => "Its task is not known yet; it waits for it",
            Outcome::Event => "Stored as an event",
            Outcome::Duplicate => "Seen before; nothing changed",
            _ => "Kept; it changes no task",
        };
        let task = kept.told_about.as_ref().or(about.task.as_ref().filter(|_| kept.outcome != Outcome::Event));
        Self {
            success: true,
            outcome: kept.outcome.as_str(),
            reason: kept.outcome.reason().map(Reason::as_str),
            message: message.to_owned(),
            task_id: task.map(|task| task.as_str().to_owned()),
            status: None,
            callback_id: kept.receipt.to_string(),
            details,
        }
    }
}

/// What a callback says it is about.
#[derive(Clone, Debug)]
pub(super) struct About {
    /// By the path, or the item of a batch.
    task: Option<TaskId>,
    /// By the id in its body.
    named: Option<String>,
    /// The generator's own word for what has happened.
    word: Option<String>,
    /// What that means, or `custom`.
    event: &'static str,
}

impl About {
    pub(super) const fn event(&self) -> &'static str {
        self.event
    }

    pub(super) fn of(decoded: &Decoded) -> Self {
        match decoded {
            Decoded::Task(event) => Self {
                task: event.task.clone(),
                named: event.claim.named.clone(),
                word: event.word.clone(),
                event: event.event.name(),
            },
            Decoded::Custom(event) => {
                Self { task: event.task.clone(), named: None, word: Some(event.name.clone()), event: "custom" }
            }
        }
    }
}

fn message(recorded: &Recorded) -> String {
    let status = recorded.status.as_str();
    match (recorded.outcome, recorded.transition) {
        (Outcome::Duplicate, _) => "Seen before; nothing changed".to_owned(),
        (Outcome::Hint, _) => "Noted; the generator will be asked".to_owned(),
        (Outcome::Ignored(Reason::AlreadySettled), _) => format!("The task is {status} already"),
        (Outcome::Ignored(Reason::StaleProgress), _) => "Newer progress is known already".to_owned(),
        (Outcome::Ignored(Reason::StaleAttempt), _) => "The task has left that attempt".to_owned(),
        (Outcome::Ignored(Reason::NotOfInterest), _) => "Kept; it changes no task".to_owned(),
        (Outcome::Applied, Some(Transition::Progress)) => "Progress recorded".to_owned(),
        (Outcome::Applied, Some(Transition::Complete { late: true })) => "Task completed, late".to_owned(),
        (Outcome::Applied, Some(Transition::Retry)) => "Attempt failed; the task will be retried".to_owned(),
        // no task hears of the latter two
        (Outcome::Applied | Outcome::Parked | Outcome::Event, _) => format!("Task {}", status.replace('_', " ")),
    }
}
