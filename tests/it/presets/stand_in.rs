//! A vendor's server, as far as the hub can tell.

use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use serde_json::Value;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::vendor::{Answer, Asked, Fate, Job, Jobs, Vendor};
use crate::harness::app::Extra;
use crate::harness::{App, Database, Kind};

#[derive(Clone)]
pub(crate) struct StandIn {
    pub base: String,
    pub vendor: Arc<dyn Vendor>,
    books: Arc<Mutex<Books>>,
    _stop: Arc<DropGuard>,
}

#[derive(Default)]
struct Books {
    jobs: Jobs,
    /// All but GET.
    asked: Vec<String>,
}

type Shared = (Arc<dyn Vendor>, Arc<Mutex<Books>>, String);

impl StandIn {
    pub(crate) async fn start(vendor: Box<dyn Vendor>) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        let (vendor, books, stop) = (Arc::from(vendor), Arc::default(), CancellationToken::new());
        let state: Shared = (Arc::clone(&vendor), Arc::clone(&books), base.clone());
        let router = Router::new().fallback(answer).with_state(state);
        let stopped = stop.clone().cancelled_owned();
        #[expect(clippy::disallowed_methods, reason = "it ends with its last handle")]
        tokio::spawn(async move { axum::serve(listener, router).with_graceful_shutdown(stopped).await.expect("it serves") });
        Self { base, vendor, books, _stop: Arc::new(stop.drop_guard()) }
    }

    /// An app that knows the vendor by its preset, with the address here; `more` settings are named without the prefix.
    pub(crate) async fn app(&self, kind: Kind, more: &[(String, String)]) -> App {
        let prefix = format!("GENERATOR_{}_", self.vendor.generator().to_ascii_uppercase().replace('-', "_"));
        let key = self.vendor.key().map(|key| ("API_KEY".to_owned(), key.to_owned()));
        let own = std::iter::once(("BASE_URL".to_owned(), self.base.clone())).chain(key).chain(more.iter().cloned());
        let settings: Vec<(String, String)> = own.map(|(name, value)| (format!("{prefix}{name}"), value)).collect();
        let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        App::with(&Arc::new(Database::fresh(kind).await), Extra { settings: &settings, ..Extra::default() }).await
    }

    /// A task as a client creates it.
    pub(crate) fn task(&self) -> Value {
        let mut task = self.vendor.order();
        task["id"] = "t".into();
        task["generator"] = self.vendor.generator().into();
        task
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().expect("nobody panics with it")
    }

    /// The only job.
    pub(crate) fn job(&self) -> Job {
        let books = self.books();
        assert_eq!(books.jobs.0.len(), 1, "{:?}", books.jobs.0);
        books.jobs.0[0].clone()
    }

    pub(crate) fn set(&self, fate: Fate) {
        self.books().jobs.0.iter_mut().for_each(|job| job.fate = fate);
    }

    /// A job that somebody else has submitted.
    pub(crate) fn add(&self, id: &str, request: &Value) {
        self.books().jobs.add(id, request, &Value::Null);
    }

    /// Nobody remembers any job.
    pub(crate) fn forget(&self) {
        self.books().jobs.0.clear();
    }

    /// Requests that wanted more than an answer.
    pub(crate) fn submissions(&self) -> usize {
        self.books().asked.len()
    }
}

async fn answer(State((vendor, books, base)): State<Shared>, request: Request) -> Response {
    let asked = asked(request, base).await;
    let (status, value) = {
        let mut books = books.lock().expect("whole");
        if asked.method != "GET" {
            books.asked.push(format!("{} {}", asked.method, asked.path));
        }
        vendor.answer(&asked, &mut books.jobs)
    };
    let body = if value.is_null() { String::new() } else { value.to_string() };
    Response::builder().status(status).header("content-type", "application/json").body(body.into()).expect("an answer")
}

async fn asked(request: Request, base: String) -> Asked {
    let (parts, body) = request.into_parts();
    let bytes = axum::body::to_bytes(body, 1 << 20).await.expect("a body");
    let url = reqwest::Url::parse(&format!("{base}{}", parts.uri)).expect("a URL");
    Asked {
        method: parts.method.to_string(),
        path: url.path().trim_matches('/').to_owned(),
        query: url.query_pairs().into_owned().collect(),
        headers: parts.headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap_or("?").to_owned())).collect(),
        body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        base,
    }
}

/// What is answered where nothing is.
pub(crate) fn nothing() -> Answer {
    (404, serde_json::json!({"detail": "Not Found"}))
}
