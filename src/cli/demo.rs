//! `callback-hub demo`: the hub on a throw-away database, and `simulate` as another process that it submits to, and that
//! calls it or not.

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
use self::player::Player;
use self::scratch::Scratch;
use self::verdict::Verdict;
use super::{Failure, Outcome, client, say};
use crate::app::{self, StartError, Surroundings};
use crate::lifecycle::Lifecycle;
use crate::settings::duration;
use crate::simulator::{Errand, Hub};
use crate::telemetry;

/// As the hub's catalog calls what `simulate` plays.
const GENERATOR: &str = "simulator";
const AT_ONCE: usize = 64;

/// See it work: the hub on a throw-away database, and a generator that misbehaves
///
/// The generator is another process, which takes jobs and calls back over HTTP, some of it twice, out of order or forged,
/// and a third of it never: each task must reach its right end all the same. Stays up afterwards, for looking around,
/// until Ctrl-C.
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
    scratch: Scratch,
}

pub(super) async fn run(arguments: Arguments) -> Outcome {
    let lifecycle = Lifecycle::new();
    lifecycle.listen_for_signals(Duration::ZERO).map_err(anyhow::Error::from)?;
    let scratch = Scratch::new()?;
    let seed = arguments.seed.map_or_else(scratch::seed, Ok)?;
    let player = Player::start(&scratch, seed, arguments.pace).await?;
    let loaded = scratch.settings(&player.url)?;
    telemetry::init(&loaded.settings.log);
    let app = app::build(&loaded, Surroundings::default(), &lifecycle).await?;
    let address = app.address().map_err(|error| StartError::Listen { address: "the socket".to_owned(), error })?;
    let stage = Stage { url: format!("http://{address}"), tasks: arguments.tasks.get(), seed, scratch };

    let mut hangup = signal(SignalKind::hangup()).map_err(anyhow::Error::from)?;
    let shown = async {
        let outcome = tokio::select! {
            outcome = show(&stage, player, &lifecycle, arguments.exit) => outcome,
            _ = hangup.recv() => Err(Failure::No(anyhow::anyhow!("the terminal has gone"))),
        };
        lifecycle.stop();
        outcome
    };
    let (well, outcome) = tokio::join!(app.run(lifecycle.clone()), shown);
    stage.scratch.remove()?;
    if well { outcome } else { Err(Failure::No(anyhow::anyhow!("a part of the service has died"))) }
}

async fn show(stage: &Stage, player: Player, lifecycle: &Lifecycle, exit: bool) -> Outcome {
    let verdict = tokio::select! {
        verdict = perform(stage, player) => verdict?,
        () = lifecycle.stopping().cancelled() => return Err(Failure::No(anyhow::anyhow!("ended before the tasks did"))),
    };
    if !exit {
        say("");
        say(format!(" Look around:  {}/console", stage.url));
        say(format!(" The API:      {}/docs", stage.url));
        say(format!(" API key:      {}", stage.scratch.key));
        say(" Ctrl-C ends, and nothing is kept.");
        lifecycle.stopping().cancelled().await;
        say("");
    }
    if verdict.is_right() { Ok(()) } else { Err(Failure::No(anyhow::anyhow!("not every task reached its right end"))) }
}

async fn perform(stage: &Stage, player: Player) -> Result<Verdict, Failure> {
    say("");
    say(format!(" Callback Hub at {}, {} tasks, seed {}", stage.url, stage.tasks, stage.seed));
    say("");
    let errand =
        Errand { name: "demo".to_owned(), tasks: stage.tasks.into(), concurrency: AT_ONCE, generator: GENERATOR.to_owned() };
    let hub =
        Hub { url: stage.url.clone(), key: Some(stage.scratch.key.clone()), client: client::client(&client::Trust::default())? };
    let mut board = Board::new(&errand);
    let summary = player.watch(&errand, &hub, &mut board).await?;
    let rows = board.into_rows();
    let verdict = Verdict::reach(stage, &hub.client, &rows, summary).await?;
    say(&verdict);
    Ok(verdict)
}
