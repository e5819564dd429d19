//! Half of the maximum rate for long: whether a hub's memory, its descriptors and its times stay as they are, and nothing is
//! lost.
//!
//! Hubs on different databases soak at the same time, each at its part of half the rate that it reaches alone. One after the
//! other, each with half of the time, would be the whole half rate; but what a soak is for shows with time and not with load:
//! loops and pools have periods of up to half an hour, and how small a slope can be told from noise falls with the power of
//! one and a half of the time. The machine is at half load either way.
//!
//! A subscriber hears of every task that completes. It remembers their names, and this process some bytes a task
//! (`ledger`): that grows, but what is looked at is the hub, which is a process of its own.

mod ledger;
mod line;
mod report;
mod trend;
mod vitals;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use futures_util::future::try_join_all;

use super::load::Pace;
use super::place::Place;
use super::relay::subscriber::Subscriber;
use super::sample::Base;
use super::subject::{Kind, Subject};
use super::teller::Teller;
use ledger::{Ledger, Quarters};
use line::Line;
pub use report::Report;
use report::Soaked;
use vitals::Vitals;

/// How long the maximum is looked for.
const TRIAL: Duration = Duration::from_secs(10);

#[derive(Clone, Debug)]
pub struct Plan {
    pub minutes: u64,
    /// An empty PostgreSQL database, if that is to soak too.
    pub postgres: Option<String>,
}

struct Hub {
    base: Base,
    url: String,
    subject: Subject,
    ledger: Mutex<Ledger>,
    /// Requests a second that it answers alone, with nothing between them.
    most: f64,
}

/// # Errors
/// When a process cannot be started, anything but 200 is answered to a callback, or a database cannot be read.
pub async fn run(plan: &Plan) -> anyhow::Result<Report> {
    let place = Place::new(plan.postgres.as_deref())?;
    let bases: Vec<Base> = place.bases().collect();
    let teller = Teller::new(bases.len() * usize::try_from(plan.minutes)?);
    let (subscriber, parts) = (Subscriber::start()?, u32::try_from(bases.len())?);
    let mut hubs = Vec::new();
    for base in bases {
        let hub = Hub::start(base, place.url(base, "soak").await?, &subscriber).await.with_context(|| base.to_string())?;
        teller.say(format!("{base} answers {:.0} requests/s alone; half of that is shared out among {parts}", hub.most));
        hubs.push(hub);
    }
    let soaks = hubs.into_iter().map(|hub| hub.soak(plan, parts, &subscriber, &teller));
    Ok(Report { minutes: plan.minutes, hubs: try_join_all(soaks).await? })
}

impl Hub {
    /// On an empty database, and finds its maximum.
    async fn start(base: Base, url: String, subscriber: &Subscriber) -> anyhow::Result<Self> {
        let subject = Subject::start(Kind::Journal, &url, 0)?;
        subject.register(&subscriber.url(&ear(base))).await?;
        let mut hub = Self { base, url, subject, ledger: Mutex::default(), most: 0.0 };
        hub.most = hub.line(Pace::For(TRIAL)).run().await?;
        hub.is_heard(subscriber).await?;
        Ok(hub)
    }

    fn line(&self, pace: Pace) -> Line<'_> {
        Line { address: self.subject.address, run: &self.subject.run, pace, ledger: &self.ledger }
    }

    async fn soak(self, plan: &Plan, parts: u32, subscriber: &Subscriber, teller: &Teller) -> anyhow::Result<Soaked> {
        let soaked = self.measure(plan, parts, subscriber, teller).await;
        soaked.with_context(|| self.base.to_string())?.audited(self, teller).await
    }

    async fn measure(&self, plan: &Plan, parts: u32, subscriber: &Subscriber, teller: &Teller) -> anyhow::Result<Soaked> {
        let (base, minutes) = (self.base, plan.minutes);
        let time = Duration::from_secs(minutes * 60);
        let wanted = self.most / 2.0 / f64::from(parts);
        let quarters = Quarters::new(time)?;
        self.with_ledger(|ledger| ledger.quarters = Some(quarters));
        let line = self.line(Pace::timetable(wanted, time));
        let tell = |vitals: &Vitals| {
            let Vitals { seconds, megabytes, descriptors, threads } = vitals;
            let minute = seconds / 60.0;
            let held = format!("{megabytes:.1} MB, {descriptors} descriptors, {threads} threads");
            teller.done(format!("{base:<10}  {minute:>5.1} of {minutes} minutes  {held}"));
        };
        let (reached, vitals) = vitals::during(self.subject.process(), line.run(), tell).await;
        let reached = reached?;
        let quarters = self.with_ledger(|ledger| ledger.quarters.take().map(|quarters| quarters.latencies()));
        // that some are lacking is a result, too
        let unheard = self.is_heard(subscriber).await.err().map(|error| format!("{error:#}"));
        let quarters = quarters.unwrap_or_default();
        Ok(Soaked { base, most: self.most, wanted, reached, vitals, quarters, unheard, audit: None })
    }

    /// Once the subscriber was told of every task that has completed since the last time.
    async fn is_heard(&self, subscriber: &Subscriber) -> anyhow::Result<()> {
        let completed = self.with_ledger(|ledger| std::mem::take(&mut ledger.completed));
        subscriber.told(&ear(self.base), completed).await.context("the subscriber")?;
        Ok(())
    }

    fn with_ledger<T>(&self, what: impl FnOnce(&mut Ledger) -> T) -> T {
        what(&mut self.ledger.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Soaked {
    /// Ends the hub and looks for all that it has answered.
    async fn audited(self, hub: Hub, teller: &Teller) -> anyhow::Result<Self> {
        let Hub { base, url, subject, ledger, .. } = hub;
        let ledger = ledger.into_inner().unwrap_or_else(PoisonError::into_inner);
        teller.say(format!("{base}: each of {} callbacks that were answered with 200 is looked for", ledger.callbacks()));
        let run = subject.run.clone();
        subject.end()?;
        let audit = ledger.audit(&url, &run).await.with_context(|| base.to_string())?;
        Ok(Self { audit: Some(audit), ..self })
    }
}

/// Where the subscriber hears of a hub's tasks.
fn ear(base: Base) -> String {
    base.to_string().to_lowercase()
}
