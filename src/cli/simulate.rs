//! `callback-hub simulate`: a generator that is not one.

use std::io::Write;
use std::num::NonZeroU16;
use std::time::Duration;

use clap::Args;

use super::{Failure, Outcome, client, settings};
use crate::app::{self, StartError};
use crate::clock::Clock;
use crate::settings::duration;
use crate::simulator::{Hub, Line, Odds, Sender, Show, play};

/// Stand in for a generator that misbehaves
///
/// Creates tasks on a hub and calls back, signed: progress, then an end, some of it twice, out of order or forged. Ends
/// with 0 if the end of every task was taken, and no forgery.
#[derive(Args)]
pub(super) struct Arguments {
    /// The hub
    #[arg(long, env = "CALLBACK_HUB_URL", default_value = "http://127.0.0.1:8080")]
    hub: String,
    /// An API key of the hub, if it has any
    #[arg(long, env = "CALLBACK_HUB_KEY", hide_env_values = true)]
    key: Option<String>,
    /// Signs the callbacks; the first secret of the settings if absent
    #[arg(long)]
    secret: Option<String>,
    /// Whom to play: a generator that sends the hub's own format
    #[arg(long, default_value = "default")]
    generator: String,
    /// Tasks to create
    #[arg(long, default_value = "20")]
    tasks: NonZeroU16,
    /// The tasks are called NAME-01, NAME-02 …; made up if absent
    #[arg(long)]
    name: Option<String>,
    /// The same seed sends the same events; made up and told if absent
    #[arg(long)]
    seed: Option<u64>,
    /// Jobs that run at once
    #[arg(long, default_value = "64")]
    concurrency: NonZeroU16,
    /// How long a tick is; events of a job are one to three ticks apart
    #[arg(long, default_value = "30ms", value_parser = duration)]
    pace: Duration,
    /// How probable it is that an event is sent twice
    #[arg(long, default_value = "0.2", value_parser = probability)]
    duplicates: f64,
    /// … that an event is overtaken by the next one
    #[arg(long, default_value = "0.2", value_parser = probability)]
    reorders: f64,
    /// … that somebody without the secret claims a wrong end, per event
    #[arg(long, default_value = "0.1", value_parser = probability)]
    forgeries: f64,
    /// … that a job fails
    #[arg(long, default_value = "0.1", value_parser = probability)]
    failures: f64,
    /// … that a job that did not fail is cancelled
    #[arg(long, default_value = "0.05", value_parser = probability)]
    cancellations: f64,
    /// As JSON, one line each
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(arguments: Arguments) -> Outcome {
    let sender = sender(&arguments)?;
    let hub = Hub { url: arguments.hub.clone(), key: arguments.key.clone(), client: sender.client.clone() };
    let show = show(&arguments)?;
    let json = arguments.json;
    let summary = play(&show, &hub, &sender, |line| print(line, json)).await;
    if summary.is_well() {
        return Ok(());
    }
    let (missing, taken) = (summary.tasks - summary.ended, summary.forgeries_taken);
    Err(Failure::No(anyhow::anyhow!("{missing} tasks whose end was not taken, {taken} forgeries that were")))
}

fn sender(arguments: &Arguments) -> Result<Sender, Failure> {
    let usage = |sentence: String| Failure::Usage(anyhow::anyhow!(sentence));
    let name = arguments.generator.as_str();
    let (catalog, secret) = app::offline(&settings()?.settings, name)?;
    let generator = catalog.find(name).ok_or_else(|| usage(format!("there is no generator {name}")))?;
    let secret = arguments.secret.clone().or(secret);
    let secret = secret.ok_or_else(|| usage(format!("no secret is known for generator {name}: --secret, or a setting")))?;
    Ok(Sender { generator: generator.clone(), secret, clock: Clock::System, client: client::client()? })
}

fn show(arguments: &Arguments) -> Result<Show, Failure> {
    let mut random = [0; 4];
    getrandom::fill(&mut random).map_err(StartError::Random)?;
    let made_up = u32::from_le_bytes(random);
    Ok(Show {
        name: arguments.name.clone().unwrap_or_else(|| format!("sim-{made_up:08x}")),
        tasks: arguments.tasks.get().into(),
        seed: arguments.seed.unwrap_or_else(|| made_up.into()),
        odds: Odds {
            duplicates: arguments.duplicates,
            reorders: arguments.reorders,
            forgeries: arguments.forgeries,
            failures: arguments.failures,
            cancellations: arguments.cancellations,
        },
        pace: arguments.pace,
        concurrency: arguments.concurrency.get().into(),
    })
}

/// Whoever reads the lines may have gone: the play goes on.
fn print(line: &Line, json: bool) {
    let mut out = std::io::stdout().lock();
    let _ = match serde_json::to_string(line) {
        Ok(text) if json => writeln!(out, "{text}"),
        _ => writeln!(out, "{line}"),
    };
}

fn probability(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number| (0.0..=1.0).contains(number));
    number.ok_or_else(|| "must be a number from 0 to 1".to_owned())
}
