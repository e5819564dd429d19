//! A subscriber that listens on a real socket: it remembers every request, byte for byte, and answers 200 or what a test wants.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

/// What it was told.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    /// Path and query.
    pub target: String,
    pub headers: BTreeMap<String, String>,
    pub body: Bytes,
}

/// An answer that a test wants.
#[derive(Clone, Debug)]
pub(crate) enum Say {
    Status(u16),
    /// With a header.
    With(u16, &'static str, String),
    /// The connection is closed without a word.
    HangUp,
    /// It stays open without a word, until the subscriber is gone.
    Never,
}

#[derive(Default)]
struct Books {
    told: Vec<Told>,
    /// The next answers, by the beginning of the path; then comes what is always said there.
    wanted: BTreeMap<String, VecDeque<Say>>,
    always: BTreeMap<String, Say>,
}

#[derive(Clone)]
pub(crate) struct Subscriber {
    pub base: String,
    books: Arc<Mutex<Books>>,
    _stop: Arc<DropGuard>,
}

impl Told {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// The name of the event.
    pub(crate) fn event(&self) -> String {
        self.json()["event"].as_str().expect("an event").to_owned()
    }
}

impl Subscriber {
    pub(crate) async fn start() -> Self {
        Self::listening(TcpListener::bind("127.0.0.1:0").await.expect("a port"))
    }

    /// At an address that the test knows already.
    pub(crate) fn listening(listener: TcpListener) -> Self {
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        let stop = CancellationToken::new();
        let books: Arc<Mutex<Books>> = Arc::default();
        let router = Router::new().fallback(answer).with_state((books.clone(), stop.clone()));
        let subscriber = Self { base, books, _stop: Arc::new(stop.clone().drop_guard()) };
        #[expect(clippy::disallowed_methods, reason = "it ends with its last handle")]
        tokio::spawn(async move {
            let serve = axum::serve(listener, router).with_graceful_shutdown(async move { stop.cancelled().await });
            serve.await.expect("it serves");
        });
        subscriber
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// The next answers to requests whose path begins so.
    pub(crate) fn say(&self, path: &str, answers: impl IntoIterator<Item = Say>) {
        self.books().wanted.entry(path.to_owned()).or_default().extend(answers);
    }

    /// Every answer there, once those that were wanted before are used up.
    pub(crate) fn always(&self, path: &str, answer: Say) {
        self.books().always.insert(path.to_owned(), answer);
    }

    /// What it was told on paths that begin so, in order.
    pub(crate) fn told(&self, path: &str) -> Vec<Told> {
        self.books().told.iter().filter(|told| told.target.starts_with(path)).cloned().collect()
    }

    /// The names of the events of all that.
    pub(crate) fn events(&self, path: &str) -> Vec<String> {
        self.told(path).iter().map(Told::event).collect()
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().expect("nobody panics with it")
    }
}

async fn answer(State((books, stop)): State<(Arc<Mutex<Books>>, CancellationToken)>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 26).await.expect("a body");
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str()).to_owned();
    let headers =
        parts.headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap_or("?").to_owned())).collect();
    let say = {
        let mut books = books.lock().expect("whole");
        books.told.push(Told { target: target.clone(), headers, body });
        let next = books.wanted.iter_mut().filter(|(path, _)| target.starts_with(*path)).find_map(|(_, next)| next.pop_front());
        let always = books.always.iter().find(|(path, _)| target.starts_with(*path)).map(|(_, say)| say.clone());
        next.or(always).unwrap_or(Say::Status(200))
    };
    match say {
        Say::Status(status) => Response::builder().status(status).body(Body::from("{}")).expect("an answer"),
        Say::With(status, name, value) => {
            Response::builder().status(status).header(name, value).body(Body::empty()).expect("an answer")
        }
        Say::HangUp => panic!("hang up"),
        Say::Never => {
            stop.cancelled().await;
            panic!("hang up")
        }
    }
}
