//! A generator that answers over a real socket: it takes jobs, tells how they stand, and answers what a test wants instead.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::response::Response;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio_util::sync::{CancellationToken, DropGuard};

/// What the hub asked for.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub method: String,
    /// Path and query.
    pub target: String,
    pub headers: BTreeMap<String, String>,
    pub body: Value,
}

/// An answer that a test wants.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    Json(u16, Value),
    /// Status, a header, and bytes of any kind.
    Raw(u16, &'static str, &'static str, Vec<u8>),
    /// The connection is closed without a word.
    HangUp,
    /// It stays open without a word, until the generator is gone.
    Never,
}

#[derive(Default)]
struct Books {
    jobs: BTreeMap<String, Value>,
    asked: Vec<Asked>,
    /// Answers that come before the ordinary ones, by method and beginning of the path.
    wanted: Vec<(String, VecDeque<Reply>)>,
    /// Which requests have to pass the gate, by method and beginning of the path.
    gated: String,
}

/// Jobs are `POST /jobs`, `PUT /predictions/{id}`, `GET /jobs/{id}`, `GET /jobs/{id}/result`, `POST /jobs/{id}/cancel`.
#[derive(Clone)]
pub(crate) struct Generator {
    pub base: String,
    books: Arc<Mutex<Books>>,
    /// A permit for each request that may be answered; unlimited until a test holds them.
    gate: Arc<Semaphore>,
    _stop: Arc<DropGuard>,
}

const OPEN: usize = 1 << 20;

type Surroundings = (Arc<Mutex<Books>>, Arc<Semaphore>, CancellationToken);

impl Asked {
    fn line(&self) -> String {
        format!("{} {}", self.method, self.target)
    }
}

impl Generator {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        let stop = CancellationToken::new();
        let (books, gate) = (Arc::default(), Arc::new(Semaphore::new(OPEN)));
        let generator = Self { base, books, gate, _stop: Arc::new(stop.clone().drop_guard()) };
        let state = (generator.books.clone(), generator.gate.clone(), stop.clone());
        let router = Router::new().fallback(answer).with_state(state);
        #[expect(clippy::disallowed_methods, reason = "it ends with its last handle")]
        tokio::spawn(async move {
            let serve = axum::serve(listener, router).with_graceful_shutdown(async move { stop.cancelled().await });
            serve.await.expect("it serves");
        });
        generator
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().expect("nobody panics with it")
    }

    /// From now on, the job stands so; `result` is what `/result` answers.
    pub(crate) fn set(&self, id: &str, state: &Value) {
        let mut books = self.books();
        let job = books.jobs.get_mut(id).unwrap_or_else(|| panic!("a job {id}"));
        for (name, value) in state.as_object().expect("an object") {
            job[name] = value.clone();
        }
    }

    /// A job that somebody else has submitted.
    pub(crate) fn add(&self, id: &str, state: &Value) {
        self.books().jobs.insert(id.to_owned(), state.clone());
    }

    pub(crate) fn forget(&self, id: &str) {
        self.books().jobs.remove(id);
    }

    /// The next answers to requests that begin so (`"GET /jobs"`).
    pub(crate) fn want(&self, request: &str, replies: impl IntoIterator<Item = Reply>) {
        self.books().wanted.push((request.to_owned(), replies.into_iter().collect()));
    }

    /// All requests that begin so, in order.
    pub(crate) fn asked(&self, request: &str) -> Vec<Asked> {
        let books = self.books();
        books.asked.iter().filter(|asked| asked.line().starts_with(request)).cloned().collect()
    }

    pub(crate) fn count(&self, request: &str) -> usize {
        self.asked(request).len()
    }

    /// The only job.
    pub(crate) fn job(&self) -> String {
        let books = self.books();
        assert_eq!(books.jobs.len(), 1, "{:?}", books.jobs.keys());
        books.jobs.keys().next().expect("a job").clone()
    }

    /// Nobody is answered until [`Generator::open`].
    pub(crate) async fn close(&self) {
        self.close_to("").await;
    }

    /// The same for requests that begin so.
    pub(crate) async fn close_to(&self, request: &str) {
        request.clone_into(&mut self.books().gated);
        self.gate.acquire_many(u32::try_from(OPEN).expect("a number")).await.expect("open").forget();
    }

    pub(crate) fn open(&self) {
        self.gate.add_permits(OPEN);
    }
}

