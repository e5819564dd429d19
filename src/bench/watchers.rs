//! What those cost who watch a task that rests: the same load without them and with them, side by side.

use std::fmt;
use std::time::Duration;

use anyhow::{Context, ensure};
use futures_util::future::try_join_all;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::audit::Audit;
use super::goals::{Bound, Goal, Goals, Unit};
use super::hub::Hub;
use super::load::Pace;
use super::memory::resident;
use super::place::Place;
use super::sample::Base;
use super::subject::Kind;
use super::table::median;
use super::teller::Teller;

const LEAST: f64 = 0.95;
/// For all of them, in megabytes.
const MOST: f64 = 50.0;
/// Who begins at the same time.
const AT_ONCE: usize = 50;

#[derive(Clone, Debug)]
pub struct Plan {
    pub watchers: usize,
    /// Open tasks that the callbacks are about; nobody watches one of them.
    pub tasks: usize,
    pub connections: usize,
    pub rounds: usize,
    /// Of one measurement.
    pub time: Duration,
    /// An empty PostgreSQL database, if that is to be measured too.
    pub postgres: Option<String>,
}

/// Displays as Markdown.
pub struct Report {
    plan: Plan,
    bases: Vec<Base>,
    rounds: Vec<Round>,
    audits: Vec<(Base, Audit)>,
}

/// Callbacks a second, and what the watchers have added to the process, in megabytes.
struct Round {
    base: Base,
    without: f64,
    with: f64,
    added: Option<f64>,
}

/// # Errors
/// When a database cannot be filled, or anything but 200 is answered.
pub async fn run(plan: &Plan) -> anyhow::Result<Report> {
    let place = Place::new(plan.postgres.as_deref())?;
    let bases: Vec<Base> = place.bases().collect();
    let teller = Teller::new(bases.len() * plan.rounds);
    let mut hubs = Vec::new();
    for base in &bases {
        teller.say(format!("{base} is filled with {} open tasks", plan.tasks + plan.watchers));
        hubs.push((*base, Hub::start(Kind::Journal, place.url(*base, "watched").await?, plan.tasks + plan.watchers, 0).await?));
    }
    let mut rounds = Vec::new();
    for number in 0..plan.rounds {
        for (base, hub) in &mut hubs {
            let round = Round::run(plan, *base, hub, number % 2 == 1).await.with_context(|| base.to_string())?;
            let Round { without, with, .. } = round;
            teller.done(format!("round {}  {base:<10}  {without:.0}/s without watchers, {with:.0}/s with them", number + 1));
            rounds.push(round);
        }
    }
    let mut audits = Vec::new();
    for (base, hub) in hubs {
        audits.push((base, hub.audit().await?));
    }
    Ok(Report { plan: plan.clone(), bases, rounds, audits })
}

impl Round {
    /// The order alternates: `watched_first`.
    async fn run(plan: &Plan, base: Base, hub: &mut Hub, watched_first: bool) -> anyhow::Result<Self> {
        let (mut without, mut with, mut added) = (0.0, 0.0, None);
        for watched in [watched_first, !watched_first] {
            let before = resident(hub.subject.process());
            let watchers = if watched { watch(hub, plan).await? } else { Vec::new() };
            if watched {
                added = resident(hub.subject.process()).zip(before).map(|(after, before)| after - before);
            }
            let figures = hub.progress_of(plan.tasks, plan.connections, Pace::For(plan.time)).await?;
            *if watched { &mut with } else { &mut without } = figures.per_second;
            drop(watchers);
        }
        Ok(Self { base, without, with, added })
    }
}

/// Each another task, behind those that the callbacks are about.
async fn watch(hub: &Hub, plan: &Plan) -> anyhow::Result<Vec<TcpStream>> {
    let tasks: Vec<usize> = (plan.tasks..plan.tasks + plan.watchers).collect();
    let mut watchers = Vec::with_capacity(plan.watchers);
    for tasks in tasks.chunks(AT_ONCE) {
        watchers.extend(try_join_all(tasks.iter().map(|task| open(hub, *task))).await?);
    }
    Ok(watchers)
}

/// Until it was told how the task stands.
async fn open(hub: &Hub, task: usize) -> anyhow::Result<TcpStream> {
    let (address, run) = (hub.subject.address, &hub.subject.run);
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET /api/tasks/{run}-{task}/events HTTP/1.1\r\nhost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let (mut text, mut buffer) = (String::new(), [0; 4096]);
    while !text.contains("event: task") {
        let read = stream.read(&mut buffer).await?;
        ensure!(read > 0, "the hub has closed the connection: {text}");
        text.push_str(&String::from_utf8_lossy(&buffer[..read]));
        ensure!(text.len() < 12 || text.starts_with("HTTP/1.1 200"), "the hub has answered {text}");
    }
    Ok(stream)
}

impl Report {
    /// Callbacks that are lost.
    #[must_use]
    pub fn failures(&self) -> Vec<String> {
        let lost = self.audits.iter().filter(|(_, audit)| !audit.is_complete());
        lost.map(|(base, audit)| format!("{base}: of the callbacks that were answered with 200, some are not there: {audit:?}"))
            .collect()
    }

    /// What is to be reached, and what is.
    #[must_use]
    pub fn goals(&self) -> Goals {
        let watchers = self.plan.watchers;
        let goals = self.bases.iter().flat_map(|base| {
            let rounds = || self.rounds.iter().filter(|round| round.base == *base);
            let ratio = median(rounds().map(|round| round.with / round.without));
            // those that come again find the memory of those before them
            let added = rounds().filter_map(|round| round.added).next();
            [
                Goal::new(
                    format!("{base}: callbacks/s with {watchers} who watch a task at rest, to that without"),
                    Bound::AtLeast(LEAST),
                    Unit::Ratio,
                    ratio,
                ),
                Goal::new(format!("{base}: memory of {watchers} watchers"), Bound::AtMost(MOST), Unit::Megabytes, added),
            ]
        });
        Goals(goals.collect())
    }

    #[must_use]
    pub fn json(&self) -> Value {
        let audits: Vec<Value> = self.audits.iter().map(|(base, audit)| json!({"base": base, "audit": audit})).collect();
        let sample = |round: &Round| {
            let Round { base, without, with, added } = round;
            json!({"base": base, "without": without, "with": with, "megabytes": added})
        };
        let samples: Vec<Value> = self.rounds.iter().map(sample).collect();
        json!({"watchers": self.plan.watchers, "goals": self.goals(), "audits": audits, "samples": samples})
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.goals())
    }
}
