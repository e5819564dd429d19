//! A proxy that refuses everything the first time.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, OnceLock};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use callback_hub::lifecycle::Lifecycle;

use super::process::client;

pub(super) struct Proxy {
    pub url: String,
    memory: Arc<Memory>,
    lifecycle: Lifecycle,
}

#[derive(Default)]
struct Memory {
    seen: Mutex<HashSet<Vec<u8>>>,
    hub: OnceLock<String>,
}

impl Proxy {
    pub(super) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let (memory, lifecycle) = (Arc::<Memory>::default(), Lifecycle::new());
        let router = Router::new().fallback(pass).with_state(memory.clone());
        lifecycle.spawn(async move { axum::serve(listener, router).await.expect("a server") });
        Self { url, memory, lifecycle }
    }

    pub(super) fn stand_before(&self, hub: &str) {
        self.memory.hub.set(hub.to_owned()).expect("one hub");
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.lifecycle.dropping().cancel();
    }
}

async fn pass(State(memory): State<Arc<Memory>>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.expect("a body");
    if memory.seen.lock().expect("no panic").insert(body.to_vec()) {
        return (StatusCode::SERVICE_UNAVAILABLE, [("retry-after", "0")]).into_response();
    }
    let url = format!("{}{}", memory.hub.get().expect("a hub"), parts.uri);
    let signature = parts.headers["x-webhook-signature"].clone();
    let answer = client().post(url).header("x-webhook-signature", signature).body(body).send().await.expect("an answer");
    (answer.status(), answer.bytes().await.expect("a body")).into_response()
}
