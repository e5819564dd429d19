//! How long a hub with many tasks takes from its start until it is ready.

use std::fmt;
use std::time::Duration;

use anyhow::ensure;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::fill::Filled;
use super::goals::{Bound, Goal, Goals, Unit};
use super::place::Place;
use super::sample::Base;
use super::subject::{Kind, Subject};
use super::table::median;
use super::teller::Teller;

const MOST_MILLIS: f64 = 150.0;
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Clone, Debug)]
pub struct Plan {
    pub tasks: usize,
    pub rounds: usize,
    /// An empty PostgreSQL database, if that is to be measured too.
    pub postgres: Option<String>,
}

/// Displays as Markdown.
pub struct Report {
    tasks: usize,
    starts: Vec<(Base, f64)>,
}

/// # Errors
/// When a database cannot be filled, or a hub does not become ready.
pub async fn run(plan: &Plan) -> anyhow::Result<Report> {
    let place = Place::new(plan.postgres.as_deref())?;
    let bases: Vec<Base> = place.bases().collect();
    let teller = Teller::new(bases.len() * plan.rounds);
    let mut filled = Vec::new();
    for base in bases {
        teller.say(format!("{base} is filled with {} open tasks", plan.tasks));
        filled.push((base, Filled::new(place.url(base, "start").await?, plan.tasks, 0).await?));
    }
    let mut starts = Vec::new();
    for round in 0..plan.rounds {
        for (base, filled) in &filled {
            let millis = start(filled).await?.as_secs_f64() * 1000.0;
            teller.done(format!("round {}  {base:<10}  ready after {millis:.1} ms", round + 1));
            starts.push((*base, millis));
        }
    }
    Ok(Report { tasks: plan.tasks, starts })
}

async fn start(filled: &Filled) -> anyhow::Result<Duration> {
    let began = Instant::now();
    let subject = Subject::start_as(Kind::Journal, &filled.url, 0, &filled.run, 0)?;
    let client = reqwest::Client::builder().no_proxy().build()?;
    let ready = format!("http://{}/health/ready", subject.address);
    while !client.get(&ready).send().await.is_ok_and(|answer| answer.status().is_success()) {
        ensure!(began.elapsed() < PATIENCE, "the hub does not become ready");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let time = began.elapsed();
    subject.end()?;
    Ok(time)
}

impl Report {
    /// What is to be reached, and what is.
    #[must_use]
    pub fn goals(&self) -> Goals {
        let on = |base| median(self.starts.iter().filter(|(other, _)| *other == base).map(|(_, millis)| *millis));
        let wanted = [(Base::Sqlite, Bound::AtMost(MOST_MILLIS)), (Base::Postgres, Bound::Report)];
        let goal = |(base, bound)| {
            let reached = on(base)?;
            let measure = format!("{base}: start to ready with {} tasks", self.tasks);
            Some(Goal::new(measure, bound, Unit::Milliseconds, Some(reached)))
        };
        Goals(wanted.into_iter().filter_map(goal).collect())
    }

    #[must_use]
    pub fn json(&self) -> Value {
        let starts = self.starts.iter().map(|(base, millis)| json!({"base": base, "milliseconds": millis}));
        json!({"tasks": self.tasks, "goals": self.goals(), "samples": starts.collect::<Vec<_>>()})
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.goals())
    }
}
