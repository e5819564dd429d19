//! The real binary with the feature `otel`, and a collector that listens on a real socket.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use rstest::rstest;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{SETTINGS, TRACE};
use crate::harness::process::{API_KEY, Process};
use crate::harness::signing::{HEADER, SECRET, signature};
use crate::harness::{Database, Kind, Say, Subscriber};

const HUSH: &str = "hush";
const SUBSCRIBERS: &str = "a secret of the subscriber";

/// Remembers every request.
struct Collector {
    base: String,
    requests: Arc<Mutex<Vec<Bytes>>>,
}

#[derive(Clone, Debug)]
struct Span {
    trace: String,
    id: String,
    parent: String,
    name: String,
    attributes: BTreeMap<String, String>,
}

impl Collector {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        let requests: Arc<Mutex<Vec<Bytes>>> = Arc::default();
        let router = Router::new().route("/v1/traces", post(take)).with_state(requests.clone());
        #[expect(clippy::disallowed_methods, reason = "it ends with the test's runtime")]
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { base, requests }
    }

    fn requests(&self) -> Vec<Bytes> {
        self.requests.lock().expect("nobody panics with it").clone()
    }

    /// In the order of their names, and of their attempts.
    fn spans(&self) -> Vec<Span> {
        let mut spans: Vec<Span> = self.requests().iter().flat_map(|request| spans(request)).collect();
        spans.sort_by_key(|span| (span.name.clone(), span.attributes.get("callback_hub.attempt").cloned()));
        spans
    }
}

async fn take(State(requests): State<Arc<Mutex<Vec<Bytes>>>>, body: Bytes) {
    requests.lock().expect("nobody panics with it").push(body);
}

struct Hub {
    process: Process,
    client: reqwest::Client,
}

impl Hub {
    async fn start(database: &Database, collector: &Collector) -> Self {
        let own = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.base.as_str()),
            ("OTEL_SERVICE_NAME", "the hub of a test"),
            // what is logged has nothing to do with it
            ("LOG_LEVEL", "off"),
            ("DELIVERY_RETRY_DELAYS", "1,1,1"),
        ];
        let settings: Vec<(&str, &str)> = SETTINGS.into_iter().chain(own).collect();
        let process = Process::with(&database.url, &settings, &[]).await;
        Self { process, client: reqwest::Client::builder().no_proxy().build().expect("a client") }
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        let url = format!("http://{}{path}", self.process.address);
        let answer = self.client.post(url).bearer_auth(API_KEY).body(body.to_string()).send().await.expect("an answer");
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        serde_json::from_slice(&answer.bytes().await.expect("a body")).expect("JSON")
    }

    /// Answers with the webhook's id.
    async fn prepare(&self, subscriber: &Subscriber) -> String {
        self.post("/api/tasks", &json!({"id": "t"})).await;
        let webhook = json!({
            "url": subscriber.url("/hear?token=hush-in-the-url"), "name": "of the tests", "events": ["task.completed"],
            "secret": SUBSCRIBERS, "headers": {"X-Own": "hush-in-a-header"},
        });
        self.post("/api/webhooks", &webhook).await["id"].as_str().expect("an id").to_owned()
    }

    async fn call_back(&self, trace: Option<&str>) {
        let body = json!({"event": "completed", "result": {"text": "hush-in-the-body"}}).to_string();
        let url = format!("http://{}/callback/t?note=hush-in-the-query", self.process.address);
        let mut request = self.client.post(url).header(HEADER, signature(body.as_bytes())).header("x-note", "hush-in-a-header");
        if let Some(trace) = trace {
            request = request.header("traceparent", trace);
        }
        assert_eq!(request.body(body).send().await.expect("an answer").status(), 200);
    }

    /// What is not sent yet is sent now.
    async fn end(mut self) {
        self.process.terminate();
        assert!(self.process.ended().await.success(), "{}", self.process.log());
    }
}

async fn until(subscriber: &Subscriber, requests: usize) {
    let asking = async {
        while subscriber.told("/hear").len() < requests {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), asking).await.expect("it is told within 20 seconds");
}

#[rstest]
#[tokio::test]
async fn a_callback_and_its_delivery_are_one_trace(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (database, subscriber, collector) = (Database::fresh(kind).await, Subscriber::start().await, Collector::start().await);
    let hub = Hub::start(&database, &collector).await;
    let webhook = hub.prepare(&subscriber).await;
    hub.call_back(Some(TRACE)).await;
    until(&subscriber, 1).await;
    hub.end().await;

    let spans = collector.spans();
    let [callback, delivery] = spans.as_slice() else { panic!("two spans: {spans:?}") };
    let [_, trace, sender, _] = TRACE.split('-').collect::<Vec<_>>()[..] else { panic!("four parts") };
    assert_eq!((callback.trace.as_str(), delivery.trace.as_str()), (trace, trace));
    assert_eq!((callback.name.as_str(), delivery.name.as_str()), ("callback", "delivery"));
    assert_eq!((callback.parent.as_str(), &delivery.parent), (sender, &callback.id));
    let told = subscriber.told("/hear");
    assert_eq!(told[0].header("traceparent"), format!("00-{trace}-{}-01", delivery.id), "the subscriber can go on");
    let expected = [
        ("callback_hub.generator", "default"),
        ("callback_hub.task", "t"),
        ("callback_hub.event", "completed"),
        ("callback_hub.outcome", "applied"),
        ("http.response.status_code", "200"),
    ];
    assert_eq!(callback.attributes, attributes(expected));
    let expected = [
        ("callback_hub.delivery", told[0].header("webhook-id")),
        ("callback_hub.webhook", webhook.as_str()),
        ("callback_hub.event", "task.completed"),
        ("callback_hub.task", "t"),
        ("callback_hub.attempt", "1"),
        ("callback_hub.outcome", "delivered"),
        ("http.response.status_code", "200"),
    ];
    assert_eq!(delivery.attributes, attributes(expected));
    for request in collector.requests() {
        for secret in [HUSH, SECRET, SUBSCRIBERS, API_KEY, SETTINGS[1].1, &signature(b"")[..7]] {
            assert!(!contains(&request, secret.as_bytes()), "{secret}");
        }
        assert!(contains(&request, b"the hub of a test"));
    }
}

