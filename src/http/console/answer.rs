//! Answers of the API, as pages show them.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::http::problem::{Code, Problem};

/// What senders, generators and operators have written as they liked: it is shown and not looked into, so that no depth and no
/// number is too much for it.
const DOCUMENTS: [&str; 9] = ["result", "input", "params", "metadata", "details", "template", "fields", "images", "example"];

/// Objects whose members are named by generators or senders, and hold nothing but our own figures and texts.
const BY_NAME: [&str; 8] = [
    "headers",
    "generators",
    "overdue_by_generator",
    "rescued_by_generator",
    "parked_by_generator",
    "polls",
    "unknown_words",
    "keys",
];

/// # Errors
/// `internal`: it is no JSON.
pub(super) fn read(bytes: &[u8]) -> Result<Value, Refusal> {
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    let raw: &RawValue = serde_json::from_slice(bytes).map_err(|_| Problem::of(Code::Internal))?;
    value(raw).ok_or_else(|| Problem::of(Code::Internal).into())
}

/// Documents in it become their texts.
fn value(raw: &RawValue) -> Option<Value> {
    match raw.get().as_bytes().first()? {
        b'{' => {
            let members: BTreeMap<String, &RawValue> = serde_json::from_str(raw.get()).ok()?;
            let member = |(name, member): (String, &RawValue)| {
                let shown = match name.as_str() {
                    _ if member.get() == "null" => Value::Null,
                    name if DOCUMENTS.contains(&name) => Value::String(member.get().to_owned()),
                    name if BY_NAME.contains(&name) => serde_json::from_str(member.get()).ok()?,
                    _ => value(member)?,
                };
                Some((name, shown))
            };
            members.into_iter().map(member).collect::<Option<_>>().map(Value::Object)
        }
        b'[' => {
            let items: Vec<&RawValue> = serde_json::from_str(raw.get()).ok()?;
            items.into_iter().map(value).collect::<Option<_>>().map(Value::Array)
        }
        _ => serde_json::from_str(raw.get()).ok(),
    }
}

/// What the API did not do, or what a page could not.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub status: StatusCode,
    pub title: String,
    pub detail: String,
    /// Fields at fault, each with what is wrong.
    pub errors: Vec<(String, String)>,
}

impl Refusal {
    /// Of a form that no page of ours has sent.
    pub fn foreign() -> Self {
        let detail = "This form was sent from another site, so nothing was done. Open the console and try it there.";
        Self { status: StatusCode::FORBIDDEN, title: "Not from here".to_owned(), detail: detail.to_owned(), errors: Vec::new() }
    }

    pub fn field(name: &str, detail: &str) -> Self {
        Problem::field(Code::InvalidRequest, name, detail).into()
    }

    pub fn shown(&self) -> Value {
        let errors: Vec<Value> = self.errors.iter().map(|(field, detail)| json!({"field": field, "detail": detail})).collect();
        json!({"status": self.status.as_u16(), "title": self.title, "detail": self.detail, "errors": errors})
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self {
            status: problem.code.status(),
            title: Problem::of(problem.code).detail,
            errors: problem.errors.into_iter().map(|error| (error.field, error.detail)).collect(),
            detail: problem.detail,
        }
    }
}

/// The guard makes a page of it.
impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_shown_as_they_are() {
        let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
        let answer = format!(r#"{{"items":[{{"id":"t","result":{{"b":1e999,"a":{deep}}},"params":null}}],"next_cursor":null}}"#);
        let read = read(answer.as_bytes()).unwrap();
        assert_eq!(read["items"][0]["result"].as_str().unwrap(), format!(r#"{{"b":1e999,"a":{deep}}}"#));
        assert_eq!((&read["items"][0]["params"], &read["next_cursor"]), (&Value::Null, &Value::Null));
        let figures = super::read(br#"{"generators":{"example":{"completed":1}},"headers":{"metadata":"x"}}"#).unwrap();
        assert_eq!((&figures["generators"]["example"]["completed"], &figures["headers"]["metadata"]), (&json!(1), &json!("x")));
    }
}
