//! Whether the process lives, and whether it should be given work.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tokio::sync::Mutex;
use utoipa::ToSchema;

use super::state::Hub;
use crate::clock::Clock;
use crate::store::{Store, StoreError};

const PATIENCE: Duration = Duration::from_secs(3);
/// Between the database's clock and ours.
const MOST_SKEW: Duration = Duration::from_secs(2);
/// In bytes. A hub whose disk is full answers 503: there must be time to do something before.
const LEAST_FREE: u64 = 512 << 20;
/// So long a good answer of the database counts.
const FRESH: Duration = Duration::from_secs(1);

/// What the database last said. Anybody may ask for it, and the journal must not feel that: one looks at a time, and all
/// who came before he is done share what he sees.
#[derive(Default)]
pub struct Readiness {
    done: AtomicU64,
    last: Mutex<Option<Look>>,
}

struct Look {
    number: u64,
    begun: Instant,
    state: State,
}

/// What a look at the database brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Good,
    /// It does not answer.
    Silent,
    /// Its clock and ours are too far apart for leases and deadlines to mean the same.
    Skewed,
}

impl Readiness {
    /// Whether `look` says so, or said so lately.
    async fn of(&self, now: Instant, look: impl AsyncFnOnce() -> State) -> State {
        let done = self.done.load(Ordering::SeqCst);
        let mut last = self.last.lock().await;
        let is_fresh = |look: &Look| look.state == State::Good && now.saturating_duration_since(look.begun) < FRESH;
        if let Some(last) = last.as_ref().filter(|last| last.number > done || is_fresh(last)) {
            return last.state;
        }
        let state = look().await;
        let number = self.done.fetch_add(1, Ordering::SeqCst) + 1;
        *last = Some(Look { number, begun: now, state });
        state
    }
}

/// Whether the database does, for whoever counts in it.
pub(super) async fn database_answers(hub: &Hub) -> bool {
    let state = hub.readiness.of(Instant::now(), async || look(&hub.store, &hub.clock).await).await;
    state != State::Silent
}

async fn look(store: &Store, clock: &Clock) -> State {
    let looking = async {
        store.ping().await?;
        let before = clock.now();
        let theirs = store.time().await?;
        Ok::<_, StoreError>(theirs.map(|theirs| (before, theirs, clock.now())))
    };
    match tokio::time::timeout(PATIENCE, looking).await {
        Ok(Ok(None)) => State::Good,
        // it read its clock between two readings of ours
        Ok(Ok(Some((before, theirs, after)))) if before.since(theirs).max(theirs.since(after)) <= MOST_SKEW => State::Good,
        Ok(Ok(Some(_))) => State::Skewed,
        Ok(Err(_)) | Err(_) => State::Silent,
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// `ok`, or what is in the way.
    #[schema(example = "ok")]
    status: &'static str,
    /// What will be in the way soon: `space`, since less than 512 MiB are free where the database's file lies.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<&'static str>,
}

/// Whether the process lives
///
/// Looks at nothing else; for a supervisor that restarts.
#[utoipa::path(get, path = "/health/live", tag = "operations", responses((status = 200, description = "It lives", body = Health)), security(()))]
pub async fn health_live() -> Json<Health> {
    Json(Health { status: "ok", warnings: Vec::new() })
}

/// Whether to send requests here
///
/// Asks the database, at most once a second while it answers; for a load balancer.
#[utoipa::path(
    get,
    path = "/health/ready",
    tag = "operations",
    responses((status = 200, description = "It can take requests", body = Health), (status = 503, description = "Not now: `migrating`, `stopping`, the `database` does not answer, or its `clock` is more than 2 seconds off", body = Health)),
    security(()),
)]
pub async fn health_ready(extract::State(hub): extract::State<Arc<Hub>>) -> Response {
    let status = if hub.lifecycle.leaving().is_cancelled() {
        "stopping"
    } else {
        match hub.readiness.of(Instant::now(), async || look(&hub.store, &hub.clock).await).await {
            State::Good => "ok",
            State::Silent => "database",
            State::Skewed => "clock",
        }
    };
    let is_short = hub.store.free_bytes().is_some_and(|free| free < LEAST_FREE);
    ready(status, if is_short { vec!["space"] } else { Vec::new() })
}

/// What is said until the schema is up to date.
pub(super) async fn migrating() -> Response {
    ready("migrating", Vec::new())
}

fn ready(status: &'static str, warnings: Vec<&'static str>) -> Response {
    let code = if status == "ok" { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, Json(Health { status, warnings })).into_response()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use futures_util::future::join_all;

    use super::*;

    #[tokio::test]
    async fn many_who_ask_at_once_cost_one_look_and_a_good_one_counts_for_a_second() {
        let (readiness, looks, good) = (Readiness::default(), Cell::new(0), Cell::new(State::Good));
        let ask = |now| {
            readiness.of(now, async || {
                looks.set(looks.get() + 1);
                tokio::task::yield_now().await;
                good.get()
            })
        };
        let start = Instant::now();
        assert_eq!(join_all((0..100).map(|_| ask(start))).await, [State::Good; 100]);
        assert_eq!(looks.get(), 1);
        good.set(State::Silent);
        assert_eq!((ask(start + FRESH / 2).await, looks.get()), (State::Good, 1));
        let later = start + FRESH;
        assert_eq!(join_all((0..100).map(|_| ask(later))).await, [State::Silent; 100]);
        assert_eq!(looks.get(), 2);
        good.set(State::Good);
        assert_eq!((ask(later).await, looks.get()), (State::Good, 3), "a bad one counts for nobody who comes later");
    }
}
