//! Errors as RFC 9457 problems: the one table of codes and statuses.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

/// What went wrong, by name. The wording of `code`s is part of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    CallbacksDisabled,
    AddressNotAllowed,
    RateLimited,
    BodyTooLarge,
    RequestTimeout,
    UnknownGenerator,
    SignatureMissing,
    TimestampOutOfTolerance,
    SignatureInvalid,
    MalformedBody,
    MissingEvent,
    UnknownEvent,
    InvalidEvent,
    UnknownTask,
    TaskMismatch,
    Unavailable,
    Internal,
    Unauthorized,
    HostNotAllowed,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    InvalidRequest,
    Conflict,
    NotReplayable,
    LeaseLost,
}

impl Code {
    const fn row(self) -> (StatusCode, &'static str, &'static str) {
        use StatusCode as S;
        match self {
            Self::CallbacksDisabled => (S::FORBIDDEN, "callbacks_disabled", "Callbacks are switched off"),
            Self::AddressNotAllowed => (S::FORBIDDEN, "address_not_allowed", "Callbacks are not taken from this address"),
            Self::RateLimited => (S::TOO_MANY_REQUESTS, "rate_limited", "Too many callbacks from this address"),
            Self::BodyTooLarge => (S::PAYLOAD_TOO_LARGE, "body_too_large", "The body is larger than allowed"),
            Self::RequestTimeout => (S::REQUEST_TIMEOUT, "request_timeout", "The request took too long to arrive"),
            Self::UnknownGenerator => (S::NOT_FOUND, "unknown_generator", "There is no such generator"),
            Self::SignatureMissing => (S::UNAUTHORIZED, "signature_missing", "The callback is not signed"),
            Self::TimestampOutOfTolerance => {
                (S::UNAUTHORIZED, "timestamp_out_of_tolerance", "The callback's timestamp is missing or too far off")
            }
            Self::SignatureInvalid => (S::UNAUTHORIZED, "signature_invalid", "The signature or token does not hold"),
            Self::MalformedBody => (S::BAD_REQUEST, "malformed_body", "The body is not what it should be"),
            Self::MissingEvent => (S::BAD_REQUEST, "missing_event", "The callback names no event"),
            Self::UnknownEvent => (S::BAD_REQUEST, "unknown_event", "The callback's event is not known"),
            Self::InvalidEvent => (S::BAD_REQUEST, "invalid_event", "The callback holds an impossible value"),
            Self::UnknownTask => (S::NOT_FOUND, "unknown_task", "There is no such task"),
            Self::TaskMismatch => (S::BAD_REQUEST, "task_mismatch", "The body names another task"),
            Self::Unavailable => (S::SERVICE_UNAVAILABLE, "unavailable", "The service cannot take this right now"),
            Self::Internal => (S::INTERNAL_SERVER_ERROR, "internal", "Something went wrong on this side"),
            Self::Unauthorized => (S::UNAUTHORIZED, "unauthorized", "An API key is needed"),
            Self::HostNotAllowed => (S::FORBIDDEN, "host_not_allowed", "Without an API key only local names are served"),
            Self::Forbidden => (S::FORBIDDEN, "forbidden", "The API key may not do this"),
            Self::NotFound => (S::NOT_FOUND, "not_found", "There is nothing here"),
            Self::MethodNotAllowed => (S::METHOD_NOT_ALLOWED, "method_not_allowed", "This method is not for this path"),
            Self::InvalidRequest => (S::UNPROCESSABLE_ENTITY, "invalid_request", "The request cannot be carried out"),
            Self::Conflict => (S::CONFLICT, "conflict", "The request conflicts with what is there"),
            Self::NotReplayable => (S::CONFLICT, "not_replayable", "This callback cannot be replayed"),
            Self::LeaseLost => (S::CONFLICT, "lease_lost", "The lease has ended"),
        }
    }

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.row().1
    }

    #[must_use]
    pub const fn status(self) -> StatusCode {
        self.row().0
    }
}

/// A field at fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldProblem {
    /// Its path in the body, or the query parameter's or header's name.
    pub field: String,
    pub detail: String,
}

/// An error on its way out.
#[derive(Clone, Debug)]
pub struct Problem {
    pub code: Code,
    pub detail: String,
    pub errors: Vec<FieldProblem>,
    /// Seconds.
    pub retry_after: Option<u64>,
    /// The methods that would have done, where the path takes more than this sender may use.
    pub allow: Option<String>,
}

impl Problem {
    #[must_use]
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), errors: Vec::new(), retry_after: None, allow: None }
    }

    /// The title says it all.
    #[must_use]
    pub fn of(code: Code) -> Self {
        Self::new(code, code.row().2)
    }

    #[must_use]
    pub fn field(code: Code, field: &str, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        let errors = vec![FieldProblem { field: field.to_owned(), detail: detail.clone() }];
        Self { errors, ..Self::new(code, format!("{field}: {detail}")) }
    }

    #[must_use]
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self { retry_after: Some(2), ..Self::new(Code::Unavailable, detail) }
    }

    /// The body as it goes out; `instance` is the request's id.
    #[must_use]
    pub fn body(&self, instance: &str) -> ProblemBody {
        let (status, code, title) = self.code.row();
        ProblemBody {
            kind: format!("/docs#{code}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: self.detail.clone(),
            instance: instance.to_owned(),
            code: code.to_owned(),
            success: false,
            errors: self.errors.clone(),
        }
    }
}

/// RFC 9457 problem details.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    #[serde(rename = "type")]
    #[schema(example = "/docs#signature_invalid")]
    pub kind: String,
    pub title: String,
    #[schema(example = 401)]
    pub status: u16,
    pub detail: String,
    /// The request's id, as in `X-Request-ID`.
    pub instance: String,
    /// Stable; made for programs.
    #[schema(example = "signature_invalid")]
    pub code: String,
    /// Always false.
    pub success: bool,
    /// The fields at fault, if fields are.
    pub errors: Vec<FieldProblem>,
}

impl IntoResponse for Problem {
    /// The body is written by [`write_problem`], which knows the request's id.
    fn into_response(self) -> Response {
        let mut response = self.code.status().into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(methods) = self.allow.as_deref().and_then(|methods| HeaderValue::from_str(methods).ok()) {
            response.headers_mut().insert(header::ALLOW, methods);
        }
        if self.code == Code::Unauthorized {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// Gives a response that stands for a [`Problem`] its body.
pub fn write_problem(response: Response, request_id: &str) -> Response {
    let (mut parts, body) = response.into_parts();
    let Some(problem) = parts.extensions.remove::<Problem>() else { return Response::from_parts(parts, body) };
    let json = serde_json::to_vec(&problem.body(request_id)).unwrap_or_default();
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(json))
}
