//! What is answered before the hub can serve, while the schema is brought up to date, which may take long or somebody else's
//! turn: the process lives, is not ready, and whoever calls should come again.

use axum::Router;
use axum::middleware::from_fn;
use axum::routing::get;

use super::problem::Problem;
use super::{Part, health, request_id};

pub fn router(part: Part) -> Router {
    let known = Router::new().route("/health/live", get(health::health_live));
    let known = if part == Part::Callbacks { known } else { known.route("/health/ready", get(health::migrating)) };
    known.fallback(|| async { Problem::unavailable("The service is starting") }).layer(from_fn(request_id::identify))
}
