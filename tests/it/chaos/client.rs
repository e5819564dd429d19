//! One sender: speaks HTTP, and knows an acknowledgement from everything else.

use std::net::SocketAddr;
use std::time::Duration;

use reqwest::header::RETRY_AFTER;
use reqwest::{RequestBuilder, StatusCode};
use serde_json::Value;

use super::history::{Acknowledgement, Answer, Creation, Sent};
use crate::harness::process::API_KEY;
use crate::harness::signing::{HEADER, signature};

#[derive(Clone)]
pub(super) struct Client(reqwest::Client);

/// What came back of a request that was repeatable and rightly made.
enum Reply {
    Acknowledged(Value),
    /// 503: the hub says so itself.
    Unavailable,
    /// No answer, or not all of it.
    Lost,
}

/// What is known about a request whose answer did not come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    Unavailable,
    Lost,
}

impl Client {
    pub(super) fn new() -> Self {
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(60)).build();
        Self(client.expect("an HTTP client"))
    }

    pub(super) async fn is_ready(&self, address: SocketAddr) -> bool {
        self.status(address, "/health/ready").await == Some(200)
    }

    /// What looking there is answered with; none if there is no answer.
    pub(super) async fn status(&self, address: SocketAddr, path: &str) -> Option<u16> {
        let answer = self.0.get(format!("http://{address}{path}")).bearer_auth(API_KEY).send().await.ok()?;
        Some(answer.status().as_u16())
    }

    /// Creates, and notes the id in the creation if it was told.
    pub(super) async fn create(&self, address: SocketAddr, creation: &mut Creation) -> Result<String, Trouble> {
        let mut request = self.0.post(format!("http://{address}/api/tasks")).bearer_auth(API_KEY).body(creation.body.clone());
        if let Some(key) = &creation.key {
            request = request.header("idempotency-key", key);
        }
        match reply(request).await {
            Reply::Acknowledged(task) => {
                let id = task["id"].as_str().expect("a task has an id").to_owned();
                creation.told.push(id.clone());
                Ok(id)
            }
            Reply::Unavailable => Err(Trouble::Unavailable),
            Reply::Lost => Err(Trouble::Lost),
        }
    }

    /// Sends one alone, several as a batch, and notes the answers.
    pub(super) async fn send(&self, address: SocketAddr, events: &mut [Sent]) -> Result<(), Trouble> {
        let reply = match &events[..] {
            [alone] => self.post(format!("http://{address}/callback/{}", alone.task), alone.body.clone()).await,
            several => {
                let items: Vec<&str> = several.iter().map(|sent| sent.body.as_str()).collect();
                self.post(format!("http://{address}/callback"), format!(r#"{{"callbacks":[{}]}}"#, items.join(","))).await
            }
        };
        let answers: Vec<Answer> = match (&reply, events.len()) {
            (Reply::Acknowledged(answer), 1) => vec![Answer::Acknowledged(Acknowledgement::read(answer))],
            (Reply::Acknowledged(answer), many) => {
                let results = answer["results"].as_array().expect("a batch has results");
                assert_eq!(results.len(), many, "one result an item");
                results.iter().map(|result| Answer::Acknowledged(Acknowledgement::read(result))).collect()
            }
            (Reply::Unavailable | Reply::Lost, many) => vec![Answer::Unknown; many],
        };
        for (sent, answer) in events.iter_mut().zip(answers) {
            sent.answers.push(answer);
        }
        match reply {
            Reply::Acknowledged(_) => Ok(()),
            Reply::Unavailable => Err(Trouble::Unavailable),
            Reply::Lost => Err(Trouble::Lost),
        }
    }

    async fn post(&self, url: String, body: String) -> Reply {
        reply(self.0.post(url).header(HEADER, signature(body.as_bytes())).body(body)).await
    }
}

/// # Panics
/// On every status but 200, 201 and 503: all requests here are right, so that nothing else is an answer. Also on a 503 that does
/// not say when to come again.
async fn reply(request: RequestBuilder) -> Reply {
    let Ok(answer) = request.send().await else { return Reply::Lost };
    let status = answer.status();
    let says_when = answer.headers().contains_key(RETRY_AFTER);
    let Ok(text) = answer.text().await else { return Reply::Lost };
    match status {
        StatusCode::OK | StatusCode::CREATED => Reply::Acknowledged(serde_json::from_str(&text).expect("JSON")),
        StatusCode::SERVICE_UNAVAILABLE if says_when => Reply::Unavailable,
        _ => panic!("{status} to a right request: {text}"),
    }
}
