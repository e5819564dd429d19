//! content-creator's HTTP interface, answering literally as the real one does; tests decide how its jobs stand.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Map, Value, json};
use tokio_util::sync::{CancellationToken, DropGuard};

#[derive(Default)]
struct Books {
    /// By its own ids.
    jobs: BTreeMap<String, Value>,
    /// Bodies of submissions, the refused ones, too.
    submissions: Vec<Value>,
    questions: usize,
}

type Shared = Arc<Mutex<Books>>;
type Answer = (StatusCode, Json<Value>);

pub(super) struct Service {
    pub base: String,
    books: Shared,
    _stop: DropGuard,
}

impl Service {
    pub(super) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        let (books, stop) = (Shared::default(), CancellationToken::new());
        let router = Router::new()
            .route("/api/tasks", post(create))
            .route("/api/tasks/{id}/status", get(status))
            .route("/api/tasks/{id}/result", get(result))
            .with_state(books.clone());
        let stopped = stop.clone().cancelled_owned();
        #[expect(clippy::disallowed_methods, reason = "it ends with the service")]
        tokio::spawn(async move { axum::serve(listener, router).with_graceful_shutdown(stopped).await.expect("it serves") });
        Self { base, books, _stop: stop.drop_guard() }
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().expect("nobody panics with it")
    }

    pub(super) fn submissions(&self) -> Vec<Value> {
        self.books().submissions.clone()
    }

    /// How often it was asked for a state or a result.
    pub(super) fn questions(&self) -> usize {
        self.books().questions
    }

    /// The id of the only job, and what was said at its submission.
    pub(super) fn job(&self) -> (String, Value) {
        let books = self.books();
        assert_eq!(books.jobs.len(), 1, "{:?}", books.jobs.keys());
        books.jobs.first_key_value().map(|(id, job)| (id.clone(), job["request"].clone())).expect("a job")
    }

    pub(super) fn set(&self, id: &str, state: &Map<String, Value>) {
        let mut books = self.books();
        books.jobs.get_mut(id).and_then(Value::as_object_mut).expect("a job").extend(state.clone());
    }
}

async fn create(State(books): State<Shared>, Json(request): Json<Value>) -> Answer {
    let mut books = books.lock().expect("whole");
    books.submissions.push(request.clone());
    let faults = faults(&request);
    if !faults.is_empty() {
        return no(StatusCode::BAD_REQUEST, &format!("Validation failed: {}", faults.join("; ")));
    }
    let id = format!("task-{:012}", books.jobs.len() + 1);
    let job = json!({"status": "pending", "currentStep": null, "progress": 0, "request": request});
    books.jobs.insert(id.clone(), job);
    (StatusCode::ACCEPTED, Json(json!({"success": true, "data": {"taskId": id, "status": "pending", "mode": "async"}})))
}

async fn status(State(books): State<Shared>, Path(id): Path<String>) -> Answer {
    let mut books = books.lock().expect("whole");
    books.questions += 1;
    let Some(job) = books.jobs.get(&id) else { return no(StatusCode::NOT_FOUND, "Task not found") };
    let data = json!({"taskId": id, "status": job["status"], "currentStep": job["currentStep"], "progress": job["progress"]});
    (StatusCode::OK, Json(json!({"success": true, "data": data})))
}

async fn result(State(books): State<Shared>, Path(id): Path<String>) -> Answer {
    let mut books = books.lock().expect("whole");
    books.questions += 1;
    let Some(job) = books.jobs.get(&id) else { return no(StatusCode::NOT_FOUND, "Task not found") };
    match job.get("result").filter(|_| job["status"] == "completed") {
        Some(result) => (StatusCode::OK, Json(json!({"success": true, "data": result}))),
        None => no(StatusCode::BAD_REQUEST, "Task is not completed yet"),
    }
}

fn no(status: StatusCode, message: &str) -> Answer {
    (status, Json(json!({"success": false, "error": message})))
}

/// What its validator does not let through.
fn faults(request: &Value) -> Vec<&'static str> {
    const EVENTS: [&str; 6] = ["submitted", "started", "progress", "completed", "failed", "cancelled"];
    let is_text = |value: &Value| value.as_str().is_some_and(|text| !text.trim().is_empty());
    let is_event = |value: &Value| value.as_str().is_some_and(|word| EVENTS.contains(&word));
    let absent_or = |name: &str, test: &dyn Fn(&Value) -> bool| request.get(name).is_none_or(test);
    let all = |test: fn(&Value) -> bool| move |value: &Value| value.as_array().is_some_and(|list| list.iter().all(test));
    let calls_back = request["callbackEnabled"] == true;
    let rules = [
        (["sync", "async"].iter().any(|mode| request["mode"] == *mode), "mode must be sync or async"),
        (is_text(&request["topic"]), "topic is required"),
        (absent_or("requirements", &Value::is_string), "requirements must be a string"),
        (absent_or("targetAudience", &Value::is_string), "targetAudience must be a string"),
        (absent_or("tone", &Value::is_string), "tone must be a string"),
        (absent_or("keywords", &all(Value::is_string)), "keywords must be an array of strings"),
        (
            absent_or("priority", &|it| it.as_u64().is_some_and(|it| (1..=4).contains(&it))),
            "priority must be an integer from 1 to 4",
        ),
        (absent_or("callbackEnabled", &Value::is_boolean), "callbackEnabled must be a boolean"),
        (
            absent_or("callbackEvents", &|it| it.as_array().is_some_and(|list| list.iter().all(is_event))),
            "callbackEvents must be known events",
        ),
        (absent_or("callbackUrl", &|it| it.as_str().is_some_and(|url| url.starts_with("http"))), "callbackUrl must be a URL"),
        (!calls_back || request.get("callbackUrl").is_some(), "callbackUrl is required with callbackEnabled"),
    ];
    rules.into_iter().filter(|(holds, _)| !holds).map(|(_, fault)| fault).collect()
}
