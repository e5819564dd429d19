//! `callback-hub simulate`: a generator that is not one.

mod misbehaviour;

use std::io::Write;
use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::time::Duration;

use anyhow::{Context, anyhow};
use clap::Args;
use futures_util::StreamExt;

use self::misbehaviour::{FaultArguments, OddsArguments};
use super::{Failure, Outcome, client, settings};
use crate::app::{StartError, offline};
use crate::clock::Clock;
use crate::lifecycle::Lifecycle;
use crate::settings::duration;
use crate::simulator::{Desk, Errand, Hub, Line, Sender, Server, Show, Summary, Temper, drive, play};

/// Without a server, where nothing else is said.
const TASKS: u16 = 20;

/// Stand in for a generator that misbehaves
///
/// With --listen it is a generator with endpoints of its own: POST /jobs takes a job, GET /jobs/ID tells where it stands,
/// and it calls back, signed: progress, then an end, some of it twice, out of order or forged. It serves until Ctrl-C, or,
/// with --tasks, gives a hub so many tasks for it and ends when they are settled.
///
/// Without --listen it creates the tasks and calls back by itself, and the hub submits nothing.
///
/// Ends with 0 if every task has reached its right end, and no forgery was taken.
#[derive(Args)]
pub(super) struct Arguments {
    /// Be a generator at this address; port 0 is any free one
    #[arg(long, value_name = "HOST:PORT")]
    listen: Option<SocketAddr>,
    /// The hub
    #[arg(long, env = "CALLBACK_HUB_URL", default_value = "http://127.0.0.1:8080")]
    hub: String,
    /// An API key of the hub, if it has any
    #[arg(long, env = "CALLBACK_HUB_KEY", hide_env_values = true)]
    key: Option<String>,
    #[command(flatten)]
    trust: client::Trust,
    /// Signs the callbacks; the first secret of the settings if absent
    #[arg(long)]
    secret: Option<String>,
    /// Whom to play, a generator that sends the hub's own format: `simulator` with --listen, else `default`
    #[arg(long)]
    generator: Option<String>,
    /// Tasks to create; 20 without --listen, none with it
    #[arg(long)]
    tasks: Option<NonZeroU16>,
    /// The tasks are called NAME-01, NAME-02 …; made up if absent
    #[arg(long)]
    name: Option<String>,
    /// The same seed sends the same events; made up and told if absent
    #[arg(long)]
    seed: Option<u64>,
    /// Tasks at once
    #[arg(long, default_value = "64")]
    concurrency: NonZeroU16,
    /// How long a tick is; events of a job are one to three ticks apart
    #[arg(long, default_value = "30ms", value_parser = duration)]
    pace: Duration,
    #[command(flatten)]
    odds: OddsArguments,
    /// As JSON, one line each
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    faults: FaultArguments,
}

impl Arguments {
    fn generator(&self) -> &str {
        self.generator.as_deref().unwrap_or(if self.listen.is_some() { "simulator" } else { "default" })
    }
}

pub(super) async fn run(arguments: Arguments) -> Outcome {
    let sender = sender(&arguments)?;
    let made_up = made_up()?;
    let summary = match arguments.listen {
        Some(address) => serve(&arguments, address, sender, made_up).await?,
        None => {
            let (hub, json) = (hub(&arguments, &sender), arguments.json);
            play(&show(&arguments, made_up), &hub, &sender, |line| print(line, json)).await
        }
    };
    judge(&summary, arguments.listen.is_some() && arguments.tasks.is_none())
}

