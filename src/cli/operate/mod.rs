//! What operators do, as a client of the API: `tasks`, `callbacks`, `deliveries`, `webhooks`. Tables for people, and with
//! `--json` what the hub has answered.

mod api;
pub(super) mod callbacks;
pub(super) mod deliveries;
mod show;
mod stream;
pub(super) mod tasks;
pub(super) mod webhooks;

use clap::{Args, Subcommand};

use super::client::Trust;

pub(super) use show::{escaped, plain};

/// A group of commands that talk to a hub.
#[derive(Args)]
pub(super) struct Operation<C: Subcommand> {
    #[command(flatten)]
    access: Access,
    #[command(subcommand)]
    command: C,
}

/// Which hub, and how it is shown.
#[derive(Args)]
struct Access {
    /// The hub
    #[arg(long, global = true, env = "CALLBACK_HUB_URL", default_value = "http://127.0.0.1:8080")]
    url: String,
    /// An API key
    #[arg(long, global = true, env = "CALLBACK_HUB_KEY", hide_env_values = true)]
    key: Option<String>,
    #[command(flatten)]
    trust: Trust,
    /// As JSON
    #[arg(long, global = true)]
    json: bool,
}
