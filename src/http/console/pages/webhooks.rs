//! `/console/webhooks`: who hears what, and how that goes.

use std::collections::BTreeMap;

use axum::extract::Path;
use axum::response::Response;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Number, Value, json};

use crate::http::console::answer::Refusal;
use crate::http::console::charts;
use crate::http::console::form::{Pairs, headers};
use crate::http::console::visit::{Visit, done, segment};
use crate::http::problem::{Code, Problem};
use crate::registrar::MASK;

const FILTERS: [&str; 2] = ["customer_id", "status"];
/// Of the form, but for the secret.
const FIELDS: [&str; 10] =
    ["name", "url", "events", "filter", "headers", "template", "signature", "retry_delays", "timeout_seconds", "customer_id"];
/// Of `retry_delays`: there are none.
const NEVER: &str = "never";

pub(in crate::http::console) async fn list(visit: Visit) -> Result<Response, Refusal> {
    let (list, fault) = visit.list("/api/webhooks", &FILTERS).await;
    let stats = visit.get("/api/stats").await?;
    let context = json!({
        "figures": by_id(&stats), "list": list, "query": visit.query.values(),
        "next": visit.next(&list, "/console/webhooks", &FILTERS),
    });
    Ok(visit.page_with("webhooks.html", "Webhooks", context, fault.as_ref()))
}

pub(in crate::http::console) async fn form(visit: Visit) -> Result<Response, Refusal> {
    Ok(visit.page("webhook_form.html", "New webhook", json!({"filled": {"signature": "standard", "events": "*"}, "id": null})))
}

pub(in crate::http::console) async fn create(visit: Visit, pairs: Pairs) -> Result<Response, Refusal> {
    let made = match wish(&pairs, &Value::Null) {
        Ok(wish) => visit.post("/api/webhooks", wish).await,
        Err(refusal) => Err(refusal),
    };
    concluded(&visit, &pairs, made, None).await
}

pub(in crate::http::console) async fn show(visit: Visit, Path(id): Path<String>) -> Result<Response, Refusal> {
    let webhook = visit.get(&format!("/api/webhooks/{}", segment(&id)?)).await?;
    if visit.query.said("edit").is_some() {
        let context = json!({"filled": filled(&webhook), "id": id});
        return Ok(visit.page("webhook_form.html", "Change a webhook", context));
    }
    page(&visit, webhook, &json!({})).await
}

pub(in crate::http::console) async fn change(visit: Visit, Path(id): Path<String>, pairs: Pairs) -> Result<Response, Refusal> {
    let path = format!("/api/webhooks/{}", segment(&id)?);
    let before = filled(&visit.get(&path).await?);
    let changed = match wish(&pairs, &before) {
        Ok(wish) => visit.patch(&path, wish).await,
        Err(refusal) => Err(refusal),
    };
    concluded(&visit, &pairs, changed, Some(&id)).await
}

/// What comes after the form: the webhook, with a secret that was made, this once; or the form again, as it was filled in.
/// `id`: of the one that was to be changed.
async fn concluded(visit: &Visit, pairs: &Pairs, outcome: Result<Value, Refusal>, id: Option<&str>) -> Result<Response, Refusal> {
    let (title, said) = if id.is_some() { ("Change a webhook", "changed") } else { ("New webhook", "created") };
    match outcome {
        Ok(webhook) if webhook["secret"].is_string() => page(visit, webhook, &json!({})).await,
        Ok(webhook) => Ok(done(&format!("/console/webhooks/{}", webhook["id"].as_str().unwrap_or_default()), said)),
        Err(refusal) => {
            let context = json!({"filled": pairs.values(), "id": id});
            Ok(visit.page_with("webhook_form.html", title, context, Some(&refusal)))
        }
    }
}

pub(in crate::http::console) async fn act(visit: Visit, Path((id, action)): Path<(String, String)>) -> Result<Response, Refusal> {
    let path = format!("/api/webhooks/{}", segment(&id)?);
    let here = format!("/console/webhooks/{id}");
    match action.as_str() {
        "test" => {
            let tested = visit.post(&format!("{path}/test"), json!({})).await?;
            let webhook = visit.get(&path).await?;
            page(&visit, webhook, &json!({"tested": tested})).await
        }
        "rotate-secret" => {
            let webhook = visit.post(&format!("{path}/rotate-secret"), json!({})).await?;
            page(&visit, webhook, &json!({"rotated": true})).await
        }
        "active" | "paused" | "disabled" => {
            visit.patch(&path, json!({"status": action})).await?;
            Ok(done(&here, &action))
        }
        "delete" => {
            visit.delete(&path).await?;
            Ok(done("/console/webhooks", "removed"))
        }
        _ => Err(Problem::of(Code::NotFound).into()),
    }
}

