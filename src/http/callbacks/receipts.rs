//! Receipts: what was accepted and what was refused, as operators see it.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use uuid::Uuid;

use super::pages::{self, Position, Wanted};
use super::verify::FindingBody;
use crate::domain::event::Outcome;
use crate::domain::task::TaskId;
use crate::domain::time::Timestamp;
use crate::http::cursor::{self, DEFAULT_LIMIT};
use crate::http::fields::Fields;
use crate::http::openapi::{ListErrors, ReceiptErrors, TaskErrors};
use crate::http::problem::{Code, Problem};
use crate::http::segment::Segment;
use crate::http::state::Hub;
use crate::store::{Receipt, ReceiptFilter, Rejection};

const PAGE_END: &str = "the next_cursor of a page of this list";

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Receipt)]
pub struct ReceiptBody {
    id: Uuid,
    /// Null if no task has heard of it (yet).
    task_id: Option<String>,
    generator: String,
    attempt: Option<u32>,
    /// `submit`, `callback`, `poll`, `deadline`, `operator`
    source: String,
    /// What it meant, of a custom event its name; null if it was refused.
    #[schema(example = "completed")]
    event: Option<String>,
    /// `accepted`, `rejected`
    verdict: &'static str,
    #[schema(example = "applied")]
    outcome: Option<String>,
    /// Why it was ignored.
    reason: Option<String>,
    /// While it is parked: the task's id, or the generator's id for it, that nobody knows yet.
    waiting_for: Option<String>,
    /// Why it was refused.
    code: Option<String>,
    /// The refusal's sentence.
    detail: Option<String>,
    /// Why its proof did not hold; null if it was refused for something else, or too many were refused to look at each.
    #[schema(value_type = Option<FindingBody>)]
    finding: Option<Box<RawValue>>,
    #[schema(value_type = String, format = DateTime)]
    received_at: Timestamp,
    /// Until it was written, in microseconds.
    duration_us: i64,
    /// The name of the API key that it came with, if an operator wished it, or has replayed it.
    operator: Option<String>,
    /// Secrets masked, signatures kept.
    #[schema(value_type = Option<BTreeMap<String, String>>)]
    headers: Option<Box<RawValue>>,
    /// As it was received; null in lists, for duplicates (the first one has it) and after erasure.
    body: Option<String>,
    /// `utf8`, or `base64` for bodies that are not text.
    body_encoding: Option<&'static str>,
    /// Whether only the beginning of the body was kept.
    body_cut: bool,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ReceiptList {
    pub(super) items: Vec<ReceiptBody>,
    /// Give it as `cursor` for the next page; null on the last one.
    pub(super) next_cursor: Option<String>,
}

/// List callbacks
///
/// All receipts, refused callbacks too, newest first, without bodies. Where few fit, a page may hold fewer than `limit`, even none:
/// there are more as long as `next_cursor` is there.
#[utoipa::path(
    get,
    path = "/api/callbacks",
    tag = "receipts",
    params(
        ("verdict" = Option<String>, Query, pattern = "^(accepted|rejected)$", description = "`accepted` or `rejected`"),
        ("generator" = Option<String>, Query, description = "Of this generator"),
        ("task_id" = Option<String>, Query, description = "Of this task"),
        ("outcome" = Option<String>, Query, description = "`applied`, `duplicate`, `ignored`, `hint`, `parked`, `event`"),
        ("event" = Option<String>, Query, description = "What it meant: `completed`, `failed`, `progress` …, or a custom event's name"),
        ("source" = Option<String>, Query, description = "`callback`, `operator`"),
        ("code" = Option<String>, Query, description = "Refused callbacks with this code"),
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 200, description = "Items on a page; 50 if absent"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses((status = 200, description = "A page of receipts", body = ReceiptList), ListErrors),
)]
pub async fn list_callbacks(State(hub): State<Arc<Hub>>, RawQuery(query): RawQuery) -> Result<Json<ReceiptList>, Problem> {
    let mut fields = Fields::of_query(query.as_deref());
    let text = |text: &str| Some(text.to_owned()).filter(|text| !text.contains('\0'));
    let verdict = fields.parse("verdict", "accepted or rejected", |text| match text {
        "accepted" => Some(true),
        "rejected" => Some(false),
        _ => None,
    });
    let task = fields.parse("task_id", "a task's id", text);
    let code = fields.parse("code", "a code", text);
    let limit = fields.parse("limit", "a whole number from 1 to 200", cursor::limit).unwrap_or(DEFAULT_LIMIT);
    let filter = ReceiptFilter {
        generator: fields.parse("generator", "a generator's name", text),
        outcome: fields.parse("outcome", "an outcome", text),
        event: fields.parse("event", "an event", text),
        source: fields.parse("source", "a source", text),
    };
    let after = fields.parse("cursor", PAGE_END, |text| Position::parse(text, task.is_some()));
    fields.finish()?;

    let only_accepted = verdict == Some(true) || filter.outcome.is_some() || filter.event.is_some() || filter.source.is_some();
    let wanted = Wanted {
        accepted: verdict != Some(false) && code.is_none(),
        rejected: !only_accepted,
        task: task.as_deref(),
        code: code.as_deref(),
        filter,
    };
    Ok(Json(pages::read(&hub, &wanted, after.unwrap_or_default(), limit).await?))
}

