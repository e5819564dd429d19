//! What a large database costs: the same load on few tasks and on many, side by side; and how long its pages take.

use std::fmt;
use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use super::audit::Audit;
use super::fill::Filled;
use super::goals::{Bound, Goal, Goals, Unit};
use super::hub::{Figures, Hub};
use super::load::Pace;
use super::pages::{self, Page};
use super::place::Place;
use super::sample::{Base, Role, Sample};
use super::subject::Kind;
use super::table::median;
use super::teller::Teller;

const LEAST: f64 = 0.7;
/// Of receipts that a copied task may have.
const MOST_RECEIPTS: usize = 16;

#[derive(Clone, Debug)]
pub struct Plan {
    pub few: usize,
    pub many: usize,
    /// That each task has had.
    pub receipts: usize,
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
    few: Vec<Sample>,
    many: Vec<Sample>,
    pages: Vec<Page>,
    audits: Vec<(Base, Audit)>,
}

/// # Errors
/// When a database cannot be filled, or a callback is answered with anything but 200.
pub async fn run(plan: &Plan) -> anyhow::Result<Report> {
    ensure!(plan.receipts <= MOST_RECEIPTS, "at most {MOST_RECEIPTS} receipts a task: a task's row knows no more");
    let place = Place::new(plan.postgres.as_deref())?;
    let bases: Vec<Base> = place.bases().collect();
    let teller = Teller::new(bases.len() * plan.rounds * 2);
    let mut pairs = Vec::new();
    for &base in &bases {
        let few = fill(plan, &place, base, ("few", plan.few), &teller).await?;
        let many = fill(plan, &place, base, ("many", plan.many), &teller).await?;
        pairs.push((base, few, many));
    }
    let mut report =
        Report { plan: plan.clone(), bases, few: Vec::new(), many: Vec::new(), pages: Vec::new(), audits: Vec::new() };
    for round in 0..plan.rounds {
        for (base, few, many) in &mut pairs {
            let mut turns = [(plan.few, few, &mut report.few), (plan.many, many, &mut report.many)];
            if round % 2 == 1 {
                turns.reverse();
            }
            for (tasks, hub, samples) in turns {
                let figures = hub.progress(plan.connections, Pace::For(plan.time), None).await;
                let figures = figures.with_context(|| format!("{base}, {tasks} tasks"))?;
                let (role, connections) = (Role::Journal, plan.connections);
                let Figures { per_second, commits, latency, effort } = figures;
                let sample = Sample { round, base: *base, role, connections, per_second, commits, latency, effort };
                teller.done(format!("{sample}  {tasks} tasks"));
                samples.push(sample);
            }
        }
    }
    for (base, few, mut many) in pairs {
        report.pages.extend(pages::ask(&mut many, base, plan.connections, &teller).await.with_context(|| base.to_string())?);
        for hub in [few, many] {
            report.audits.push((base, hub.audit().await?));
        }
    }
    Ok(report)
}

async fn fill(plan: &Plan, place: &Place, base: Base, (name, tasks): (&str, usize), teller: &Teller) -> anyhow::Result<Hub> {
    teller.say(format!("{base} is filled with {tasks} open tasks and {} receipts", tasks * plan.receipts));
    Hub::on(Kind::Journal, Filled::new(place.url(base, name).await?, tasks, plan.receipts).await?, 0)
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
        let Plan { few, many, receipts, .. } = self.plan;
        let goal = |base: &Base| {
            let of = |samples: &[Sample]| -> Vec<f64> {
                samples.iter().filter(|sample| sample.base == *base).map(|sample| sample.per_second).collect()
            };
            let ratios = of(&self.many).into_iter().zip(of(&self.few)).map(|(many, few)| many / few);
            let measure =
                format!("{base}: callbacks/s with {many} tasks and {} receipts to that with {few} tasks", many * receipts);
            Goal::new(measure, Bound::AtLeast(LEAST), Unit::Ratio, median(ratios))
        };
        let slowest = self.bases.iter().filter_map(|base| pages::goal(*base, &self.pages));
        Goals(self.bases.iter().map(goal).chain(slowest).collect())
    }

    #[must_use]
    pub fn json(&self) -> Value {
        let Plan { few, many, receipts, .. } = self.plan;
        let audits: Vec<Value> = self.audits.iter().map(|(base, audit)| json!({"base": base, "audit": audit})).collect();
        json!({
            "tasks": {"few": few, "many": many},
            "receipts": receipts,
            "goals": self.goals(),
            "audits": audits,
            "pages": self.pages,
            "samples": {"few": self.few, "many": self.many},
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.goals())
    }
}
