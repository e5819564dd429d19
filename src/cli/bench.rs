//! `callback-hub bench`: the measurements of the README.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use clap::{Args, Subcommand};
use serde_json::Value;

use super::{Failure, Outcome, say};
use crate::bench::subject::{Kind, become_subject};
use crate::bench::{self, Plan, due, relay, scale, soak, start, watchers};

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    other: Option<Other>,
    /// An empty PostgreSQL database to measure too
    #[arg(long)]
    postgres: Option<String>,
    /// Connections, in turn
    #[arg(long, value_delimiter = ',', default_value = "1,16,64")]
    connections: Vec<usize>,
    /// Rounds; all subjects take turns within each
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds of one measurement
    #[arg(long, default_value_t = 2)]
    seconds: u64,
    /// Seconds of one measurement at half of the maximum rate, by a timetable
    #[arg(long, default_value_t = 10)]
    open_seconds: u64,
    /// Open tasks of each subject
    #[arg(long, default_value_t = 200_000)]
    tasks: usize,
    /// Measure SQLite also with syncs that take so many milliseconds more, in turn; it takes strace
    #[arg(long, value_delimiter = ',')]
    slowed_sync: Vec<u64>,
    /// Write every sample and all medians there, as JSON
    #[arg(long)]
    json: Option<PathBuf>,
    /// Be one of the measured processes
    #[arg(long, hide = true)]
    subject: Option<Kind>,
    /// What that process's tasks are named after
    #[arg(long, hide = true, default_value = "bench")]
    run: String,
}

#[derive(Subcommand)]
enum Other {
    /// What a step of the loops costs: 1,000 due tasks among few and many open ones
    Due(Due),
    /// The relay: how long from a callback to its subscriber, and how many deliveries a second
    Relay(Relay),
    /// How long a hub with many tasks takes from its start until it is ready
    Start(Start),
    /// What a large database costs: the same load on few tasks and on many; and how long its pages take
    Scale(Scale),
    /// What those cost who watch a task: the same load without them and with them
    Watchers(Watchers),
    /// Half of the maximum rate for long: whether memory, descriptors and times stay as they are, and nothing is lost
    Soak(Soak),
}

#[derive(Args)]
struct Due {
    /// An empty PostgreSQL database to measure too
    #[arg(long)]
    postgres: Option<String>,
    /// Open tasks of each kind, in turn
    #[arg(long, value_delimiter = ',', default_value = "1000,100000,1000000")]
    open: Vec<u64>,
    /// Rounds; all databases take turns within each
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// What is due lies scattered among the open tasks, and not together
    #[arg(long)]
    scattered: bool,
}

#[derive(Args)]
struct Relay {
    /// An empty PostgreSQL database to measure too
    #[arg(long)]
    postgres: Option<String>,
    /// Rounds; all databases take turns within each
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Callbacks a second, sent by a timetable whatever the hub does
    #[arg(long, default_value_t = 500)]
    rate: u32,
    /// How long the timetable is
    #[arg(long, default_value_t = 20)]
    seconds: u32,
    /// Deliveries of one measurement of how many go out a second
    #[arg(long, default_value_t = 4000)]
    deliveries: usize,
    /// Webhooks that want each event, in turn, from few to many
    #[arg(long, value_delimiter = ',', default_value = "1,8")]
    webhooks: Vec<usize>,
}

#[derive(Args)]
struct Start {
    /// An empty PostgreSQL database to measure too
    #[arg(long)]
    postgres: Option<String>,
    /// Open tasks
    #[arg(long, default_value_t = 1_000_000)]
    tasks: usize,
    /// Starts on each database
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Write every sample there, as JSON
    #[arg(long)]
    json: Option<PathBuf>,
}

#[derive(Args)]
struct Scale {
    /// An empty PostgreSQL database to measure too
    #[arg(long)]
    postgres: Option<String>,
    /// Open tasks of the small database
    #[arg(long, default_value_t = 10_000)]
    few: usize,
    /// Open tasks of the large one
    #[arg(long, default_value_t = 5_000_000)]
    many: usize,
    /// Receipts of each task; at most 16
    #[arg(long, default_value_t = 4)]
    receipts: usize,
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Rounds; all databases take turns within each
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds of one measurement
    #[arg(long, default_value_t = 4)]
    seconds: u64,
    /// Write every sample there, as JSON
    #[arg(long)]
    json: Option<PathBuf>,
}

