//! What a step of the loops costs: the same number of due tasks among few and among many open ones.
//!
//! Every database holds `open` tasks that run and `open` that wait for their submission, of which [`DUE`] each are due.
//! A round takes all that are due, a batch at a time as the loops do it, and gives them back as due as they were.

mod report;

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use sea_orm::{ConnectionTrait, Database, DatabaseConnection};
use tempfile::TempDir;
use uuid::Uuid;

use super::place::schema;
use crate::domain::plan::{Answer, Command, Item, Release, Then};
use crate::domain::task::{Lease, TaskId};
use crate::domain::time::Timestamp;
use crate::settings::DatabaseUrl;
use crate::store::{Entry, Order, Papers, Store, Want, migrate};
use crate::subscription::Subscriptions;
pub use report::{Report, Series};

/// Tasks that are due, in each state.
pub const DUE: u64 = 1000;
/// Taken at once, as the loops do it unless they are told otherwise.
const BATCH: u64 = 8;
/// Steps of a round in which nothing is due.
const LOOKS: usize = 200;
const GENERATOR: &str = "measured";
const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

/// What is measured, and how often.
#[derive(Clone, Debug)]
pub struct Plan {
    /// In each state, in turn.
    pub open: Vec<u64>,
    pub rounds: usize,
    /// What is due lies anywhere among the open tasks, so that every row costs a page of its own; else it was created
    /// together, as it is where a generator takes about the same time for every job.
    pub scattered: bool,
    /// An empty PostgreSQL database, if that is to be measured too.
    pub postgres: Option<String>,
}

/// What a round is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Errand {
    /// Tasks whose generator has to be asked.
    Ask,
    /// Tasks that have to be submitted.
    Submit,
    /// Whether anything is due when nothing is, 200 times.
    Idle,
}

struct Subject {
    database: &'static str,
    open: u64,
    store: Store,
    /// For what the hub never does.
    beside: DatabaseConnection,
}

/// Runs the plan; `tell` hears what is going on.
///
/// # Errors
/// When a database cannot be filled, or has not as many due tasks as it should.
pub async fn run(plan: &Plan, tell: impl Fn(&str)) -> anyhow::Result<Report> {
    ensure!(plan.open.iter().all(|open| *open >= DUE), "{DUE} tasks are due, so that as many must be open");
    let folder = tempfile::tempdir().context("no temporary folder")?;
    let subjects = subjects(plan, &folder, &tell).await?;
    let mut series: Vec<Series> = Vec::new();
    for errand in [Errand::Ask, Errand::Submit, Errand::Idle] {
        series.extend(subjects.iter().map(|it| Series { database: it.database, errand, open: it.open, rounds: Vec::new() }));
    }
    // the first round warms the caches up, and does not count
    for round in 0..=plan.rounds {
        let mut turns: Vec<(&mut Series, &Subject)> = series.iter_mut().zip(subjects.iter().cycle()).collect();
        if round % 2 == 1 {
            // nobody always comes after the same neighbour
            turns.reverse();
        }
        for (series, subject) in turns {
            if series.errand == Errand::Idle {
                subject.tidy().await?;
            }
            let time = subject.round(series.errand).await?;
            let (database, open, errand) = (subject.database, subject.open, series.errand);
            tell(&format!("round {round}  {database:<10}  {open:>8} open  {errand:<6}  {time:>10.3?}"));
            if round > 0 {
                series.rounds.push(time);
            }
        }
    }
    for subject in subjects {
        subject.store.close().await;
        subject.beside.close().await?;
    }
    Ok(Report(series))
}

async fn subjects(plan: &Plan, folder: &TempDir, tell: &impl Fn(&str)) -> anyhow::Result<Vec<Subject>> {
    let mut subjects = Vec::new();
    for &open in &plan.open {
        tell(&format!("SQLite is filled with {open} open tasks of each kind"));
        let file = folder.path().join(format!("{open}.db"));
        subjects.push(Subject::fill("SQLite", DatabaseUrl::of_file(&file).expose(), open, plan.scattered).await?);
    }
    for (&open, url) in plan.open.iter().flat_map(|open| Some(open).zip(plan.postgres.as_ref())) {
        tell(&format!("PostgreSQL is filled with {open} open tasks of each kind"));
        let url = schema(url, &format!("open_{open}")).await?;
        subjects.push(Subject::fill("PostgreSQL", &url, open, plan.scattered).await?);
    }
    Ok(subjects)
}

impl Subject {
    async fn fill(database: &'static str, url: &str, open: u64, scattered: bool) -> anyhow::Result<Self> {
        migrate(url).await?;
        let connection = Database::connect(url).await?;
        fill(&connection, database, open, if scattered { open / DUE } else { 1 }).await?;
        Ok(Self { database, open, store: Store::connect(url, 4).await?, beside: connection })
    }

