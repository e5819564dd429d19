//! `simulate`, as another process: what it tells goes to the board.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, anyhow};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};

use super::Stage;
use super::board::Board;
use crate::simulator::{Line, Summary};

const FRAME: Duration = Duration::from_millis(60);

/// Until the process has ended. It is killed if nobody waits for it any longer.
pub(super) async fn watch(stage: &Stage, board: &mut Board) -> anyhow::Result<Summary> {
    let mut child = start(stage)?;
    let (Some(out), Some(mut err)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(anyhow!("the simulator has no outputs"));
    };
    let mut lines = BufReader::new(out).lines();
    let mut complaints = String::new();
    let told = async {
        let (mut summary, mut frames) = (None, tokio::time::interval(FRAME));
        loop {
            let text = tokio::select! {
                text = lines.next_line() => text?,
                _ = frames.tick() => {
                    board.draw();
                    continue;
                }
            };
            let Some(text) = text else { break };
            let line = serde_json::from_str(&text).with_context(|| format!("the simulator said `{text}`"))?;
            board.hear(&line);
            if let Line::Summary(last) = line {
                summary = Some(last);
            }
        }
        board.draw();
        anyhow::Ok(summary)
    };
    let (summary, _) = tokio::join!(told, err.read_to_string(&mut complaints));
    let status = child.wait().await?;
    // a simulator that is not content still has a summary, and then the tasks tell what is wrong
    summary?.ok_or_else(|| anyhow!("the simulator has ended early ({status})\n{}", complaints.trim_end()))
}

/// Secrets go by the environment: others can see arguments. It has nothing else of ours, and no settings file around it.
fn start(stage: &Stage) -> anyhow::Result<Child> {
    let program = std::env::current_exe().context("the program does not know where it is")?;
    let mut command = Command::new(program);
    command
        .args(["simulate", "--json", "--name", "demo"])
        .args(["--tasks", &stage.tasks.to_string()])
        .args(["--seed", &stage.seed.to_string()])
        .args(["--pace", &format!("{}ms", stage.pace.as_millis())])
        .env_clear()
        .env("CALLBACK_HUB_URL", &stage.url)
        .env("CALLBACK_HUB_KEY", &stage.scratch.key)
        .env("CALLBACK_SECRET_KEY", &stage.scratch.secret)
        .current_dir(stage.scratch.folder())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command.spawn().context("the simulator cannot be started")
}
