//! Reading bodies: bounded while streaming, within a time, and within a budget over all connections.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;

use super::budget::{Budget, Share};
use super::fields::Fields;
use super::problem::{Code, Problem};
use super::state::Hub;

/// The body of a request of the API, whose sender has proven that he may come. Beside it there is nothing that he could say:
/// who asks for a dry run in the query must not be taken for somebody who wants it done.
pub struct Sent(pub Bytes);

impl FromRequest<Arc<Hub>> for Sent {
    type Rejection = Problem;

    async fn from_request(request: Request, hub: &Arc<Hub>) -> Result<Self, Problem> {
        Fields::of_query(request.uri().query()).finish()?;
        let options = hub.options();
        let terms = Terms { limit: options.max_body, within: options.body_timeout, sender: None };
        read(request.into_body(), hub.budget(), &terms).await.map(Self)
    }
}

/// A request that says all in its path: nothing in the query, and no body, or an empty object.
pub struct Nothing;

impl FromRequest<Arc<Hub>> for Nothing {
    type Rejection = Problem;

    async fn from_request(request: Request, hub: &Arc<Hub>) -> Result<Self, Problem> {
        let Sent(body) = Sent::from_request(request, hub).await?;
        Fields::of_body(&body)?.finish().map(|()| Self)
    }
}

/// A body's bytes, with their share of the budget: it is given back when the last one who holds the bytes lets go, be it
/// the handler or, after the handler has given up, the journal.
struct Held {
    bytes: BytesMut,
    _share: Share,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// How a body may come in.
pub struct Terms {
    /// In bytes.
    pub limit: usize,
    pub within: Duration,
    /// Who has only a part of the budget; nobody if the caller has proven that he may come.
    pub sender: Option<IpAddr>,
}

/// # Errors
/// `body_too_large` as soon as that is clear, `request_timeout`, `unavailable` when the budget, or the sender's part of it, is used up, and
/// `malformed_body` for a body that breaks off.
pub async fn read(body: Body, budget: &Budget, terms: &Terms) -> Result<Bytes, Problem> {
    let announced = http_body::Body::size_hint(&body).lower();
    if announced > terms.limit as u64 {
        return Err(too_large(terms.limit));
    }
    match tokio::time::timeout(terms.within, collect(body, budget.share(terms.sender), terms.limit)).await {
        Ok(outcome) => outcome,
        Err(_) => Err(Problem::new(Code::RequestTimeout, "The body did not arrive in time")),
    }
}

async fn collect(mut body: Body, mut share: Share, limit: usize) -> Result<Bytes, Problem> {
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Problem::new(Code::MalformedBody, "The body broke off"))?;
        let Ok(chunk) = frame.into_data() else { continue };
        if bytes.len() + chunk.len() > limit {
            return Err(too_large(limit));
        }
        share.take(chunk.len(), limit)?;
        bytes.extend_from_slice(&chunk);
    }
    Ok(Bytes::from_owner(Held { bytes, _share: share }))
}

fn too_large(limit: usize) -> Problem {
    Problem::new(Code::BodyTooLarge, format!("The body is larger than {limit} bytes"))
}
