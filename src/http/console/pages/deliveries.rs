//! `/console/deliveries`: what was sent, what waits, and the dead letters.

use axum::extract::Path;
use axum::response::Response;
use serde_json::{Map, Value, json};

use crate::domain::delivery::Status;
use crate::http::console::answer::Refusal;
use crate::http::console::form::Pairs;
use crate::http::console::visit::{Visit, done, segment};

const FILTERS: [&str; 6] = ["status", "webhook_id", "task_id", "event", "created_after", "created_before"];
/// What cuts down which dead ones are retried.
const NARROWING: [&str; 5] = ["webhook_id", "task_id", "event", "created_after", "created_before"];

pub(in crate::http::console) async fn list(visit: Visit) -> Result<Response, Refusal> {
    let (list, fault) = visit.list("/api/deliveries", &FILTERS).await;
    let context = json!({
        "list": list, "states": Status::ALL.map(Status::as_str), "webhooks": visit.get("/api/webhooks?limit=200").await?["items"],
        "query": visit.query.values(), "narrowing": visit.query.query(&NARROWING),
        "next": visit.next(&list, "/console/deliveries", &FILTERS),
    });
    Ok(visit.page_with("deliveries.html", "Deliveries", context, fault.as_ref()))
}

pub(in crate::http::console) async fn show(visit: Visit, Path(id): Path<String>) -> Result<Response, Refusal> {
    let delivery = visit.get(&format!("/api/deliveries/{}", segment(&id)?)).await?;
    // a task's own webhook is none of those that can be read by their ids
    let webhook = visit.get(&format!("/api/webhooks/{}", segment(delivery["webhook_id"].as_str().unwrap_or_default())?)).await;
    let is_disabled = webhook.is_ok_and(|webhook| webhook["status"] == json!("disabled"));
    Ok(visit.page("delivery.html", "Delivery", json!({"delivery": delivery, "is_disabled": is_disabled})))
}

pub(in crate::http::console) async fn retry(visit: Visit, Path(id): Path<String>) -> Result<Response, Refusal> {
    visit.post(&format!("/api/deliveries/{}/retry", segment(&id)?), json!({})).await?;
    Ok(done(&format!("/console/deliveries/{id}"), "resent"))
}

/// How many would be retried; nothing is done yet.
pub(in crate::http::console) async fn preview(visit: Visit) -> Result<Response, Refusal> {
    let wish = visit.query.texts(&NARROWING);
    let asked = visit.post("/api/deliveries/retry", with_bounds(wish.clone(), true)).await;
    let (count, fault) = match asked {
        Ok(count) => (count, None),
        Err(refusal) => (Value::Null, Some(refusal)),
    };
    let context = json!({"count": count, "wish": wish});
    Ok(visit.page_with("retry.html", "Retry dead deliveries", context, fault.as_ref()))
}

pub(in crate::http::console) async fn retry_all(visit: Visit, pairs: Pairs) -> Result<Response, Refusal> {
    let wish = pairs.texts(&NARROWING);
    let answer = visit.post("/api/deliveries/retry", with_bounds(wish, false)).await?;
    let said = if answer["retried"] == json!(0) { "nothing" } else { "bulk" };
    Ok(done("/console/deliveries?status=pending", said))
}

/// As many at a time as the API takes.
fn with_bounds(mut wish: Map<String, Value>, dry_run: bool) -> Value {
    wish.extend([("dry_run".to_owned(), dry_run.into()), ("limit".to_owned(), 100_000.into())]);
    Value::Object(wish)
}
