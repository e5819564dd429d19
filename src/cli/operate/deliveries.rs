//! `callback-hub deliveries`

use std::num::NonZeroUsize;
use std::time::Duration;

use anyhow::anyhow;
use clap::{Args, Subcommand};
use indicatif::ProgressBar;
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::Operation;
use super::api::Api;
use super::show::{self, Column, text, time};
use crate::cli::{Failure, Outcome, say};

/// The hub takes no more in one request.
const MOST: u64 = 100_000;
/// For so many, the hub takes minutes.
const LONGEST: Duration = Duration::from_secs(1800);
const TICK: Duration = Duration::from_millis(100);

#[derive(Subcommand)]
pub(in crate::cli) enum Command {
    /// List deliveries, newest first; --status dead are the dead letters
    List(Filter),
    /// Show a delivery: its attempts and its body
    Show {
        /// The delivery's id
        id: String,
    },
    /// Retry a delivery, or all dead ones for which everything holds that is given
    Retry(Retry),
}

#[derive(Args)]
pub(in crate::cli) struct Filter {
    /// pending, delivered, dead, superseded; several with commas
    #[arg(long)]
    status: Option<String>,
    #[command(flatten)]
    narrow: Narrow,
    /// At most so many
    #[arg(long, default_value = "50")]
    limit: NonZeroUsize,
}

#[derive(Args)]
pub(in crate::cli) struct Narrow {
    /// To the webhook with this id
    #[arg(long)]
    webhook: Option<String>,
    /// About this task
    #[arg(long)]
    task: Option<String>,
    /// Of events of this name
    #[arg(long)]
    event: Option<String>,
    /// Made at or after (RFC 3339)
    #[arg(long)]
    created_after: Option<String>,
    /// Made before
    #[arg(long)]
    created_before: Option<String>,
}

#[derive(Args)]
pub(in crate::cli) struct Retry {
    /// Only the delivery with this id
    #[arg(conflicts_with_all = ["webhook", "task", "event", "created_after", "created_before", "dry_run", "all"])]
    id: Option<String>,
    #[command(flatten)]
    narrow: Narrow,
    /// All dead deliveries, whatever they are
    #[arg(long)]
    all: bool,
    /// Only count
    #[arg(long)]
    dry_run: bool,
}

const COLUMNS: &[Column] = &[
    ("CREATED", |delivery| time(&delivery["created_at"])),
    ("STATUS", |delivery| text(&delivery["status"])),
    ("EVENT", |delivery| text(&delivery["event"])),
    ("TASK", |delivery| text(&delivery["task_id"])),
    ("WEBHOOK", |delivery| {
        let name = text(&delivery["webhook_name"]);
        if name.is_empty() { text(&delivery["webhook_id"]) } else { name }
    }),
    ("ATTEMPTS", |delivery| text(&delivery["attempts"])),
    ("NEXT", |delivery| time(&delivery["next_attempt_at"])),
    ("LAST ERROR", |delivery| text(&delivery["last_error"])),
    ("ID", |delivery| text(&delivery["id"])),
];

pub(in crate::cli) async fn run(operation: Operation<Command>) -> Outcome {
    let Operation { access, command } = operation;
    let api = Api::new(&access)?;
    match command {
        Command::List(Filter { status, narrow, limit }) => {
            let query: Vec<_> = narrow.given().into_iter().chain(status.map(|status| ("status", status))).collect();
            show::list(&api.list(&["deliveries"], &query, limit.get()).await?, COLUMNS, access.json)
        }
        Command::Show { id } => show::object(&api.get(&["deliveries", &id], &[]).await?, access.json),
        Command::Retry(Retry { id: Some(id), .. }) => {
            show::object(&api.post(&["deliveries", &id, "retry"], &json!({})).await?, access.json)
        }
        Command::Retry(retry) => many(&api, &retry, access.json).await,
    }
}

impl Narrow {
    fn given(&self) -> Vec<(&'static str, String)> {
        let given = [
            ("webhook_id", &self.webhook),
            ("task_id", &self.task),
            ("event", &self.event),
            ("created_after", &self.created_after),
            ("created_before", &self.created_before),
        ];
        given.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))).collect()
    }
}

/// In one request: those of a webhook become due one after the other, and a second request would begin anew.
async fn many(api: &Api, retry: &Retry, json: bool) -> Outcome {
    let given = retry.narrow.given();
    if given.is_empty() && !retry.all {
        return Err(Failure::Usage(anyhow!("which deliveries? give an id, something that narrows them down, or --all")));
    }
    let mut body: Map<String, Value> = given.into_iter().map(|(name, value)| (name.to_owned(), json!(value))).collect();
    body.insert("limit".to_owned(), json!(MOST));
    body.insert("dry_run".to_owned(), json!(retry.dry_run));
    let spinner = if json { ProgressBar::hidden() } else { ProgressBar::new_spinner().with_message("retrying dead deliveries") };
    spinner.enable_steady_tick(TICK);
    let request = api.request(Method::POST, &["deliveries", "retry"])?.json(&body).timeout(LONGEST);
    let answer = api.json(request).await;
    spinner.finish_and_clear();
    let answer = answer?;
    if json {
        return show::document(&answer);
    }
    let number = |value: &Value| value.as_u64().unwrap_or(0);
    let (retried, remaining) = (number(&answer["retried"]), number(&answer["remaining"]));
    say(format!("{retried} {}", if retry.dry_run { "would be retried" } else { "retried" }));
    for (name, why) in [("webhook_disabled", "disabled"), ("webhook_deleted", "deleted")] {
        let left = number(&answer["skipped"][name]);
        if left > 0 {
            say(format!("{left} left dead: their webhooks are {why}"));
        }
    }
    if remaining > 0 {
        say(format!("{remaining} left: the command takes {MOST} at a time"));
    }
    Ok(())
}
