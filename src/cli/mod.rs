//! The command line: one command a file. Exit code 0: done; 1: the answer is no, or work failed; 2: wrong usage or settings.

mod backup;
mod bench;
mod client;
mod config;
mod demo;
mod generators;
mod keys;
mod migrate;
mod openapi;
mod operate;
mod receive;
mod secrets;
mod send;
mod serve;
mod simulate;
mod verify;

use std::future::Future;
use std::io::Write;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use self::operate::{Operation, plain};
use crate::app::StartError;
use crate::settings::{Loaded, Settings, SettingsError, Sources};

/// Receives the callbacks of external generators, exactly once, and tells how their tasks ended.
#[derive(Parser)]
#[command(name = "callback-hub", version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Run the service (the default)
    Serve,
    Demo(demo::Arguments),
    /// Bring the database's schema up to date
    Migrate(migrate::Arguments),
    /// Copy the database into a file while the hub runs
    Backup(backup::Arguments),
    /// Show the effective settings, secrets masked, and where each came from
    Config(config::Arguments),
    /// The catalog: what is in it, and whether a file could be
    #[command(subcommand)]
    Generators(generators::Command),
    /// Print the OpenAPI document
    Openapi,
    /// Create, list and revoke API keys, directly in the database
    #[command(subcommand)]
    Keys(keys::Command),
    /// Stored credentials, directly in the database
    #[command(subcommand)]
    Secrets(secrets::Command),
    /// Tasks: list, show, watch, cancel, retry, as a client of the API
    Tasks(Operation<operate::tasks::Command>),
    /// Callbacks: list, show, replay, as a client of the API
    Callbacks(Operation<operate::callbacks::Command>),
    /// Deliveries: list, show, retry, as a client of the API
    Deliveries(Operation<operate::deliveries::Command>),
    /// Webhooks: list, show, create, pause, resume, test, as a client of the API
    Webhooks(Operation<operate::webhooks::Command>),
    /// Be a subscriber that verifies and prints what webhooks bring
    Receive(receive::Arguments),
    /// Print what a shell needs to complete commands
    Completions {
        /// bash, zsh, fish …
        shell: clap_complete::Shell,
    },
    /// Sign and post a callback, as that generator would
    Send(send::Arguments),
    /// Does this signature hold?
    Verify(verify::Arguments),
    /// Measure this machine
    Bench(bench::Arguments),
    Simulate(simulate::Arguments),
}

/// How a command ends, apart from well.
#[derive(Debug)]
enum Failure {
    /// The answer is no, or work failed.
    No(anyhow::Error),
    /// Wrong usage or settings.
    Usage(anyhow::Error),
}

type Outcome = Result<(), Failure>;

#[must_use]
pub fn main() -> ExitCode {
    // two providers are linked in and neither may guess: this one serves everybody
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        eprintln!("callback-hub: a TLS provider is installed already");
    }
    let arguments = Arguments::parse();
    match run(arguments.command.unwrap_or(Command::Serve)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::No(error)) => complain(&error, 1),
        Err(Failure::Usage(error)) => complain(&error, 2),
    }
}

fn complain(error: &anyhow::Error, code: u8) -> ExitCode {
    let text = format!("{error:#}");
    if !text.is_empty() {
        for line in text.lines() {
            eprintln!("callback-hub: {}", plain(line));
        }
    }
    ExitCode::from(code)
}

fn run(command: Command) -> Outcome {
    match command {
        Command::Serve => block_on(serve::run()),
        Command::Demo(arguments) => block_on(demo::run(arguments)),
        Command::Migrate(arguments) => block_on(migrate::run(arguments)),
        Command::Backup(arguments) => block_on(backup::run(arguments)),
        Command::Config(arguments) => config::run(&arguments),
        Command::Generators(command) => block_on(generators::run(command)),
        Command::Openapi => openapi::run(),
        Command::Keys(command) => block_on(keys::run(command)),
        Command::Secrets(command) => block_on(secrets::run(command)),
        Command::Tasks(arguments) => block_on(operate::tasks::run(arguments)),
        Command::Callbacks(arguments) => block_on(operate::callbacks::run(arguments)),
        Command::Deliveries(arguments) => block_on(operate::deliveries::run(arguments)),
        Command::Webhooks(arguments) => block_on(operate::webhooks::run(arguments)),
        Command::Receive(arguments) => block_on(receive::run(arguments)),
        Command::Completions { shell } => {
            completions(shell);
            Ok(())
        }
        Command::Send(arguments) => block_on(send::run(arguments)),
        Command::Verify(arguments) => verify::run(&arguments),
        Command::Bench(arguments) => block_on(bench::run(arguments)),
        Command::Simulate(arguments) => block_on(simulate::run(arguments)),
    }
}

fn completions(shell: clap_complete::Shell) {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "callback-hub", &mut text);
    say(String::from_utf8_lossy(&text).trim_end());
}

fn block_on(future: impl Future<Output = Outcome>) -> Outcome {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(|error| Failure::No(error.into()))?.block_on(future)
}

/// A line on standard output. Who has closed it does not want to read on, and nothing is wrong.
fn say(line: impl std::fmt::Display) {
    let _ = is_read(line);
}

/// The same of a command without an end: false once nobody reads on.
fn is_read(line: impl std::fmt::Display) -> bool {
    writeln!(std::io::stdout(), "{line}").is_ok()
}

/// The settings of this process; warnings go to standard error.
fn settings() -> Result<Loaded, Failure> {
    settings_of(&Sources::from_process()?)
}

/// The same of sources that are to be read again.
fn settings_of(sources: &Sources) -> Result<Loaded, Failure> {
    let loaded = Settings::load(sources)?;
    for warning in &loaded.warnings {
        eprintln!("callback-hub: {warning}");
    }
    Ok(loaded)
}

impl From<SettingsError> for Failure {
    fn from(error: SettingsError) -> Self {
        let sentences: Vec<String> = error.sentences().collect();
        Self::Usage(anyhow::anyhow!(sentences.join("\n")))
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Settings(error) => error.into(),
            StartError::Refused(_) | StartError::Catalog(_) | StartError::File { .. } | StartError::Tls(_) => {
                Self::Usage(error.into())
            }
            StartError::Store(ref store) => {
                // a pool tries again until its time is up, and then only says that
                let hint = if store.is_passing() { "; is it running, and is DATABASE_URL right?" } else { "" };
                let cause = std::error::Error::source(store).map(|cause| format!(": {cause}")).unwrap_or_default();
                Self::No(anyhow::anyhow!("{error}{cause}{hint}"))
            }
            other => Self::No(other.into()),
        }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::No(error)
    }
}