/// `happened`: what is shown above it, this once.
async fn page(visit: &Visit, webhook: Value, happened: &Value) -> Result<Response, Refusal> {
    let id = webhook["id"].as_str().unwrap_or_default().to_owned();
    let stats = visit.get("/api/stats").await?;
    let context = json!({
        "figures": by_id(&stats)[&id], "deliveries": charts::deliveries(&visit.desk.hub, Some(&id)).await?,
        "recent": visit.get(&format!("/api/deliveries?webhook_id={id}&limit=10")).await?["items"],
        "happened": happened, "webhook": webhook,
    });
    let name = webhook["name"].as_str().filter(|name| !name.is_empty()).unwrap_or("Webhook");
    Ok(visit.page("webhook.html", name, context))
}

/// What `/api/stats` tells of each webhook.
fn by_id(stats: &Value) -> Value {
    let all = stats["deliveries"]["webhooks"].as_array().into_iter().flatten();
    let entry = |figures: &Value| Some((figures["webhook_id"].as_str()?.to_owned(), figures.clone()));
    Value::Object(all.filter_map(entry).collect())
}

/// The form, filled with what a webhook is now.
fn filled(webhook: &Value) -> Value {
    let joined = |value: &Value, by: &str| {
        let items = value.as_array().into_iter().flatten();
        items.map(|item| item.as_str().map_or_else(|| item.to_string(), ToOwned::to_owned)).collect::<Vec<_>>().join(by)
    };
    let headers = webhook["headers"].as_object().into_iter().flatten();
    let headers: Vec<String> = headers.map(|(name, _)| format!("{name}: {MASK}")).collect();
    let is_tried_once = webhook["retry_delays"].as_array().is_some_and(Vec::is_empty);
    let delays = if is_tried_once { NEVER.to_owned() } else { joined(&webhook["retry_delays"], ", ") };
    let timeout = webhook["timeout_seconds"].as_number().map(ToString::to_string);
    json!({
        "name": webhook["name"], "url": webhook["url"], "events": joined(&webhook["events"], "\n"), "filter": webhook["filter"],
        "headers": headers.join("\n"), "template": webhook["template"], "signature": webhook["signature"], "retry_delays": delays,
        "timeout_seconds": timeout, "customer_id": webhook["customer_id"],
    })
}

/// What the form says other than what it was filled with: all else stays, whoever has changed it meanwhile.
fn wish(pairs: &Pairs, before: &Value) -> Result<BTreeMap<&'static str, Box<RawValue>>, Refusal> {
    let mut wish = BTreeMap::new();
    for name in FIELDS {
        let said = pairs.text(name).replace("\r\n", "\n");
        if said.trim() != before[name].as_str().unwrap_or_default().trim() {
            wish.insert(name, meant(name, said.trim())?);
        }
    }
    // as it is: blanks around it are a part of it
    if !pairs.text("secret").is_empty() {
        wish.insert("secret", written(&pairs.text("secret"))?);
    }
    Ok(wish)
}

/// What is written into a field, as the API takes it; nothing is null, which takes away what is there.
fn meant(name: &'static str, said: &str) -> Result<Box<RawValue>, Refusal> {
    let lines = || said.lines().map(str::trim).filter(|line| !line.is_empty());
    match name {
        "events" => written(&lines().collect::<Vec<_>>()),
        "retry_delays" if said == NEVER => written(&[0; 0]),
        _ if said.is_empty() => written(&Value::Null),
        "headers" => written(&headers(said)?),
        // as it was written: another document would be another template
        "template" => {
            RawValue::from_string(said.to_owned()).map_err(|error| Refusal::field("template", &format!("must be JSON: {error}")))
        }
        "timeout_seconds" => written(&number(name, said)?),
        "retry_delays" => written(&said.split(',').map(|text| number(name, text.trim())).collect::<Result<Vec<_>, _>>()?),
        _ => written(&said),
    }
}

fn written(value: &impl Serialize) -> Result<Box<RawValue>, Refusal> {
    to_raw_value(value).map_err(|_| Problem::of(Code::Internal).into())
}

fn number(field: &str, text: &str) -> Result<Number, Refusal> {
    text.parse().map_err(|_| Refusal::field(field, &format!("`{text}` is no number of seconds")))
}
