//! The generator's endpoints.
//!
//! | request | answer |
//! | --- | --- |
//! | `POST /jobs` | 202 `{"id", "status"}`; 200 where the `Idempotency-Key` is known. The body is the job's input, `callback_url` in it is called |
//! | `GET /jobs/{id}` | `{"id", "status", "progress", "stage", "finished_at", "error"}`; `queued`, `running`, `completed`, `failed` or `cancelled` |
//! | `GET /jobs/{id}/result` | `{"result"}`; 409 while there is none, 410 when it was removed |
//! | `POST /jobs/{id}/cancel` | the status; 409 when the job has ended |
//! | `GET /jobs` | all jobs, and what they have seen; never an error |

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bytes::Bytes;
use serde_json::{Map, Value, json};
use tokio::net::{TcpListener, TcpSocket};
use tokio::time::sleep;

use super::client::Sender;
use super::desk::{Desk, Tell};
use super::faults::{Hiccup, Outage, Temper};
use super::jobs::{Jobs, Ledger, No, Wanted};
use super::line::Line;
use crate::lifecycle::Lifecycle;

const BACKLOG: u32 = 1_024;
/// Seconds, as a generator says it that is asked too often.
const RETRY_AFTER: &str = "1";

/// A generator that listens and does not serve yet.
pub struct Server {
    desk: Arc<Desk>,
    listener: TcpListener,
    address: SocketAddr,
    lifecycle: Lifecycle,
}

impl Server {
    /// `run` begins the ids of its jobs. Port 0 is any free one.
    ///
    /// # Errors
    /// When the address cannot be had.
    pub async fn bind(
        address: SocketAddr,
        run: String,
        temper: Temper,
        sender: Sender,
        tell: Tell,
        lifecycle: &Lifecycle,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let desk = Desk::new(Jobs::new(temper, run), sender, tell, lifecycle.clone());
        desk.tell(&Line::Ready { url: format!("http://{address}") });
        Ok(Self { desk, listener, address, lifecycle: lifecycle.clone() })
    }

    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    #[must_use]
    pub const fn desk(&self) -> &Arc<Desk> {
        &self.desk
    }

    /// Serves until the lifecycle says stop, and goes down in between if that is its temper.
    ///
    /// # Errors
    /// When the port is lost.
    pub async fn run(self) -> io::Result<()> {
        let Self { desk, listener, address, lifecycle } = self;
        let router = router(desk.clone());
        let stopping = lifecycle.stopping();
        let serving = async {
            let Some(Outage { after, lasts }) = desk.temper().faults.outage else {
                return axum::serve(listener, router).await;
            };
            tokio::select! {
                ended = axum::serve(listener, router.clone()) => return ended,
                () = sleep(after) => desk.go_down(),
            }
            // bound and not listening: nobody else gets the port, and whoever connects is refused
            let port = reserved(address)?;
            sleep(lasts).await;
            desk.come_back();
            axum::serve(port.listen(BACKLOG)?, router).await
        };
        tokio::select! {
            ended = serving => ended,
            () = stopping.cancelled() => Ok(()),
        }
    }
}

fn reserved(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

fn router(desk: Arc<Desk>) -> Router {
    Router::new()
        .route("/jobs", post(submit).get(list))
        .route("/jobs/{id}", get(status))
        .route("/jobs/{id}/result", get(result))
        .route("/jobs/{id}/cancel", post(cancel))
        .layer(from_fn_with_state(desk.clone(), up))
        .with_state(desk)
}

/// Connections from before an outage get nothing either.
async fn up(State(desk): State<Arc<Desk>>, request: Request, next: Next) -> Response {
    if desk.is_down() {
        return (StatusCode::SERVICE_UNAVAILABLE, [(header::CONNECTION, "close")]).into_response();
    }
    next.run(request).await
}

async fn submit(State(desk): State<Arc<Desk>>, headers: HeaderMap, body: Bytes) -> Response {
    let wanted = match wanted(&headers, &body) {
        Ok(wanted) => wanted,
        Err(fact) => return refusal(StatusCode::BAD_REQUEST, fact),
    };
    let submission = desk.submit(wanted);
    match (submission.hiccup, submission.job) {
        (Some(hiccup), _) => hiccup.into_response(),
        (None, Some(taken)) => {
            let status = if taken.is_new { StatusCode::ACCEPTED } else { StatusCode::OK };
            (status, Json(json!({"id": taken.id, "status": "queued"}))).into_response()
        }
        (None, None) => refusal(StatusCode::SERVICE_UNAVAILABLE, "there are too many jobs"),
    }
}

async fn status(State(desk): State<Arc<Desk>>, Path(id): Path<String>) -> Response {
    desk.status(&id).map(Json).into_response()
}

async fn result(State(desk): State<Arc<Desk>>, Path(id): Path<String>) -> Response {
    desk.result(&id).map(|result| Json(json!({"result": result}))).into_response()
}

async fn cancel(State(desk): State<Arc<Desk>>, Path(id): Path<String>) -> Response {
    match desk.cancel(&id) {
        Ok(done) => done.hiccup.map_or_else(|| Json(done.status).into_response(), IntoResponse::into_response),
        Err(no) => no.into_response(),
    }
}

async fn list(State(desk): State<Arc<Desk>>) -> Json<Ledger> {
    Json(desk.ledger())
}

/// Any members are the job's input; only one of them matters here.
fn wanted(headers: &HeaderMap, body: &[u8]) -> Result<Wanted, &'static str> {
    let input: Map<String, Value> = serde_json::from_slice(body).map_err(|_| "the body must be a JSON object")?;
    let callback_url = match input.get("callback_url") {
        None | Some(Value::Null) => None,
        Some(Value::String(url)) if is_http(url) => Some(url.clone()),
        Some(_) => return Err("callback_url must be an http URL"),
    };
    let key = headers.get("idempotency-key").map(|key| key.to_str().map(str::to_owned));
    let key = key.transpose().map_err(|_| "Idempotency-Key must be visible ASCII characters")?;
    Ok(Wanted { key, callback_url })
}

fn is_http(url: &str) -> bool {
    reqwest::Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
}

fn refusal(status: StatusCode, fact: &str) -> Response {
    (status, Json(json!({"error": {"message": fact}}))).into_response()
}

impl IntoResponse for Hiccup {
    fn into_response(self) -> Response {
        match self {
            Self::Throttled => {
                let answer = refusal(StatusCode::TOO_MANY_REQUESTS, "asked too often");
                ([(header::RETRY_AFTER, RETRY_AFTER)], answer).into_response()
            }
            Self::Broken | Self::BrokenAfterwards => refusal(StatusCode::INTERNAL_SERVER_ERROR, "something broke"),
        }
    }
}

impl IntoResponse for No {
    fn into_response(self) -> Response {
        match self {
            Self::Hiccup(hiccup) => hiccup.into_response(),
            Self::Unknown => refusal(StatusCode::NOT_FOUND, "there is no such job"),
            Self::NotCompleted => refusal(StatusCode::CONFLICT, "the job is not completed"),
            Self::Expired => refusal(StatusCode::GONE, "the result was removed"),
            Self::Ended => refusal(StatusCode::CONFLICT, "the job has ended"),
        }
    }
}
