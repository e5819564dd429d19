//! The two kinds of request: our own code's, which creates a task, and the generator's, which calls back.

use std::sync::Arc;
use std::time::Duration;

use reqwest::{RequestBuilder, Response};
use serde::Deserialize;
use serde_json::json;

use super::body;
use super::line::Answer;
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
    #[error("The hub's answer is not a task with a callback_url: {0}")]
    Unreadable(reqwest::Error),
}

/// A task that was created, as far as it is of interest here.
#[derive(Deserialize)]
pub(super) struct Created {
    pub callback_url: String,
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
    pub(super) async fn create(&self, generator: &str, task: &TaskId, job: u32) -> Result<Created, Lost> {
        let wanted = json!({"id": task, "generator": generator, "input": body::input(job), "metadata": {"job": job}});
        let url = format!("{}/api/tasks", self.url.trim_end_matches('/'));
        let (answer, _) = repeated(|| {
            let request = self.client.post(&url).json(&wanted);
            if let Some(key) = &self.key { request.bearer_auth(key) } else { request }
        })
        .await;
        let response = answer.map_err(|error| Lost::Unreachable(cause(&error)))?;
        let status = response.status();
        if status.is_success() {
            return response.json().await.map_err(Lost::Unreadable);
        }
        let refusal: Option<Refusal> = response.json().await.ok();
        let detail = refusal.and_then(|refusal| refusal.detail).unwrap_or_else(|| "no reason given".to_owned());
        Err(Lost::Refused { status: status.as_u16(), detail })
    }
}

impl Sender {
    /// The answer, and how many requests it took.
    pub(super) async fn send(&self, url: &str, letter: &Letter) -> (Answer, u32) {
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
    pub(super) fn letter(&self, task: &TaskId, sending: &Sending, happened: Timestamp) -> Result<Letter, CannotSign> {
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
pub(super) struct Letter {
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
