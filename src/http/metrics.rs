//! `GET /metrics`

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};

use super::access;
use super::openapi::PlainErrors;
use super::problem::{Code, Problem};
use super::state::Hub;
use crate::domain::time::Timestamp;
use crate::telemetry::metrics::{
    CALLBACKS_PARKED, COUNTS_AGE, DELIVERIES_BREAKERS, DELIVERIES_DEAD, DELIVERIES_PENDING, OVERDUE,
};

/// Read the figures in Prometheus' text format
///
/// Needs a key unless the service is bound to loopback. Counted since the start of this process; overdue tasks, parked
/// callbacks, pending and dead deliveries are counted in the database: where that takes long, the count stands for twenty times as
/// long, and `callback_hub_counts_age_seconds` tells how old the oldest is.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "operations",
    responses((status = 200, description = "The figures", content_type = "text/plain", body = String), PlainErrors),
    // on loopback none is needed, and the document cannot say where it is read
    security(()),
)]
pub async fn read_metrics(State(hub): State<Arc<Hub>>, headers: HeaderMap) -> Result<Response, Problem> {
    if !hub.options.loopback {
        access::admit(&hub, &headers).await?;
    }
    let Some(metrics) = &hub.metrics else { return Err(Problem::new(Code::NotFound, "This process records no metrics")) };
    let (overdue, parked) = (hub.census.overdue().await?, hub.census.parked().await?);
    let (pending, dead) = (hub.census.pending().await?, hub.census.dead().await?);
    let number = |count: Option<&u64>| u32::try_from(count.copied().unwrap_or(0)).unwrap_or(u32::MAX);
    for generator in hub.terms.catalog().iter() {
        let name = generator.name().as_str();
        metrics::gauge!(OVERDUE, "generator" => name.to_owned()).set(number(overdue.found.get(name)));
        metrics::gauge!(CALLBACKS_PARKED, "generator" => name.to_owned()).set(number(parked.found.get(name)));
    }
    let now = hub.clock.now();
    let oldest = [overdue.at, parked.at, pending.at, dead.at].into_iter().fold(now, Timestamp::min);
    for (name, amount) in [
        (DELIVERIES_PENDING, pending.found.values().sum()),
        (DELIVERIES_DEAD, dead.found.values().sum()),
        (DELIVERIES_BREAKERS, hub.registrar.sender().lanes().open(now).len() as u64),
        (COUNTS_AGE, now.since(oldest).as_secs()),
    ] {
        metrics::gauge!(name).set(number(Some(&amount)));
    }
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], metrics.render()).into_response())
}
