//! `callback-hub tasks`

use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use std::num::NonZeroUsize;

use super::Operation;
use super::api::Api;
use super::callbacks;
use super::show::{self, Column, escaped, plain, text, time};
use super::stream::{Stream, Told};
use crate::cli::{Failure, Outcome, is_read, say};

#[derive(Subcommand)]
pub(in crate::cli) enum Command {
    /// List tasks, newest first
    List(Filter),
    /// Show a task, and what was said about it
    Show {
        /// The task's id
        id: String,
    },
    /// Watch a task until it is settled (0 only if it completed), or everything that happens
    Watch {
        /// The task's id; everything if absent
        id: Option<String>,
    },
    /// End a task that is not settled
    Cancel {
        /// The task's id
        id: String,
    },
    /// Give a failed or cancelled task another attempt
    Retry {
        /// The task's id
        id: String,
    },
    /// Ask the generator now
    Reconcile {
        /// The task's id
        id: String,
    },
}

#[derive(Args)]
pub(in crate::cli) struct Filter {
    /// pending, submitted, processing, completed, failed, timed_out, cancelled; several with commas
    #[arg(long)]
    status: Option<String>,
    /// Of this generator
    #[arg(long)]
    generator: Option<String>,
    /// The beginning of an id, or of a generator's own id
    #[arg(short, long = "query")]
    q: Option<String>,
    /// Only those that run past their deadline
    #[arg(long)]
    overdue: bool,
    /// Created at or after (RFC 3339)
    #[arg(long)]
    created_after: Option<String>,
    /// At most so many
    #[arg(long, default_value = "50")]
    limit: NonZeroUsize,
}

const COLUMNS: &[Column] = &[
    ("ID", |task| text(&task["id"])),
    ("GENERATOR", |task| text(&task["generator"])),
    ("STATUS", |task| text(&task["status"])),
    ("PROGRESS", progress),
    ("ATTEMPT", |task| text(&task["attempt"])),
    ("CREATED", |task| time(&task["created_at"])),
    ("SETTLED", |task| time(&task["settled_at"])),
    ("BY", |task| text(&task["settled_by"])),
    ("WHAT", |task| {
        let progress = &task["progress"];
        [&task["error"]["message"], &progress["message"], &progress["stage"]]
            .into_iter()
            .map(text)
            .find(|text| !text.is_empty())
            .unwrap_or_default()
    }),
];

pub(in crate::cli) async fn run(operation: Operation<Command>) -> Outcome {
    let Operation { access, command } = operation;
    let api = Api::new(&access)?;
    match command {
        Command::List(filter) => list(&api, filter, access.json).await,
        Command::Show { id } => one(&api, &id, access.json).await,
        Command::Watch { id: Some(id) } => watch(&api, &id, access.json).await,
        Command::Watch { id: None } => watch_all(&api, access.json).await,
        Command::Cancel { id } => act(&api, &id, "cancel", access.json).await,
        Command::Retry { id } => act(&api, &id, "retry", access.json).await,
        Command::Reconcile { id } => act(&api, &id, "reconcile", access.json).await,
    }
}

async fn list(api: &Api, filter: Filter, json: bool) -> Outcome {
    let Filter { status, generator, q, overdue, created_after, limit } = filter;
    let given = [("status", status), ("generator", generator), ("q", q), ("created_after", created_after)];
    let mut query: Vec<(&str, String)> = given.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    query.extend(overdue.then(|| ("overdue", "true".to_owned())));
    show::list(&api.list(&["tasks"], &query, limit.get()).await?, COLUMNS, json)
}

async fn one(api: &Api, id: &str, json: bool) -> Outcome {
    let task = api.get(&["tasks", id], &[]).await?;
    let said = api.list(&["tasks", id, "callbacks"], &[], 50).await?;
    if json {
        return show::document(&json!({"task": task, "callbacks": said.items}));
    }
    show::object(&task, false)?;
    say("");
    show::list(&said, callbacks::COLUMNS, false)
}

async fn act(api: &Api, id: &str, action: &str, json: bool) -> Outcome {
    let task = api.post(&["tasks", id, action], &json!({})).await?;
    if json { show::document(&task) } else { show::object(&brief(&task), false) }
}

fn brief(task: &Value) -> Value {
    let members = ["id", "status", "attempt", "settled_by", "next_poll_at", "found"];
    members
        .into_iter()
        .filter(|name| !task[*name].is_null())
        .map(|name| (name.to_owned(), task[name].clone()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// Until the task is settled.
async fn watch(api: &Api, id: &str, json: bool) -> Outcome {
    let mut stream = Stream::open(api, &["tasks", id, "events"]).await?;
    let bar = (!json).then(|| bar(id));
    loop {
        let Told { name, data } = stream.next().await?;
        // too much has happened to tell it: how does it stand?
        let data = if name == "resync" { json!({"event": "current", "task": api.get(&["tasks", id], &[]).await?}) } else { data };
        let task = &data["task"];
        if json {
            if !is_read(escaped(&data.to_string())) {
                return Ok(());
            }
        } else if let Some(bar) = &bar {
            draw(bar, task);
        }
        let status = task["status"].as_str().unwrap_or_default();
        if !task["settled_at"].is_null() {
            if let Some(bar) = bar {
                bar.abandon();
                say(plain(&format!("{id} {status} by {}", text(&task["settled_by"]))));
            }
            let why = text(&task["error"]["message"]);
            let why = if why.is_empty() { String::new() } else { format!(": {}", plain(&why)) };
            return if status == "completed" { Ok(()) } else { Err(Failure::No(anyhow::anyhow!("the task is {status}{why}"))) };
        }
    }
}

fn bar(id: &str) -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix} {wide_bar} {pos:>3} % {msg}");
    let bar = ProgressBar::new(100).with_prefix(id.to_owned());
    if let Ok(style) = style { bar.with_style(style) } else { bar }
}

fn draw(bar: &ProgressBar, task: &Value) {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 100")]
    let percent = task["progress"]["percent"].as_f64().unwrap_or(0.0) as u64;
    bar.set_position(if task["status"] == "completed" { 100 } else { percent });
    bar.set_message(plain(&format!("{} {}", text(&task["status"]), text(&task["progress"]["stage"]))));
}

/// A line each, until somebody has seen enough.
async fn watch_all(api: &Api, json: bool) -> Outcome {
    let mut stream = Stream::open(api, &["events"]).await?;
    loop {
        let Told { name, data } = stream.next().await?;
        let line = match name.as_str() {
            "task" => {
                let task = &data["task"];
                let parts =
                    [time(&data["at"]), text(&task["id"]), text(&data["event"]), text(&data["outcome"]), text(&task["status"])];
                format!("{} {}", parts.join("  "), progress(task))
            }
            "callback" => {
                let why = if data["code"].is_null() { &data["outcome"] } else { &data["code"] };
                [time(&data["at"]), text(&data["task_id"]), text(&data["verdict"]), text(why), text(&data["callback_id"])]
                    .join("  ")
            }
            _ => "too much has happened to tell all of it".to_owned(),
        };
        if !is_read(if json { escaped(&data.to_string()) } else { plain(line.trim_end()) }) {
            return Ok(());
        }
    }
}

fn progress(task: &Value) -> String {
    task["progress"]["percent"].as_f64().map(|percent| format!("{percent:.0} %")).unwrap_or_default()
}
