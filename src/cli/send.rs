//! `callback-hub send`: posts a callback as its generator would.

use std::path::PathBuf;

use anyhow::Context;
use bytes::Bytes;
use clap::Args;
use serde_json::{Map, Value, json};

use super::client::{Trust, client};
use super::verify::read;
use super::{Failure, Outcome, say, settings};
use crate::app::offline;
use crate::clock::Clock;
use crate::domain::task::TaskId;
use crate::generator::signing::sign;

#[derive(Args)]
pub(super) struct Arguments {
    /// The task's id
    #[arg(long)]
    task: String,
    /// completed, failed, progress, cancelled …
    #[arg(long)]
    event: Option<String>,
    /// The body itself, as its generator writes it, instead of an event: a file, or - for standard input
    #[arg(long, conflicts_with_all = ["event", "data"], required_unless_present = "event")]
    body: Option<PathBuf>,
    /// JSON: the result of completed, the error of failed, the progress of progress
    #[arg(long)]
    data: Option<String>,
    /// Who calls
    #[arg(long, default_value = "default")]
    generator: String,
    /// Signs; the first secret of the settings if absent
    #[arg(long)]
    secret: Option<String>,
    /// The hub, or the whole callback URL
    #[arg(long, env = "CALLBACK_HUB_URL", default_value = "http://127.0.0.1:8080")]
    url: String,
    #[command(flatten)]
    trust: Trust,
}

pub(super) async fn run(arguments: Arguments) -> Outcome {
    let usage = |error: String| Failure::Usage(anyhow::anyhow!(error));
    let task = TaskId::parse(&arguments.task).map_err(|error| usage(error.to_string()))?;
    if !reqwest::Url::parse(&arguments.url).is_ok_and(|url| matches!(url.scheme(), "http" | "https")) {
        // not repeated: a callback URL has a token in it
        return Err(usage("--url (or CALLBACK_HUB_URL) must be a URL that begins with http:// or https://".to_owned()));
    }
    let (catalog, secret) = offline::with_secret(&settings()?.settings, &arguments.generator)?;
    let generator =
        catalog.find(&arguments.generator).ok_or_else(|| usage(format!("there is no generator {}", arguments.generator)))?;
    let body = match &arguments.body {
        Some(file) => read(file)?,
        None => Bytes::from(body(&arguments).map_err(|error| usage(format!("--data is not JSON: {error}")))?.to_string()),
    };
    let headers = match arguments.secret.or(secret) {
        Some(secret) => sign(generator, &secret, &task, &body, Clock::System.now()).map_err(|error| usage(error.to_string()))?,
        None => Vec::new(),
    };

    let mut request = client(&arguments.trust)?.post(target(&arguments.url, &task, &arguments.generator)).body(body);
    request = request.header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let response = request.send().await.context("the hub cannot be reached")?;
    let status = response.status();
    let text = response.text().await.context("the answer broke off")?;
    say(text);
    if status.is_success() { Ok(()) } else { Err(Failure::No(anyhow::anyhow!("the hub answered {status}"))) }
}

/// A callback URL that was handed out has the token in it: it is used as it is.
fn target(url: &str, task: &TaskId, generator: &str) -> String {
    if url.contains("/callback/") {
        url.to_owned()
    } else {
        format!("{}/callback/{task}?generator={generator}", url.trim_end_matches('/'))
    }
}

/// A body of generator `default`.
fn body(arguments: &Arguments) -> serde_json::Result<Value> {
    let data: Option<Value> = arguments.data.as_deref().map(serde_json::from_str).transpose()?;
    let mut body = Map::new();
    body.insert("event".to_owned(), json!(arguments.event));
    body.insert("taskId".to_owned(), json!(arguments.task));
    body.insert("timestamp".to_owned(), json!(Clock::System.now()));
    let (member, otherwise) = match arguments.event.as_deref().unwrap_or_default() {
        "completed" => ("result", json!({})),
        "failed" => ("error", Value::Null),
        _ => ("progress", Value::Null),
    };
    body.insert(member.to_owned(), data.unwrap_or(otherwise));
    Ok(Value::Object(body))
}
