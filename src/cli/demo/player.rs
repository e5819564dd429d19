//! `simulate`, as another process: what it tells goes to the board.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, anyhow};
use futures_util::StreamExt;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};

use super::board::Board;
use super::scratch::Scratch;
use crate::simulator::{Errand, Hub, Line, Summary, drive};

const FRAME: Duration = Duration::from_millis(60);
/// Of all callbacks.
const LOST: &str = "0.33";

/// The generator's process; killed when nobody waits for it any longer.
pub(super) struct Player {
    pub(super) url: String,
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
    complaints: ChildStderr,
}

impl Player {
    /// Comes back when it listens.
    pub(super) async fn start(scratch: &Scratch, seed: u64, pace: Duration) -> anyhow::Result<Self> {
        let mut process = command(scratch, seed, pace)?.spawn().context("the simulator cannot be started")?;
        let (Some(out), Some(complaints)) = (process.stdout.take(), process.stderr.take()) else {
            return Err(anyhow!("the simulator has no outputs"));
        };
        let mut player = Self { url: String::new(), process, lines: BufReader::new(out).lines(), complaints };
        match player.line().await? {
            Some(Line::Ready { url }) => Ok(Self { url, ..player }),
            _ => Err(player.ended_early().await),
        }
    }

    /// Until every task has ended and every callback was sent or lost; then the generator is told to end.
    pub(super) async fn watch(mut self, errand: &Errand, hub: &Hub, board: &mut Board) -> anyhow::Result<Summary> {
        let mut finished = std::pin::pin!(drive(errand, hub));
        let mut frames = tokio::time::interval(FRAME);
        while !board.is_done() {
            tokio::select! {
                line = self.line() => match line? {
                    Some(line) => board.hear(&line),
                    None => return Err(self.ended_early().await),
                },
                Some(outcome) = finished.next() => match outcome {
                    Ok(finished) => board.finish(&finished),
                    Err(lost) => board.hear(&lost),
                },
                _ = frames.tick() => board.draw(),
            }
        }
        board.draw();
        self.interrupt()?;
        while let Some(line) = self.line().await? {
            if let Line::Summary(summary) = line {
                return Ok(summary);
            }
        }
        Err(self.ended_early().await)
    }

    /// Dropped between two lines, it has taken none.
    async fn line(&mut self) -> anyhow::Result<Option<Line>> {
        let Some(text) = self.lines.next_line().await? else { return Ok(None) };
        serde_json::from_str(&text).map(Some).with_context(|| format!("the simulator said `{text}`"))
    }

    fn interrupt(&self) -> anyhow::Result<()> {
        let id = self.process.id().and_then(|id| i32::try_from(id).ok()).context("the simulator has gone")?;
        kill(Pid::from_raw(id), Signal::SIGINT).context("the simulator cannot be told to end")
    }

    async fn ended_early(mut self) -> anyhow::Error {
        let mut complaints = String::new();
        let _ = self.complaints.read_to_string(&mut complaints).await;
        let status = self.process.wait().await.map_or_else(|error| error.to_string(), |status| status.to_string());
        anyhow!("the simulator has ended early ({status})\n{}", complaints.trim_end())
    }
}

/// The secret goes by the environment: others can see arguments. It has nothing else of ours, and no settings file around
/// it. Another process group: Ctrl-C is the demo's to hear.
fn command(scratch: &Scratch, seed: u64, pace: Duration) -> anyhow::Result<Command> {
    let program = std::env::current_exe().context("the program does not know where it is")?;
    let mut command = Command::new(program);
    command
        .args(["simulate", "--json", "--listen", "127.0.0.1:0", "--lose", LOST])
        .args(["--seed", &seed.to_string()])
        .args(["--pace", &format!("{}ms", pace.as_millis())])
        .env_clear()
        .env("GENERATOR_SIMULATOR_SECRET", &scratch.secret)
        .current_dir(scratch.folder())
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    Ok(command)
}