/// Until it is told to end, or its errand is done.
async fn serve(arguments: &Arguments, address: SocketAddr, sender: Sender, made_up: u32) -> Result<Summary, Failure> {
    let lifecycle = Lifecycle::new();
    lifecycle.listen_for_signals(Duration::ZERO).map_err(anyhow::Error::from)?;
    let Show { name, seed, odds, pace, concurrency, .. } = show(arguments, made_up);
    let temper = Temper { seed, odds, faults: arguments.faults.faults(), pace };
    let (hub, json) = (hub(arguments, &sender), arguments.json);
    let tell = Box::new(move |line: &Line| print(line, json));
    let server = Server::bind(address, format!("job-{made_up:08x}"), temper, sender, tell, &lifecycle).await;
    let server = server.with_context(|| format!("cannot listen on {address}"))?;
    let desk = server.desk().clone();

    let errand = async {
        let Some(tasks) = arguments.tasks else { return std::future::pending().await };
        let errand = Errand { name, tasks: tasks.get().into(), concurrency, generator: arguments.generator().to_owned() };
        carry_out(&errand, &hub, &desk, json).await
    };
    let summary = tokio::select! {
        summary = errand => summary,
        served = server.run() => {
            served.context("the generator cannot listen any longer")?;
            if arguments.tasks.is_some() {
                return Err(Failure::No(anyhow!("ended before the tasks did")));
            }
            desk.summary()
        }
    };
    print(&Line::Summary(summary.clone()), json);
    Ok(summary)
}

/// Creates the tasks, and waits until they are settled.
async fn carry_out(errand: &Errand, hub: &Hub, desk: &Desk, json: bool) -> Summary {
    let expires = desk.temper().faults.result_ttl.is_some();
    let mut finished = std::pin::pin!(drive(errand, hub));
    let mut settled = Vec::new();
    while let Some(outcome) = finished.next().await {
        match outcome {
            Ok(finished) => {
                let right = finished.job.as_deref().and_then(|job| desk.right_end(job));
                let judged = finished.judged(right, expires);
                print(&Line::Settled(judged.clone()), json);
                settled.push(judged);
            }
            Err(lost) => print(&lost, json),
        }
    }
    desk.summary().about(errand.tasks, &settled)
}

/// A generator alone may be told to end while jobs are running.
fn judge(summary: &Summary, alone: bool) -> Outcome {
    if summary.is_well() || (alone && summary.forgeries_taken == 0) {
        return Ok(());
    }
    let Summary { tasks, ended, wrong, forgeries_taken, .. } = summary;
    let missing = tasks - ended;
    let mut facts = format!("{missing} tasks whose end was not taken, {forgeries_taken} forgeries that were");
    if *wrong > 0 {
        facts.push_str(&format!(", {wrong} tasks at a wrong end"));
    }
    Err(Failure::No(anyhow!(facts)))
}

fn hub(arguments: &Arguments, sender: &Sender) -> Hub {
    Hub { url: arguments.hub.clone(), key: arguments.key.clone(), client: sender.client.clone() }
}

fn sender(arguments: &Arguments) -> Result<Sender, Failure> {
    let usage = |sentence: String| Failure::Usage(anyhow!(sentence));
    let name = arguments.generator();
    let (catalog, secret) = offline::with_secret(&settings()?.settings, name)?;
    let generator = catalog.find(name).ok_or_else(|| usage(format!("there is no generator {name}")))?;
    let secret = arguments.secret.clone().or(secret);
    let secret = secret.ok_or_else(|| usage(format!("no secret is known for generator {name}: --secret, or a setting")))?;
    Ok(Sender { generator: generator.clone(), secret, clock: Clock::System, client: client::client(&arguments.trust)? })
}

fn show(arguments: &Arguments, made_up: u32) -> Show {
    Show {
        name: arguments.name.clone().unwrap_or_else(|| format!("sim-{made_up:08x}")),
        tasks: arguments.tasks.map_or(TASKS, NonZeroU16::get).into(),
        seed: arguments.seed.unwrap_or_else(|| made_up.into()),
        odds: arguments.odds.odds(),
        pace: arguments.pace,
        concurrency: arguments.concurrency.get().into(),
    }
}

fn made_up() -> Result<u32, Failure> {
    let mut random = [0; 4];
    getrandom::fill(&mut random).map_err(StartError::Random)?;
    Ok(u32::from_le_bytes(random))
}

/// Whoever reads the lines may have gone: the play goes on.
fn print(line: &Line, json: bool) {
    let mut out = std::io::stdout().lock();
    let _ = match serde_json::to_string(line) {
        Ok(text) if json => writeln!(out, "{text}"),
        _ => writeln!(out, "{line}"),
    };
}
