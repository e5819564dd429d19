//! `POST /api/events`

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;
use uuid::Uuid;

use super::access::Caller;
use super::body::Sent;
use super::fields::Fields;
use super::openapi::EventErrors;
use super::problem::{Code, Problem};
use super::state::Hub;
use super::tasks::{digest, idempotency_key, stored};
use crate::domain::news::Topic;
use crate::domain::plan::{Announcement, Answer, Command, IdempotencyKey, Item, Refusal};
use crate::domain::task::TaskId;
use crate::store::{Entry, Papers};

/// Characters of a name.
const LONGEST_NAME: usize = 128;

/// An event in your own words.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = NewEvent)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes the body for the API document; it is read field by field")]
pub struct NewEventBody {
    /// Its name, which webhooks subscribe to. What begins with `task.`, `content.` or `webhook.` only the hub itself tells.
    #[schema(min_length = 1, max_length = 128, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$", example = "order.shipped")]
    event: String,
    /// Any JSON.
    #[schema(value_type = serde_json::Value, example = json!({"order": 1042}))]
    data: serde_json::Value,
    /// Goes into the payload's `metadata`.
    #[schema(value_type = Option<Object>, example = json!({"source": "shop"}))]
    metadata: Option<serde_json::Map<String, serde_json::Value>>,
    /// The task that it is about; then it keeps its place among the task's other events.
    #[schema(pattern = "^[A-Za-z0-9._:-]{1,128}$", example = "video-42")]
    task_id: Option<String>,
}

/// An event that is in the books.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PublishedEvent)]
pub struct EventBody {
    id: Uuid,
    #[schema(example = "order.shipped")]
    event: String,
    task_id: Option<String>,
    /// It was published before, by an equal request with the same `Idempotency-Key`.
    repeated: bool,
}

/// What is wanted, and where it will lie.
struct Wanted {
    name: String,
    task: Option<TaskId>,
    entry: Entry,
}

/// Publish an event
///
/// Matching webhooks get it, each at least once. Answers 202 when it is committed; nobody has to listen.
#[utoipa::path(
    post,
    path = "/api/events",
    tag = "events",
    params(("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!-~]([ -~]{0,253}[!-~])?$", description = "Makes publishing repeatable for at least 24 hours, per API key")),
    request_body(content = NewEventBody, content_type = "application/json"),
    responses((status = 202, description = "Committed, now or before", body = EventBody), EventErrors),
)]
pub async fn publish_event(
    State(hub): State<Arc<Hub>>,
    Extension(Caller { owner, .. }): Extension<Caller>,
    headers: HeaderMap,
    Sent(body): Sent,
) -> Result<(StatusCode, Json<EventBody>), Problem> {
    // tasks' keys are others
    let key = idempotency_key(&headers, format!("events/{owner}"))?;
    let id = Uuid::now_v7();
    let Wanted { name, task, entry } = read(&hub, &body, id, key)?;
    let (id, repeated) = match hub.journal.record(entry).await? {
        Answer::Announced => (id, false),
        Answer::Repeated(first) => (first.as_str().parse().map_err(|_| Problem::of(Code::Internal))?, true),
        Answer::Refused(refusal) => return Err(refused(&refusal)),
        _ => return Err(Problem::of(Code::Internal)),
    };
    let task_id = task.map(|task| task.as_str().to_owned());
    Ok((StatusCode::ACCEPTED, Json(EventBody { id, event: name, task_id, repeated })))
}

fn read(hub: &Hub, body: &[u8], id: Uuid, idempotency: Option<IdempotencyKey>) -> Result<Wanted, Problem> {
    let mut fields = Fields::of_body(body)?;
    let name = name(&mut fields);
    let data = fields.value("data");
    if data.is_none() {
        fields.blame_too("data", "is missing");
    }
    let metadata = fields.document("metadata").filter(|metadata| is_object(&mut fields, metadata));
    let task = fields.parse("task_id", "a task's id", |text| TaskId::parse(text).ok());
    fields.finish()?;
    let (Some(name), Some(data)) = (name, data) else { return Err(Problem::of(Code::Internal)) };
    let remarks = metadata.map(|_| Uuid::now_v7());
    let announcement = Announcement { id, name: name.clone(), remarks, idempotency, request_digest: digest(body)? };
    let papers = Papers::Announcement { data: stored(data.get()), remarks: metadata.map(|metadata| stored(metadata.get())) };
    let item = Item { task: task.clone(), at: hub.clock.now(), command: Command::Announce(Box::new(announcement)) };
    Ok(Wanted { name, task, entry: Entry { item, papers } })
}

fn name(fields: &mut Fields<'_>) -> Option<String> {
    if !fields.has("event") {
        fields.blame("event", "is missing");
    }
    let name: String = fields.take("event", "the event's name")?;
    let fault = if name.is_empty() || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
        Some("must be 1 to 128 characters without control characters")
    } else if name.trim() != name {
        Some("must not begin or end with a space")
    } else if Topic::RESERVED.iter().any(|reserved| name.starts_with(reserved)) {
        Some("must not begin with task., content. or webhook.: those events only the hub itself tells")
    } else {
        None
    };
    match fault {
        None => Some(name),
        Some(fault) => {
            fields.blame("event", fault);
            None
        }
    }
}

fn is_object(fields: &mut Fields<'_>, value: &RawValue) -> bool {
    let is_object = value.get().starts_with('{');
    if !is_object {
        fields.blame("metadata", "must be an object");
    }
    is_object
}

fn refused(refusal: &Refusal) -> Problem {
    match refusal {
        Refusal::UnknownTask => Problem::field(Code::UnknownTask, "task_id", refusal.to_string()),
        Refusal::KeyReused => Problem::field(Code::Conflict, "Idempotency-Key", refusal.to_string()),
        other => Problem::new(Code::Conflict, other.to_string()),
    }
}
