//! `POST /api/tasks`

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use uuid::Uuid;

use super::digest::digest;
use super::own_webhook::{self, OwnWebhookBody};
use super::{TaskBody, load, refused};
use crate::domain::plan::{Answer, Command, IdempotencyKey, Item, NewTask};
use crate::domain::task::{Documents, ExternalId, Submitter, TaskId};
use crate::domain::time::Timestamp;
use crate::generator::entry::Generator;
use crate::generator::json;
use crate::generator::request::{Job, Unsendable};
use crate::http::access::Caller;
use crate::http::body::Sent;
use crate::http::fields::Fields;
use crate::http::openapi::CreationErrors;
use crate::http::problem::{Code, Problem};
use crate::http::state::Hub;
use crate::store::{Entry, Papers};

const LONGEST_TIMEOUT: u64 = 30 * 24 * 3600;
const LONGEST_KEY: usize = 255;

/// A task to be.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = NewTask)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes the body for the API document; it is read field by field")]
pub struct NewTaskBody {
    /// Your own id for it; made if absent.
    #[schema(pattern = "^[A-Za-z0-9._:-]{1,128}$", example = "video-42")]
    id: Option<String>,
    /// The name of a loaded generator; `default` if absent.
    #[schema(example = "default")]
    generator: Option<String>,
    /// The request body that the generator documents: any JSON.
    #[schema(value_type = Option<serde_json::Value>, example = json!({"prompt": "a lighthouse at dusk"}))]
    input: Option<serde_json::Value>,
    /// Fill `{…}` in the generator's URLs: strings or numbers.
    params: Option<BTreeMap<String, String>>,
    /// Yours: any JSON. The hub hands it back and does not read it.
    #[schema(value_type = Option<serde_json::Value>, example = json!({"order": 1042}))]
    metadata: Option<serde_json::Value>,
    /// 1 first, 10 last; 5 if absent.
    #[schema(minimum = 1, maximum = 10)]
    priority: Option<u8>,
    /// From submission to deadline; at most 30 days. The generator's default if absent.
    #[schema(minimum = 1, maximum = 2_592_000, example = 1800)]
    timeout_seconds: Option<u64>,
    /// Attempts after the first that failures may use up.
    #[schema(maximum = 100)]
    max_retries: Option<u32>,
    /// The generator's own id, if you have submitted the job already.
    #[schema(min_length = 1, max_length = 256, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$")]
    external_id: Option<String>,
    /// Whether the hub submits the job, or your own code does; by default the hub, where the generator has a submit request
    /// and what that needs is configured, unless `external_id` says that it is done.
    #[schema(example = false)]
    submit: Option<bool>,
    /// Whether the result needs no review; as `TASK_AUTO_APPROVE` says, if absent.
    auto_approve: Option<bool>,
    webhook: Option<OwnWebhookBody>,
}

/// Create a task
///
/// Answers 201 with the task and the `callback_url` to hand to the generator. The same `id` or `Idempotency-Key` with an
/// equal body answers 200 with the first task.
#[utoipa::path(
    post,
    path = "/api/tasks",
    tag = "tasks",
    params(("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!-~]([ -~]{0,253}[!-~])?$", description = "Makes creation repeatable for at least 24 hours, per API key")),
    request_body(content = NewTaskBody, content_type = "application/json"),
    responses(
        (status = 201, description = "Created; hand `callback_url` to the generator", body = TaskBody),
        (status = 200, description = "Created before, by an equal request", body = TaskBody),
        CreationErrors,
    ),
)]
pub async fn create_task(
    State(hub): State<Arc<Hub>>,
    Extension(Caller { owner, .. }): Extension<Caller>,
    headers: HeaderMap,
    Sent(body): Sent,
) -> Result<Response, Problem> {
    let (id, entry) = entry(&hub, &body, idempotency_key(&headers, owner)?).await?;
    let (status, id) = match hub.journal.record(entry).await? {
        Answer::Created => (StatusCode::CREATED, id),
        Answer::Repeated(first) => (StatusCode::OK, first),
        Answer::Refused(refusal) => return Err(refused(refusal)),
        _ => return Err(Problem::of(Code::Internal)),
    };
    Ok((status, Json(TaskBody::whole(&hub, load(&hub, &id).await?))).into_response())
}

pub(in crate::http) fn idempotency_key(headers: &HeaderMap, owner: String) -> Result<Option<IdempotencyKey>, Problem> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    // its own check lets tabs through
    let is_printable = |key: &&str| key.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    let key = value.to_str().ok().filter(|key| (1..=LONGEST_KEY).contains(&key.len())).filter(is_printable);
    let wanted = "must be 1 to 255 printable ASCII characters";
    let key = key.ok_or_else(|| Problem::field(Code::InvalidRequest, "Idempotency-Key", wanted))?;
    Ok(Some(IdempotencyKey { owner, key: key.to_owned() }))
}

