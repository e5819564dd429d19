//! What clients and operators do to a task that exists.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::create::stored;
use super::{TaskBody, known, load, refused, task_id};
use crate::domain::event::{Claim, Event, Occurrence};
use crate::domain::plan::{Answer, Command, Item, Patch, Refusal};
use crate::domain::task::{ExternalId, Source, TaskId};
use crate::http::access::Caller;
use crate::http::body::{Nothing, Sent};
use crate::http::fields::Fields;
use crate::http::openapi::ChangeErrors;
use crate::http::problem::{Code, Problem};
use crate::http::segment::Segment;
use crate::http::state::Hub;
use crate::store::{Entry, Origin, Papers};

/// What may change about a task.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = TaskPatch)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes the body for the API document; it is read field by field")]
pub struct PatchBody {
    /// The generator's own id of the current attempt; can be set once.
    #[schema(min_length = 1, max_length = 256, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$", example = "gen-7f3a")]
    external_id: Option<String>,
    /// Replaces what is there.
    #[schema(value_type = Option<serde_json::Value>)]
    metadata: Option<serde_json::Value>,
    /// 1 first, 10 last.
    #[schema(minimum = 1, maximum = 10)]
    priority: Option<u8>,
}

/// Change a task
///
/// Own code reports the generator's id here after submitting. An `external_id` that is set already stays: another one
/// answers 409.
#[utoipa::path(
    patch,
    path = "/api/tasks/{task_id}",
    tag = "tasks",
    params(("task_id" = String, Path, description = "The task's id", pattern = "^[A-Za-z0-9._:-]{1,128}$", example = "video-42")),
    request_body(content = PatchBody, content_type = "application/json"),
    responses((status = 200, description = "The task as it is now, without `callback_url`", body = TaskBody), ChangeErrors),
)]
pub async fn patch_task(
    State(hub): State<Arc<Hub>>,
    Segment(task): Segment,
    Sent(body): Sent,
) -> Result<Json<TaskBody>, Problem> {
    let mut fields = Fields::of_body(&body)?;
    let external_id =
        fields.parse("external_id", "1 to 256 bytes without control characters", |text| ExternalId::parse(text).ok());
    let metadata = fields.raw("metadata");
    let priority: Option<u8> = fields.whole("priority", "a whole number from 1 to 10");
    if priority.is_some_and(|priority| !(1..=10).contains(&priority)) {
        fields.blame("priority", "must be a whole number from 1 to 10");
    }
    fields.finish()?;

    let id = task_id(&task)?;
    let generator = known(&hub, &id).await?.generator;
    let policy = hub.terms.policy_of(generator.as_str());
    let patch = Patch { external_id, metadata: metadata.map(|_| Uuid::now_v7()), priority, policy };
    let metadata = metadata.map(|raw| stored(raw.get()));
    let entry = Entry {
        item: Item { task: Some(id.clone()), at: hub.clock.now(), command: Command::Patch(patch) },
        papers: Papers::Documents { input: None, params: None, metadata, webhook: None },
    };
    match hub.journal.record(entry).await? {
        Answer::Refused(refusal) => Err(refused(refusal)),
        _ => Ok(Json(TaskBody::brief(&hub, load(&hub, &id).await?))),
    }
}

/// Erase a settled task's bodies
///
/// Input, result, callbacks' bodies and headers are gone for good; the id stays taken. Once more, and what has come about it since
/// then is gone, too.
#[utoipa::path(
    delete,
    path = "/api/tasks/{task_id}",
    tag = "tasks",
    params(("task_id" = String, Path, description = "The task's id", pattern = "^[A-Za-z0-9._:-]{1,128}$", example = "video-42")),
    responses((status = 204, description = "Erased"), ChangeErrors),
)]
pub async fn erase_task(State(hub): State<Arc<Hub>>, Segment(task): Segment, _: Nothing) -> Result<StatusCode, Problem> {
    let item = Item { task: Some(task_id(&task)?), at: hub.clock.now(), command: Command::Erase };
    match hub.journal.record(Entry { item, papers: Papers::None }).await? {
        Answer::Refused(Refusal::WrongState(status)) => {
            let detail = format!("The task is {}: only settled tasks can be erased", status.as_str());
            Err(Problem::new(Code::Conflict, detail))
        }
        Answer::Refused(refusal) => Err(refused(refusal)),
        _ => Ok(StatusCode::NO_CONTENT),
    }
}

/// Cancel a task
///
/// Cancelling a cancelled task changes nothing; other settled tasks answer 409.
#[utoipa::path(
    post,
    path = "/api/tasks/{task_id}/cancel",
    tag = "tasks",
    params(("task_id" = String, Path, description = "The task's id", pattern = "^[A-Za-z0-9._:-]{1,128}$", example = "video-42")),
    responses((status = 200, description = "The cancelled task, without `callback_url`", body = TaskBody), ChangeErrors),
)]
pub async fn cancel_task(
    State(hub): State<Arc<Hub>>,
    Extension(caller): Extension<Caller>,
    Segment(task): Segment,
    _: Nothing,
) -> Result<Json<TaskBody>, Problem> {
    let id = operate(&hub, &caller, &task, Event::OperatorCancel).await?;
    Ok(Json(TaskBody::brief(&hub, load(&hub, &id).await?)))
}

/// Retry a task
///
/// Failed, timed out and cancelled tasks get a new attempt, and the answer its `callback_url`.
#[utoipa::path(
    post,
    path = "/api/tasks/{task_id}/retry",
    tag = "tasks",
    params(("task_id" = String, Path, description = "The task's id", pattern = "^[A-Za-z0-9._:-]{1,128}$", example = "video-42")),
    responses((status = 200, description = "The task in its new attempt, with the attempt's `callback_url`", body = TaskBody), ChangeErrors),
)]
pub async fn retry_task(
    State(hub): State<Arc<Hub>>,
    Extension(caller): Extension<Caller>,
    Segment(task): Segment,
    _: Nothing,
) -> Result<Json<TaskBody>, Problem> {
    let id = operate(&hub, &caller, &task, Event::OperatorRetry).await?;
    Ok(Json(TaskBody::whole(&hub, load(&hub, &id).await?)))
}

/// An operator's wish is an event like any other.
pub(super) async fn operate(hub: &Hub, caller: &Caller, task: &str, event: Event) -> Result<TaskId, Problem> {
    let id = task_id(task)?;
    let generator = known(hub, &id).await?.generator;
    let now = hub.clock.now();
    let occurrence = Occurrence {
        event,
        source: Source::Operator,
        generator: None,
        claim: Claim::default(),
        policy: hub.terms.policy_of(generator.as_str()),
        fingerprint: None,
        replayed: false,
        generator_time: None,
        held: None,
    };
    let entry = Entry::of_event(Some(id.clone()), now, occurrence, Origin::of_operator(generator, now, &caller.name));
    match hub.journal.record(entry).await? {
        Answer::Refused(refusal) => Err(refused(refusal)),
        _ => Ok(id),
    }
}
