//! Requests to the hub, and what is wrong with them.

use anyhow::{Context, anyhow};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};
use serde_json::Value;

use super::Access;
use crate::cli::{Failure, client};

/// Items on a page, at most.
const PAGE: usize = 200;

pub(super) struct Api {
    client: reqwest::Client,
    base: Url,
    key: Option<String>,
}

/// Why there is no answer, and whether it is worth asking again.
pub(super) struct Trouble {
    pub failure: Failure,
    pub is_passing: bool,
}

/// Items of a list, and whether there are more of them.
pub(super) struct Listed {
    pub items: Vec<Value>,
    pub more: bool,
}

impl Api {
    pub fn new(access: &Access) -> Result<Self, Failure> {
        let wrong = || Failure::Usage(anyhow!("--url (or CALLBACK_HUB_URL) must be a URL that begins with http:// or https://"));
        let base = Url::parse(&access.url).map_err(|_| wrong())?;
        if !matches!(base.scheme(), "http" | "https") {
            return Err(wrong());
        }
        Ok(Self { client: client::client(&access.trust)?, base, key: access.key.clone().filter(|key| !key.is_empty()) })
    }

    pub async fn get(&self, path: &[&str], query: &[(&str, String)]) -> Result<Value, Failure> {
        self.json(self.request_with(Method::GET, path, query)?).await
    }

    pub async fn post(&self, path: &[&str], body: &Value) -> Result<Value, Failure> {
        self.json(self.request(Method::POST, path)?.json(body)).await
    }

    pub async fn patch(&self, path: &[&str], body: &Value) -> Result<Value, Failure> {
        self.json(self.request(Method::PATCH, path)?.json(body)).await
    }

    pub async fn delete(&self, path: &[&str]) -> Result<(), Failure> {
        self.send(self.request(Method::DELETE, path)?).await.map(drop)
    }

    /// As many items as wanted, page after page.
    pub async fn list(&self, path: &[&str], query: &[(&str, String)], most: usize) -> Result<Listed, Failure> {
        let (mut items, mut cursor): (Vec<Value>, Option<String>) = (Vec::new(), None);
        loop {
            let mut query = query.to_vec();
            query.push(("limit", (most - items.len()).clamp(1, PAGE).to_string()));
            query.extend(cursor.take().map(|cursor| ("cursor", cursor)));
            let mut page = self.get(path, &query).await?;
            if let Some(found) = page["items"].as_array_mut() {
                items.append(found);
            }
            cursor = page["next_cursor"].as_str().map(ToOwned::to_owned);
            if cursor.is_none() || items.len() >= most {
                return Ok(Listed { items, more: cursor.is_some() });
            }
        }
    }

    pub fn request(&self, method: Method, path: &[&str]) -> Result<RequestBuilder, Failure> {
        self.request_with(method, path, &[])
    }

    /// Segments are written as a path needs them.
    fn request_with(&self, method: Method, path: &[&str], query: &[(&str, String)]) -> Result<RequestBuilder, Failure> {
        // a path forgets them, and would be another one
        if let Some(wrong) = path.iter().find(|segment| matches!(**segment, "" | "." | "..")) {
            return Err(Failure::Usage(anyhow!("`{wrong}` is nobody's id")));
        }
        let mut url = self.base.clone();
        let opaque = |()| Failure::Usage(anyhow!("--url (or CALLBACK_HUB_URL) has no path"));
        url.path_segments_mut().map_err(opaque)?.pop_if_empty().push("api").extend(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let request = self.client.request(method, url);
        Ok(if let Some(key) = &self.key { request.header("x-api-key", key) } else { request })
    }

    pub async fn send(&self, request: RequestBuilder) -> Result<Response, Failure> {
        self.attempt(request).await.map_err(|Trouble { failure, .. }| failure)
    }

    pub async fn attempt(&self, request: RequestBuilder) -> Result<Response, Trouble> {
        let answer = request.send().await.map_err(unreachable)?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let problem: Value = serde_json::from_str(&answer.text().await.unwrap_or_default()).unwrap_or_default();
        Err(Trouble { failure: refused(status, &problem), is_passing: status.is_server_error() })
    }

    pub async fn json(&self, request: RequestBuilder) -> Result<Value, Failure> {
        let answer = self.send(request).await?;
        Ok(answer.json().await.context("the answer is not what a hub says: is CALLBACK_HUB_URL right?")?)
    }
}

/// The URL is not repeated: who has put a password into it does not want to read it.
fn unreachable(error: reqwest::Error) -> Trouble {
    let error = error.without_url();
    if error.is_builder() {
        return Trouble {
            failure: Failure::Usage(anyhow!("--key (or CALLBACK_HUB_KEY) is no key, or --url no URL")),
            is_passing: false,
        };
    }
    Trouble { failure: Failure::No(anyhow::Error::from(error).context("the hub cannot be reached")), is_passing: true }
}

/// What the hub says is wrong with the request is wrong with the command; all else is a no.
fn refused(status: StatusCode, problem: &Value) -> Failure {
    let detail = problem["detail"].as_str().map_or_else(|| format!("the hub answered {status}"), ToOwned::to_owned);
    match status {
        StatusCode::UNPROCESSABLE_ENTITY => Failure::Usage(anyhow!(detail)),
        StatusCode::UNAUTHORIZED => Failure::No(anyhow!("{detail}; give one as --key or CALLBACK_HUB_KEY")),
        _ => Failure::No(anyhow!(detail)),
    }
}
