//! `callback-hub webhooks`

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};
use std::num::NonZeroUsize;

use super::Operation;
use super::api::Api;
use super::show::{self, Column, text};
use crate::cli::{Failure, Outcome, say};

#[derive(Subcommand)]
pub(in crate::cli) enum Command {
    /// List webhooks, newest first
    List {
        /// active, paused, disabled
        #[arg(long)]
        status: Option<String>,
        /// At most so many
        #[arg(long, default_value = "50")]
        limit: NonZeroUsize,
    },
    /// Show a webhook; its secrets are not shown
    Show {
        /// The webhook's id
        id: String,
    },
    /// Register a webhook; the secret is shown this once
    Create(Create),
    /// Let its deliveries wait
    Pause {
        /// The webhook's id
        id: String,
    },
    /// Let its deliveries go out again, also after it was disabled
    Resume {
        /// The webhook's id
        id: String,
    },
    /// Delete a webhook; what is pending for it dies
    Delete {
        /// The webhook's id
        id: String,
    },
    /// Send it an event now (0 only if it took it)
    Test {
        /// The webhook's id
        id: String,
    },
    /// Make a new secret, shown this once; the old one holds for a while, too
    RotateSecret {
        /// The webhook's id
        id: String,
    },
}

#[derive(Args)]
pub(in crate::cli) struct Create {
    /// Where events go
    #[arg(long = "to", value_name = "URL")]
    to: String,
    /// Which: `task.completed`, `task.*`, `*`; several with commas
    #[arg(long, value_delimiter = ',')]
    events: Vec<String>,
    #[arg(long)]
    name: Option<String>,
    /// Made if absent
    #[arg(long)]
    secret: Option<String>,
    /// An expression that must hold
    #[arg(long)]
    filter: Option<String>,
    /// standard, sha256, idp, none
    #[arg(long)]
    signature: Option<String>,
}

const COLUMNS: &[Column] = &[
    ("NAME", |webhook| text(&webhook["name"])),
    ("STATUS", |webhook| text(&webhook["status"])),
    ("BREAKER", |webhook| text(&webhook["breaker"]["state"])),
    ("EVENTS", |webhook| webhook["events"].as_array().into_iter().flatten().map(text).collect::<Vec<_>>().join(",")),
    ("URL", |webhook| text(&webhook["url"])),
    ("ID", |webhook| text(&webhook["id"])),
];

pub(in crate::cli) async fn run(operation: Operation<Command>) -> Outcome {
    let Operation { access, command } = operation;
    let api = Api::new(&access)?;
    let json = access.json;
    match command {
        Command::List { status, limit } => {
            let query: Vec<_> = status.map(|status| ("status", status)).into_iter().collect();
            show::list(&api.list(&["webhooks"], &query, limit.get()).await?, COLUMNS, json)
        }
        Command::Show { id } => show::object(&api.get(&["webhooks", &id], &[]).await?, json),
        Command::Create(create) => show::object(&api.post(&["webhooks"], &create.body()).await?, json),
        Command::Pause { id } => change(&api, &id, "paused", json).await,
        Command::Resume { id } => change(&api, &id, "active", json).await,
        Command::Delete { id } => {
            api.delete(&["webhooks", &id]).await?;
            if !json {
                say(format!("{id} deleted"));
            }
            Ok(())
        }
        Command::Test { id } => test(&api, &id, json).await,
        Command::RotateSecret { id } => show::object(&api.post(&["webhooks", &id, "rotate-secret"], &json!({})).await?, json),
    }
}

impl Create {
    fn body(self) -> Value {
        let Self { to, events, name, secret, filter, signature } = self;
        let given = [("name", name), ("secret", secret), ("filter", filter), ("signature", signature)];
        let given = given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), json!(value?))));
        let mut body: Map<String, Value> = given.collect();
        body.insert("url".to_owned(), json!(to));
        body.insert("events".to_owned(), json!(events));
        Value::Object(body)
    }
}

async fn change(api: &Api, id: &str, status: &str, json: bool) -> Outcome {
    show::object(&api.patch(&["webhooks", id], &json!({"status": status})).await?, json)
}

async fn test(api: &Api, id: &str, json: bool) -> Outcome {
    let answer = api.post(&["webhooks", id, "test"], &json!({})).await?;
    show::object(&answer, json)?;
    let taken = answer["success"].as_bool().unwrap_or(false);
    if taken { Ok(()) } else { Err(Failure::No(anyhow::anyhow!("the webhook did not take it"))) }
}
