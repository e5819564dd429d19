//! The API document's own parts: bodies of generator `default`, and all errors, made from the table of problems.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::json;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, Modify, OpenApi, ToSchema};

use super::problem::{Code, Problem, ProblemBody};

/// A callback of generator `default`. Other members are kept in the receipt and not read.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes a body for the API document; the catalog's files say how it is read")]
#[schema(example = json!({
    "event": "completed",
    "taskId": "job-7f3a",
    "event_id": "evt-1",
    "timestamp": "2026-02-08T12:00:00Z",
    "result": {"url": "https://files.example/video-42.mp4"}
}))]
pub struct CallbackBody {
    /// `completed`, `failed`, `progress`, `cancelled`; `submitted` and `started` count as progress without a percent.
    event: String,
    /// The task's id or the generator's own.
    #[serde(rename = "taskId")]
    task_id: Option<String>,
    /// Tells a redelivery from a new event; without it the signed bytes do.
    event_id: Option<String>,
    /// The generator's own time, RFC 3339 or Unix seconds.
    timestamp: Option<String>,
    /// With `completed`: anything but null.
    #[schema(value_type = Option<Object>)]
    result: Option<serde_json::Value>,
    error: Option<CallbackError>,
    progress: Option<CallbackProgress>,
    #[schema(value_type = Option<Object>)]
    metadata: Option<serde_json::Value>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "see CallbackBody")]
pub struct CallbackError {
    message: Option<String>,
    code: Option<String>,
    r#type: Option<String>,
    /// `{"retryable": false}` makes the failure final.
    #[schema(value_type = Option<Object>)]
    details: Option<serde_json::Value>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "see CallbackBody")]
pub struct CallbackProgress {
    #[schema(minimum = 0, maximum = 100)]
    percentage: Option<f64>,
    message: Option<String>,
    stage: Option<String>,
}

/// Many callbacks under one signature.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "see CallbackBody")]
pub struct BatchBody {
    #[schema(max_items = 1000)]
    callbacks: Vec<BatchItem>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "see CallbackBody")]
pub struct BatchItem {
    task_id: String,
    #[serde(flatten)]
    callback: CallbackBody,
}

/// Every error that a callback can be answered with.
pub struct CallbackErrors;

/// Every error of the management API.
pub struct ApiErrors;

impl IntoResponses for CallbackErrors {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems(&[
            Code::CallbacksDisabled,
            Code::AddressNotAllowed,
            Code::RateLimited,
            Code::BodyTooLarge,
            Code::RequestTimeout,
            Code::UnknownGenerator,
            Code::SignatureMissing,
            Code::TimestampOutOfTolerance,
            Code::SignatureInvalid,
            Code::MalformedBody,
            Code::MissingEvent,
            Code::UnknownEvent,
            Code::InvalidEvent,
            Code::UnknownTask,
            Code::TaskMismatch,
            Code::Unavailable,
            Code::Internal,
        ])
    }
}

impl IntoResponses for ApiErrors {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems(&[
            Code::MalformedBody,
            Code::Unauthorized,
            Code::HostNotAllowed,
            Code::UnknownTask,
            Code::NotFound,
            Code::RequestTimeout,
            Code::Conflict,
            Code::NotReplayable,
            Code::BodyTooLarge,
            Code::InvalidRequest,
            Code::Internal,
            Code::Unavailable,
        ])
    }
}

/// One response a status, with an example for each code.
fn problems(codes: &[Code]) -> BTreeMap<String, RefOr<Response>> {
    let mut by_status: BTreeMap<String, Vec<Code>> = BTreeMap::new();
    for code in codes {
        by_status.entry(code.status().as_u16().to_string()).or_default().push(*code);
    }
    by_status.into_iter().map(|(status, codes)| (status, RefOr::T(response(&codes)))).collect()
}

fn response(codes: &[Code]) -> Response {
    let names: Vec<_> = codes.iter().map(|code| format!("`{}`", code.as_str())).collect();
    let examples = codes.iter().map(|code| {
        let value = json!(Problem::of(*code).body("01981c2f-7d1b-7cc0-9f2e-3a6b5e1f0a42"));
        let example = utoipa::openapi::example::ExampleBuilder::new().value(Some(value)).build();
        (code.as_str(), RefOr::T(example))
    });
    let schema = Ref::from_schema_name(<ProblemBody as ToSchema>::name());
    let content = ContentBuilder::new().schema(Some(schema)).examples_from_iter(examples).build();
    ResponseBuilder::new().description(names.join(", ")).content("application/problem+json", content).build()
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Callback Hub",
        description = "Receives the callbacks of external generators, exactly once, and tells how their tasks ended.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    tags(
        (name = "callbacks", description = "Where generators call"),
        (name = "tasks", description = "Jobs handed to generators"),
        (name = "receipts", description = "Callbacks and events as they were received"),
        (name = "operations", description = "Figures and health"),
    ),
    components(schemas(ProblemBody)),
    modifiers(&Keys),
)]
pub struct Document;

struct Keys;

impl Modify for Keys {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        let bearer = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
        components.add_security_scheme("bearer", bearer);
        let header = SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new("X-API-Key")));
        components.add_security_scheme("api_key", header);
    }
}

/// All operations of a path.
pub fn operations(item: &mut utoipa::openapi::PathItem) -> impl Iterator<Item = &mut utoipa::openapi::path::Operation> {
    let each = [&mut item.get, &mut item.put, &mut item.post, &mut item.delete, &mut item.patch];
    each.into_iter().filter_map(Option::as_mut)
}
