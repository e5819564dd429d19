//! A task as clients see it.

use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use uuid::Uuid;

use super::View;
use crate::domain::task::{Progress, State, Status, Task, TaskError};
use crate::domain::time::Timestamp;
use crate::http::state::Hub;
use crate::store::TaskRecord;

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Task)]
pub struct TaskBody {
    #[schema(example = "video-42")]
    id: String,
    #[schema(example = "default")]
    generator: String,
    #[schema(value_type = StatusWord, example = "processing")]
    status: &'static str,
    /// The current attempt, from 1.
    attempt: u32,
    /// Attempts after the first that failures may use up.
    max_retries: u32,
    progress: ProgressBody,
    /// What the generator made; absent in lists.
    #[schema(value_type = Option<serde_json::Value>)]
    result: Option<Box<RawValue>>,
    #[schema(value_type = Option<String>, format = DateTime)]
    result_expires_at: Option<Timestamp>,
    error: Option<ErrorBody>,
    /// The generator's own id of the current attempt.
    external_id: Option<String>,
    /// Where the generator should call; only in the answers to creation, reading and retry.
    #[serde(skip_serializing_if = "Option::is_none")]
    callback_url: Option<String>,
    /// Absent in lists.
    #[schema(value_type = Option<serde_json::Value>)]
    input: Option<Box<RawValue>>,
    /// Absent in lists.
    #[schema(value_type = Option<serde_json::Value>)]
    params: Option<Box<RawValue>>,
    #[schema(value_type = Option<serde_json::Value>)]
    metadata: Option<Box<RawValue>>,
    /// 1 first, 10 last.
    priority: u8,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    submitted_at: Option<Timestamp>,
    /// First sign of work.
    #[schema(value_type = Option<String>, format = DateTime)]
    started_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    settled_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    deadline_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    next_poll_at: Option<Timestamp>,
    /// The road of the news: `submit`, `callback`, `poll`, `deadline`, `operator`
    settled_by: Option<&'static str>,
    /// Completed after it was presumed dead.
    late: bool,
    /// Whether the generator took the current attempt is not known.
    submit_unknown: bool,
    /// Running past its deadline.
    overdue: bool,
    /// Ready to be submitted, and its generator has as many as it takes at a time.
    waiting_for_slot: bool,
    /// Whether the result needs no review.
    auto_approve: bool,
    /// Its own webhook, if it was made with one.
    webhook_id: Option<Uuid>,
    /// When bodies and results were erased, the last time.
    #[schema(value_type = Option<String>, format = DateTime)]
    erased_at: Option<Timestamp>,
}

/// `pending`: the hub has yet to submit it. `submitted` and `processing`: the generator has it. The others are settled.
#[derive(ToSchema)]
#[schema(as = Status, rename_all = "snake_case")]
#[expect(dead_code, reason = "describes `status` for the API document; a test holds it against the domain's")]
enum StatusWord {
    Pending,
    Submitted,
    Processing,
    Completed,
    Failed,
    TimedOut,
    Cancelled,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Progress)]
pub struct ProgressBody {
    /// 0 to 100.
    percent: Option<f64>,
    stage: Option<String>,
    message: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime)]
    updated_at: Option<Timestamp>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TaskError)]
pub struct ErrorBody {
    #[schema(example = "UNKNOWN")]
    code: String,
    #[serde(rename = "type")]
    #[schema(example = "GeneralError")]
    kind: String,
    #[schema(example = "Unknown error")]
    message: String,
    #[schema(value_type = Option<serde_json::Value>)]
    details: Option<Box<RawValue>>,
}

impl TaskBody {
    /// For a list: without what is large or secret.
    pub(crate) fn brief(hub: &Hub, view: View) -> Self {
        let View { record: TaskRecord { task, input, params, metadata, result }, waiting_for_slot } = view;
        let now = hub.clock.now();
        let attempt = task.attempt();
        let settled = task.state.settlement();
        let running = matches!(task.status(), Status::Submitted | Status::Processing);
        Self {
            id: task.id.as_str().to_owned(),
            generator: task.generator.as_str().to_owned(),
            status: task.status().as_str(),
            attempt: attempt.number,
            max_retries: task.max_retries,
            result: json(result),
            result_expires_at: expiry(hub, &task),
            error: error(&task.state),
            external_id: attempt.external_id.as_ref().map(|id| id.as_str().to_owned()),
            callback_url: None,
            input: json(input),
            params: json(params),
            metadata: json(metadata),
            priority: task.priority,
            created_at: task.created_at,
            submitted_at: attempt.submitted_at,
            started_at: task.started_at,
            settled_at: settled.map(|settled| settled.at),
            deadline_at: attempt.deadline_at,
            next_poll_at: task.next_poll_at,
            settled_by: settled.map(|settled| settled.by.as_str()),
            late: matches!(task.state, State::Completed { late: true, .. }),
            submit_unknown: task.submit_unknown,
            overdue: running && attempt.deadline_at.is_some_and(|deadline| deadline <= now),
            waiting_for_slot,
            auto_approve: task.auto_approve,
            webhook_id: task.webhook,
            erased_at: task.erased_at,
            progress: task.progress.into(),
        }
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// With the URL that the current attempt's generator should call.
    pub(super) fn whole(hub: &Hub, view: View) -> Self {
        let callback_url = Some(hub.terms.callback_url(&view.record.task));
        Self { callback_url, ..Self::brief(hub, view) }
    }
}

impl From<Progress> for ProgressBody {
    fn from(progress: Progress) -> Self {
        let Progress { percent, stage, message, updated_at } = progress;
        Self { percent, stage, message, updated_at }
    }
}

fn error(state: &State) -> Option<ErrorBody> {
    let State::Failed { error, .. } = state else { return None };
    let TaskError { code, kind, message, details } = error.clone();
    Some(ErrorBody { code, kind, message, details: json(details) })
}

fn expiry(hub: &Hub, task: &Task) -> Option<Timestamp> {
    let State::Completed { settled, .. } = &task.state else { return None };
    let ttl = hub.terms.catalog().find(task.generator.as_str())?.result_ttl()?;
    Some(settled.at.plus(ttl))
}

/// Stored JSON goes out as it is.
fn json(text: Option<String>) -> Option<Box<RawValue>> {
    text.and_then(|text| RawValue::from_string(text).ok())
}
