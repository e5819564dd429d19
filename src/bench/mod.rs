//! Measurements, side by side in one run: machines drift, so only ratios between neighbours of one round count.
//!
//! Subjects of the load are processes of their own ([`subject`]); this process makes the load ([`load`]). All share the machine.

pub mod due;
pub mod load;
pub mod relay;
pub mod subject;
mod table;

use std::time::Duration;

use anyhow::Context;
use tempfile::TempDir;

use crate::settings::DatabaseUrl;
use load::Load;
use subject::{Kind, Subject};
pub use table::Report;

/// Commits per callback at 64 connections above which group commit has failed.
pub const MOST_COMMITS: f64 = 0.2;

/// What is measured, and for how long.
#[derive(Clone, Debug)]
pub struct Plan {
    pub connections: Vec<usize>,
    pub rounds: usize,
    /// Of one measurement.
    pub time: Duration,
    /// Open tasks that the callbacks are about, in random order.
    pub tasks: usize,
    /// An empty PostgreSQL database, if that is to be measured too.
    pub postgres: Option<String>,
}

/// One measurement.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    pub round: usize,
    pub connections: usize,
    pub per_second: f64,
    /// Commits per callback; none where nothing is committed.
    pub commits: Option<f64>,
}

/// A subject's name and all that was measured of it.
pub struct Measured {
    pub name: &'static str,
    pub samples: Vec<Sample>,
}

/// Runs the plan; `tell` hears of each measurement.
///
/// # Errors
/// When a subject cannot be started or answers anything but 200.
pub async fn run(plan: &Plan, tell: impl Fn(&'static str, Sample)) -> anyhow::Result<Report> {
    let folder = tempfile::tempdir().context("no temporary folder")?;
    let subjects = start(plan, &folder)?;
    let mut measured: Vec<Measured> = subjects.iter().map(|(name, _)| Measured { name, samples: Vec::new() }).collect();
    for round in 0..plan.rounds {
        for &connections in &plan.connections {
            for ((name, subject), measured) in subjects.iter().zip(&mut measured) {
                let sample = measure(plan, subject, round, connections).await.with_context(|| (*name).to_owned())?;
                tell(name, sample);
                measured.samples.push(sample);
            }
        }
    }
    Ok(Report { measured, connections: plan.connections.clone() })
}

fn start(plan: &Plan, folder: &TempDir) -> anyhow::Result<Vec<(&'static str, Subject)>> {
    let file = |name: &str| DatabaseUrl::of_file(&folder.path().join(name)).expose().to_owned();
    let mut subjects = vec![
        ("no database", Subject::start(Kind::Ceiling, &file("none.db"), plan.tasks)?),
        ("SQLite, journal", Subject::start(Kind::Journal, &file("journal.db"), plan.tasks)?),
        ("SQLite, one by one", Subject::start(Kind::OneByOne, &file("one.db"), plan.tasks)?),
    ];
    if let Some(url) = &plan.postgres {
        subjects.push(("PostgreSQL, journal", Subject::start(Kind::Journal, url, plan.tasks)?));
        subjects.push(("PostgreSQL, one by one", Subject::start(Kind::OneByOne, url, plan.tasks)?));
    }
    Ok(subjects)
}

async fn measure(plan: &Plan, subject: &Subject, round: usize, connections: usize) -> anyhow::Result<Sample> {
    let load = Load { address: subject.address, tasks: plan.tasks, run: subject.run.clone(), connections, time: plan.time };
    let before = subject.figures().await?;
    let (answered, elapsed) = load.run().await?;
    let after = subject.figures().await?;
    #[expect(clippy::cast_precision_loss, reason = "rates, not counts")]
    let (answered, commits) = (answered as f64, (after.commits - before.commits) as f64);
    Ok(Sample {
        round,
        connections,
        per_second: answered / elapsed.as_secs_f64(),
        commits: subject.commits().then(|| commits / answered.max(1.0)),
    })
}