#[derive(Args)]
struct Watchers {
    /// An empty PostgreSQL database to measure too
    #[arg(long)]
    postgres: Option<String>,
    /// Who watch a task each
    #[arg(long, default_value_t = 1000)]
    watchers: usize,
    /// Other open tasks, which the callbacks are about
    #[arg(long, default_value_t = 200_000)]
    tasks: usize,
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Rounds; all databases take turns within each
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Seconds of one measurement
    #[arg(long, default_value_t = 4)]
    seconds: u64,
    /// Write every sample there, as JSON
    #[arg(long)]
    json: Option<PathBuf>,
}

#[derive(Args)]
struct Soak {
    /// An empty PostgreSQL database to soak too, at the same time
    #[arg(long)]
    postgres: Option<String>,
    /// How long; the first quarter is warming up
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=10_080))]
    minutes: u64,
    /// Write every sample there, as JSON
    #[arg(long)]
    json: Option<PathBuf>,
}

pub(super) async fn run(arguments: Arguments) -> Outcome {
    match arguments.other {
        Some(Other::Due(arguments)) => return measure_steps(arguments).await,
        Some(Other::Relay(arguments)) => return measure_relay(arguments).await,
        Some(Other::Start(arguments)) => return measure_start(arguments).await,
        Some(Other::Scale(arguments)) => return measure_scale(arguments).await,
        Some(Other::Watchers(arguments)) => return measure_watchers(arguments).await,
        Some(Other::Soak(arguments)) => return measure_soak(arguments).await,
        None => {}
    }
    if let Some(kind) = arguments.subject {
        return Ok(become_subject(kind, &arguments.run, arguments.tasks).await?);
    }
    let plan = Plan {
        connections: arguments.connections,
        rounds: arguments.rounds,
        time: Duration::from_secs(arguments.seconds),
        open: Duration::from_secs(arguments.open_seconds),
        tasks: arguments.tasks,
        slowed: arguments.slowed_sync,
        postgres: arguments.postgres,
    };
    let report = bench::run(&plan).await?;
    say(&report);
    write(arguments.json.as_deref(), &report.json())?;
    judge(&report.failures())
}

async fn measure_start(arguments: Start) -> Outcome {
    let Start { postgres, tasks, rounds, json } = arguments;
    let report = start::run(&start::Plan { tasks, rounds, postgres }).await?;
    say(&report);
    write(json.as_deref(), &report.json())
}

async fn measure_scale(arguments: Scale) -> Outcome {
    let Scale { postgres, few, many, receipts, connections, rounds, seconds, json } = arguments;
    let time = Duration::from_secs(seconds);
    let report = scale::run(&scale::Plan { few, many, receipts, connections, rounds, time, postgres }).await?;
    say(&report);
    write(json.as_deref(), &report.json())?;
    judge(&report.failures())
}

async fn measure_watchers(arguments: Watchers) -> Outcome {
    let Watchers { postgres, watchers, tasks, connections, rounds, seconds, json } = arguments;
    let time = Duration::from_secs(seconds);
    let report = watchers::run(&watchers::Plan { watchers, tasks, connections, rounds, time, postgres }).await?;
    say(&report);
    write(json.as_deref(), &report.json())?;
    judge(&report.failures())
}

async fn measure_soak(arguments: Soak) -> Outcome {
    let Soak { postgres, minutes, json } = arguments;
    let report = soak::run(&soak::Plan { minutes, postgres }).await?;
    say(&report);
    write(json.as_deref(), &report.json())?;
    judge(&report.failures())
}

fn write(path: Option<&Path>, report: &Value) -> Outcome {
    let Some(path) = path else { return Ok(()) };
    let written = std::fs::write(path, format!("{report:#}\n")).with_context(|| path.display().to_string());
    Ok(written?)
}

async fn measure_steps(arguments: Due) -> Outcome {
    let Due { postgres, open, rounds, scattered } = arguments;
    let plan = due::Plan { open, rounds, scattered, postgres };
    let report = due::run(&plan, |line| eprintln!("{line}")).await?;
    say(&report);
    judge(&report.failures())
}

async fn measure_relay(arguments: Relay) -> Outcome {
    let Relay { postgres, rounds, rate, seconds, deliveries, webhooks } = arguments;
    let plan = relay::Plan { rounds, rate, seconds, deliveries, webhooks, postgres };
    let report = relay::run(&plan, |line| eprintln!("{line}")).await?;
    say(&report);
    judge(&report.failures())
}

fn judge(failures: &[String]) -> Outcome {
    if failures.is_empty() { Ok(()) } else { Err(Failure::No(anyhow::anyhow!(failures.join("\n")))) }
}
