//! Requests over HTTP.

use std::error::Error;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Client, Method, Response};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use crate::domain::time::Timestamp;
use crate::generator::reply::{Heard, Silence};
use crate::generator::request::HttpRequest;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Many servers close a silent connection after 5 s, and a request that meets this would count as lost.
const IDLE: Duration = Duration::from_secs(3);
/// What a generator may ask for at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(24 * 3600);

/// # Errors
/// If TLS cannot be set up.
pub(super) fn client() -> reqwest::Result<Client> {
    Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(IDLE)
        .user_agent(concat!("callback-hub/", env!("CARGO_PKG_VERSION")))
        .build()
}

pub(super) async fn answer(
    client: &Client,
    request: &HttpRequest,
    timeout: Duration,
    most: usize,
    now: Timestamp,
) -> Result<Heard, Silence> {
    let method = Method::from_bytes(request.method.as_bytes()).map_err(|error| Silence::Unwritable(error.to_string()))?;
    let mut sending = client.request(method, request.url.as_str()).timeout(timeout);
    for (name, value) in &request.headers {
        sending = sending.header(name, value);
    }
    if let Some(body) = &request.body {
        sending = sending.body(body.clone());
    }
    let response = sending.send().await.map_err(silence)?;
    let status = response.status().as_u16();
    let retry_after = retry_after(response.headers(), now);
    let body = read(response, most).await?;
    Ok(Heard::Answer { status, retry_after, body })
}

async fn read(mut response: Response, most: usize) -> Result<Bytes, Silence> {
    if response.content_length().is_some_and(|length| length > most as u64) {
        return Err(Silence::TooLarge);
    }
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(silence)? {
        if body.len() + chunk.len() > most {
            return Err(Silence::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// Without a connection nothing was sent; whatever goes wrong later may have gone wrong on the way back.
fn silence(error: reqwest::Error) -> Silence {
    if error.is_builder() {
        return Silence::Unwritable("The request cannot be written: its URL or a header is not possible".to_owned());
    }
    let not_sent = error.is_connect();
    let fact = if not_sent { "No connection" } else { "No answer" };
    let told = if error.is_timeout() { format!("{fact} in time") } else { format!("{fact}: {}", cause(error)) };
    if not_sent { Silence::NotSent(told) } else { Silence::Lost(told) }
}

/// The innermost cause says most, and nothing of the URL.
fn cause(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut cause: &dyn Error = &error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

/// Seconds, or a date.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let pause = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => Timestamp::from_secs(OffsetDateTime::parse(text, &Rfc2822).ok()?.unix_timestamp()).since(now),
    };
    Some(pause.min(LONGEST_PAUSE))
}
