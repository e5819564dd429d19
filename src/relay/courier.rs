//! One request to a subscriber, and what was heard.
//!
//! The subscriber is anybody: nothing is followed, nothing is read for long, and what goes wrong is told in a few words that
//! show neither secrets nor more of the URL than its host.

use std::time::{Duration, Instant};

use bytes::Bytes;
use metrics::counter;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Response, Url};
use tokio::time::timeout;

use crate::clock::Clock;
use crate::domain::delivery::{Heard, Trouble};
use crate::telemetry::metrics::DELIVERIES_FORBIDDEN;

use super::envelope;
use super::guard::{Guard, Resolver};

mod answer;
mod trouble;

/// The way out to subscribers; clones share their connections.
#[derive(Clone, Debug)]
pub struct Courier {
    client: Client,
    guard: Guard,
    clock: Clock,
}

/// What is sent: a POST.
#[derive(Clone)]
pub struct Parcel {
    pub url: String,
    /// Without a content type it is JSON.
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
}

/// An attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempted {
    pub heard: Heard,
    /// In a few words: "503 Service Unavailable", "connection refused".
    pub detail: String,
    /// How the answer's body begins, if it has one; without the credentials that it may repeat.
    pub snippet: Option<String>,
    pub took: Duration,
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Many servers close a silent connection after 5 s, and a request that meets this would count as lost.
const IDLE: Duration = Duration::from_secs(3);
/// What a subscriber may send ahead unasked.
const WINDOW: u32 = 64 << 10;

impl Courier {
    /// # Errors
    /// If TLS cannot be set up.
    pub fn new(guard: Guard, clock: Clock) -> reqwest::Result<Self> {
        let client = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .dns_resolver(Resolver(guard.clone()))
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(IDLE)
            .http2_initial_stream_window_size(WINDOW)
            .http2_initial_connection_window_size(WINDOW)
            .user_agent(concat!("callback-hub/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { client, guard, clock })
    }

    /// `longest` covers everything from the connection to the answer. The answer's head decides; of its body only the
    /// beginning is waited for, and not for long.
    pub async fn send(&self, parcel: &Parcel, longest: Duration) -> Attempted {
        let began = Instant::now();
        let met = match self.written(parcel) {
            Ok(request) => match timeout(longest, self.client.execute(request)).await {
                Ok(Ok(response)) => self.answered(response, parcel, longest.saturating_sub(began.elapsed())).await,
                Ok(Err(error)) => trouble::met(error, CONNECT_TIMEOUT),
                Err(_) => Met::nothing(Trouble::Timeout, format!("no answer within {}", trouble::spoken(longest))),
            },
            Err(met) => met,
        };
        if met.is_forbidden {
            counter!(DELIVERIES_FORBIDDEN).increment(1);
        }
        Attempted { heard: met.heard, detail: met.detail, snippet: met.snippet, took: began.elapsed() }
    }

    /// The request, of the very URL that was judged.
    fn written(&self, parcel: &Parcel) -> Result<reqwest::Request, Met> {
        let url: Url = self.guard.read(&parcel.url).map_err(|forbidden| Met::forbidden(&forbidden))?;
        let mut headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
        for (name, value) in &parcel.headers {
            let written = HeaderName::from_bytes(name.as_bytes()).ok().zip(HeaderValue::from_str(value).ok());
            let Some((name, mut value)) = written else {
                return Err(Met::unsendable(format!("The header `{}` cannot be written", name.escape_debug())));
            };
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        let request = self.client.post(url).headers(headers).body(parcel.body.clone()).build();
        request.map_err(|error| trouble::met(error, CONNECT_TIMEOUT))
    }

    async fn answered(&self, response: Response, parcel: &Parcel, left: Duration) -> Met {
        let status = response.status();
        let retry_after = answer::retry_after(response.headers(), self.clock.now());
        let reason = status.canonical_reason().map(|reason| format!(" {reason}")).unwrap_or_default();
        let hint = if status.is_redirection() { " (redirects are not followed)" } else { "" };
        Met {
            heard: Heard::Answered { status: status.as_u16(), retry_after },
            detail: format!("{}{reason}{hint}", status.as_u16()),
            snippet: answer::beginning(response, left).await.map(|text| envelope::masked(&text, &parcel.headers)),
            is_forbidden: false,
        }
    }
}

/// What came of a request.
struct Met {
    heard: Heard,
    detail: String,
    snippet: Option<String>,
    is_forbidden: bool,
}

impl Met {
    fn nothing(trouble: Trouble, detail: String) -> Self {
        Self { heard: Heard::Nothing(trouble), detail, snippet: None, is_forbidden: false }
    }

    fn unsendable(detail: String) -> Self {
        Self { heard: Heard::Unsendable(detail.clone()), detail, snippet: None, is_forbidden: false }
    }

    fn forbidden(forbidden: &super::guard::Forbidden) -> Self {
        Self { is_forbidden: true, ..Self::unsendable(forbidden.to_string()) }
    }
}

impl std::fmt::Debug for Parcel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Parcel({} bytes)", self.body.len())
    }
}
