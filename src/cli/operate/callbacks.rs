//! `callback-hub callbacks`

use clap::{Args, Subcommand};
use serde_json::json;
use std::num::NonZeroUsize;

use super::Operation;
use super::api::Api;
use super::show::{self, Column, text, time};
use crate::cli::Outcome;

#[derive(Subcommand)]
pub(in crate::cli) enum Command {
    /// List callbacks, refused ones too, newest first
    List(Filter),
    /// Show a callback: its headers, its body, and why it was refused
    Show {
        /// The callback's id
        id: String,
    },
    /// Take a callback once more, with today's generators and secrets
    Replay {
        /// The callback's id
        id: String,
    },
}

#[derive(Args)]
pub(in crate::cli) struct Filter {
    /// Only those that were refused
    #[arg(long, conflicts_with_all = ["outcome", "event"])]
    rejected: bool,
    /// About this task
    #[arg(long)]
    task: Option<String>,
    /// Of this generator
    #[arg(long)]
    generator: Option<String>,
    /// applied, duplicate, ignored, hint, parked, event
    #[arg(long)]
    outcome: Option<String>,
    /// completed, failed, progress …, or a custom event's name
    #[arg(long)]
    event: Option<String>,
    /// Refused with this code
    #[arg(long)]
    code: Option<String>,
    /// At most so many
    #[arg(long, default_value = "50")]
    limit: NonZeroUsize,
}

pub(super) const COLUMNS: &[Column] = &[
    ("RECEIVED", |receipt| time(&receipt["received_at"])),
    ("TASK", |receipt| text(&receipt["task_id"])),
    ("GENERATOR", |receipt| text(&receipt["generator"])),
    ("SOURCE", |receipt| text(&receipt["source"])),
    ("EVENT", |receipt| text(&receipt["event"])),
    ("OUTCOME", |receipt| text(if receipt["outcome"].is_null() { &receipt["verdict"] } else { &receipt["outcome"] })),
    ("WHY", |receipt| text(if receipt["reason"].is_null() { &receipt["code"] } else { &receipt["reason"] })),
    ("ID", |receipt| text(&receipt["id"])),
];

pub(in crate::cli) async fn run(operation: Operation<Command>) -> Outcome {
    let Operation { access, command } = operation;
    let api = Api::new(&access)?;
    match command {
        Command::List(filter) => list(&api, filter, access.json).await,
        Command::Show { id } => show::object(&api.get(&["callbacks", &id], &[]).await?, access.json),
        Command::Replay { id } => show::object(&api.post(&["callbacks", &id, "replay"], &json!({})).await?, access.json),
    }
}

async fn list(api: &Api, filter: Filter, json: bool) -> Outcome {
    let Filter { rejected, task, generator, outcome, event, code, limit } = filter;
    let given = [("task_id", task), ("generator", generator), ("outcome", outcome), ("event", event), ("code", code)];
    let mut query: Vec<(&str, String)> = given.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    query.extend(rejected.then(|| ("verdict", "rejected".to_owned())));
    show::list(&api.list(&["callbacks"], &query, limit.get()).await?, COLUMNS, json)
}
