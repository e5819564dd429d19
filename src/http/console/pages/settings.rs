//! `/console/settings`: what counts, and where it came from.

use axum::response::Response;
use serde_json::json;

use crate::http::console::answer::Refusal;
use crate::http::console::visit::Visit;

pub(in crate::http::console) async fn show(visit: Visit) -> Result<Response, Refusal> {
    let options = visit.desk.hub.options();
    let rows: Vec<_> = options.shown.iter().map(|row| (&row.name, &row.value, &row.origin)).collect();
    let context = json!({"rows": rows, "version": env!("CARGO_PKG_VERSION")});
    Ok(visit.page("settings.html", "Settings", context))
}
