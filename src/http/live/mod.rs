//! `GET /api/events` and `GET /api/tasks/{id}/events`: what happens, as it happens, as Server-Sent Events.
//!
//! A feed reads what was written, here or by another replica, and tells whoever watches everything, or the task that it is
//! about. A watcher who comes back says what he has seen last and gets what came after it, and a while before it: whoever wrote
//! it had a clock of his own. What comes twice has the same id.

mod feed;
mod rooms;
mod shape;
mod stream;

pub use feed::Live;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::Stream;
use uuid::Uuid;

use super::fields::Fields;
use super::openapi::{ListErrors, TaskErrors};
use super::problem::Problem;
use super::segment::Segment;
use super::state::Hub;
use super::tasks::{known, task_id};
use crate::domain::task::TaskId;
use crate::domain::time::Timestamp;
use crate::store::made_at;

/// What lies between may forget a connection on which nothing is said.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Watch everything
///
/// Server-Sent Events: `task` (a task was created, or something was said about it; how it stands now), `callback` (one that was
/// refused, or whose task nobody knows), and `resync` (too much has happened: read anew what you show). With `Last-Event-ID`
/// goes on from there; what comes twice has the same id.
#[utoipa::path(
    get,
    path = "/api/events",
    tag = "events",
    params(("Last-Event-ID" = Option<String>, Header, description = "The `id` of the last event that was seen")),
    responses((status = 200, description = "Events until the service stops; a comment every 15 seconds", body = String, content_type = "text/event-stream"), ListErrors),
)]
pub async fn watch_events(
    State(hub): State<Arc<Hub>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    Fields::of_query(query.as_deref()).finish()?;
    let beginning = Beginning::of(&headers);
    Ok(answer(stream::open(hub, headers, None, beginning).await?))
}

/// Watch a task
///
/// Like `/api/events`, of one task: how it stands first (`current`), then what happens to it, and again `current` where it has
/// changed without a word. With `Last-Event-ID` what was said since. There is no `resync`.
#[utoipa::path(
    get,
    path = "/api/tasks/{task_id}/events",
    tag = "tasks",
    params(
        ("task_id" = String, Path, description = "The task's id", pattern = "^[A-Za-z0-9._:-]{1,128}$", example = "video-42"),
        ("Last-Event-ID" = Option<String>, Header, description = "The `id` of the last event that was seen"),
    ),
    responses((status = 200, description = "Events until the service stops; a comment every 15 seconds", body = String, content_type = "text/event-stream"), TaskErrors),
)]
pub async fn watch_task(
    State(hub): State<Arc<Hub>>,
    Segment(task): Segment,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    Fields::of_query(query.as_deref()).finish()?;
    let id: TaskId = task_id(&task)?;
    known(&hub, &id).await?;
    let beginning = Beginning::of(&headers);
    Ok(answer(stream::open(hub, headers, Some(id), beginning).await?))
}

/// From where on somebody watches.
#[derive(Clone, Copy, Debug)]
enum Beginning {
    Anew,
    /// When the last event that he has seen was made.
    After(Timestamp),
    /// He has seen an event that is none of ours, so that nobody knows what he has missed. It is no error: browsers send what
    /// they were told last, and cannot be told to forget it.
    Lost,
}

impl Beginning {
    fn of(headers: &HeaderMap) -> Self {
        let Some(value) = headers.get("last-event-id").filter(|value| !value.is_empty()) else { return Self::Anew };
        let text = value.to_str().unwrap_or_default();
        let time = shape::time_of(text).or_else(|| text.parse::<Uuid>().ok().map(made_at));
        time.map_or(Self::Lost, Self::After)
    }
}

fn answer(events: impl Stream<Item = Result<Event, Infallible>> + Send + 'static) -> Response {
    let mut response = Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT)).into_response();
    // proxies that collect an answer before they pass it on would hold events back (nginx's word for it)
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
