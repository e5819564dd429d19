//! What is measured: hubs with different journals, and an endpoint that only verifies and parses. Each is a process.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use clap::ValueEnum;
use serde::Deserialize;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::relay::subscriber;
use crate::app::{self, Surroundings};
use crate::clock::Clock;
use crate::domain::plan::{Command as Wish, Item, NewTask};
use crate::domain::task::{Documents, GeneratorName, Submitter, TaskId};
use crate::generator::catalog::{Catalog, GeneratorOverrides, Overrides};
use crate::generator::keyset::PublishedKeys;
use crate::generator::payload::{Decoded, decode};
use crate::generator::raw::RawCallback;
use crate::generator::signature::verify;
use crate::generator::token::CapabilityKeys;
use crate::http::server::{Bounds, Listener, serve};
use crate::http::state::Hub;
use crate::journal::Limits;
use crate::lifecycle::Lifecycle;
use crate::settings::{Loaded, Settings, Sources};
use crate::store::{Entry, Papers};

/// Signs the load; worth nothing outside of it.
pub const SECRET: &str = "5eed5eed5eed5eed5eed5eed5eed5eed";
/// 32 bytes, as little worth: it seals what signs deliveries.
const SECRETS_KEY: &str = "NWVlZDVlZWQ1ZWVkNWVlZDVlZWQ1ZWVkNWVlZDVlZWQ=";

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Verifies and parses, stores nothing.
    Ceiling,
    /// The hub as it is.
    Journal,
    /// The hub with one transaction a callback, side by side where the database can.
    OneByOne,
    /// The hub without its loops: nothing that is due is sent.
    Silent,
    /// No hub, but whom the hub tells.
    Subscriber,
}

/// A subject's process, ended when dropped.
pub struct Subject {
    pub address: SocketAddr,
    /// What its tasks are named after.
    pub run: String,
    kind: Kind,
    child: Child,
}

/// `journal` of `/api/stats`.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct JournalFigures {
    pub entries: u64,
    pub commits: u64,
}

impl Subject {
    /// With so many tasks of its own.
    ///
    /// # Errors
    /// When the process does not become ready.
    pub fn start(kind: Kind, database: &str, tasks: usize) -> anyhow::Result<Self> {
        Self::start_as(kind, database, tasks, &uuid::Uuid::now_v7().simple().to_string(), 0)
    }

    /// With tasks of that name; every sync of a file takes so many milliseconds more than it does.
    ///
    /// # Errors
    /// When the process does not become ready.
    pub fn start_as(kind: Kind, database: &str, tasks: usize, run: &str, slowed: u64) -> anyhow::Result<Self> {
        let run = run.to_owned();
        let name = kind.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
        let mut child = command(slowed)?
            .args(["bench", "--subject", &name, "--run", &run, "--tasks", &tasks.to_string()])
            .env("DATABASE_URL", database)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        let stdout = child.stdout.take().context("no standard output")?;
        BufReader::new(stdout).read_line(&mut line)?;
        let address = line.trim().parse().with_context(|| format!("the {name} subject did not start"))?;
        Ok(Self { address, run, kind, child })
    }

    #[must_use]
    pub fn commits(&self) -> bool {
        matches!(self.kind, Kind::Journal | Kind::OneByOne | Kind::Silent)
    }

