//! Measurements, side by side in one run: machines drift, so only ratios between neighbours of one round count.
//!
//! Subjects of the load are processes of their own ([`subject`]) on databases that are filled by copying ([`fill`]); this
//! process makes the load ([`load`]), and afterwards looks for every callback that was answered ([`audit`]). All share the
//! machine. [`group`] is who takes turns on one database, [`goals`] what is to be reached.

pub mod audit;
pub mod due;
pub mod effort;
pub mod fill;
pub mod goals;
pub mod group;
pub mod hub;
pub mod latency;
pub mod load;
pub mod machine;
pub mod memory;
pub mod pages;
pub mod place;
pub mod raw;
pub mod relay;
pub mod report;
pub mod sample;
pub mod scale;
pub mod soak;
pub mod start;
pub mod subject;
mod table;
pub mod teller;
pub mod watchers;

use std::time::Duration;

use anyhow::ensure;

use group::Group;
use place::Place;
pub use report::Report;
use sample::Base;
use subject::{Kind, Subject};
use teller::Teller;

/// Commits per callback at 64 connections above which group commit has failed.
pub const MOST_COMMITS: f64 = 0.2;
/// Connections of a full load, which goals speak of.
pub const FULL: usize = 64;
/// That match each completed event, where any do.
pub const WEBHOOKS: usize = 20;
/// From the last load to when memory should have been given back.
const REST: Duration = Duration::from_secs(12);

/// What is measured, and for how long.
#[derive(Clone, Debug)]
pub struct Plan {
    pub connections: Vec<usize>,
    pub rounds: usize,
    /// Of one measurement.
    pub time: Duration,
    /// Of one measurement by the timetable.
    pub open: Duration,
    /// Open tasks that the callbacks are about, in random order.
    pub tasks: usize,
    /// Milliseconds that a sync may take more, in turn.
    pub slowed: Vec<u64>,
    /// An empty PostgreSQL database, if that is to be measured too.
    pub postgres: Option<String>,
}

impl Plan {
    /// The load under which most is compared.
    #[must_use]
    pub fn full(&self) -> usize {
        let most = self.connections.iter().copied().max().unwrap_or(FULL);
        if self.connections.contains(&FULL) { FULL } else { most }
    }

    fn connections_on(&self, base: Base) -> Vec<usize> {
        if matches!(base, Base::SlowedSqlite(_)) { vec![self.full()] } else { self.connections.clone() }
    }

    /// Measurements of one round on these databases.
    fn steps(&self, bases: &[Base]) -> usize {
        let on = |base: &Base| -> usize {
            let turns: usize =
                self.connections_on(*base).iter().map(|connections| group::roles(*base, *connections == self.full()).len()).sum();
            turns + usize::from(!matches!(base, Base::SlowedSqlite(_)))
        };
        bases.iter().map(on).sum()
    }
}

/// Runs the plan.
///
/// # Errors
/// When a subject cannot be started or answers anything but 200, or a database cannot be read.
pub async fn run(plan: &Plan) -> anyhow::Result<Report> {
    ensure!(plan.connections.iter().all(|connections| *connections > 0) && plan.tasks > 1, "there must be something to measure");
    let place = Place::new(plan.postgres.as_deref())?;
    let mut bases: Vec<Base> = place.bases().collect();
    bases.extend(slowed(plan));
    let teller = Teller::new(plan.steps(&bases) * plan.rounds);
    if !plan.slowed.is_empty() && slowed(plan).is_empty() {
        teller.say("strace is not installed, or may not trace: the rows with a slowed sync are left out");
    }
    let ceiling = Subject::start(Kind::Ceiling, "", plan.tasks)?;
    let mut groups = Vec::new();
    for base in &bases {
        groups.push(Group::start(*base, &place, plan.tasks, &teller).await?);
    }
    let mut report = Report::new(plan, bases);
    for round in 0..plan.rounds {
        for group in &mut groups {
            report.samples.extend(group.round(plan, &ceiling, round, &teller).await?);
        }
    }
    if groups.iter().any(|group| group.memory.idle.is_some()) {
        teller.say(format!("the hubs rest for {} seconds", REST.as_secs()));
        tokio::time::sleep(REST).await;
    }
    for mut group in groups {
        group.rest();
        report.memory.push((group.base(), group.memory));
        teller.say(format!("{}: every callback that was answered with 200 is looked for", group.base()));
        report.audits.extend(group.audit().await?);
    }
    Ok(report)
}

/// Databases with a slower sync, where that can be had.
fn slowed(plan: &Plan) -> Vec<Base> {
    let can_trace = || {
        let trial = std::process::Command::new("strace").args(["--seccomp-bpf", "-f", "-o", "/dev/null", "true"]).output();
        trial.is_ok_and(|trial| trial.status.success())
    };
    let slowed: Vec<Base> = plan.slowed.iter().filter(|millis| **millis > 0).map(|millis| Base::SlowedSqlite(*millis)).collect();
    if slowed.is_empty() || can_trace() { slowed } else { Vec::new() }
}
