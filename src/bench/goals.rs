//! What is to be reached, and what is: ratios between neighbours of a round, medians over the rounds.

use std::fmt;

use serde::Serialize;

use super::WEBHOOKS;
use super::memory::Memory;
use super::report::{Report, middle, rate};
use super::sample::{Base, Role};

/// Displays as a Markdown table.
#[derive(Serialize)]
#[serde(transparent)]
pub struct Goals(pub Vec<Goal>);

/// One row.
#[derive(Clone, Debug, Serialize)]
pub struct Goal {
    pub measure: String,
    pub bound: Bound,
    pub unit: Unit,
    pub reached: Option<f64>,
}

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    AtLeast(f64),
    AtMost(f64),
    /// Nothing is promised.
    Report,
}

/// Of the goal and of what is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    Ratio,
    Milliseconds,
    Percent,
    Megabytes,
    MegabytesAnHour,
    /// Of things.
    Count,
}

impl Goal {
    #[must_use]
    pub fn new(measure: impl Into<String>, bound: Bound, unit: Unit, reached: Option<f64>) -> Self {
        Self { measure: measure.into(), bound, unit, reached }
    }

    /// Nothing, where nothing is known or promised.
    pub(super) fn is_met(&self) -> Option<bool> {
        let reached = self.reached?;
        match self.bound {
            Bound::AtLeast(least) => Some(reached >= least),
            Bound::AtMost(most) => Some(reached <= most),
            Bound::Report => None,
        }
    }

    pub(super) fn bound(&self) -> String {
        match self.bound {
            Bound::AtLeast(least) => format!("≥ {}", self.unit.spell(least)),
            Bound::AtMost(most) => format!("≤ {}", self.unit.spell(most)),
            Bound::Report => "report".to_owned(),
        }
    }
}

impl Unit {
    pub(super) fn spell(self, value: f64) -> String {
        match self {
            Self::Ratio => format!("{value:.2}"),
            Self::Milliseconds => format!("{value:.1} ms"),
            Self::Percent => format!("{value:.1} %"),
            Self::Megabytes => format!("{value:.0} MB"),
            Self::MegabytesAnHour => format!("{value:.1} MB/h"),
            Self::Count => format!("{value:.1}"),
        }
    }
}

impl fmt::Display for Goals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| measure | goal | reached |")?;
        writeln!(f, "| --- | ---: | ---: |")?;
        for goal in &self.0 {
            let reached = goal.reached.map_or("—".to_owned(), |value| goal.unit.spell(value));
            let missed = if goal.is_met() == Some(false) { ", missed" } else { "" };
            writeln!(f, "| {} | {} | {reached}{missed} |", goal.measure, goal.bound())?;
        }
        Ok(())
    }
}

/// What one database is to reach.
struct Wanted {
    base: Base,
    of_ceiling: f64,
    of_raw: f64,
    raw: &'static str,
    p99: f64,
}

const SQLITE: Wanted =
    Wanted { base: Base::Sqlite, of_ceiling: 0.25, of_raw: 0.8, raw: "a raw loop over the same rows, batches of 64", p99: 10.0 };
const POSTGRES: Wanted = Wanted {
    base: Base::Postgres,
    of_ceiling: 0.22,
    of_raw: 0.55,
    raw: "a raw loop of the same three statements, batches of 64, two clients",
    p99: 15.0,
};

pub(super) fn of(report: &Report) -> Goals {
    let wanted = [SQLITE, POSTGRES].into_iter().filter(|wanted| report.bases.contains(&wanted.base));
    let mut goals: Vec<Goal> = wanted.flat_map(|wanted| on(report, &wanted)).collect();
    for base in report.bases.iter().filter(|base| matches!(base, Base::SlowedSqlite(_))) {
        let gain = report.ratio((*base, Role::Journal), Role::OneByOne, report.full, rate);
        goals.push(Goal::new(format!("{base}: to one transaction per callback"), Bound::Report, Unit::Ratio, gain));
    }
    Goals(goals)
}

