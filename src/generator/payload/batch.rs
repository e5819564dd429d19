//! Many events under one signature: each item is decoded from its own bytes, and fails alone.

use bytes::Bytes;
use serde_json::value::RawValue;

use crate::domain::event::Claim;
use crate::domain::task::TaskId;

use super::{Decoded, Message, refused};
use crate::generator::json::{self, Document, Kind};
use crate::generator::reader::Takes;
use crate::generator::refusal::{Code, FieldError, Refusal};
use crate::generator::signature::Verified;
use crate::generator::source::Pointer;

pub const MOST_ITEMS: usize = 1_000;

/// One of many, with its own bytes and its own outcome.
pub struct BatchItem {
    pub body: Bytes,
    /// The task that it names, if it names one.
    pub task: Option<TaskId>,
    pub decoded: Result<Decoded, Refusal>,
}

/// The items of `{"callbacks":[{"task_id":…, …event…}, …]}`, in order. In a batch no id is
/// adopted, and headers and query say nothing about single items.
///
/// # Errors
/// `malformed_body`: it is no batch.
pub fn decode_batch(verified: &Verified) -> Result<Vec<BatchItem>, Refusal> {
    let body = &verified.raw().body;
    let document = Document::parse(body, &["callbacks"]).map_err(|malformed| refused(&malformed))?;
    let callbacks = key("callbacks").and_then(|callbacks| document.find(&callbacks).value());
    let items = callbacks.filter(|value| json::kind(value) == Kind::Array).ok_or_else(|| no_batch("must be an array"))?;
    let items = json::elements(items, MOST_ITEMS).ok_or_else(|| no_batch(&format!("may hold at most {MOST_ITEMS} items")))?;
    let decode = |item: &RawValue| decode_item(verified, body.slice(document.span(item)));
    Ok(items.into_iter().map(decode).collect())
}

fn no_batch(wanted: &str) -> Refusal {
    let errors = vec![FieldError::new("callbacks", wanted)];
    Refusal::of_fields(Code::MalformedBody, format!("The body is not a batch of callbacks: `callbacks` {wanted}"), errors)
}

fn decode_item(verified: &Verified, body: Bytes) -> BatchItem {
    let task = match Document::parse(&body, &["task_id"]) {
        Ok(document) => task_of(&document),
        Err(malformed) => return BatchItem { decoded: Err(refused(&malformed)), task: None, body },
    };
    BatchItem { task: task.as_ref().ok().cloned(), decoded: decode_event(verified, &body, task), body }
}

fn task_of(document: &Document<'_>) -> Result<TaskId, String> {
    let value = key("task_id").and_then(|task| document.find(&task).value());
    match value.map(|value| Takes::Ids.read(value)) {
        None => Err("is missing".to_owned()),
        Some(None) => Err(Takes::Ids.wanted().to_owned()),
        Some(Some(id)) => TaskId::parse(&id).map_err(|wanted| wanted.to_string()),
    }
}

fn decode_event(verified: &Verified, body: &Bytes, task: Result<TaskId, String>) -> Result<Decoded, Refusal> {
    // the event's own faults come first, as they do outside of batches
    let (named, is_hearsay) = (task.as_ref().ok().cloned(), verified.is_hearsay());
    let claim = Claim::default();
    let message = Message { body, envelope: None, task: named, claim, must_name: false, is_hearsay };
    let decoded = message.decode(verified.generator(), Ok(None));
    let Err(fault) = task else { return decoded };
    let fault = FieldError::new("task_id", fault);
    Err(match decoded {
        Ok(custom @ Decoded::Custom(_)) => return Ok(custom),
        Ok(Decoded::Task(_)) => {
            Refusal::of_fields(Code::InvalidEvent, "The item does not say which task it is about", vec![fault])
        }
        Err(mut refusal) => {
            refusal.errors.push(fault);
            refusal
        }
    })
}

fn key(name: &str) -> Option<Pointer> {
    name.parse().ok()
}
