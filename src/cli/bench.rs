//! `callback-hub bench`: the measurements of the README.

use std::time::Duration;

use clap::{Args, Subcommand};

use super::{Failure, Outcome, say};
use crate::bench::subject::{Kind, become_subject};
use crate::bench::{self, Plan, due, relay};

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    other: Option<Other>,
    /// An empty PostgreSQL database to measure too
    #[arg(long)]
    postgres: Option<String>,
    /// Connections, in turn
    #[arg(long, value_delimiter = ',', default_value = "1,16,64,256")]
    connections: Vec<usize>,
    /// Rounds; all subjects take turns within each
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds of one measurement
    #[arg(long, default_value_t = 2)]
    seconds: u64,
    /// Open tasks
    #[arg(long, default_value_t = 20_000)]
    tasks: usize,
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

pub(super) async fn run(arguments: Arguments) -> Outcome {
    match arguments.other {
        Some(Other::Due(arguments)) => return measure_steps(arguments).await,
        Some(Other::Relay(arguments)) => return measure_relay(arguments).await,
        None => {}
    }
    if let Some(kind) = arguments.subject {
        return Ok(become_subject(kind, &arguments.run, arguments.tasks).await?);
    }
    let plan = Plan {
        connections: arguments.connections,
        rounds: arguments.rounds,
        time: Duration::from_secs(arguments.seconds),
        tasks: arguments.tasks,
        postgres: arguments.postgres,
    };
    let report = bench::run(&plan, |name, sample| {
        let (round, connections, rate) = (sample.round + 1, sample.connections, sample.per_second);
        eprintln!("round {round}  {connections:>3} connections  {name:<24} {rate:>8.0}/s");
    })
    .await?;
    say(&report);
    judge(&report.failures())
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
