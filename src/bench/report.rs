//! Everything that a run has measured: medians over the rounds, and ratios between neighbours of the same round.

use std::time::Duration;

use serde_json::{Value, json};

use super::audit::Audit;
use super::goals::{self, Goals};
use super::machine::Machine;
use super::memory::Memory;
use super::sample::{Base, Role, Sample};
use super::table::median;
use super::{MOST_COMMITS, Plan};

/// Displays as Markdown.
pub struct Report {
    pub machine: Machine,
    pub bases: Vec<Base>,
    pub connections: Vec<usize>,
    /// Connections of the full load.
    pub full: usize,
    pub tasks: usize,
    pub time: Duration,
    pub samples: Vec<Sample>,
    pub memory: Vec<(Base, Memory)>,
    pub audits: Vec<(Base, Role, Audit)>,
}

impl Report {
    /// Of nothing yet.
    #[must_use]
    pub fn new(plan: &Plan, bases: Vec<Base>) -> Self {
        Self {
            machine: Machine::look(),
            bases,
            connections: plan.connections.clone(),
            full: plan.full(),
            tasks: plan.tasks,
            time: plan.time,
            samples: Vec::new(),
            memory: Vec::new(),
            audits: Vec::new(),
        }
    }

    /// Journals that commit too often under full load, and callbacks that are lost.
    #[must_use]
    pub fn failures(&self) -> Vec<String> {
        let full = self.full;
        let too_often = self.bases.iter().filter_map(|base| {
            let commits = self.median((*base, Role::Journal), full, |sample| sample.commits)?;
            (full >= super::FULL && commits > MOST_COMMITS).then(|| {
                format!("{base}, journal: {commits:.3} commits per callback at {full} connections, at most {MOST_COMMITS}")
            })
        });
        let lost = self.audits.iter().filter(|(_, _, audit)| !audit.is_complete());
        let lost = lost.map(|(base, role, Audit { answered, found, broken })| {
            format!(
                "{base}, {role}: {found} of {answered} callbacks that were answered with 200 are in the database, and the receipts of {broken} tasks are not as they should be"
            )
        });
        too_often.chain(lost).collect()
    }

    /// What is to be reached, and what is.
    #[must_use]
    pub fn goals(&self) -> Goals {
        goals::of(self)
    }

    /// The median of a subject's figure over the rounds.
    pub fn median(&self, who: (Base, Role), connections: usize, figure: impl Fn(&Sample) -> Option<f64>) -> Option<f64> {
        median(self.of(who, connections).filter_map(figure))
    }

    /// The median over the rounds of the subject's figure by the other's in the same round.
    pub fn ratio(
        &self,
        (base, role): (Base, Role),
        other: Role,
        connections: usize,
        figure: impl Fn(&Sample) -> Option<f64>,
    ) -> Option<f64> {
        let pairs = self.of((base, role), connections).filter_map(|sample| {
            let neighbour = self.of((base, other), connections).find(|other| other.round == sample.round)?;
            Some(figure(sample)? / figure(neighbour)?)
        });
        median(pairs)
    }

    fn of(&self, (base, role): (Base, Role), connections: usize) -> impl Iterator<Item = &Sample> {
        self.samples.iter().filter(move |sample| sample.base == base && sample.role == role && sample.connections == connections)
    }

    /// Every sample, and what comes of them.
    #[must_use]
    pub fn json(&self) -> Value {
        let memory: Vec<Value> = self.memory.iter().map(|(base, memory)| json!({"base": base, "megabytes": memory})).collect();
        let audits = self.audits.iter().map(|(base, role, audit)| json!({"base": base, "role": role, "audit": audit}));
        json!({
            "machine": self.machine,
            "tasks": self.tasks,
            "seconds": self.time.as_secs_f64(),
            "goals": self.goals(),
            "medians": self.medians(),
            "memory": memory,
            "audits": audits.collect::<Vec<_>>(),
            "samples": self.samples,
        })
    }

    fn medians(&self) -> Vec<Value> {
        let mut kinds: Vec<((Base, Role), usize)> = Vec::new();
        for sample in &self.samples {
            let kind = ((sample.base, sample.role), sample.connections);
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        let row = |(who, connections): ((Base, Role), usize)| {
            let of = |figure: fn(&Sample) -> Option<f64>| self.median(who, connections, figure);
            json!({
                "base": who.0,
                "role": who.1,
                "connections": connections,
                "per_second": of(|sample| Some(sample.per_second)),
                "commits": of(|sample| sample.commits),
                "p50": of(|sample| sample.latency.map(|latency| latency.p50)),
                "p99": of(|sample| sample.latency.map(|latency| latency.p99)),
                "p999": of(|sample| sample.latency.map(|latency| latency.p999)),
                "cpu_per_callback": of(|sample| sample.effort.per_callback),
                "idle": of(|sample| sample.effort.idle),
            })
        };
        kinds.into_iter().map(row).collect()
    }
}

/// Callbacks a second.
#[expect(clippy::unnecessary_wraps, reason = "a figure that every sample has")]
pub(super) fn rate(sample: &Sample) -> Option<f64> {
    Some(sample.per_second)
}

/// Milliseconds.
pub(super) fn middle(sample: &Sample) -> Option<f64> {
    sample.latency.map(|latency| latency.p50)
}

#[cfg(test)]
pub(in crate::bench) mod tests {
    use super::*;
    use crate::bench::effort::Effort;

    /// Rounds of one subject on SQLite at 64 connections.
    pub(in crate::bench) fn report(subjects: &[(Role, &[f64])], commits: f64) -> Report {
        let plan = Plan {
            connections: vec![1, 64],
            rounds: 3,
            time: Duration::from_secs(1),
            open: Duration::from_secs(1),
            tasks: 10,
            slowed: Vec::new(),
            postgres: None,
        };
        let mut report = Report::new(&plan, vec![Base::Sqlite]);
        for (role, rates) in subjects {
            report.samples.extend(rates.iter().enumerate().map(|(round, rate)| Sample {
                round,
                base: Base::Sqlite,
                role: *role,
                connections: 64,
                per_second: *rate,
                commits: (*role == Role::Journal).then_some(commits),
                latency: None,
                effort: Effort::default(),
            }));
        }
        report
    }

    #[test]
    fn too_many_commits_per_callback_are_a_failure() {
        let journal = |commits| report(&[(Role::Journal, &[1000.0])], commits).failures().len();
        assert_eq!((journal(0.19), journal(0.21)), (0, 1));
    }

    #[test]
    fn a_lost_callback_is_a_failure() {
        let mut report = report(&[], 0.0);
        report.audits.push((Base::Sqlite, Role::Journal, Audit { answered: 9, found: 9, broken: 0 }));
        assert!(report.failures().is_empty());
        report.audits.push((Base::Sqlite, Role::OneByOne, Audit { answered: 9, found: 8, broken: 0 }));
        assert_eq!(report.failures().len(), 1);
    }

    #[test]
    fn ratios_are_made_within_a_round() {
        let report = report(&[(Role::Ceiling, &[100.0, 1000.0, 10.0]), (Role::Journal, &[25.0, 300.0, 1.0])], 0.0);
        let ratio = report.ratio((Base::Sqlite, Role::Journal), Role::Ceiling, 64, rate);
        assert_eq!(ratio, Some(0.25));
        assert_eq!(report.ratio((Base::Sqlite, Role::Journal), Role::Raw, 64, rate), None);
        assert_eq!(report.median((Base::Sqlite, Role::Journal), 64, rate), Some(25.0));
    }
}
