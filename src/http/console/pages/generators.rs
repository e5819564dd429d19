//! `/console/generators`: the catalog, and how to have each of them call.

use axum::extract::Path;
use axum::response::Response;
use serde_json::{Value, json};

use super::snippets;
use crate::http::console::answer::Refusal;
use crate::http::console::visit::{Visit, segment};
use crate::http::problem::{Code, Problem};

pub(in crate::http::console) async fn list(visit: Visit) -> Result<Response, Refusal> {
    let listed = visit.get("/api/generators").await?;
    Ok(visit.page("generators.html", "Generators", json!({"list": listed})))
}

pub(in crate::http::console) async fn show(visit: Visit, Path(name): Path<String>) -> Result<Response, Refusal> {
    let mut listed = visit.get("/api/generators").await?;
    let found = listed["items"].as_array_mut().and_then(|items| items.iter_mut().find(|item| item["name"] == json!(name)));
    let generator = found.map(Value::take).ok_or_else(|| Refusal::from(Problem::of(Code::UnknownGenerator)))?;
    let (url, url_fault) = match callback_url(&visit, &generator).await {
        Ok(url) => (url, None),
        Err(refusal) => (Value::Null, Some(refusal.detail)),
    };
    let context = json!({
        "query": visit.query.values(), "url": url, "url_fault": url_fault,
        "snippets": snippets::of(&visit.desk.hub, &generator), "generator": generator,
    });
    Ok(visit.page("generator.html", &name, context))
}

/// Of the task that the form names.
async fn callback_url(visit: &Visit, generator: &Value) -> Result<Value, Refusal> {
    let Some(task) = visit.query.said("task") else { return Ok(Value::Null) };
    let task = visit.get(&format!("/api/tasks/{}", segment(task.trim())?)).await?;
    if task["generator"] != generator["name"] {
        let detail = format!("This task is of generator {}", task["generator"].as_str().unwrap_or_default());
        return Err(Problem::new(Code::Conflict, detail).into());
    }
    Ok(task["callback_url"].clone())
}
