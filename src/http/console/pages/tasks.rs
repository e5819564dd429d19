//! `/console/tasks`, and one of them.

use axum::extract::Path;
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::json;

use super::timeline;
use crate::domain::task::Status;
use crate::http::console::answer::Refusal;
use crate::http::console::visit::{Visit, done, segment};
use crate::http::problem::{Code, Problem};
use crate::pursuit::figures::Finding;

const FILTERS: [&str; 8] =
    ["status", "generator", "q", "external_id", "overdue", "created_after", "created_before", "settled_after"];
/// Of a task's receipts and deliveries, on its page.
const MOST: usize = 100;

/// A button, what it asks of the API, and what is said afterwards.
const ACTIONS: [(&str, &str); 4] =
    [("cancel", "cancelled"), ("retry", "retried"), ("reconcile", "answered"), ("retry-push", "pushed")];

pub(in crate::http::console) async fn list(visit: Visit) -> Result<Response, Refusal> {
    let (list, fault) = visit.list("/api/tasks", &FILTERS).await;
    let context = json!({
        "list": list, "states": Status::ALL.map(Status::as_str), "generators": visit.generators(), "query": visit.query.values(),
        "next": visit.next(&list, "/console/tasks", &FILTERS),
    });
    Ok(visit.page_with("tasks.html", "Tasks", context, fault.as_ref()))
}

pub(in crate::http::console) async fn show(visit: Visit, Path(id): Path<String>) -> Result<Response, Refusal> {
    let path = format!("/api/tasks/{}", segment(&id)?);
    let task = visit.get(&path).await?;
    let receipts = visit.get(&format!("{path}/callbacks?limit={MOST}")).await?;
    let deliveries = visit.get(&format!("{path}/deliveries?limit={MOST}")).await?;
    let contents = visit.get(&format!("/api/contents?task_id={id}&limit=5")).await?;
    let dead = visit.get(&format!("{path}/deliveries?status=dead&limit=1")).await?;
    let can_ask = visit.desk.hub.terms.policy_of(task["generator"].as_str().unwrap_or_default()).can_ask;
    let status = task["status"].as_str().unwrap_or_default();
    let is_running = matches!(status, "pending" | "submitted" | "processing");
    // the address of a page cannot put other words into a generator's mouth
    let found = visit.query.said("found").and_then(Finding::parse).map(Finding::as_str);
    let is_known = visit.desk.hub.terms.catalog().find(task["generator"].as_str().unwrap_or_default()).is_some();
    let context = json!({
        "timeline": timeline::of(&task, &receipts, &deliveries, &contents),
        "more": !receipts["next_cursor"].is_null() || !deliveries["next_cursor"].is_null(),
        "may": {
            "cancel": is_running, "retry": matches!(status, "failed" | "timed_out" | "cancelled"),
            "reconcile": can_ask && (is_running || status == "timed_out"), "push": !dead["items"][0].is_null(),
        },
        "found": found, "is_known": is_known,
        "contents": contents["items"], "task": task,
    });
    Ok(visit.page("task.html", &format!("Task {id}"), context))
}

pub(in crate::http::console) async fn watch(
    visit: Visit,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    visit.watch(&format!("/api/tasks/{}/events", segment(&id)?), &headers).await
}

pub(in crate::http::console) async fn act(visit: Visit, Path((id, action)): Path<(String, String)>) -> Result<Response, Refusal> {
    let (action, said) =
        ACTIONS.into_iter().find(|(known, _)| *known == action).ok_or_else(|| Refusal::from(Problem::of(Code::NotFound)))?;
    let answer = visit.post(&format!("/api/tasks/{}/{action}", segment(&id)?), json!({})).await?;
    let page = format!("/console/tasks/{id}");
    Ok(match (action, answer["found"].as_str()) {
        ("reconcile", None) => done(&page, "asked"),
        (_, Some(found)) => done(&format!("{page}?found={found}"), said),
        ("retry-push", None) if answer["retried"] == json!(0) => done(&page, "nothing"),
        _ => done(&page, said),
    })
}
