//! The two kinds of request: our own code's, which creates a task, and the generator's, which calls back.

use std::sync::Arc;
use std::time::Duration;

use reqwest::{RequestBuilder, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::time::Instant;

use super::body;
use super::line::{Answer, Sent};
use super::script::{Fault, News, Sending};
use crate::clock::Clock;
use crate::domain::task::TaskId;
use crate::domain::time::Timestamp;
use crate::generator::entry::Generator;
use crate::generator::signing::{CannotSign, sign};

/// As often as a decent sender tries, and how long it waits before each further time.
const TRIES: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// More than the hub allows itself.
const PATIENCE: Duration = Duration::from_secs(15);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// Seconds that the hub may wait for a task's end before it answers.
const WAIT: u32 = 30;

/// Where tasks are created.
#[derive(Clone)]
pub struct Hub {
    pub url: String,
    pub key: Option<String>,
    pub client: reqwest::Client,
}

/// Who calls back.
#[derive(Clone)]
pub struct Sender {
    pub generator: Arc<Generator>,
    pub secret: String,
    pub clock: Clock,
    pub client: reqwest::Client,
}

/// Why a task could not be created.
#[derive(Debug, thiserror::Error)]
pub enum Lost {
    #[error("The hub cannot be reached: {0}")]
    Unreachable(String),
    #[error("The hub answered {status}: {detail}")]
    Refused { status: u16, detail: String },
    #[error("The hub's answer is not a task: {0}")]
    Unreadable(reqwest::Error),
}

/// A task that was created, as far as it is of interest here.
#[derive(Deserialize)]
pub(super) struct Created {
    pub callback_url: String,
}

/// A task that was asked after.
#[derive(Deserialize)]
pub(super) struct Task {
    pub status: String,
    /// Of its last attempt.
    pub external_id: Option<String>,
    pub settled_by: Option<String>,
    pub error: Option<Failure>,
}

#[derive(Deserialize)]
pub(super) struct Failure {
    pub code: String,
}

#[derive(Deserialize)]
struct Refusal {
    detail: Option<String>,
}

/// The hub's answer to a callback, good or bad, or another server's.
#[derive(Default, Deserialize)]
struct Reply {
    outcome: Option<String>,
    reason: Option<String>,
    code: Option<String>,
    #[serde(default)]
    status: serde_json::Value,
}

impl Hub {
    /// The task, once it has ended; asked again and again until then.
    pub(super) async fn settled(&self, task: &TaskId) -> Result<Task, Lost> {
        let url = format!("{}/api/tasks/{task}?wait={WAIT}", self.url.trim_end_matches('/'));
        loop {
            let (answer, _) = repeated(|| self.with_key(self.client.get(&url))).await;
            let task: Task = read_task(answer).await?;
            if task.settled_by.is_some() {
                return Ok(task);
            }
        }
    }

    pub(super) async fn create(&self, generator: &str, task: &TaskId, job: u32) -> Result<Created, Lost> {
        let wanted = json!({"id": task, "generator": generator, "input": body::input(job), "metadata": {"job": job}});
        let url = format!("{}/api/tasks", self.url.trim_end_matches('/'));
        let (answer, _) = repeated(|| self.with_key(self.client.post(&url).json(&wanted))).await;
        read_task(answer).await
    }

    fn with_key(&self, request: RequestBuilder) -> RequestBuilder {
        if let Some(key) = &self.key { request.bearer_auth(key) } else { request }
    }
}

impl Sender {
    /// Makes the callback, and sends it as often as a decent sender would.
    pub(super) async fn call(&self, task: &TaskId, url: &str, sending: &Sending, happened: Timestamp) -> Sent {
        let begun = Instant::now();
        let (answer, tries) = match self.letter(task, sending, happened) {
            Ok(letter) => self.send(url, &letter).await,
            Err(error) => (Answer { error: Some(error.to_string()), ..Answer::default() }, 0),
        };
        Sent {
            task: task.as_str().to_owned(),
            number: sending.number,
            event: sending.news.event().to_owned(),
            percent: sending.news.percent(),
            fault: sending.fault,
            tries,
            micros: u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX),
            answer,
        }
    }

    /// The answer, and how many requests it took.
    async fn send(&self, url: &str, letter: &Letter) -> (Answer, u32) {
        let (answer, tries) = repeated(|| {
            let request = self.client.post(url).timeout(PATIENCE).body(letter.body.clone());
            let request = request.header("content-type", "application/json");
            letter.headers.iter().fold(request, |request, (name, value)| request.header(name, value))
        })
        .await;
        let answer = match answer {
            Ok(response) => read(response).await,
            Err(error) => Answer { error: Some(cause(&error)), ..Answer::default() },
        };
        (answer, tries)
    }

    /// # Errors
    /// When the generator's scheme cannot be followed.
    fn letter(&self, task: &TaskId, sending: &Sending, happened: Timestamp) -> Result<Letter, CannotSign> {
        let of = |news: News| body::callback(task, sending.number, news, happened);
        let body = of(sending.news);
        let other_secret = format!("not-{}", self.secret);
        let (secret, signed) = match sending.fault {
            Some(Fault::WrongSecret) => (&other_secret, body.clone()),
            Some(Fault::Tampered) => (&self.secret, of(News::Started)),
            None | Some(Fault::Duplicate | Fault::Overtaken) => (&self.secret, body.clone()),
        };
        let headers = sign(&self.generator, secret, task, &signed, self.clock.now())?;
        Ok(Letter { headers, body })
    }
}

/// A callback that is ready to be sent, as often as need be.
struct Letter {
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// Tries again what may go better the next time, and leaves be what the hub has refused.
async fn repeated(request: impl Fn() -> RequestBuilder) -> (reqwest::Result<Response>, u32) {
    let mut pause = FIRST_PAUSE;
    for tried in 1..TRIES {
        let answer = request().send().await;
        let wanted = match &answer {
            Ok(response) if response.status().is_server_error() || response.status().as_u16() == 429 => retry_after(response),
            Err(_) => None,
            Ok(_) => return (answer, tried),
        };
        tokio::time::sleep(wanted.unwrap_or(pause).min(LONGEST_PAUSE)).await;
        pause *= 4;
    }
    (request().send().await, TRIES)
}

fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get("retry-after")?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

async fn read_task<T: DeserializeOwned>(answer: reqwest::Result<Response>) -> Result<T, Lost> {
    let response = answer.map_err(|error| Lost::Unreachable(cause(&error)))?;
    let status = response.status();
    if status.is_success() {
        return response.json().await.map_err(Lost::Unreadable);
    }
    let refusal: Option<Refusal> = response.json().await.ok();
    let detail = refusal.and_then(|refusal| refusal.detail).unwrap_or_else(|| "no reason given".to_owned());
    Err(Lost::Refused { status: status.as_u16(), detail })
}

async fn read(response: Response) -> Answer {
    let status = response.status().as_u16();
    match response.json().await {
        Ok(Reply { outcome, reason, code, status: state }) => {
            let state = state.as_str().map(str::to_owned);
            Answer { status: Some(status), outcome, reason, code, state, error: None }
        }
        // whoever answers without JSON is not the hub: a proxy, say
        Err(error) if status < 300 => Answer { error: Some(cause(&error)), ..Answer::default() },
        Err(_) => Answer { status: Some(status), ..Answer::default() },
    }
}

/// The innermost cause: the outer ones repeat the URL, whose query is nobody's business.
fn cause(error: &reqwest::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
