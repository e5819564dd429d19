//! Reading bodies: bounded while streaming, within a time, and within a budget over all connections.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::problem::{Code, Problem};

/// The bytes that all connections together may hold.
#[derive(Clone)]
pub struct Budget(Arc<Semaphore>);

impl Budget {
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes.min(Semaphore::MAX_PERMITS))))
    }

    /// Takes what has arrived, never what was only announced.
    fn take(&self, bytes: usize, held: &mut Option<OwnedSemaphorePermit>) -> Result<(), Problem> {
        let bytes = u32::try_from(bytes).map_err(|_| Problem::of(Code::BodyTooLarge))?;
        let permit = self.0.clone().try_acquire_many_owned(bytes);
        let permit = permit.map_err(|_| Problem::unavailable("Too much is being received at once"))?;
        match held {
            Some(held) => held.merge(permit),
            None => *held = Some(permit),
        }
        Ok(())
    }
}

/// A body's bytes, with their share of the budget: it is given back when the last one who holds the bytes lets go, be it
/// the handler or, after the handler has given up, the journal.
struct Held {
    bytes: BytesMut,
    _share: Option<OwnedSemaphorePermit>,
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
}

/// # Errors
/// `body_too_large` as soon as that is clear, `request_timeout`, `unavailable` when the budget is used up, and
/// `malformed_body` for a body that breaks off.
pub async fn read(body: Body, budget: &Budget, terms: &Terms) -> Result<Bytes, Problem> {
    let announced = http_body::Body::size_hint(&body).lower();
    if announced > terms.limit as u64 {
        return Err(too_large(terms.limit));
    }
    match tokio::time::timeout(terms.within, collect(body, budget, terms.limit)).await {
        Ok(outcome) => outcome,
        Err(_) => Err(Problem::new(Code::RequestTimeout, "The body did not arrive in time")),
    }
}

async fn collect(mut body: Body, budget: &Budget, limit: usize) -> Result<Bytes, Problem> {
    let mut bytes = BytesMut::new();
    let mut share = None;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Problem::new(Code::MalformedBody, "The body broke off"))?;
        let Ok(chunk) = frame.into_data() else { continue };
        if bytes.len() + chunk.len() > limit {
            return Err(too_large(limit));
        }
        budget.take(chunk.len(), &mut share)?;
        bytes.extend_from_slice(&chunk);
    }
    Ok(Bytes::from_owner(Held { bytes, _share: share }))
}

fn too_large(limit: usize) -> Problem {
    Problem::new(Code::BodyTooLarge, format!("The body is larger than {limit} bytes"))
}
