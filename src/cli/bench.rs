//! `callback-hub bench`: the measurements of the README.

use std::time::Duration;

use clap::Args;

use super::{Failure, Outcome, say};
use crate::bench::subject::{Kind, become_subject};
use crate::bench::{self, Plan};

#[derive(Args)]
pub(super) struct Arguments {
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

pub(super) async fn run(arguments: Arguments) -> Outcome {
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
    let failures = report.failures();
    if failures.is_empty() { Ok(()) } else { Err(Failure::No(anyhow::anyhow!(failures.join("\n")))) }
}
