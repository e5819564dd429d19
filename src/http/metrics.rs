//! `GET /metrics`

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};

use super::access;
use super::census::Uncounted;
use super::health;
use super::openapi::PlainErrors;
use super::problem::{Code, Problem};
use super::state::Hub;
use crate::domain::task::Status;
use crate::domain::time::Timestamp;
use crate::telemetry::metrics::{
    CALLBACKS_PARKED, COUNTS_AGE, DATABASE_BYTES, DATABASE_FREE, DATABASE_UP, DELIVERIES_BREAKERS, DELIVERIES_DEAD,
    DELIVERIES_PENDING, JOURNAL_QUEUE, OVERDUE, TASKS, WATCHERS,
};

/// What is counted in the database may take so long; a count that takes longer goes on, and is told the next time.
const PATIENCE: Duration = Duration::from_secs(4);

/// Read the figures in Prometheus' text format
///
/// Needs a key unless its listener is bound to loopback. Counted since the start of this process; overdue tasks, parked
/// callbacks, pending and dead deliveries are counted in the database: where that takes long, the count stands for twenty times as
/// long, and `callback_hub_counts_age_seconds` tells how old the oldest is. While the database is away they are from before, and
/// `callback_hub_database_up` is 0.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "operations",
    responses((status = 200, description = "The figures", content_type = "text/plain", body = String), PlainErrors),
    // on loopback none is needed, and the document cannot say where it is read
    security(()),
)]
pub async fn read_metrics(State(hub): State<Arc<Hub>>, headers: HeaderMap) -> Result<Response, Problem> {
    if !hub.options().metrics_on_loopback {
        access::admit(&hub, &headers).await?;
    }
    let Some(metrics) = &hub.metrics else { return Err(Problem::new(Code::NotFound, "This process records no metrics")) };
    // who watches the hub must see the rest of the figures also while the database is away
    let (answers, counted) = tokio::join!(health::database_answers(&hub), tokio::time::timeout(PATIENCE, count(&hub)));
    if let Ok(Err(uncounted)) = counted {
        tracing::debug!(?uncounted, "some figures are from before");
    }
    metrics::gauge!(DATABASE_UP).set(if answers { 1 } else { 0 });
    metrics::gauge!(DATABASE_FREE).set(hub.store.free_bytes().map_or(f64::NAN, size));
    if let Some(bytes) = hub.census.bytes().await {
        for (kind, bytes) in &bytes.found {
            metrics::gauge!(DATABASE_BYTES, "kind" => kind.clone()).set(size(*bytes));
        }
    }
    metrics::gauge!(DELIVERIES_BREAKERS).set(number(hub.registrar.sender().lanes().open(hub.clock.now()).len()));
    metrics::gauge!(JOURNAL_QUEUE).set(number(hub.journal.depth()));
    metrics::gauge!(WATCHERS).set(number(hub.live.watchers()));
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], metrics.render()).into_response())
}

/// # Errors
/// When something cannot be counted, and never was.
async fn count(hub: &Hub) -> Result<(), Uncounted> {
    let (tasks, overdue, parked) = (hub.census.tasks().await?, hub.census.overdue().await?, hub.census.parked().await?);
    let (pending, dead) = (hub.census.pending().await?, hub.census.dead().await?);
    let in_state = |name: &str, status: Status| {
        let row = tasks.found.iter().find(|row| row.generator == name && row.status == status.as_str());
        number(row.map_or(0, |row| row.tasks))
    };
    for generator in hub.terms.catalog().iter() {
        let name = generator.name().as_str();
        for status in Status::ALL {
            let gauge = metrics::gauge!(TASKS, "generator" => name.to_owned(), "status" => status.as_str());
            gauge.set(in_state(name, status));
        }
        metrics::gauge!(OVERDUE, "generator" => name.to_owned()).set(number(of(&overdue.found, name)));
        metrics::gauge!(CALLBACKS_PARKED, "generator" => name.to_owned()).set(number(of(&parked.found, name)));
    }
    metrics::gauge!(DELIVERIES_PENDING).set(number(pending.found.values().sum::<u64>()));
    metrics::gauge!(DELIVERIES_DEAD).set(number(dead.found.values().sum::<u64>()));
    let now = hub.clock.now();
    let oldest = [tasks.at, overdue.at, parked.at, pending.at, dead.at].into_iter().fold(now, Timestamp::min);
    metrics::gauge!(COUNTS_AGE).set(number(now.since(oldest).as_secs()));
    Ok(())
}

fn of(counts: &BTreeMap<String, u64>, name: &str) -> u64 {
    counts.get(name).copied().unwrap_or(0)
}

#[expect(clippy::cast_precision_loss, reason = "nobody counts single bytes of a petabyte")]
fn size(bytes: u64) -> f64 {
    bytes as f64
}

fn number(count: impl TryInto<u32>) -> u32 {
    count.try_into().unwrap_or(u32::MAX)
}