async fn entry(hub: &Hub, body: &[u8], idempotency: Option<IdempotencyKey>) -> Result<(TaskId, Entry), Problem> {
    let mut fields = Fields::of_body(body)?;
    let id = fields.parse("id", "1 to 128 characters of A-Z a-z 0-9 . _ : -", |text| TaskId::parse(text).ok());
    let generator = generator(hub, &mut fields);
    let input = fields.raw("input");
    let params: Option<BTreeMap<String, RawScalar>> = fields.take_raw("params", "an object of strings and numbers");
    let metadata = fields.raw("metadata");
    let priority: Option<u8> = fields.whole("priority", "a whole number from 1 to 10");
    let timeout: Option<u64> = fields.whole("timeout_seconds", "a whole number of seconds, at most 30 days");
    let max_retries: Option<u32> = fields.whole("max_retries", "a whole number from 0 to 100");
    let external_id =
        fields.parse("external_id", "1 to 256 bytes without control characters", |text| ExternalId::parse(text).ok());
    let submit: Option<bool> = fields.take("submit", "true or false");
    bounds(&mut fields, priority, timeout, max_retries);
    let submitter = generator.as_ref().map(|generator| submitter(&mut fields, generator, submit, external_id.is_some()));
    if id.as_ref().is_some_and(|id| matches!(id.as_str(), "." | "..")) {
        fields.blame("id", "clients take . and .. out of URLs, and the callback would go elsewhere");
    }
    fields.refuse("callback_url", "is made by the hub, did you mean webhook.url?");
    let auto_approve: Option<bool> = fields.take("auto_approve", "true or false");
    let task = match id {
        Some(id) => id,
        None => TaskId::parse(&Uuid::now_v7().to_string()).map_err(|_| Problem::of(Code::Internal))?,
    };
    let webhook = own_webhook::draft(hub, &mut fields, &task).await;
    fields.finish()?;
    let (Some(generator), Some(submitter)) = (generator, submitter) else { return Err(Problem::of(Code::Internal)) };

    let params = params.map(|params| stored(&json_text(&params)));
    let documents = Documents {
        input: input.map(|_| Uuid::now_v7()),
        params: params.as_ref().map(|_| Uuid::now_v7()),
        metadata: metadata.map(|_| Uuid::now_v7()),
    };
    let new = NewTask {
        submitter,
        max_retries: max_retries.unwrap_or_else(|| hub.terms.max_retries(&generator)),
        timeout: timeout.map_or_else(|| hub.terms.timeout(&generator), Duration::from_secs),
        priority: priority.unwrap_or(5),
        external_id,
        documents,
        request_digest: digest(body)?,
        idempotency,
        auto_approve: auto_approve.unwrap_or(hub.options().auto_approve),
        webhook: webhook.as_ref().map(|own| own.webhook.id),
        policy: hub.terms.policy(&generator),
        generator: generator.name().clone(),
    };
    if submitter == Submitter::Hub {
        let params = params.as_ref().and_then(|params| std::str::from_utf8(params).ok());
        try_request(&generator, &task, new.priority, input.map(RawValue::get), params)?;
    }
    let papers = Papers::Documents {
        input: input.map(|raw| stored(raw.get())),
        params,
        metadata: metadata.map(|raw| stored(raw.get())),
        webhook,
    };
    let item = Item { task: Some(task.clone()), at: hub.clock.now(), command: Command::Create(Box::new(new)) };
    Ok((task, Entry { item, papers }))
}

fn generator(hub: &Hub, fields: &mut Fields<'_>) -> Option<Arc<Generator>> {
    let name: Option<String> = fields.take("generator", "the name of a generator");
    let name = name.as_deref().unwrap_or("default");
    let catalog = hub.terms.catalog();
    let found = catalog.find(name).cloned();
    if found.is_none() {
        let known: Vec<&str> = catalog.iter().map(|generator| generator.name().as_str()).collect();
        fields.blame("generator", format!("is none of {}", known.join(", ")));
    }
    found
}

fn bounds(fields: &mut Fields<'_>, priority: Option<u8>, timeout: Option<u64>, max_retries: Option<u32>) {
    if priority.is_some_and(|priority| !(1..=10).contains(&priority)) {
        fields.blame("priority", "must be a whole number from 1 to 10");
    }
    if timeout.is_some_and(|seconds| !(1..=LONGEST_TIMEOUT).contains(&seconds)) {
        fields.blame("timeout_seconds", "must be a whole number of seconds from 1 to 30 days");
    }
    if max_retries.is_some_and(|retries| retries > 100) {
        fields.blame("max_retries", "must be a whole number from 0 to 100");
    }
}

fn submitter(fields: &mut Fields<'_>, generator: &Generator, wanted: Option<bool>, is_done: bool) -> Submitter {
    match (wanted, generator.can_submit()) {
        (Some(false), _) => Submitter::OwnCode,
        (None, able) if is_done || able.is_err() => Submitter::OwnCode,
        (_, Ok(())) if is_done => {
            fields.blame("external_id", "is the generator's answer where the hub submits: leave it away, or say `submit: false`");
            Submitter::Hub
        }
        (_, Ok(())) => Submitter::Hub,
        (_, Err(lack)) => {
            fields.blame("submit", format!("is not possible: {lack}"));
            Submitter::OwnCode
        }
    }
}

/// What the generator's request cannot be made of is better refused now than when its turn comes.
fn try_request(
    generator: &Generator,
    task: &TaskId,
    priority: u8,
    input: Option<&str>,
    params: Option<&str>,
) -> Result<(), Problem> {
    let (callback_url, token) = (Some("http://127.0.0.1/callback"), Some("token"));
    // it is not sent: any time will do
    let now = Timestamp::EPOCH;
    let job = Job { task, attempt: 1, external_id: None, input, params, priority, callback_url, token, submit_answer: None, now };
    let refused = |Unsendable { field, fact }| Problem::field(Code::InvalidRequest, field, fact);
    generator.submit_request(&job).map(drop).map_err(refused)
}

/// What stands in a URL: a text or a number.
#[derive(Deserialize, serde::Serialize)]
#[serde(untagged)]
enum RawScalar {
    Text(String),
    Number(serde_json::Number),
}

fn json_text(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// A document as it is kept.
pub(in crate::http) fn stored(json: &str) -> Bytes {
    json::storable(json).map_or_else(|| Bytes::copy_from_slice(json.as_bytes()), Bytes::from)
}
