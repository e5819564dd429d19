//! Where generators call. One road, `ingress`, whatever the path.

mod answer;
mod batch;
mod headers;
mod ingress;
mod pages;
pub mod receipts;
mod record;
mod refused;
pub mod replay;
pub mod shared;
mod trail;
pub mod verify;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{ConnectInfo, RawQuery, Request, State};
use axum::response::Response;

pub use answer::{Accepted, BatchAccepted, BatchResult};
use ingress::{Door, Inbound};

use super::openapi::{BatchBody, BatchErrors, CallbackBody, CallbackErrors};
use super::segment::Segment;
use super::state::Hub;

/// What a path without `generator` means.
const DEFAULT: &str = "default";
const CONTENT_CREATOR: &str = "content-creator";

macro_rules! single {
    ($(#[$doc:meta])* $name:ident, $method:ident, $path:literal, $generator:expr) => {
        $(#[$doc])*
        #[utoipa::path(
            $method,
            path = $path,
            tag = "callbacks",
            params(
                ("task_id" = String, Path, description = "The task's id", pattern = "^[A-Za-z0-9._:-]{1,128}$", example = "video-42"),
                ("generator" = Option<String>, Query, description = "Who calls; part of the callback URL that the hub hands out"),
                ("attempt" = Option<u32>, Query, description = "Which attempt is meant; part of the callback URL"),
                ("token" = Option<String>, Query, description = "The capability token; part of the callback URL"),
                ("X-Webhook-Signature" = Option<String>, Header,
                    description = "HMAC-SHA256 over the raw body, as hex or base64, with or without `sha256=` in front (generator `default`; other generators use the headers that their file names)",
                    example = "sha256=fe27079123a103c2f7cba09fe467e651a59c7ee348b26b566df4bbf7b6110963"),
                ("X-Request-ID" = Option<String>, Header, description = "Echoed; made if absent"),
            ),
            request_body(
                content = CallbackBody,
                content_type = "application/json",
                description = "The body of generator `default`; other generators send their own. The Content-Type is not looked at.",
                examples(
                    ("completed" = (summary = "The job is done", value = json!({
                        "event": "completed", "taskId": "video-42", "result": {"url": "https://files.example/video-42.mp4"}
                    }))),
                    ("failed" = (summary = "It cannot be done", value = json!({
                        "event": "failed", "taskId": "video-42",
                        "error": {"message": "the source file is damaged", "code": "BAD_INPUT", "details": {"retryable": false}}
                    }))),
                    ("progress" = (summary = "It is being done", value = json!({
                        "event": "progress", "taskId": "video-42", "progress": {"percentage": 40, "stage": "encoding"}
                    }))),
                    ("cancelled" = (summary = "Somebody stopped it", value = json!({"event": "cancelled", "taskId": "video-42"}))),
                ),
            ),
            responses(
                (status = 200, description = "Committed now, or known already: `outcome` says which", body = Accepted,
                    example = json!({
                        "success": true, "outcome": "applied", "message": "Task completed", "task_id": "video-42",
                        "status": "completed", "callback_id": "01981c2f-7d1b-7cc0-9f2e-3a6b5e1f0a42", "details": {"attempt": 1}
                    })),
                CallbackErrors,
            ),
        )]
        pub async fn $name(
            State(hub): State<Arc<Hub>>,
            ConnectInfo(peer): ConnectInfo<SocketAddr>,
            Segment(task): Segment,
            RawQuery(query): RawQuery,
            request: Request<Body>,
        ) -> Response {
            ingress::take_single(hub, Inbound::new(request, peer, Some(task), query.as_deref(), Door::Own($generator))).await
        }
    };
}

single!(
    /// Take a callback
    ///
    /// Answers 200 only after the event is committed and synced. A redelivery answers `duplicate`.
    receive_callback, post, "/callback/{task_id}", DEFAULT
);
single!(
    /// Take a callback by PUT
    ///
    /// For generators that cannot POST. The same as `POST /callback/{task_id}`.
    receive_callback_by_put, put, "/callback/{task_id}", DEFAULT
);
single!(
    /// Take a callback on `ContentHub`'s path
    ///
    /// The same as `POST /callback/{task_id}`; without `generator` the sender is `content-creator`.
    receive_contenthub_callback, post, "/api/v1/content/callback/{task_id}", CONTENT_CREATOR
);

/// Take many callbacks at once
///
/// One signature over the whole body, at most 1,000 items; each has an outcome of its own, in order. A refused item has
/// `"success": false` and a `code`; if one has to come again later, the whole batch answers 503.
#[utoipa::path(
    post,
    path = "/callback",
    tag = "callbacks",
    params(
        ("generator" = Option<String>, Query, description = "Who calls; `default` if absent"),
        ("X-Webhook-Signature" = Option<String>, Header,
            description = "HMAC-SHA256 over the raw body, as hex or base64, with or without `sha256=` in front"),
        ("X-Request-ID" = Option<String>, Header, description = "Echoed; made if absent"),
    ),
    request_body(content = BatchBody, content_type = "application/json"),
    responses((status = 200, description = "An outcome for each item, in order", body = BatchAccepted), BatchErrors),
)]
pub async fn receive_callback_batch(
    State(hub): State<Arc<Hub>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    RawQuery(query): RawQuery,
    request: Request<Body>,
) -> Response {
    batch::take(hub, Inbound::new(request, peer, None, query.as_deref(), Door::Own(DEFAULT))).await
}
