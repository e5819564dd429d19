//! A generator on a port of its own, and somebody to be called.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::{Json, Router};
use bytes::Bytes;
use callback_hub::clock::Clock;
use callback_hub::domain::time::Timestamp;
use callback_hub::generator::catalog::{Catalog, Overrides};
use callback_hub::lifecycle::Lifecycle;
use callback_hub::simulator::{Desk, Faults, Ledger, Line, Odds, Sender, Server, Temper};
use reqwest::RequestBuilder;
use serde_json::Value;

use crate::harness::START;
use crate::harness::signing::SECRET;

pub(super) const HONEST: Odds = Odds { duplicates: 0.0, reorders: 0.0, forgeries: 0.0, failures: 0.0, cancellations: 0.0 };
pub(super) const HOUR: Duration = Duration::from_secs(3_600);

/// No faults, and ticks of no length.
pub(super) const CALM: Temper = Temper { seed: 7, odds: HONEST, faults: NO_FAULTS, pace: Duration::ZERO };
pub(super) const NO_FAULTS: Faults =
    Faults { lose: 0.0, delay: Duration::ZERO, hang: 0.0, errors: 0.0, result_ttl: None, outage: None };

pub(super) struct Stage {
    pub url: String,
    /// What jobs take their state from.
    pub clock: Clock,
    pub client: reqwest::Client,
    desk: Arc<Desk>,
    lines: Arc<Mutex<Vec<Line>>>,
    calls: Arc<Mutex<Vec<Call>>>,
    /// Where the calls go.
    pub callback_url: String,
    lifecycle: Lifecycle,
}

/// A request that came in.
#[derive(Clone)]
pub(super) struct Call {
    pub signature: String,
    pub body: Bytes,
}

pub(super) struct Reply {
    pub status: u16,
    pub retry_after: Option<String>,
    /// Null where it is no JSON.
    pub body: Value,
}

impl Stage {
    pub(super) async fn set(temper: Temper) -> Self {
        let (lifecycle, clock) = (Lifecycle::new(), Clock::manual(Timestamp::from_secs(START)));
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let catalog = Catalog::load(&[], &Overrides::default()).expect("the built-in generators");
        let generator = catalog.find("default").expect("it is built in").clone();
        let sender = Sender { generator, secret: SECRET.to_owned(), clock: clock.clone(), client: client.clone() };
        let lines = Arc::<Mutex<Vec<Line>>>::default();
        let told = lines.clone();
        let tell = Box::new(move |line: &Line| told.lock().expect("no panic").push(line.clone()));
        let any: SocketAddr = "127.0.0.1:0".parse().expect("an address");
        let server = Server::bind(any, "job".to_owned(), temper, sender, tell, &lifecycle).await.expect("a free port");
        let (url, desk) = (server.url(), server.desk().clone());
        lifecycle.spawn(async move { server.run().await.expect("it serves") });
        let (callback_url, calls) = listen(&lifecycle).await;
        Self { url, clock, client, desk, lines, calls, callback_url, lifecycle }
    }

    pub(super) fn post(&self, path: &str) -> RequestBuilder {
        self.client.post(format!("{}{path}", self.url))
    }

    pub(super) async fn get(&self, path: &str) -> Reply {
        reply(self.client.get(format!("{}{path}", self.url))).await
    }

    /// Submits a job that calls back, under a key.
    pub(super) async fn submit(&self, key: &str) -> Reply {
        let job = serde_json::json!({"prompt": "a lighthouse", "callback_url": self.callback_url});
        reply(self.post("/jobs").header("idempotency-key", key).json(&job)).await
    }

    /// The id of a job that was taken.
    pub(super) async fn submitted(&self, key: &str) -> String {
        let Reply { status, body, .. } = self.submit(key).await;
        assert_eq!((status, &body["status"]), (202, &Value::from("queued")), "{body}");
        body["id"].as_str().expect("an id").to_owned()
    }

    pub(super) async fn status(&self, id: &str) -> Value {
        let Reply { status, body, .. } = self.get(&format!("/jobs/{id}")).await;
        assert_eq!(status, 200, "{body}");
        body
    }

    pub(super) async fn ledger(&self) -> Ledger {
        serde_json::from_value(self.get("/jobs").await.body).expect("a ledger")
    }

    pub(super) fn desk(&self) -> &Desk {
        &self.desk
    }

    pub(super) fn calls(&self) -> Vec<Call> {
        self.calls.lock().expect("no panic").clone()
    }

    pub(super) fn lines(&self) -> Vec<Line> {
        self.lines.lock().expect("no panic").clone()
    }

    /// Waits until everything that was to be called or lost is.
    pub(super) async fn played(&self) {
        until(async || {
            let (mut wanted, mut done) = (0, 0);
            for line in self.lines() {
                match line {
                    Line::Job(taken) => wanted += taken.sendings,
                    Line::Sent(_) | Line::Unsent(_) => done += 1,
                    _ => {}
                }
            }
            wanted > 0 && done >= wanted
        })
        .await;
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.lifecycle.dropping().cancel();
    }
}

impl Call {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }
}

pub(super) async fn reply(request: RequestBuilder) -> Reply {
    let response = request.send().await.expect("an answer");
    let status = response.status().as_u16();
    let retry_after = response.headers().get("retry-after").map(|value| value.to_str().expect("text").to_owned());
    let body = serde_json::from_slice(&response.bytes().await.expect("a body")).unwrap_or(Value::Null);
    Reply { status, retry_after, body }
}

pub(super) async fn until(mut ask: impl AsyncFnMut() -> bool) {
    let asking = async {
        while !ask().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), asking).await.expect("it becomes true within 20 seconds");
}

/// Somebody who takes every callback.
async fn listen(lifecycle: &Lifecycle) -> (String, Arc<Mutex<Vec<Call>>>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/callback/one?token=two", listener.local_addr().expect("an address"));
    let calls = Arc::<Mutex<Vec<Call>>>::default();
    let router = Router::new().fallback(take).with_state(calls.clone());
    lifecycle.spawn(async move { axum::serve(listener, router).await.expect("a server") });
    (url, calls)
}

async fn take(State(calls): State<Arc<Mutex<Vec<Call>>>>, headers: HeaderMap, body: Bytes) -> Json<Value> {
    let signature = headers["x-webhook-signature"].to_str().expect("text").to_owned();
    calls.lock().expect("no panic").push(Call { signature, body });
    Json(serde_json::json!({}))
}