#[rstest]
#[tokio::test]
async fn each_attempt_is_a_span_of_it_whichever_process_makes_it(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (database, subscriber, collector) = (Database::fresh(kind).await, Subscriber::start().await, Collector::start().await);
    subscriber.say("/hear", [Say::Status(503)]);
    let hub = Hub::start(&database, &collector).await;
    hub.prepare(&subscriber).await;
    hub.call_back(Some(TRACE)).await;
    until(&subscriber, 1).await;
    hub.end().await;
    let hub = Hub::start(&database, &collector).await;
    until(&subscriber, 2).await;
    hub.end().await;
    let spans = collector.spans();
    let [callback, first, second] = spans.as_slice() else { panic!("three spans: {spans:?}") };
    for (attempt, outcome, span) in [("1", "pending", first), ("2", "delivered", second)] {
        assert_eq!((&span.trace, &span.parent), (&callback.trace, &callback.id));
        assert_eq!(span.attributes["callback_hub.attempt"], attempt);
        assert_eq!(span.attributes["callback_hub.outcome"], outcome);
    }
}

#[rstest]
#[tokio::test]
async fn a_callback_without_a_trace_begins_one_that_nobody_is_told_of(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (database, subscriber, collector) = (Database::fresh(kind).await, Subscriber::start().await, Collector::start().await);
    let hub = Hub::start(&database, &collector).await;
    hub.prepare(&subscriber).await;
    hub.call_back(None).await;
    until(&subscriber, 1).await;
    hub.end().await;
    let spans = collector.spans();
    let names: Vec<&str> = spans.iter().map(|span| span.name.as_str()).collect();
    assert_eq!(names, ["callback", "delivery"]);
    assert!(spans.iter().all(|span| span.parent.is_empty()), "{spans:?}");
    assert!(!subscriber.told("/hear")[0].headers.contains_key("traceparent"));
}

fn attributes<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// A field of a message of Protocol Buffers.
enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// Of a request, as OTLP's `trace_service.proto` and `trace.proto` number them.
fn spans(request: &[u8]) -> Vec<Span> {
    let of_resources = parts(request, 1);
    let of_scopes = of_resources.into_iter().flat_map(|resource| parts(resource, 2));
    of_scopes.flat_map(|scope| parts(scope, 2)).map(span).collect()
}

fn span(message: &[u8]) -> Span {
    let first = |number| parts(message, number).first().copied().unwrap_or_default();
    Span {
        trace: hex::encode(first(1)),
        id: hex::encode(first(2)),
        parent: hex::encode(first(4)),
        name: text(first(5)),
        attributes: parts(message, 9).into_iter().map(attribute).collect(),
    }
}

fn attribute(pair: &[u8]) -> (String, String) {
    let value = parts(pair, 2).first().copied().unwrap_or_default();
    let value = match fields(value).into_iter().next() {
        Some((1, Field::Bytes(bytes))) => text(bytes),
        Some((3, Field::Number(number))) => number.to_string(),
        _ => panic!("neither a text nor a number"),
    };
    (text(parts(pair, 1)[0]), value)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

/// All that a field of a message holds.
fn parts(message: &[u8], number: u64) -> Vec<&[u8]> {
    let found = fields(message).into_iter().filter(|(known, _)| *known == number);
    found.filter_map(|(_, field)| if let Field::Bytes(bytes) = field { Some(bytes) } else { None }).collect()
}

fn fields(mut message: &[u8]) -> Vec<(u64, Field<'_>)> {
    let mut found = Vec::new();
    while !message.is_empty() {
        let tag = varint(&mut message);
        let field = match tag & 7 {
            0 => Field::Number(varint(&mut message)),
            1 => Field::Bytes(taken(&mut message, 8)),
            2 => {
                let length = usize::try_from(varint(&mut message)).expect("a length");
                Field::Bytes(taken(&mut message, length))
            }
            5 => Field::Bytes(taken(&mut message, 4)),
            other => panic!("no wire type: {other}"),
        };
        found.push((tag >> 3, field));
    }
    found
}

fn taken<'a>(message: &mut &'a [u8], length: usize) -> &'a [u8] {
    let (head, rest) = message.split_at(length);
    *message = rest;
    head
}

fn varint(message: &mut &[u8]) -> u64 {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let byte = taken(message, 1)[0];
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return number;
        }
    }
    panic!("a number without an end")
}
