//! The console: what operators see and do in a browser, as pages that are made here.
//!
//! It is a client of the API in the same process: a page asks the API's own handlers (`desk`) and shows what they answer, and
//! a button is one request to them. So nothing can be done here that the API does not describe, check and answer for; only charts
//! and settings are seen nowhere else.
//! Who comes in by a browser has a signed cookie (`session`) that is sent to no other path. The pages work without their
//! script, which only follows what happens.

mod answer;
mod assets;
mod chart;
mod charts;
mod desk;
mod form;
pub mod history;
mod legible;
mod pages;
mod render;
pub mod session;
mod visit;

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{Redirect, Response};
use axum::routing::get;

use super::problem::{Code, Problem};
use super::state::Hub;
use desk::Desk;
use pages::{callbacks, check, contents, deliveries, generators, login, overview, settings, tasks, webhooks};

/// Nothing but what the hub itself serves, no frames, nothing inline.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
    form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// `api`: the management API, without its guard.
pub(super) fn router(hub: Arc<Hub>, api: Router) -> Router {
    let desk = Arc::new(Desk::new(hub, api));
    Router::new()
        .merge(closed())
        .route_layer(from_fn_with_state(desk.clone(), session::guard))
        .merge(open())
        .layer(from_fn(secured))
        .with_state(desk)
}

/// For whoever is logged in.
fn closed() -> Router<Arc<Desk>> {
    Router::new()
        .route("/console", get(overview::show))
        .route("/console/tasks", get(tasks::list))
        .route("/console/tasks/{id}", get(tasks::show))
        .route("/console/tasks/{id}/events", get(tasks::watch))
        .route("/console/tasks/{id}/{action}", get(visit::up).post(tasks::act))
        .route("/console/callbacks", get(callbacks::list))
        .route("/console/callbacks/{id}", get(callbacks::show))
        .route("/console/callbacks/{id}/body", get(callbacks::download))
        .route("/console/callbacks/{id}/replay", get(visit::up).post(callbacks::replay))
        .route("/console/check", get(check::form).post(check::judge))
        .route("/console/generators", get(generators::list))
        .route("/console/generators/{name}", get(generators::show))
        .route("/console/webhooks", get(webhooks::list).post(webhooks::create))
        .route("/console/webhooks/new", get(webhooks::form))
        .route("/console/webhooks/{id}", get(webhooks::show).post(webhooks::change))
        .route("/console/webhooks/{id}/{action}", get(visit::up).post(webhooks::act))
        .route("/console/deliveries", get(deliveries::list))
        .route("/console/deliveries/retry", get(deliveries::preview).post(deliveries::retry_all))
        .route("/console/deliveries/{id}", get(deliveries::show))
        .route("/console/deliveries/{id}/retry", get(visit::up).post(deliveries::retry))
        .route("/console/review", get(contents::review))
        .route("/console/review/{id}", get(contents::show).post(contents::edit))
        .route("/console/review/{id}/{action}", get(visit::up).post(contents::decide))
        .route("/console/pool", get(contents::pool))
        .route("/console/pool/{id}/retry", get(|| async { Redirect::to("/console/pool") }).post(contents::offer_again))
        .route("/console/settings", get(settings::show))
        .route("/console/events", get(overview::watch))
        .route("/console/{*rest}", get(visit::nothing))
        .method_not_allowed_fallback(visit::misused)
}

/// For everybody.
fn open() -> Router<Arc<Desk>> {
    Router::new()
        .route("/console/", get(|| async { Redirect::to("/console") }))
        .route("/console/login", get(login::form).post(login::log_in))
        .route("/console/logout", get(|| async { Redirect::to("/console") }).post(login::log_out))
        .route("/console/assets/{name}", get(assets::read))
        .method_not_allowed_fallback(|| async { render::failure(&Problem::of(Code::MethodNotAllowed).into(), None) })
}

async fn secured(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