    /// What earlier rounds have left in the indexes: a server takes it away by itself, but sooner from small tables.
    async fn tidy(&self) -> anyhow::Result<()> {
        if self.database != "SQLite" {
            for table in ["hub_tasks", "hub_attempts"] {
                self.beside.execute_unprepared(&format!("VACUUM (INDEX_CLEANUP on, ANALYZE) {table}")).await?;
            }
        }
        Ok(())
    }

    async fn round(&self, errand: Errand) -> anyhow::Result<Duration> {
        let began = Instant::now();
        let taken = match errand {
            Errand::Ask => self.ask().await?,
            Errand::Submit => self.submit().await?,
            Errand::Idle => self.look().await?,
        };
        let time = began.elapsed();
        let expected = if errand == Errand::Idle { 0 } else { DUE };
        ensure!(taken == expected, "{taken} tasks were due, and not {expected}");
        Ok(time)
    }

    async fn look(&self) -> anyhow::Result<u64> {
        let (long_ago, mut found) = (Timestamp::from_secs(0), 0);
        for _ in 0..LOOKS {
            found += self.store.due_generators(long_ago).await?.len() as u64;
            found += self.store.pending_generators(long_ago).await?.len() as u64;
        }
        Ok(found)
    }

    async fn ask(&self) -> anyhow::Result<u64> {
        let mut taken = 0;
        while taken < DUE && !self.store.due_generators(NOW).await?.is_empty() {
            let lease = lease();
            let tasks = self.store.claim_due(GENERATOR, lease, NOW, BATCH).await?;
            taken += tasks.len() as u64;
            self.release(tasks.into_iter().map(|task| task.id), lease, &Then::AskAt(NOW)).await?;
        }
        Ok(taken)
    }

    async fn submit(&self) -> anyhow::Result<u64> {
        let mut taken = 0;
        while taken < DUE && !self.store.pending_generators(NOW).await?.is_empty() {
            let lease = lease();
            let want = Want { most: BATCH, running: Some(u32::MAX), order: Order::MostUrgent };
            let tasks = self.store.claim_pending(GENERATOR, lease, NOW, want).await?;
            taken += tasks.len() as u64;
            let then = Then::SendAt { at: NOW, unsent: true };
            self.release(tasks.into_iter().map(|taken| taken.task.id), lease, &then).await?;
        }
        Ok(taken)
    }

    async fn release(&self, tasks: impl Iterator<Item = TaskId>, lease: Lease, then: &Then) -> anyhow::Result<()> {
        let entry = |task| {
            let command = Command::Release(Release { lease: lease.token, then: then.clone() });
            Entry { item: Item { task: Some(task), at: NOW, command }, papers: Papers::None }
        };
        let answers = self.store.commit(&tasks.map(entry).collect::<Vec<_>>(), &Subscriptions::new(0, []), NOW).await?.answers;
        ensure!(answers.iter().all(|answer| matches!(answer, Answer::Released)), "a lease was lost");
        Ok(())
    }
}

fn lease() -> Lease {
    Lease { token: Uuid::now_v7(), until: NOW.plus(Duration::from_secs(60)) }
}

/// Ids are in the order of creation, as the hub's own are; from one due task to the next it is `every` tasks.
async fn fill(connection: &DatabaseConnection, database: &str, open: u64, every: u64) -> anyhow::Result<()> {
    let unhex = if database == "SQLite" { "unhex('{}')" } else { "decode('{}', 'hex')" };
    let (digest, recent) = (unhex.replace("{}", &"00".repeat(32)), unhex.replace("{}", "00"));
    let (now, day) = (NOW.micros(), 86_400_000_000_i64);
    // due an instant ago, or sometime tomorrow
    let when = format!("CASE WHEN n % {every} = 0 AND n / {every} < {DUE} THEN {} ELSE {} + n END", now - 1, now + day);
    let numbers = format!("WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < {open})");
    for (status, due_at, not_before) in [("processing", when.as_str(), "NULL"), ("pending", "NULL", when.as_str())] {
        let id = format!("'{status}-' || (100000000 + n)");
        let tasks = format!(
            "{numbers} INSERT INTO hub_tasks (id, generator, status, attempt, hub_submits, max_retries, timeout_us, priority,
             not_before, next_poll_at, due_at, late, empty_answers, late_hints, submit_unknown, request_digest, receipts,
             recent, created_at)
             SELECT {id}, '{GENERATOR}', '{status}', 1, true, 3, {day}, 1 + (n / {every} % 10), {not_before}, {due_at}, {due_at}, false, 0, 0,
             false, {digest}, 0, {recent}, {now} - {open} + n FROM numbers"
        );
        let attempts = format!(
            "{numbers} INSERT INTO hub_attempts (task_id, number, generator, external_id, sending_at, submitted_at, deadline_at)
             SELECT {id}, 1, '{GENERATOR}', 'job-{status}-' || n, NULL, {now}, {now} + 30 * {day} FROM numbers"
        );
        for statement in [tasks, attempts] {
            connection.execute_unprepared(&statement).await?;
        }
    }
    Ok(())
}
