//! The outside of the hub. This file is the route table; one resource a file.

mod access;
mod body;
mod budget;
pub mod callbacks;
mod census;
mod client;
pub mod console;
pub mod contents;
mod cursor;
pub mod deliveries;
mod endless;
pub mod events;
mod fields;
mod figures;
pub mod generators;
pub mod health;
pub mod live;
pub mod metrics;
mod openapi;
pub mod pool;
pub mod problem;
mod request_id;
mod segment;
pub mod server;
pub mod state;
pub mod stats;
pub mod tasks;
pub mod webhooks;

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::{Json, Router};
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use utoipa_swagger_ui::{Config, SwaggerUi};

use problem::{Code, Problem};
use state::Hub;

/// Where generators call.
fn callback_routes() -> OpenApiRouter<Arc<Hub>> {
    OpenApiRouter::new()
        .routes(routes!(callbacks::receive_callback, callbacks::receive_callback_by_put))
        .routes(routes!(callbacks::receive_contenthub_callback))
        .routes(routes!(callbacks::receive_callback_batch))
        .routes(routes!(callbacks::shared::receive_shared_callback))
}

/// What clients and operators use, with a key.
fn api_routes() -> OpenApiRouter<Arc<Hub>> {
    OpenApiRouter::new()
        .routes(routes!(tasks::create_task, tasks::list_tasks))
        .routes(routes!(tasks::read_task, tasks::patch_task, tasks::erase_task))
        .routes(routes!(tasks::cancel_task))
        .routes(routes!(tasks::retry_task))
        .routes(routes!(tasks::reconcile_task))
        .routes(routes!(callbacks::receipts::list_task_callbacks))
        .routes(routes!(callbacks::receipts::list_callbacks))
        .routes(routes!(callbacks::receipts::read_callback))
        .routes(routes!(callbacks::replay::replay_callback))
        .routes(routes!(callbacks::verify::verify_callback))
        .routes(routes!(contents::list_contents))
        .routes(routes!(contents::read_content, contents::edit_content))
        .routes(routes!(contents::approve_content))
        .routes(routes!(contents::reject_content))
        .routes(routes!(pool::list_pool))
        .routes(routes!(pool::claim_entries))
        .routes(routes!(pool::entry_published))
        .routes(routes!(pool::entry_failed))
        .routes(routes!(pool::extend_entry))
        .routes(routes!(pool::retry_entry))
        .routes(routes!(webhooks::create_webhook, webhooks::list_webhooks))
        .routes(routes!(webhooks::read_webhook, webhooks::change_webhook, webhooks::delete_webhook))
        .routes(routes!(webhooks::test_webhook))
        .routes(routes!(webhooks::rotate_webhook_secret))
        .routes(routes!(generators::list_generators))
        .routes(routes!(events::publish_event, live::watch_events))
        .routes(routes!(live::watch_task))
        .routes(routes!(deliveries::list_deliveries))
        .routes(routes!(deliveries::read_delivery))
        .routes(routes!(deliveries::retry_delivery))
        .routes(routes!(deliveries::retry_deliveries))
        .routes(routes!(deliveries::list_task_deliveries))
        .routes(routes!(deliveries::retry_task_deliveries))
        .routes(routes!(stats::read_stats))
}

/// Open to everybody.
fn health_routes() -> OpenApiRouter<Arc<Hub>> {
    OpenApiRouter::new().routes(routes!(health::health_live)).routes(routes!(health::health_ready))
}

/// Open to whoever reaches loopback; else with a key.
fn metrics_routes() -> OpenApiRouter<Arc<Hub>> {
    OpenApiRouter::new().routes(routes!(metrics::read_metrics))
}

/// The API document, the same that `/openapi.json` answers.
#[must_use]
pub fn document() -> utoipa::openapi::OpenApi {
    let mut document = openapi::Document::openapi();
    document.merge(openapi::secured(callback_routes().into_openapi(), ["signature", "capability_token"]));
    document.merge(openapi::secured(api_routes().into_openapi(), ["bearer", "api_key"]));
    document.merge(metrics_routes().into_openapi());
    document.merge(health_routes().into_openapi());
    document
}

pub fn router(hub: Arc<Hub>) -> Router {
    let api = Router::from(api_routes());
    let console = console::router(hub.clone(), api.clone().with_state(hub.clone()));
    let api = api.route_layer(from_fn_with_state(hub.clone(), access::guard));
    let document = document();
    let docs = SwaggerUi::new("/docs").config(Config::new(["/openapi.json"]));
    Router::new()
        .merge(callback_routes())
        .merge(api)
        .merge(health_routes())
        .merge(metrics_routes())
        .route("/openapi.json", axum::routing::get(|| async { Json(document) }))
        .with_state(hub)
        .merge(console)
        .merge(docs)
        .fallback(|| async { Problem::of(Code::NotFound) })
        .method_not_allowed_fallback(|| async { Problem::of(Code::MethodNotAllowed) })
        // bodies are bounded where they are read
        .layer(DefaultBodyLimit::disable())
        .layer(CatchPanicLayer::custom(|_| axum::response::IntoResponse::into_response(Problem::of(Code::Internal))))
        .layer(from_fn(request_id::identify))
}
