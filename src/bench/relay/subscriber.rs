//! Whom the hubs tell: a process of its own that answers 200 at once and remembers when it was told of which task.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail};
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::routing::{get, post};
use axum::{Json, Router};
use reqwest::Client;
use serde::{Deserialize, Serialize};

use crate::bench::subject::{Kind, Subject, listen};
use crate::clock::Clock;
use crate::domain::time::Timestamp;
use crate::lifecycle::Lifecycle;

/// Where it is, and a way to ask it.
pub struct Subscriber {
    process: Subject,
    client: Client,
}

/// A request as it came.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Sample {
    pub headers: Vec<(String, String)>,
    pub body: String,
}

/// Where requests go that it shall not remember.
pub const NOWHERE: &str = "nowhere";
/// Without anything new, what is missing will not come.
const PATIENCE: Duration = Duration::from_secs(30);
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

impl Subscriber {
    /// # Errors
    /// When the process does not become ready.
    pub fn start() -> anyhow::Result<Self> {
        let process = Subject::start(Kind::Subscriber, "", 0)?;
        Ok(Self { process, client: Client::builder().no_proxy().build()? })
    }

    #[must_use]
    pub fn url(&self, place: &str) -> String {
        format!("http://{}/{place}", self.process.address)
    }

    /// When each task was told of first, by its name, once there are so many; afterwards they are forgotten.
    ///
    /// # Errors
    /// When no more come.
    pub async fn told(&self, place: &str, count: usize) -> anyhow::Result<HashMap<String, Timestamp>> {
        let (mut known, mut since) = (0, tokio::time::Instant::now());
        loop {
            let told: usize = self.client.get(self.url(place)).send().await?.json().await?;
            if told >= count {
                break;
            }
            if told > known {
                (known, since) = (told, tokio::time::Instant::now());
            }
            if since.elapsed() > PATIENCE {
                bail!("{told} of {count} events have arrived, and no more come");
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
        let told: HashMap<String, i64> = self.client.delete(self.url(place)).send().await?.json().await?;
        Ok(told.into_iter().map(|(task, micros)| (task, Timestamp::from_micros(micros))).collect())
    }

    /// The last request, as the hub makes them.
    ///
    /// # Errors
    /// When there was none.
    pub async fn sample(&self) -> anyhow::Result<Sample> {
        let sample: Sample = self.client.get(self.url("")).send().await?.json().await?;
        (!sample.body.is_empty()).then_some(sample).context("nothing has arrived yet")
    }
}

/// By place and task, in microseconds since the epoch.
#[derive(Default)]
struct Books {
    told: HashMap<String, HashMap<String, i64>>,
    sample: Sample,
}

type Shared = State<Arc<Mutex<Books>>>;

/// The other side: runs until the lifecycle says stop.
///
/// # Errors
/// When it cannot listen.
pub async fn serve_subscriber(lifecycle: &Lifecycle) -> anyhow::Result<()> {
    let router = Router::new()
        .route("/", get(sample))
        .route("/nowhere", post(async |_: Bytes| "ok"))
        .route("/{place}", post(hear).get(count).delete(take))
        .with_state(Arc::new(Mutex::new(Books::default())));
    listen(router, lifecycle).await
}

async fn hear(State(books): Shared, Path(place): Path<String>, headers: HeaderMap, body: Bytes) -> &'static str {
    let arrived = Clock::System.now().micros();
    let text = String::from_utf8_lossy(&body);
    let task = text.split_once(r#""task_id":""#).and_then(|(_, rest)| rest.split_once('"')).map_or("", |(task, _)| task);
    let mut books = books.lock().unwrap_or_else(PoisonError::into_inner);
    if books.sample.body.is_empty() {
        let headers = headers.iter().map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into()));
        books.sample = Sample { headers: headers.collect(), body: text.to_string() };
    }
    books.told.entry(place).or_default().entry(task.to_owned()).or_insert(arrived);
    "ok"
}

async fn count(State(books): Shared, Path(place): Path<String>) -> Json<usize> {
    let books = books.lock().unwrap_or_else(PoisonError::into_inner);
    Json(books.told.get(&place).map_or(0, HashMap::len))
}

async fn take(State(books): Shared, Path(place): Path<String>) -> Json<HashMap<String, i64>> {
    Json(books.lock().unwrap_or_else(PoisonError::into_inner).told.remove(&place).unwrap_or_default())
}

async fn sample(State(books): Shared) -> Json<Sample> {
    Json(books.lock().unwrap_or_else(PoisonError::into_inner).sample.clone())
}
