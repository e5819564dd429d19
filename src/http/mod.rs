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
pub mod events;
mod fields;
mod figures;
pub mod generators;
pub mod health;
mod line;
pub mod live;
pub mod metrics;
mod openapi;
pub mod options;
pub mod pool;
pub mod problem;
mod request_id;
mod segment;
pub mod server;
pub mod state;
pub mod stats;
pub mod tasks;
pub mod tls;
mod visitors;
pub mod waiting;
pub mod webhooks;

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use axum::{Json, Router};
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use utoipa_swagger_ui::{Config, SwaggerUi};

use problem::{Code, Problem};
use state::Hub;

use crate::domain::role::Role;

/// Where generators call.
fn callback_routes() -> OpenApiRouter<Arc<Hub>> {
    OpenApiRouter::new()
        .routes(routes!(callbacks::receive_callback, callbacks::receive_callback_by_put))
        .routes(routes!(callbacks::receive_contenthub_callback))
        .routes(routes!(callbacks::receive_callback_batch))
        .routes(routes!(callbacks::shared::receive_shared_callback))
}

/// What clients and operators use, with a key that may do it.
fn api_routes() -> OpenApiRouter<Arc<Hub>> {
    let role = |routes: OpenApiRouter<Arc<Hub>>, role| routes.route_layer(from_fn_with_state(role, access::demand));
    role(reading_routes(), Role::Read).merge(role(task_routes(), Role::Tasks)).merge(role(administration_routes(), Role::Admin))
}

/// For whoever looks on.
fn reading_routes() -> OpenApiRouter<Arc<Hub>> {
    OpenApiRouter::new()
        .routes(routes!(tasks::list_tasks))
        .routes(routes!(tasks::read_task))
        .routes(routes!(callbacks::receipts::list_task_callbacks))
        .routes(routes!(callbacks::receipts::list_callbacks))
        .routes(routes!(callbacks::receipts::read_callback))
        .routes(routes!(callbacks::verify::verify_callback))
        .routes(routes!(contents::list_contents))
        .routes(routes!(contents::read_content))
        .routes(routes!(pool::list_pool))
        .routes(routes!(webhooks::list_webhooks))
        .routes(routes!(webhooks::read_webhook))
        .routes(routes!(generators::list_generators))
        .routes(routes!(live::watch_events))
        .routes(routes!(live::watch_task))
        .routes(routes!(deliveries::list_deliveries))
        .routes(routes!(deliveries::read_delivery))
        .routes(routes!(deliveries::list_task_deliveries))
        .routes(routes!(stats::read_stats))
}

/// For an application that hands out tasks, reviews and publishes what they bring.
fn task_routes() -> OpenApiRouter<Arc<Hub>> {
    OpenApiRouter::new()
        .routes(routes!(tasks::create_task))
        .routes(routes!(tasks::patch_task))
        .routes(routes!(tasks::cancel_task))
        .routes(routes!(tasks::retry_task))
        .routes(routes!(tasks::reconcile_task))
        .routes(routes!(contents::edit_content))
        .routes(routes!(contents::approve_content))
        .routes(routes!(contents::reject_content))
        .routes(routes!(pool::claim_entries))
        .routes(routes!(pool::entry_published))
        .routes(routes!(pool::entry_failed))
        .routes(routes!(pool::extend_entry))
        .routes(routes!(pool::retry_entry))
        .routes(routes!(events::publish_event))
        .routes(routes!(deliveries::retry_task_deliveries))
}

/// For whoever runs the hub.
fn administration_routes() -> OpenApiRouter<Arc<Hub>> {
    OpenApiRouter::new()
        .routes(routes!(tasks::erase_task))
        .routes(routes!(callbacks::replay::replay_callback))
        .routes(routes!(webhooks::create_webhook))
        .routes(routes!(webhooks::change_webhook, webhooks::delete_webhook))
        .routes(routes!(webhooks::test_webhook))
        .routes(routes!(webhooks::rotate_webhook_secret))
        .routes(routes!(deliveries::retry_delivery))
        .routes(routes!(deliveries::retry_deliveries))
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

/// What of all this a listener shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Whole,
    /// What generators need, beside a listener for the rest.
    Callbacks,
    /// The rest.
    Administration,
}

pub fn router(hub: &Arc<Hub>, part: Part) -> Router {
    let callbacks = Router::from(callback_routes());
    let shown = match part {
        Part::Whole => callbacks.with_state(hub.clone()).merge(administration(hub)),
        Part::Callbacks => callbacks.route("/health/live", get(health::health_live)).with_state(hub.clone()),
        Part::Administration => administration(hub),
    };
    shown
        .fallback(|| async { Problem::of(Code::NotFound) })
        .method_not_allowed_fallback(|| async { Problem::of(Code::MethodNotAllowed) })
        // bodies are bounded where they are read
        .layer(DefaultBodyLimit::disable())
        .layer(CatchPanicLayer::custom(|_| axum::response::IntoResponse::into_response(Problem::of(Code::Internal))))
        .layer(from_fn(request_id::identify))
}

fn administration(hub: &Arc<Hub>) -> Router {
    let api = Router::from(api_routes());
    let console = console::router(hub.clone(), api.clone().with_state(hub.clone()));
    let api = api.route_layer(from_fn_with_state(hub.clone(), access::guard));
    let document = document();
    let docs = SwaggerUi::new("/docs").config(Config::new(["/openapi.json"]));
    api.merge(health_routes())
        .merge(metrics_routes())
        .route("/openapi.json", get(|| async { Json(document) }))
        .with_state(hub.clone())
        .merge(console)
        .merge(docs)
}
