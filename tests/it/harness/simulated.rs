//! The generator that misbehaves, `callback-hub simulate --listen`, as a process of its own.

use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use callback_hub::simulator::{Ledger, Line, Summary};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdout, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;

const START: Duration = Duration::from_secs(60);
/// Its callbacks are sent up to three times, with pauses in between.
const PLAY: Duration = Duration::from_secs(60);

/// Killed when dropped.
pub(crate) struct Simulated {
    pub url: String,
    process: Child,
    told: Arc<Mutex<Told>>,
    reading: JoinHandle<()>,
    client: reqwest::Client,
}

/// What its lines came to so far.
#[derive(Default)]
struct Told {
    /// Callbacks that its jobs have announced, lost ones too.
    announced: usize,
    /// Those that were sent or lost.
    done: usize,
    summary: Option<Summary>,
}

impl Simulated {
    /// `secret` is what it signs with, as generator `simulator`.
    pub(crate) async fn start(secret: &str, seed: u64, arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_callback-hub"));
        command.env_clear().env("GENERATOR_SIMULATOR_SECRET", secret).current_dir(std::env::temp_dir());
        command.args(["simulate", "--json", "--listen", "127.0.0.1:0", "--seed", &seed.to_string()]).args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit()).kill_on_drop(true);
        let mut process = command.spawn().expect("the program starts");
        let mut lines = BufReader::new(process.stdout.take().expect("a pipe")).lines();
        let first = timeout(START, line(&mut lines)).await.expect("it is ready within a minute");
        let Some(Line::Ready { url }) = first else { panic!("it says where it is: {first:?}") };
        let told = Arc::<Mutex<Told>>::default();
        #[expect(clippy::disallowed_methods, reason = "it ends with the process, and is waited for then")]
        let reading = tokio::spawn(read(lines, told.clone()));
        let client = reqwest::Client::builder().no_proxy().pool_idle_timeout(Duration::from_secs(1)).build().expect("a client");
        Self { url, process, told, reading, client }
    }

    pub(crate) async fn ledger(&self) -> Ledger {
        let answer = self.client.get(format!("{}/jobs", self.url)).send().await.expect("an answer");
        answer.json().await.expect("a ledger")
    }

    pub(crate) async fn is_down(&self) -> bool {
        TcpStream::connect(self.url.trim_start_matches("http://")).await.is_err()
    }

    /// Waits until every callback that was to be sent has been, or is lost.
    pub(crate) async fn played(&self) {
        let mut ticks = tokio::time::interval(Duration::from_millis(10));
        let played = timeout(PLAY, async {
            while self.left() > 0 {
                ticks.tick().await;
            }
        });
        played.await.unwrap_or_else(|_| panic!("{} callbacks are neither sent nor lost", self.left()));
    }

    fn left(&self) -> usize {
        let told = self.told.lock().expect("no panic");
        told.announced.saturating_sub(told.done)
    }

    /// What it came to, after Ctrl-C.
    pub(crate) async fn ended(mut self) -> Summary {
        let id = self.process.id().and_then(|id| i32::try_from(id).ok()).expect("it runs");
        kill(Pid::from_raw(id), Signal::SIGINT).expect("it runs");
        let code = self.process.wait().await.expect("it ends").code();
        self.reading.await.expect("its lines can be read");
        let summary = self.told.lock().expect("no panic").summary.take().expect("its last line is a summary");
        assert_eq!(code, Some(0), "{summary}");
        summary
    }
}

async fn read(mut lines: Lines<BufReader<ChildStdout>>, told: Arc<Mutex<Told>>) {
    while let Some(line) = line(&mut lines).await {
        let mut told = told.lock().expect("no panic");
        match line {
            Line::Job(taken) => told.announced += taken.sendings,
            Line::Sent(_) | Line::Unsent(_) => told.done += 1,
            Line::Summary(summary) => told.summary = Some(summary),
            _ => {}
        }
    }
}

async fn line(lines: &mut Lines<BufReader<ChildStdout>>) -> Option<Line> {
    let text = lines.next_line().await.expect("a pipe")?;
    Some(serde_json::from_str(&text).unwrap_or_else(|error| panic!("{text}: {error}")))
}
