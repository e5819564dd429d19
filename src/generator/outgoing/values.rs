//! What goes into requests: a job's own values, read once, with the changes that its generator wants.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::value::RawValue;

use super::Outgoing;
use super::change::Change;
use super::filling::Slot;
use crate::generator::json::{self, Kind};
use crate::generator::reader::Takes;
use crate::generator::request::{Job, Unsendable};
use crate::generator::source::Pointer;

/// The members of a JSON object; their values stay the texts that they are.
#[derive(Clone, Debug, Default)]
pub(super) struct Members(pub BTreeMap<String, Box<RawValue>>);

pub(super) struct Values<'a> {
    pub job: &'a Job<'a>,
    /// None: something else than an object.
    pub input: Option<Members>,
    params: Members,
    outgoing: &'a Outgoing,
}

impl<'a> Values<'a> {
    pub(super) fn new(outgoing: &'a Outgoing, job: &'a Job<'a>) -> Self {
        let mut input = job.input.map_or_else(|| Some(Members::default()), Members::of);
        let changes = outgoing.submit.iter().flat_map(|submit| &submit.changes);
        if let Some(input) = &mut input {
            changes.for_each(|(key, change)| change.apply(input, key, job.priority));
        }
        Self { job, input, params: job.params.and_then(Members::of).unwrap_or_default(), outgoing }
    }

    /// None if it is absent or null.
    pub(super) fn text(&self, slot: &Slot) -> Option<String> {
        let job = self.job;
        match slot {
            Slot::RemoteId => job.external_id.map(ToString::to_string),
            Slot::TaskId => Some(job.task.to_string()),
            Slot::Attempt => Some(job.attempt.to_string()),
            Slot::CallbackUrl => job.callback_url.map(ToOwned::to_owned),
            // without a callback URL there is nobody who could use it
            Slot::Token => job.callback_url.and(job.token).map(ToOwned::to_owned),
            Slot::BaseUrl => self.outgoing.base_url.clone(),
            Slot::ApiKey => self.outgoing.api_key.as_ref().map(|key| key.0.clone()),
            Slot::Param(name, usual) => self.params.0.get(name).and_then(|value| text(value)).or_else(|| usual.clone()),
            Slot::Input(pointer) => self.input.as_ref()?.find(pointer).and_then(text),
        }
    }
}

impl Members {
    /// None if the text is no JSON object.
    pub(super) fn of(json: &str) -> Option<Self> {
        serde_json::from_str(json).ok().map(Self)
    }

    fn find(&self, pointer: &Pointer) -> Option<&RawValue> {
        json::walk(self.0.get(pointer.head())?, pointer.tail()).value()
    }

    /// Adds what is not there yet, inside of objects, too; what is there stays, unless the new values `win`.
    pub(super) fn lay(&mut self, values: &serde_json::Map<String, Value>, win: bool) -> Result<(), Unsendable> {
        for (key, value) in values {
            let mended = match (self.0.get(key), value) {
                (Some(known), Value::Object(inner)) if json::kind(known) == Kind::Object => {
                    let mut members = Self::of(known.get()).unwrap_or_default();
                    members.lay(inner, win)?;
                    members.raw()?
                }
                (Some(_), _) if !win => continue,
                _ => raw(value)?,
            };
            self.0.insert(key.clone(), mended);
        }
        Ok(())
    }

    fn raw(&self) -> Result<Box<RawValue>, Unsendable> {
        serde_json::value::to_raw_value(&self.0).map_err(unwritable)
    }

    pub(super) fn json(&self) -> Result<Vec<u8>, Unsendable> {
        serde_json::to_vec(&self.0).map_err(unwritable)
    }
}

pub(super) fn raw(value: &Value) -> Result<Box<RawValue>, Unsendable> {
    serde_json::value::to_raw_value(value).map_err(unwritable)
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` hands over")]
fn unwritable(error: serde_json::Error) -> Unsendable {
    Unsendable::input(format!("The body cannot be written: {error}"))
}

/// A value as a text: lists of scalars with commas, anything deeper as JSON; none for null.
pub(super) fn text(value: &RawValue) -> Option<String> {
    const MOST: usize = 10_000;
    match json::kind(value) {
        Kind::Null => None,
        Kind::Array => {
            let scalars: Option<Vec<String>> =
                json::elements(value, MOST).and_then(|list| list.into_iter().map(|item| Takes::Scalars.read(item)).collect());
            Some(scalars.map_or_else(|| value.get().to_owned(), |list| list.join(",")))
        }
        Kind::Object => Some(value.get().to_owned()),
        Kind::Bool | Kind::Number | Kind::String => Takes::Scalars.read(value),
    }
}

/// The changes of `[submit] map`.
pub(super) type Changes = BTreeMap<String, Change>;
