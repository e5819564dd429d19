//! Every request has an id: the client's, if it is a decent one, or a new one. It is echoed, logged and named in problems.

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument;
use uuid::Uuid;

use super::problem::write_problem;

const HEADER: HeaderName = HeaderName::from_static("x-request-id");
const LONGEST: usize = 128;

/// Outermost but for nothing: problems get their bodies here.
pub async fn identify(request: Request, next: Next) -> Response {
    let id = accepted(request.headers().get(HEADER)).unwrap_or_else(|| Uuid::now_v7().to_string());
    // never the query: capability tokens are in it
    let span = tracing::info_span!("request", id, method = %request.method(), path = request.uri().path());
    let mut response = write_problem(next.run(request).instrument(span).await, &id);
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(HEADER, value);
    }
    response
}

fn accepted(value: Option<&HeaderValue>) -> Option<String> {
    let text = value?.to_str().ok()?;
    let decent = (1..=LONGEST).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    decent.then(|| text.to_owned())
}
