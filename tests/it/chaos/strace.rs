//! System calls of running processes, in the order in which the kernel let them go on.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};
use tokio::time::timeout;

const CALLS: &str = "trace=fdatasync,fsync,write,writev,pwrite64,pwritev,sendto,sendmsg,read,readv,recvfrom,recvmsg";
const PATIENCE: Duration = Duration::from_secs(30);

/// Holds on to processes. Each traced thread stands still at the begin and at the end of a call until its line is written,
/// so the lines' order is one in which all of it can have happened.
pub(super) struct Strace {
    child: Child,
    messages: Lines<BufReader<ChildStderr>>,
    lines: PathBuf,
    _folder: TempDir,
}

/// One call. `begun` and `ended` count lines: what one thread has ended before another begins has a smaller number.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub thread: u32,
    pub name: String,
    /// The arguments: file descriptors are followed by what they are.
    pub text: String,
    pub result: String,
    pub begun: usize,
    pub ended: usize,
    /// Seconds of the clock at the begin.
    pub at: f64,
}

impl Strace {
    /// Comes back when all of them are held. `faults` are more options: what to inject.
    pub(super) async fn attach(processes: &[i32], faults: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let lines = folder.path().join("trace");
        let mut command = Command::new("strace");
        command.args(["-f", "-ttt", "-yy", "-s", "96", "-e", CALLS]).args(faults).arg("-o").arg(&lines);
        for process in processes {
            command.arg("-p").arg(process.to_string());
        }
        let mut child =
            command.stderr(Stdio::piped()).stdin(Stdio::null()).kill_on_drop(true).spawn().expect(
                "strace is needed to see when a sync returns (`tests/run` installs it; on Debian: apt-get install strace)",
            );
        let mut messages = BufReader::new(child.stderr.take().expect("its messages")).lines();
        for _ in processes {
            wait_for_attachment(&mut messages).await;
        }
        Self { child, messages, lines, _folder: folder }
    }

    /// Lets the processes go.
    pub(super) async fn detach(mut self) -> Vec<Call> {
        let pid = self.child.id().and_then(|id| id.try_into().ok()).expect("strace runs");
        kill(Pid::from_raw(pid), Signal::SIGINT).expect("strace runs");
        // its farewells must find a reader
        while let Ok(Ok(Some(_))) = timeout(PATIENCE, self.messages.next_line()).await {}
        timeout(PATIENCE, self.child.wait()).await.expect("strace ends").expect("strace is a child of ours");
        calls(&std::fs::read_to_string(&self.lines).expect("what strace has written"))
    }
}

async fn wait_for_attachment(messages: &mut Lines<BufReader<ChildStderr>>) {
    loop {
        let line = timeout(PATIENCE, messages.next_line()).await.expect("strace attaches within half a minute");
        let line = line.expect("strace's messages").expect("strace goes on");
        let refused = line.contains("ptrace") || line.contains("not permitted");
        assert!(
            !refused,
            "the processes of hub and database must be traceable: PostgreSQL on this machine, and root or CAP_SYS_PTRACE: {line}"
        );
        if line.contains(" attached") {
            return;
        }
    }
}

/// Lines look like `4711 1700000000.123456 fdatasync(9</data/hub.db-wal>) = 0`; where another thread's line came in
/// between, the call is split into `… <unfinished ...>` and `<... fdatasync resumed>…`.
fn calls(lines: &str) -> Vec<Call> {
    let mut calls: Vec<Call> = Vec::new();
    for (number, line) in lines.lines().enumerate() {
        let Some((thread, at, rest)) = fields(line) else { continue };
        if let Some((_, end)) = rest.strip_prefix("<... ").and_then(|rest| rest.split_once(" resumed>")) {
            if let Some(call) = calls.iter_mut().rev().find(|call| call.thread == thread && call.ended == usize::MAX) {
                call.text.push_str(end);
                (call.ended, call.result) = (number, result(end));
            }
        } else if let Some((name, text)) = rest.split_once('(') {
            let unfinished = text.ends_with("<unfinished ...>");
            let ended = if unfinished { usize::MAX } else { number };
            let result = if unfinished { String::new() } else { result(text) };
            calls.push(Call { thread, name: name.to_owned(), text: text.to_owned(), result, begun: number, ended, at });
        }
    }
    calls
}

fn fields(line: &str) -> Option<(u32, f64, &str)> {
    let (thread, rest) = line.split_once(' ')?;
    let (at, rest) = rest.trim_start().split_once(' ')?;
    Some((thread.parse().ok()?, at.parse().ok()?, rest))
}

fn result(text: &str) -> String {
    text.rsplit_once(" = ").map_or_else(String::new, |(_, result)| result.to_owned())
}