/// List a task's callbacks
///
/// Newest first, with the refused ones that named the task in their path, without bodies.
#[utoipa::path(
    get,
    path = "/api/tasks/{task_id}/callbacks",
    tag = "receipts",
    params(
        ("task_id" = String, Path, description = "The task's id", pattern = "^[A-Za-z0-9._:-]{1,128}$", example = "video-42"),
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 200, description = "Items on a page; 50 if absent"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses((status = 200, description = "A page of receipts", body = ReceiptList), TaskErrors),
)]
pub async fn list_task_callbacks(
    State(hub): State<Arc<Hub>>,
    Segment(task): Segment,
    RawQuery(query): RawQuery,
) -> Result<Json<ReceiptList>, Problem> {
    let mut fields = Fields::of_query(query.as_deref());
    let limit = fields.parse("limit", "a whole number from 1 to 200", cursor::limit).unwrap_or(DEFAULT_LIMIT);
    let after = fields.parse("cursor", PAGE_END, |text| Position::parse(text, true));
    fields.finish()?;
    let id = TaskId::parse(&task).map_err(|_| Problem::of(Code::UnknownTask))?;
    if hub.store.task_state(&id).await?.is_none() {
        return Err(Problem::of(Code::UnknownTask));
    }
    let wanted = Wanted { accepted: true, rejected: true, task: Some(id.as_str()), code: None, filter: ReceiptFilter::default() };
    Ok(Json(pages::read(&hub, &wanted, after.unwrap_or_default(), limit).await?))
}

/// Read a callback
///
/// With its body and headers.
#[utoipa::path(
    get,
    path = "/api/callbacks/{callback_id}",
    tag = "receipts",
    params(("callback_id" = Uuid, Path, description = "The receipt's id: `callback_id` of the answer, `id` in lists")),
    responses((status = 200, description = "The receipt", body = ReceiptBody), ReceiptErrors),
)]
pub async fn read_callback(State(hub): State<Arc<Hub>>, Segment(id): Segment) -> Result<Json<ReceiptBody>, Problem> {
    let unknown = || Problem::new(Code::NotFound, "There is no such callback");
    let id = id.parse::<Uuid>().map_err(|_| unknown())?;
    if let Some(receipt) = hub.store.receipt(id).await? {
        let body = match receipt.payload {
            Some(payload) => hub.store.payload(payload).await?,
            None => None,
        };
        let mut found = ReceiptBody::accepted(receipt, body);
        add_awaited(&hub, std::slice::from_mut(&mut found)).await?;
        return Ok(Json(found));
    }
    let rejection = hub.store.rejection(id).await?.ok_or_else(unknown)?;
    Ok(Json(ReceiptBody::rejected(rejection, true)))
}

impl ReceiptBody {
    pub(super) fn accepted(receipt: Receipt, body: Option<Vec<u8>>) -> Self {
        let (body, body_encoding) = spelled(body);
        Self {
            id: receipt.id,
            task_id: receipt.task,
            generator: receipt.generator,
            attempt: receipt.attempt.and_then(|attempt| u32::try_from(attempt).ok()),
            source: receipt.source,
            event: Some(receipt.event),
            verdict: "accepted",
            outcome: Some(receipt.outcome),
            reason: receipt.reason,
            waiting_for: None,
            code: None,
            detail: None,
            finding: None,
            received_at: receipt.received_at,
            duration_us: receipt.duration_us,
            operator: receipt.operator,
            headers: RawValue::from_string(receipt.headers).ok(),
            body,
            body_encoding,
            body_cut: false,
        }
    }

    pub(super) fn rejected(rejection: Rejection, with_body: bool) -> Self {
        let body_cut = rejection.is_cut();
        let (body, body_encoding) = spelled(Some(rejection.body).filter(|_| with_body));
        Self {
            id: rejection.id,
            task_id: rejection.task,
            generator: rejection.generator,
            attempt: rejection.token_attempt.filter(|&attempt| attempt != Rejection::OF_NO_ATTEMPT).or(rejection.attempt),
            source: "callback".to_owned(),
            event: None,
            verdict: "rejected",
            outcome: None,
            reason: None,
            waiting_for: None,
            code: Some(rejection.code),
            detail: Some(rejection.detail),
            finding: rejection.finding.and_then(|finding| RawValue::from_string(finding).ok()),
            received_at: rejection.received_at,
            duration_us: rejection.duration_us,
            operator: None,
            headers: RawValue::from_string(rejection.headers).ok(),
            body,
            body_encoding,
            body_cut,
        }
    }
}

/// What the parked ones among them wait for.
pub(super) async fn add_awaited(hub: &Hub, receipts: &mut [ReceiptBody]) -> Result<(), Problem> {
    let parked = receipts.iter().filter(|receipt| receipt.outcome.as_deref() == Some(Outcome::Parked.as_str()));
    let mut awaited = hub.store.awaited(parked.map(|receipt| receipt.id).collect()).await?;
    for receipt in receipts {
        receipt.waiting_for = awaited.remove(&receipt.id);
    }
    Ok(())
}

fn spelled(body: Option<Vec<u8>>) -> (Option<String>, Option<&'static str>) {
    match body.map(String::from_utf8) {
        None => (None, None),
        Some(Ok(text)) => (Some(text), Some("utf8")),
        Some(Err(bytes)) => (Some(STANDARD.encode(bytes.as_bytes())), Some("base64")),
    }
}