fn on(report: &Report, wanted: &Wanted) -> Vec<Goal> {
    use Bound::{AtLeast, AtMost, Report as Only};
    use Unit::{Milliseconds, Percent, Ratio};
    let (base, full, tasks) = (wanted.base, report.full, report.tasks);
    let to = |other, connections| report.ratio((base, Role::Journal), other, connections, rate);
    let ceiling = "the endpoint that only verifies and parses";
    let durable = format!("{base}: durable callbacks/s, {tasks} open tasks, {full} connections, to {ceiling}");
    let mut goals = vec![
        Goal::new(durable, AtLeast(wanted.of_ceiling), Ratio, to(Role::Ceiling, full)),
        Goal::new(format!("{base}: to {}", wanted.raw), AtLeast(wanted.of_raw), Ratio, to(Role::Raw, full)),
    ];
    if base == Base::Postgres {
        let measure = format!("{base}: to `pgbench -M prepared`, one UPDATE in a transaction, 64 clients");
        goals.push(Goal::new(measure, AtLeast(1.0), Ratio, to(Role::Pgbench, full)));
    }
    let half = report.samples.iter().find(|sample| sample.base == base && sample.role == Role::HalfRate);
    let half = half.and_then(|half| {
        report.median((base, Role::HalfRate), half.connections, |sample| sample.latency.map(|latency| latency.p99))
    });
    let added = report.ratio((base, Role::Journal), Role::OneByOne, 1, middle).map(|ratio| (ratio - 1.0) * 100.0);
    let heard = report.ratio((base, Role::Heard), Role::Completed, full, rate);
    goals.extend([
        Goal::new(format!("{base}: to one transaction per callback"), AtLeast(5.0), Ratio, to(Role::OneByOne, full)),
        Goal::new(format!("{base}: at 16 connections, to {ceiling}"), AtLeast(0.17), Ratio, to(Role::Ceiling, 16)),
        Goal::new(format!("{base}: p99 at half of the maximum rate, open loop"), AtMost(wanted.p99), Milliseconds, half),
        Goal::new(format!("{base}: at one connection, latency added to a direct transaction"), AtMost(5.0), Percent, added),
        Goal::new(
            format!("{base}: with {WEBHOOKS} webhooks matching each completed event, to without"),
            AtLeast(0.25),
            Ratio,
            heard,
        ),
    ]);
    let memory = report.memory.iter().find(|(other, _)| *other == base).map(|(_, memory)| *memory);
    goals.extend(resident(base, memory.unwrap_or_default()));
    if base == Base::Postgres {
        let replicas = report.ratio((base, Role::Replicas), Role::Journal, full, rate);
        goals.push(Goal::new(format!("{base}: two replicas to one"), Only, Ratio, replicas));
    }
    goals
}

fn resident(base: Base, memory: Memory) -> [Goal; 3] {
    let figures = [("idle", 40.0, memory.idle), ("at full load", 150.0, memory.load), ("after it", 60.0, memory.after)];
    figures.map(|(when, most, held)| {
        Goal::new(format!("{base}: resident memory, {when}"), Bound::AtMost(most), Unit::Megabytes, held)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::report::tests::report;

    #[test]
    fn a_goal_is_met_missed_or_not_known() {
        let goal = |bound, reached| Goal::new("a", bound, Unit::Ratio, reached).is_met();
        assert_eq!(goal(Bound::AtLeast(0.25), Some(0.25)), Some(true));
        assert_eq!(goal(Bound::AtLeast(0.25), Some(0.24)), Some(false));
        assert_eq!(goal(Bound::AtMost(5.0), Some(5.1)), Some(false));
        assert_eq!(goal(Bound::AtMost(5.0), None), None);
        assert_eq!(goal(Bound::Report, Some(1.0)), None);
    }

    #[test]
    fn the_table_says_what_is_missed_and_what_was_not_measured() {
        let report = report(&[(Role::Ceiling, &[100.0]), (Role::Journal, &[20.0]), (Role::OneByOne, &[2.0])], 0.0);
        let table = report.goals().to_string();
        let row = |text: &str| table.lines().find(|line| line.contains(text)).unwrap_or_default().to_owned();
        assert!(row("64 connections").ends_with("| ≥ 0.25 | 0.20, missed |"), "{table}");
        assert!(row("one transaction per callback").ends_with("| ≥ 5.00 | 10.00 |"), "{table}");
        assert!(row("raw loop").ends_with("| ≥ 0.80 | — |"), "{table}");
        assert!(!table.contains("PostgreSQL"), "{table}");
    }
}
