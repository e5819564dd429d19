//! `callback-hub demo`: the hub on a throw-away database, and `simulate` as another process that calls it over HTTP.

mod board;
mod live;
mod player;
mod scratch;
mod verdict;

use std::num::NonZeroU16;
use std::time::Duration;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use self::board::Board;
use self::scratch::Scratch;
use self::verdict::Verdict;
use super::{Failure, Outcome, say};
use crate::app::{self, StartError, Surroundings};
use crate::lifecycle::Lifecycle;
use crate::settings::duration;
use crate::telemetry;

/// See it work: the hub on a throw-away database, and a generator that misbehaves
///
/// The generator is another process, which creates tasks and calls back over HTTP, some of it twice, out of order or
/// forged: each task must reach its right end all the same. Stays up afterwards, for looking around, until Ctrl-C.
#[derive(Args)]
pub(super) struct Arguments {
    /// Tasks to create
    #[arg(long, default_value = "20")]
    tasks: NonZeroU16,
    /// The same seed sends the same events; made up and told if absent
    #[arg(long)]
    seed: Option<u64>,
    /// End after the summary, with 0 only if every task reached its right end
    #[arg(long)]
    exit: bool,
    /// How long a tick is; events of a task are one to three ticks apart
    #[arg(long, default_value = "200ms", value_parser = duration)]
    pace: Duration,
}

/// What the demo plays with.
struct Stage {
    /// Of the hub.
    url: String,
    tasks: u16,
    seed: u64,
    pace: Duration,
    scratch: Scratch,
}

pub(super) async fn run(arguments: Arguments) -> Outcome {
    let lifecycle = Lifecycle::new();
    lifecycle.listen_for_signals().map_err(anyhow::Error::from)?;
    let scratch = Scratch::new()?;
    let settings = scratch.settings()?;
    telemetry::init(&settings.log);
    let app = app::build(&settings, Surroundings::default(), &lifecycle).await?;
    let address = app.address().map_err(|error| StartError::Listen { address: "the socket".to_owned(), error })?;
    let seed = arguments.seed.map_or_else(scratch::seed, Ok)?;
    let url = format!("http://{address}");
    let stage = Stage { url, tasks: arguments.tasks.get(), seed, pace: arguments.pace, scratch };

    let mut hangup = signal(SignalKind::hangup()).map_err(anyhow::Error::from)?;
    let shown = async {
        let outcome = tokio::select! {
            outcome = show(&stage, &lifecycle, arguments.exit) => outcome,
            _ = hangup.recv() => Err(Failure::No(anyhow::anyhow!("the terminal has gone"))),
        };
        lifecycle.stop();
        outcome
    };
    let (well, outcome) = tokio::join!(app.run(lifecycle.clone()), shown);
    stage.scratch.remove()?;
    if well { outcome } else { Err(Failure::No(anyhow::anyhow!("a part of the service has died"))) }
}

async fn show(stage: &Stage, lifecycle: &Lifecycle, exit: bool) -> Outcome {
    let verdict = tokio::select! {
        verdict = perform(stage) => verdict?,
        () = lifecycle.stopping().cancelled() => return Err(Failure::No(anyhow::anyhow!("ended before the tasks did"))),
    };
    if !exit {
        say("");
        say(format!(" Look around:  {}/docs", stage.url));
        say(format!(" API key:      {}", stage.scratch.key));
        say(" Ctrl-C ends, and nothing is kept.");
        lifecycle.stopping().cancelled().await;
        say("");
    }
    if verdict.is_right() { Ok(()) } else { Err(Failure::No(anyhow::anyhow!("not every task reached its right end"))) }
}

async fn perform(stage: &Stage) -> Result<Verdict, Failure> {
    say("");
    say(format!(" Callback Hub at {}, {} tasks, seed {}", stage.url, stage.tasks, stage.seed));
    say("");
    let mut board = Board::new(stage.tasks);
    let summary = player::watch(stage, &mut board).await?;
    let rows = board.into_rows();
    let verdict = Verdict::reach(stage, &rows, summary).await?;
    say(&verdict);
    Ok(verdict)
}