    /// A webhook that wants to hear of every completed task.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn register(&self, url: &str) -> anyhow::Result<()> {
        let wanted = json!({"url": url, "events": ["task.completed"], "secret": "a secret of nobody"});
        let client = reqwest::Client::builder().no_proxy().build()?;
        let request = client.post(format!("http://{}/api/webhooks", self.address)).body(wanted.to_string());
        let answer = request.send().await?;
        ensure!(answer.status() == 201, "a webhook was refused: {}", answer.text().await?);
        Ok(())
    }

    /// Of the process, or of the one that slows it.
    #[must_use]
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// Lets it end by itself.
    ///
    /// # Errors
    /// When it ends badly.
    pub fn end(mut self) -> anyhow::Result<()> {
        drop(self.child.stdin.take());
        let status = self.child.wait()?;
        ensure!(status.success(), "a subject ended with {status}");
        Ok(())
    }

    /// # Errors
    /// When the subject does not answer.
    pub async fn figures(&self) -> anyhow::Result<JournalFigures> {
        #[derive(Deserialize)]
        struct Stats {
            journal: JournalFigures,
        }
        if !self.commits() {
            return Ok(JournalFigures::default());
        }
        let client = reqwest::Client::builder().no_proxy().build()?;
        let stats: Stats = client.get(format!("http://{}/api/stats", self.address)).send().await?.json().await?;
        Ok(stats.journal)
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        // it may have ended by itself; either way it is gone afterwards
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// This very program, or strace in front of it.
fn command(slowed: u64) -> anyhow::Result<Command> {
    let program = std::env::current_exe()?;
    if slowed == 0 {
        return Ok(Command::new(program));
    }
    let mut command = Command::new("strace");
    command
        .args(["-f", "--seccomp-bpf", "-e", "trace=fdatasync,fsync", "-o", "/dev/null"])
        .args(["-e", &format!("inject=fdatasync,fsync:delay_exit={}", slowed * 1000), "--"])
        .arg(program);
    Ok(command)
}

/// The other side: runs as a subject until standard input ends.
///
/// # Errors
/// When it cannot start.
pub async fn become_subject(kind: Kind, run: &str, tasks: usize) -> anyhow::Result<()> {
    let lifecycle = Lifecycle::new();
    let stopper = lifecycle.clone();
    std::thread::spawn(move || {
        let _ = std::io::stdin().read(&mut [0]);
        stopper.stop();
    });
    match kind {
        Kind::Ceiling => return ceiling(&lifecycle).await,
        Kind::Subscriber => return subscriber::serve_subscriber(&lifecycle).await,
        Kind::Journal | Kind::OneByOne | Kind::Silent => {}
    }
    let loaded = settings()?;
    let mut surroundings = Surroundings { loops_run: kind != Kind::Silent, ..Surroundings::default() };
    if kind == Kind::OneByOne {
        surroundings.journal = Limits { items: 1, ..Limits::default() };
        surroundings.journal_workers = Some(loaded.settings.database.max_connections.get() as usize);
    }
    let app = app::build(&loaded, surroundings, &lifecycle).await?;
    let (address, hub) = (app.address()?, app.hub().clone());
    let ending = lifecycle.clone();
    let run = run.to_owned();
    lifecycle.spawn(async move {
        match create(&hub, &run, tasks).await {
            Ok(()) => announce(address),
            Err(error) => {
                eprintln!("{error:#}");
                ending.stop();
            }
        }
    });
    app.run(lifecycle).await;
    Ok(())
}

fn announce(address: SocketAddr) {
    println!("{address}");
    // a parent that does not listen any more has ended
    let _ = std::io::stdout().flush();
}

fn settings() -> anyhow::Result<Loaded> {
    let database = std::env::var("DATABASE_URL").context("DATABASE_URL")?;
    let given = [
        ("DATABASE_URL", database.as_str()),
        ("CALLBACK_SECRET_KEY", SECRET),
        ("SERVER_PORT", "0"),
        ("SECRETS_KEY", SECRETS_KEY),
        // where the subscriber is
        ("DELIVERY_ALLOWED_NETWORKS", "127.0.0.1"),
    ];
    let sources = Sources::new(given.map(|(name, value)| (name.to_owned(), value.to_owned())));
    Ok(Settings::load(&sources)?)
}

/// Tasks through the journal itself, a batch at a time.
async fn create(hub: &Hub, run: &str, tasks: usize) -> anyhow::Result<()> {
    let catalog = hub.terms.catalog();
    let generator = catalog.find("default").context("the default generator")?;
    let policy = hub.terms.policy(generator);
    for chunk in (0..tasks).collect::<Vec<_>>().chunks(1000) {
        let mut waiting = Vec::with_capacity(chunk.len());
        for number in chunk {
            let new = NewTask {
                generator: GeneratorName::parse("default")?,
                submitter: Submitter::OwnCode,
                max_retries: 0,
                timeout: Duration::from_secs(24 * 3600),
                priority: 5,
                external_id: None,
                documents: Documents::default(),
                request_digest: [0; 32],
                idempotency: None,
                auto_approve: true,
                webhook: None,
                policy: policy.clone(),
            };
            let task = TaskId::parse(&format!("{run}-{number}"))?;
            let item = Item { task: Some(task), at: hub.clock.now(), command: Wish::Create(Box::new(new)) };
            waiting.push(hub.journal.enqueue(Entry { item, papers: Papers::None })?);
        }
        for answer in waiting {
            answer.wait().await?;
        }
    }
    Ok(())
}

struct Ceiling {
    catalog: Catalog,
    tokens: CapabilityKeys,
}

/// All that a callback costs, but for the database.
async fn ceiling(lifecycle: &Lifecycle) -> anyhow::Result<()> {
    let name = GeneratorName::parse("default")?;
    let own = GeneratorOverrides { secrets: vec![SECRET.to_owned()], ..GeneratorOverrides::default() };
    let overrides = Overrides { generators: [(name, own)].into(), ..Overrides::default() };
    let state = Ceiling { catalog: Catalog::load(&[], &overrides)?, tokens: CapabilityKeys::derive(b"", []) };
    let router = Router::new()
        .route("/callback/{task_id}", post(verify_only))
        .route("/health/live", get(|| async { "ok" }))
        .with_state(Arc::new(state));
    listen(router, lifecycle).await
}

/// Announces its address, and serves.
pub(super) async fn listen(router: Router, lifecycle: &Lifecycle) -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    announce(listener.local_addr()?);
    let bounds = Bounds { head_timeout: Duration::from_secs(10), connections: 4096, grace: Duration::ZERO };
    let stopping: CancellationToken = lifecycle.stopping().clone();
    Ok(serve(Listener { socket: listener, router, tls: None }, bounds, stopping).await?)
}

async fn verify_only(
    State(ceiling): State<Arc<Ceiling>>,
    Path(task): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<String, StatusCode> {
    let generator = ceiling.catalog.find("default").ok_or(StatusCode::NOT_FOUND)?;
    let raw = RawCallback {
        task: TaskId::parse(&task).ok(),
        headers: headers.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect(),
        query: Vec::new(),
        body,
        arrived: Clock::System.now(),
        url: String::new(),
    };
    let verified = verify(raw, generator, &ceiling.tokens, &PublishedKeys::default()).map_err(|_| StatusCode::UNAUTHORIZED)?;
    let Ok(Decoded::Task(decoded)) = decode(&verified) else { return Err(StatusCode::BAD_REQUEST) };
    Ok(format!(r#"{{"success":true,"outcome":"{}"}}"#, decoded.event.name()))
}
