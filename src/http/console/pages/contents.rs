//! `/console/review` and `/console/pool`: results on their way to the public.

use axum::extract::Path;
use axum::response::Response;
use serde_json::{Map, Value, json};

use crate::generator::mac::sha256;
use crate::http::console::answer::Refusal;
use crate::http::console::form::Pairs;
use crate::http::console::visit::{Visit, done, segment};
use crate::http::problem::{Code, Problem};

const FILTERS: [&str; 4] = ["review_status", "publish_status", "generator", "task_id"];
/// What may be edited here.
const TEXTS: [&str; 5] = ["title", "summary", "content", "html", "cover_image"];

/// What waits for somebody, unless the form says otherwise.
pub(in crate::http::console) async fn review(mut visit: Visit) -> Result<Response, Refusal> {
    if visit.query.said("all").is_none() && FILTERS.iter().all(|name| visit.query.said(name).is_none()) {
        visit.query = visit.query.clone().with("review_status", "pending_review");
    }
    let (mut list, fault) = visit.list("/api/contents", &FILTERS).await;
    for content in list["items"].as_array_mut().into_iter().flatten() {
        content["seen"] = state(content).into();
    }
    let next = visit.next(&list, "/console/review", &[FILTERS.as_slice(), &["all"]].concat());
    let context = json!({"list": list, "generators": visit.generators(), "query": visit.query.values(), "next": next});
    Ok(visit.page_with("review.html", "Review", context, fault.as_ref()))
}

pub(in crate::http::console) async fn show(visit: Visit, Path(id): Path<String>) -> Result<Response, Refusal> {
    let content = visit.get(&format!("/api/contents/{}", segment(&id)?)).await?;
    Ok(page(&visit, &content, None))
}

pub(in crate::http::console) async fn edit(visit: Visit, Path(id): Path<String>, pairs: Pairs) -> Result<Response, Refusal> {
    let path = format!("/api/contents/{}", segment(&id)?);
    let content = visit.get(&path).await?;
    let text = |name: &str| pairs.said(name).map(|text| text.replace("\r\n", "\n"));
    // what a form does not have stays as it is
    let sent = TEXTS.iter().filter(|name| pairs.has(name));
    let edited: Map<String, Value> = sent.map(|name| ((*name).to_owned(), text(name).into())).collect();
    let outcome = match is_as_seen(&content, &pairs) {
        Ok(()) => visit.patch(&path, &edited).await,
        Err(refusal) => Err(refusal),
    };
    let Err(refusal) = outcome else { return Ok(done(&format!("/console/review/{id}"), "edited")) };
    let mut shown = content.clone();
    shown.as_object_mut().into_iter().for_each(|shown| shown.extend(edited.clone()));
    let context = json!({"seen": state(&content), "edited": shown, "content": content});
    Ok(visit.page_with("content.html", "Not saved", context, Some(&refusal)))
}

/// Nobody's words are replaced or decided on that the operator has not seen.
fn is_as_seen(content: &Value, pairs: &Pairs) -> Result<(), Refusal> {
    let detail = "Somebody has changed it since you have opened it: look at it again";
    if pairs.text("seen") == state(content) { Ok(()) } else { Err(Problem::new(Code::Conflict, detail).into()) }
}

/// Changes with each text of it.
fn state(content: &Value) -> String {
    let texts: Vec<String> = TEXTS.iter().map(|name| content[*name].to_string()).collect();
    hex::encode(&sha256([texts.join("\0").as_bytes()])[..8])
}

pub(in crate::http::console) async fn decide(
    visit: Visit,
    Path((id, action)): Path<(String, String)>,
    pairs: Pairs,
) -> Result<Response, Refusal> {
    let said = match action.as_str() {
        "approve" => "approved",
        "reject" => "rejected",
        _ => return Err(Problem::of(Code::NotFound).into()),
    };
    let path = format!("/api/contents/{}", segment(&id)?);
    let content = visit.get(&path).await?;
    let decided = match is_as_seen(&content, &pairs) {
        Ok(()) => {
            let names: &[&str] = if action == "approve" { &["note", "publish_after"] } else { &["note"] };
            visit.post(&format!("{path}/{action}"), pairs.texts(names)).await
        }
        Err(refusal) => Err(refusal),
    };
    if let Err(refusal) = decided {
        return Ok(page(&visit, &content, Some(&refusal)));
    }
    let back = if pairs.said("list").is_some() { "/console/review".to_owned() } else { format!("/console/review/{id}") };
    Ok(done(&back, said))
}

fn page(visit: &Visit, content: &Value, fault: Option<&Refusal>) -> Response {
    let title = content["title"].as_str().unwrap_or("Content");
    visit.page_with("content.html", title, json!({"content": content, "seen": state(content), "edited": content}), fault)
}

pub(in crate::http::console) async fn pool(visit: Visit) -> Result<Response, Refusal> {
    let (list, fault) = visit.list("/api/pool", &["status"]).await;
    let context = json!({
        "list": list, "query": visit.query.values(), "next": visit.next(&list, "/console/pool", &["status"]),
    });
    Ok(visit.page_with("pool.html", "Publish pool", context, fault.as_ref()))
}

pub(in crate::http::console) async fn offer_again(visit: Visit, Path(id): Path<String>) -> Result<Response, Refusal> {
    visit.post(&format!("/api/pool/{}/retry", segment(&id)?), json!({})).await?;
    Ok(done("/console/pool", "offered"))
}
