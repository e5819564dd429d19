//! `POST /hooks/{generator}`: where generators call that know one URL for all their tasks.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{ConnectInfo, RawQuery, Request, State};
use axum::response::Response;

use super::answer::Accepted;
use super::ingress::{self, Door, Inbound};
use crate::http::openapi::{CallbackBody, SharedErrors};
use crate::http::segment::Segment;
use crate::http::state::Hub;

/// Take a callback of a generator that knows one URL for all its tasks
///
/// The task is the one that holds the generator's id in the body. One that nobody knows yet is waited for, 24 hours at
/// most, unless the generator's file says otherwise: the answer is `parked`. An event that is no task's business is stored
/// once: `event`.
#[utoipa::path(
    post,
    path = "/hooks/{generator}",
    tag = "callbacks",
    params(
        ("generator" = String, Path, description = "Who calls", pattern = "^[a-z0-9-]{1,64}$", example = "openai"),
        ("token" = Option<String>, Query, description = "The ingress token of a generator that does not sign"),
        ("X-Webhook-Signature" = Option<String>, Header,
            description = "HMAC-SHA256 over the raw body, or whatever else, in whatever header, the generator's file names"),
        ("X-Request-ID" = Option<String>, Header, description = "Echoed; made if absent"),
    ),
    request_body(
        content = CallbackBody,
        content_type = "application/json",
        description = "What the generator sends, as its file says. The Content-Type is not looked at.",
    ),
    responses(
        (status = 200, description = "Committed now, or known already: `outcome` says which", body = Accepted,
            example = json!({
                "success": true, "outcome": "parked", "message": "Its task is not known yet; it waits for it", "task_id": null,
                "status": null, "callback_id": "01981c2f-7d1b-7cc0-9f2e-3a6b5e1f0a42", "details": {"waiting_for": "resp_68af"}
            })),
        SharedErrors,
    ),
)]
pub async fn receive_shared_callback(
    State(hub): State<Arc<Hub>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Segment(generator): Segment,
    RawQuery(query): RawQuery,
    request: Request<Body>,
) -> Response {
    ingress::take_single(hub, Inbound::new(request, peer, None, query.as_deref(), Door::Shared(generator))).await
}
