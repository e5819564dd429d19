//! The real program, without anything of the environment that the tests run in.

use std::process::Stdio;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::harness::database::Database;

const KEY: &str = "key-of-the-tests";
pub(super) const SECRET: &str = "a secret of the tests of 32 bytes or so";

/// A program that has ended.
pub(super) struct Ended {
    pub code: Option<i32>,
    /// Standard output.
    pub text: String,
    /// Standard error.
    pub complaints: String,
}

/// `serve`, as a process; killed when dropped.
pub(super) struct Hub {
    pub url: String,
    _process: Child,
    _out: Lines<BufReader<ChildStdout>>,
    /// Where it runs: there are no settings files around it.
    folder: TempDir,
}

impl Hub {
    pub(super) async fn start(database: &Database, settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let own = [("SERVER_PORT", "0"), ("DATABASE_URL", &database.url), ("CALLBACK_SECRET_KEY", SECRET), ("API_KEYS", KEY)];
        let mut command = program(&own);
        command.envs(settings.iter().copied()).arg("serve").current_dir(folder.path()).stderr(Stdio::inherit());
        let mut process = command.env("LOG_LEVEL", "warn").spawn().expect("the program starts");
        let mut out = BufReader::new(process.stdout.take().expect("a pipe")).lines();
        let ready = out.next_line().await.ok().flatten().expect("the hub says that it is ready");
        let url = ready.split_whitespace().find(|word| word.starts_with("http://")).expect(&ready).to_owned();
        Self { url, _process: process, _out: out, folder }
    }

    pub(super) async fn simulate(&self, arguments: &[&str]) -> Ended {
        let own = [("CALLBACK_HUB_URL", self.url.as_str()), ("CALLBACK_HUB_KEY", KEY), ("CALLBACK_SECRET_KEY", SECRET)];
        let mut command = program(&own);
        run(command.args(["simulate", "--json"]).args(arguments).current_dir(self.folder.path())).await
    }

    pub(super) async fn create(&self, task: &Value) -> Value {
        let request = client().post(format!("{}/api/tasks", self.url)).bearer_auth(KEY).json(task);
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), 201);
        answer.json().await.expect("a task")
    }

    pub(super) async fn ask(&self, path: &str) -> Value {
        let answer = client().get(format!("{}/api/{path}", self.url)).bearer_auth(KEY).send().await.expect(path);
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.json().await.expect(path)
    }
}

pub(super) fn program(environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_callback-hub"));
    command.env_clear().envs(environment.iter().copied());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

pub(super) async fn run(command: &mut Command) -> Ended {
    let output = command.output().await.expect("the program runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    Ended { code: output.status.code(), text: text(output.stdout), complaints: text(output.stderr) }
}

pub(super) fn interrupt(process: &Child) {
    let id = process.id().and_then(|id| i32::try_from(id).ok()).expect("it runs");
    kill(Pid::from_raw(id), Signal::SIGINT).expect("it runs");
}

pub(super) fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().expect("a client")
}
