//! Whether the process lives, and whether it should be given work.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::state::Hub;

const PATIENCE: Duration = Duration::from_secs(3);

#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// `ok`, or what is in the way.
    #[schema(example = "ok")]
    status: &'static str,
}

/// Whether the process lives
///
/// Looks at nothing else; for a supervisor that restarts.
#[utoipa::path(get, path = "/health/live", tag = "operations", responses((status = 200, description = "It lives", body = Health)), security(()))]
pub async fn health_live() -> Json<Health> {
    Json(Health { status: "ok" })
}

/// Whether to send requests here
///
/// Asks the database; for a load balancer.
#[utoipa::path(
    get,
    path = "/health/ready",
    tag = "operations",
    responses((status = 200, description = "It can take requests", body = Health), (status = 503, description = "Not now: `stopping`, or the `database` does not answer", body = Health)),
    security(()),
)]
pub async fn health_ready(State(hub): State<Arc<Hub>>) -> Response {
    let status = if hub.stopping.is_cancelled() {
        "stopping"
    } else if matches!(tokio::time::timeout(PATIENCE, hub.store.ping()).await, Ok(Ok(()))) {
        "ok"
    } else {
        "database"
    };
    let code = if status == "ok" { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, Json(Health { status })).into_response()
}
