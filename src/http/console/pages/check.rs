//! `/console/check`: would this callback be believed, and if not, why?

use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::callbacks::body;
use crate::generator::scalar::Trust;
use crate::http::console::answer::Refusal;
use crate::http::console::form::{Pairs, headers};
use crate::http::console::visit::{Visit, segment};
use crate::registrar::MASK;

/// Empty, or filled with a callback that was received.
pub(in crate::http::console) async fn form(visit: Visit) -> Result<Response, Refusal> {
    let Some(id) = visit.query.said("callback") else {
        let generator = visit.query.said("generator").unwrap_or("default");
        return Ok(page(&visit, &json!({"generator": generator}), None, None));
    };
    let mut receipt = visit.get(&format!("/api/callbacks/{}", segment(id)?)).await?;
    let body = body(&mut receipt);
    let lacking = lacking(&visit, &receipt, body.is_some());
    let body = body.unwrap_or_default();
    let no_headers = Map::new();
    let headers = receipt["headers"].as_object().unwrap_or(&no_headers).iter();
    let lines: Vec<String> = headers.map(|(name, value)| format!("{name}: {}", value.as_str().unwrap_or_default())).collect();
    // a form would change line ends and bytes that are no text
    let is_plain = std::str::from_utf8(&body).is_ok_and(|text| !text.contains(['\r', '\n', '\0']));
    let name = if is_plain { "body" } else { "body_base64" };
    let text = if is_plain { String::from_utf8_lossy(&body).into_owned() } else { STANDARD.encode(&body) };
    let filled = json!({
        "generator": receipt["generator"], "headers": lines.join("\n"), "at": receipt["received_at"], name: text,
        "lacking": lacking,
    });
    Ok(page(&visit, &filled, None, None))
}

/// What was not kept of a callback, so that the verdict may be another one.
fn lacking(visit: &Visit, receipt: &Value, has_body: bool) -> Vec<&'static str> {
    let catalog = visit.desk.hub.terms.catalog();
    let generator = receipt["generator"].as_str().and_then(|name| catalog.find(name));
    let is_masked = receipt["headers"].as_object().is_some_and(|headers| headers.values().any(|value| value == MASK));
    let lacks = [
        (!has_body, "its body"),
        (receipt["body_cut"] == json!(true), "the end of its body"),
        (is_masked, "headers that hold secrets"),
        (generator.is_some_and(|generator| generator.trust() == Trust::Token), "the token of its URL"),
    ];
    lacks.into_iter().filter(|(lacks, _)| *lacks).map(|(_, what)| what).collect()
}

pub(in crate::http::console) async fn judge(visit: Visit, pairs: Pairs) -> Result<Response, Refusal> {
    let verdict = match wish(&pairs) {
        Ok(wish) => visit.post("/api/callbacks/verify", wish).await,
        Err(refusal) => Err(refusal),
    };
    Ok(match verdict {
        Ok(verdict) => page(&visit, &pairs.values(), Some(&verdict), None),
        Err(refusal) => page(&visit, &pairs.values(), None, Some(&refusal)),
    })
}

fn page(visit: &Visit, filled: &Value, verdict: Option<&Value>, fault: Option<&Refusal>) -> Response {
    let context = json!({"filled": filled, "generators": visit.generators(), "verdict": verdict});
    visit.page_with("check.html", "Check a callback", context, fault)
}

fn wish(pairs: &Pairs) -> Result<Value, Refusal> {
    let mut wish = pairs.texts(&["generator", "at", "url", "body_base64"]);
    if !wish.contains_key("body_base64") {
        // browsers send two characters for a line's end
        wish.insert("body".to_owned(), pairs.text("body").replace("\r\n", "\n").into());
    }
    // seconds since 1970 are a number
    if let Some(seconds) = wish.get("at").and_then(|at| at.as_str()?.parse::<i64>().ok()) {
        wish.insert("at".to_owned(), seconds.into());
    }
    wish.insert("headers".to_owned(), headers(pairs.text("headers"))?.into());
    Ok(Value::Object(wish))
}
