//! What is answered before the hub can serve, while the schema is brought up to date, which may take long or somebody else's
//! turn: the process lives, is not ready, and whoever calls should come again.

use axum::http::StatusCode;
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;

use super::problem::Problem;
use super::{Part, health, request_id};

pub fn router(part: Part) -> Router {
    let known = Router::new().route("/health/live", get(health::health_live));
    let known = if part == Part::Callbacks { known } else { known.route("/health/ready", get(migrating)) };
    known.fallback(|| async { Problem::unavailable("The service is starting") }).layer(from_fn(request_id::identify))
}

async fn migrating() -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, Json(json!({"status": "migrating"}))).into_response()
}
