//! What the hub answered, and what every problem must look like.

use reqwest::header::HeaderMap;
use serde_json::Value;

#[derive(Debug)]
pub(crate) struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub(crate) async fn of(response: reqwest::Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Self { status, headers, text: response.text().await.expect("a body") }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {} {}", self.status, self.text))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("ASCII"))
    }

    pub(crate) fn retry_after(&self) -> Option<u64> {
        self.header("retry-after").map(|seconds| seconds.parse().expect("whole seconds"))
    }

    /// The body of a good answer.
    pub(crate) fn good(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.json()
    }

    /// Status and outcome of a callback that was taken; of an ignored one the reason, too.
    pub(crate) fn outcome(&self) -> (u16, String) {
        let body = self.json();
        assert_eq!(body["success"], true, "{body}");
        let without_task = ["parked", "event"].contains(&body["outcome"].as_str().expect("an outcome"));
        for member in ["message", "task_id", "status", "callback_id"] {
            let may_be_null = body["status"].is_null()
                && (without_task || ["duplicate", "ignored"].iter().any(|word| body["outcome"] == *word));
            let is_null = may_be_null && body[member].is_null() && ["task_id", "status"].contains(&member);
            assert!(is_null || body[member].as_str().is_some_and(|text| !text.is_empty()), "{member} in {body}");
        }
        assert!(!without_task || body["status"].is_null(), "no task has heard of it: {body}");
        assert!(body["details"].is_object(), "{body}");
        (self.status, outcome_of(&body))
    }

    /// Status and code of a problem, whose whole shape is checked.
    pub(crate) fn problem(&self) -> (u16, String) {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{} {}", self.status, self.text);
        let body = self.json();
        let mut members: Vec<&str> = body.as_object().expect("an object").keys().map(String::as_str).collect();
        members.sort_unstable();
        assert_eq!(members, ["code", "detail", "errors", "instance", "status", "success", "title", "type"], "{body}");
        let code = body["code"].as_str().expect("a code");
        assert_eq!(body["success"], false);
        assert_eq!(body["status"], self.status);
        assert_eq!(body["instance"].as_str(), self.header("x-request-id"), "the instance is the request's id");
        assert!(body["type"].as_str().is_some_and(|kind| kind.ends_with(code)), "{body}");
        for member in ["title", "detail"] {
            assert!(body[member].as_str().is_some_and(|text| !text.is_empty()), "{member} in {body}");
        }
        assert_eq!(self.status == 503, self.retry_after().is_some() && self.status != 429, "every 503 says when to come again");
        (self.status, code.to_owned())
    }

    /// The fields that a problem names.
    pub(crate) fn fields(&self) -> Vec<String> {
        let body = self.json();
        let errors = body["errors"].as_array().expect("a list");
        errors.iter().map(|error| error["field"].as_str().expect("a name").to_owned()).collect()
    }

    /// What a problem says about a field.
    pub(crate) fn about(&self, field: &str) -> String {
        let body = self.json();
        let errors = body["errors"].as_array().expect("a list");
        let found = errors.iter().find(|error| error["field"] == field).unwrap_or_else(|| panic!("{field} in {body}"));
        found["detail"].as_str().expect("a sentence").to_owned()
    }
}

/// `applied`, `ignored stale_progress`, or the code of a refused item.
pub(crate) fn outcome_of(body: &Value) -> String {
    let word = body["outcome"].as_str().or(body["code"].as_str()).expect("an outcome or a code");
    match body["reason"].as_str() {
        Some(reason) => format!("{word} {reason}"),
        None => word.to_owned(),
    }
}