async fn answer(State((books, gate, stop)): State<Surroundings>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body: Bytes = axum::body::to_bytes(body, 1 << 24).await.expect("a body");
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str()).to_owned();
    let headers =
        parts.headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap_or("?").to_owned())).collect();
    let body = serde_json::from_slice(&body).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&body).into_owned()));
    let asked = Asked { method: parts.method.to_string(), target, headers, body };
    let gated = {
        let mut books = books.lock().expect("whole");
        books.asked.push(asked.clone());
        asked.line().starts_with(&books.gated)
    };
    let _permit = if gated { Some(gate.acquire().await.expect("open")) } else { None };
    let reply = books.lock().expect("whole").reply(&asked);
    match reply {
        Reply::Json(status, value) => whole(status, "content-type", "application/json", value.to_string().into_bytes()),
        Reply::Raw(status, name, value, bytes) => whole(status, name, value, bytes),
        Reply::HangUp => panic!("hang up"),
        Reply::Never => {
            stop.cancelled().await;
            panic!("hang up")
        }
    }
}

fn whole(status: u16, name: &str, value: &str, bytes: Vec<u8>) -> Response {
    Response::builder().status(status).header(name, value).body(bytes.into()).expect("an answer")
}

impl Books {
    fn reply(&mut self, asked: &Asked) -> Reply {
        let line = asked.line();
        let wanted = self.wanted.iter_mut().filter(|(request, _)| line.starts_with(request.as_str()));
        if let Some(reply) = wanted.filter_map(|(_, replies)| replies.pop_front()).next() {
            return reply;
        }
        let path = asked.target.split('?').next().unwrap_or_default();
        let steps: Vec<&str> = path.trim_matches('/').split('/').collect();
        match (asked.method.as_str(), steps.as_slice()) {
            ("POST", ["jobs"]) => self.take(asked),
            ("PUT", ["predictions", id]) => self.put(id, asked),
            ("GET", ["jobs", id]) => self.jobs.get(*id).map_or_else(unknown, |job| Reply::Json(200, job.clone())),
            ("GET", ["jobs", id, "result"]) => match self.jobs.get(*id) {
                Some(job) if job["status"] == "done" => Reply::Json(200, json!({"result": job["result"]})),
                Some(_) => Reply::Json(400, json!({"error": "not completed yet"})),
                None => unknown(),
            },
            ("POST", ["jobs", id, "cancel"]) => match self.jobs.get_mut(*id) {
                Some(job) => {
                    job["status"] = json!("cancelled");
                    Reply::Json(200, json!({}))
                }
                None => unknown(),
            },
            _ => unknown(),
        }
    }

    /// The same place, the same job; the answer tells how it stands.
    fn put(&mut self, id: &str, asked: &Asked) -> Reply {
        let job = json!({"id": id, "status": "queued", "input": asked.body});
        Reply::Json(202, self.jobs.entry(id.to_owned()).or_insert(job).clone())
    }

    /// The same key, the same job.
    fn take(&mut self, asked: &Asked) -> Reply {
        let id = match asked.headers.get("idempotency-key") {
            Some(key) => format!("job-{key}"),
            None => format!("job-{}", self.jobs.len() + 1),
        };
        let job = json!({"id": id, "status": "queued", "input": asked.body});
        self.jobs.entry(id.clone()).or_insert(job);
        Reply::Json(202, json!({"id": id}))
    }
}

fn unknown() -> Reply {
    Reply::Json(404, json!({"error": "no such job"}))
}
