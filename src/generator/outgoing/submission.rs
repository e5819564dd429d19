//! The body of a submission: `input`, with what its generator's file adds to it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::Outgoing;
use super::approval::Approval;
use super::constant::{Constant, Constants, fill};
use super::route::{Body, Load, Route};
use super::values::{Changes, Members, Values, raw, text};
use super::words::{Form, Place};
use crate::generator::mac::sha256;
use crate::generator::request::{Request, Unsendable};
use crate::generator::source::Pointer;

#[derive(Debug)]
pub(super) struct Submission {
    pub route: Route,
    pub form: Form,
    pub callback: Place,
    pub template: Option<Constant>,
    /// They give way to `input`.
    pub extra: Constants,
    /// They only go along with a callback URL.
    pub callback_extra: Constants,
    pub changes: Changes,
    pub remote_id: Vec<Pointer>,
    pub ok: Approval,
    /// The header of the idempotency key.
    pub key: Option<String>,
    pub lookup: Option<Route>,
}

impl Submission {
    /// By a key, or by the nature of a PUT to a place of the task's own.
    pub(super) fn is_repeatable(&self) -> bool {
        self.key.is_some() || self.route.is_put_by_task()
    }

    pub(super) fn request(&self, outgoing: &Outgoing, values: &Values<'_>) -> Result<Request, Unsendable> {
        let mut load = Load::default();
        if let Some(header) = &self.key {
            // the same for every request about this attempt, another one for the next
            load.headers.push((header.clone(), format!("{}-{}", values.job.task, values.job.attempt)));
        }
        if matches!(self.route.kind, super::route::Kind::Http(_)) {
            self.load(values, &mut load)?;
        }
        let request = self.route.request(outgoing, values, load, None)?;
        request.ok_or_else(|| Unsendable::generator("There is no URL to submit to"))
    }

    fn load(&self, values: &Values<'_>, load: &mut Load) -> Result<(), Unsendable> {
        let input = values.input.clone();
        let mut members = input.ok_or_else(|| Unsendable::input("`input` is not a JSON object, and it is the request's body"))?;
        members.lay(&fill(&self.extra, values), false)?;
        if values.job.callback_url.is_some() {
            // the hub's own: a job that says where it wants to be called back would be one that the hub never hears of
            members.lay(&fill(&self.callback_extra, values), true)?;
            self.put_callback(values, &mut members, load)?;
        }
        load.body = Some(written(&members, self.form)?);
        Ok(())
    }

    fn put_callback(&self, values: &Values<'_>, members: &mut Members, load: &mut Load) -> Result<(), Unsendable> {
        let plain = || values.job.callback_url.map(Value::from);
        let Some(value) = self.template.as_ref().map_or_else(plain, |template| template.fill(values)) else { return Ok(()) };
        let as_text = || value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
        match &self.callback {
            Place::Nowhere => {}
            Place::Json(path) => members.lay(&nested(path, value), true)?,
            Place::Form(name) => drop(members.0.insert(name.clone(), raw(&as_text().into())?)),
            Place::Query(name) => load.query.push((name.clone(), as_text())),
            Place::QueryJson(name) => load.query.push((name.clone(), STANDARD.encode(value.to_string()))),
        }
        Ok(())
    }
}

/// The object in which the value lies at this path.
fn nested(path: &[String], value: Value) -> Map<String, Value> {
    let value = path.iter().rev().fold(value, |value, key| Value::Object(Map::from_iter([(key.clone(), value)])));
    if let Value::Object(members) = value { members } else { Map::new() }
}

/// In forms, lists of scalars have commas, and what is deeper is JSON.
pub(super) fn written(members: &Members, form: Form) -> Result<Body, Unsendable> {
    let texts = members.0.iter().filter_map(|(key, value)| Some((key.as_str(), text(value)?)));
    Ok(match form {
        Form::Json => Body { content_type: "application/json".to_owned(), bytes: members.json()? },
        Form::Pairs => {
            let mut pairs = form_urlencoded::Serializer::new(String::new());
            pairs.extend_pairs(texts);
            Body { content_type: "application/x-www-form-urlencoded".to_owned(), bytes: pairs.finish().into_bytes() }
        }
        Form::Parts => multipart(&texts.collect::<Vec<_>>()),
    })
}

/// A part for each text (RFC 7578).
fn multipart(texts: &[(&str, String)]) -> Body {
    use std::fmt::Write;
    // no text holds a digest of itself
    let digest = sha256(texts.iter().flat_map(|(name, text)| [name.as_bytes(), b"\0", text.as_bytes(), b"\0"]));
    let boundary = format!("hub-{}", hex::encode(&digest[..16]));
    let mut body = String::new();
    for (name, text) in texts {
        let name = name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A");
        // writing to a text cannot fail
        let _ = write!(body, "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n");
    }
    let _ = write!(body, "--{boundary}--\r\n");
    Body { content_type: format!("multipart/form-data; boundary={boundary}"), bytes: body.into_bytes() }
}
