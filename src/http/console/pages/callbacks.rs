//! `/console/callbacks`: every receipt, and why a callback was refused.

use axum::extract::Path;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::http::console::answer::Refusal;
use crate::http::console::legible;
use crate::http::console::visit::{Visit, done, segment};

const FILTERS: [&str; 7] = ["verdict", "generator", "task_id", "outcome", "event", "source", "code"];

pub(in crate::http::console) async fn list(visit: Visit) -> Result<Response, Refusal> {
    let (list, fault) = visit.list("/api/callbacks", &FILTERS).await;
    let context = json!({
        "list": list, "generators": visit.generators(), "query": visit.query.values(),
        "next": visit.next(&list, "/console/callbacks", &FILTERS),
    });
    Ok(visit.page_with("callbacks.html", "Callbacks", context, fault.as_ref()))
}

pub(in crate::http::console) async fn show(visit: Visit, Path(id): Path<String>) -> Result<Response, Refusal> {
    let mut receipt = visit.get(&format!("/api/callbacks/{}", segment(&id)?)).await?;
    let bytes = body(&mut receipt);
    let shown = bytes.as_deref().map(|bytes| {
        let shown = legible::body(bytes);
        json!({"kind": shown.kind, "markup": shown.markup, "cut": shown.cut, "length": bytes.len()})
    });
    // what waits for its task, or is no task's business, is applied once and by itself
    let is_a_tasks = !["parked", "event"].iter().any(|outcome| receipt["outcome"] == *outcome);
    let may_be_replayed = bytes.is_some() && receipt["body_cut"] == json!(false) && is_a_tasks;
    // whoever is refused may name what he likes
    let task = receipt["task_id"].as_str().and_then(|task| segment(task).ok());
    let is_known = match task {
        Some(task) => visit.get(&format!("/api/tasks/{task}")).await.is_ok(),
        None => false,
    };
    let context = json!({"body": shown, "may_be_replayed": may_be_replayed, "is_known": is_known, "receipt": receipt});
    Ok(visit.page("callback.html", "Callback", context))
}

/// As it was received, as a file: no browser makes a page of it.
pub(in crate::http::console) async fn download(visit: Visit, Path(id): Path<String>) -> Result<Response, Refusal> {
    let mut receipt = visit.get(&format!("/api/callbacks/{}", segment(&id)?)).await?;
    let name = format!("attachment; filename=\"callback-{id}.bin\"");
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")),
        (header::CONTENT_DISPOSITION, HeaderValue::try_from(name).unwrap_or(HeaderValue::from_static("attachment"))),
    ];
    Ok((headers, body(&mut receipt).unwrap_or_default()).into_response())
}

pub(in crate::http::console) async fn replay(visit: Visit, Path(id): Path<String>) -> Result<Response, Refusal> {
    let answer = visit.post(&format!("/api/callbacks/{}/replay", segment(&id)?), json!({})).await?;
    let receipt = answer["callback_id"].as_str().unwrap_or(&id);
    Ok(done(&format!("/console/callbacks/{receipt}"), "replayed"))
}

/// Taken out of a receipt; none if it is not kept (any more).
pub(super) fn body(receipt: &mut Value) -> Option<Vec<u8>> {
    let is_base64 = receipt["body_encoding"] == json!("base64");
    match receipt["body"].take() {
        Value::String(text) if is_base64 => STANDARD.decode(text).ok(),
        Value::String(text) => Some(text.into_bytes()),
        _ => None,
    }
}
