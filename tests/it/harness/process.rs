//! The real binary as a process of its own, which can be stopped, and killed.

use std::fs::File;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use super::signing::SECRET;

const BINARY: &str = env!("CARGO_BIN_EXE_callback-hub");
pub(crate) const API_KEY: &str = "an-api-key-of-the-tests";
const START: Duration = Duration::from_secs(60);
/// More than what the service itself gives its requests at the end.
const STOP: Duration = Duration::from_secs(40);

/// A running hub. Killed when dropped.
pub(crate) struct Process {
    pub address: SocketAddr,
    pid: Pid,
    child: Child,
    log: PathBuf,
    /// Kept open: a closed pipe is not what is tested here.
    _ready: Lines<BufReader<ChildStdout>>,
    folder: TempDir,
}

impl Process {
    /// Starts on a free port, with nothing of the surroundings' environment, and waits until it says that it is ready.
    pub(crate) async fn start(database: &str) -> Self {
        Self::with(database, &[], &[]).await
    }

    /// The same with more settings, and generator files: name and text.
    pub(crate) async fn with(database: &str, settings: &[(&str, &str)], generators: &[(&str, &str)]) -> Self {
        Self::within(tempfile::tempdir().expect("a temporary folder"), database, settings, generators).await
    }

    /// The same in a folder with files of the test's.
    pub(crate) async fn within(folder: TempDir, database: &str, settings: &[(&str, &str)], generators: &[(&str, &str)]) -> Self {
        Self::spawn(Command::new(BINARY), folder, database, settings, generators).await
    }

    /// Files that may not grow any more are an error to it, and not its end: what else a signal would bring about.
    pub(crate) async fn with_bounded_files(database: &str) -> Self {
        let mut shell = Command::new("/bin/sh");
        // it becomes the hub: what it ignores, the hub ignores
        shell.args(["-c", r#"trap "" XFSZ; exec "$0" "$@""#, BINARY]);
        Self::spawn(shell, tempfile::tempdir().expect("a temporary folder"), database, &[], &[]).await
    }

    async fn spawn(
        mut command: Command,
        folder: TempDir,
        database: &str,
        settings: &[(&str, &str)],
        generators: &[(&str, &str)],
    ) -> Self {
        let log = folder.path().join("log");
        for (name, text) in generators {
            std::fs::write(folder.path().join(format!("{name}.toml")), text).expect("a generator's file");
        }
        let mut child = command
            .arg("serve")
            .env_clear()
            .envs([("DATABASE_URL", database), ("CALLBACK_SECRET_KEY", SECRET), ("API_KEYS", API_KEY)])
            .envs([("SERVER_PORT", "0"), ("LOG_LEVEL", "warn")])
            .envs((!generators.is_empty()).then(|| ("GENERATORS_DIR", folder.path())))
            .envs(settings.iter().copied())
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&log).expect("a file for the log"))
            .kill_on_drop(true)
            .spawn()
            .expect("the hub's binary");
        let pid = Pid::from_raw(child.id().and_then(|id| id.try_into().ok()).expect("a process has an id"));
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let line = timeout(START, lines.next_line()).await.expect("the hub is ready within a minute").expect("its output");
        let ready = line.unwrap_or_else(|| panic!("the hub does not start: {}", read(&log)));
        let address = ready.split("://").nth(1).and_then(|rest| rest.split(' ').next()).and_then(|at| at.parse().ok());
        let address = address.unwrap_or_else(|| panic!("no address in {ready:?}"));
        Self { address, pid, child, log, _ready: lines, folder }
    }

    pub(crate) const fn pid(&self) -> Pid {
        self.pid
    }

    /// Puts a file into the folder of generators, or another in its place.
    pub(crate) fn write_generator(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(format!("{name}.toml")), text).expect("a generator's file");
    }

    /// Puts a file into the folder that the hub runs in, or another in its place.
    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).expect("a file");
    }

    /// What the hub has logged: warnings and errors.
    pub(crate) fn log(&self) -> String {
        read(&self.log)
    }

    /// `kill -9`: the process gets no chance to do anything more.
    pub(crate) async fn kill(mut self) {
        kill(self.pid, Signal::SIGKILL).expect("the hub runs");
        self.child.wait().await.expect("the hub is a child of ours");
    }

    /// It does nothing at all until it is [resumed](Self::resume).
    pub(crate) fn suspend(&self) {
        kill(self.pid, Signal::SIGSTOP).expect("the hub runs");
    }

    pub(crate) fn resume(&self) {
        kill(self.pid, Signal::SIGCONT).expect("the hub runs");
    }

    /// Asks it to end.
    pub(crate) fn terminate(&self) {
        kill(self.pid, Signal::SIGTERM).expect("the hub runs");
    }

    /// Waits for the end that [`Self::terminate`] asked for.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let ended = timeout(STOP, self.child.wait()).await;
        ended.unwrap_or_else(|_| panic!("the hub does not end: {}", read(&self.log))).expect("the hub is a child of ours")
    }
}

fn read(log: &PathBuf) -> String {
    std::fs::read_to_string(log).unwrap_or_else(|error| error.to_string())
}
