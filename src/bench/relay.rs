//! What the relay adds: from a callback to its subscriber, by a timetable that does not wait, and as fast as it goes.
//!
//! Hubs and their subscriber are processes of their own. Every callback completes another task, and each webhook is told of
//! each, signed. The ceiling posts the same bytes to the same subscriber, as many at a time as a hub may, with nothing behind.

mod report;
pub mod subscriber;

use std::time::Duration;

use anyhow::{Context, ensure};
use futures_util::StreamExt;
use reqwest::Client;
use tempfile::TempDir;
use tokio::time::Instant;

use super::load::{Callbacks, Load, Pace};
use super::subject::{Kind, Subject};
use crate::settings::DatabaseUrl;
pub use report::{Latency, Report, Throughput};
use subscriber::{NOWHERE, Subscriber};

/// Callbacks that are under way at a time, where they come as fast as they are taken.
const CONNECTIONS: usize = 64;
/// The same where they come by the timetable: half a second's worth of 500 a second.
const MOST_LATE: usize = 256;
/// Requests at a time, as a hub has them unless it is told otherwise.
const CONCURRENCY: usize = 32;
/// Connections, caches and lanes are warm afterwards; they do not count.
const WARMTH: usize = 500;

/// What is measured, and for how long.
#[derive(Clone, Debug)]
pub struct Plan {
    pub rounds: usize,
    /// Callbacks a second by the timetable.
    pub rate: u32,
    /// How long the timetable is.
    pub seconds: u32,
    /// Deliveries of one measurement of how many go out a second.
    pub deliveries: usize,
    /// Webhooks that want each event, in turn, from few to many.
    pub webhooks: Vec<usize>,
    /// An empty PostgreSQL database, if that is to be measured too.
    pub postgres: Option<String>,
}

struct Measured {
    name: &'static str,
    hub: Subject,
    /// How many webhooks it has.
    webhooks: usize,
    /// The first task that is still open.
    next: usize,
}

/// Runs the plan; `tell` hears what is going on.
///
/// # Errors
/// When a process cannot be started, or a callback or delivery is lost.
pub async fn run(plan: &Plan, tell: impl Fn(&str)) -> anyhow::Result<Report> {
    ensure!(plan.webhooks.iter().all(|count| *count > 0) && plan.rate > 0, "there must be something to measure");
    let folder = tempfile::tempdir().context("no temporary folder")?;
    let subscriber = Subscriber::start()?;
    let mut hubs = hubs(plan, &folder)?;
    let mut report = Report::default();
    for hub in &mut hubs {
        hub.listen(&subscriber, 1).await?;
        hub.measure(&subscriber, WARMTH, Duration::ZERO).await?;
    }
    for round in 0..plan.rounds {
        for hub in &mut hubs {
            let latency = hub.latency(plan, &subscriber).await.with_context(|| hub.name.to_owned())?;
            tell(&format!("round {}  {latency}", round + 1));
            report.latencies.push(latency);
        }
    }
    for &webhooks in &plan.webhooks {
        for hub in &mut hubs {
            hub.listen(&subscriber, webhooks).await?;
            hub.measure(&subscriber, WARMTH / webhooks, Duration::ZERO).await?;
        }
        for round in 0..plan.rounds {
            let mut throughputs = vec![ceiling(plan, &subscriber, webhooks).await?];
            for hub in &mut hubs {
                throughputs.push(hub.throughput(plan, &subscriber).await.with_context(|| hub.name.to_owned())?);
            }
            for throughput in throughputs {
                tell(&format!("round {}  {throughput}", round + 1));
                report.throughputs.push(throughput);
            }
        }
    }
    Ok(report)
}

fn hubs(plan: &Plan, folder: &TempDir) -> anyhow::Result<Vec<Measured>> {
    let by_timetable = plan.rounds * plan.rate as usize * plan.seconds as usize;
    let as_fast_as_it_goes: usize = plan.webhooks.iter().map(|count| (plan.rounds * plan.deliveries + WARMTH) / count + 1).sum();
    let tasks = WARMTH + by_timetable + as_fast_as_it_goes;
    let file = DatabaseUrl::of_file(&folder.path().join("relay.db"));
    let databases = [Some(("SQLite", file.expose())), plan.postgres.as_deref().map(|url| ("PostgreSQL", url))];
    let hub = |(name, url)| Ok(Measured { name, hub: Subject::start(Kind::Journal, url, tasks)?, webhooks: 0, next: 0 });
    databases.into_iter().flatten().map(hub).collect()
}

impl Measured {
    /// Registers as many webhooks as are lacking.
    async fn listen(&mut self, subscriber: &Subscriber, webhooks: usize) -> anyhow::Result<()> {
        while self.webhooks < webhooks {
            self.hub.register(&subscriber.url(&self.place(self.webhooks))).await?;
            self.webhooks += 1;
        }
        Ok(())
    }

    fn place(&self, webhook: usize) -> String {
        format!("{}-{webhook}", self.name.to_lowercase())
    }

    async fn latency(&mut self, plan: &Plan, subscriber: &Subscriber) -> anyhow::Result<Latency> {
        let every = Duration::from_secs(1) / plan.rate;
        let times = self.measure(subscriber, plan.rate as usize * plan.seconds as usize, every).await?;
        Ok(Latency { database: self.name, rate: plan.rate, answered: times.answered, delivered: times.delivered })
    }

    async fn throughput(&mut self, plan: &Plan, subscriber: &Subscriber) -> anyhow::Result<Throughput> {
        let callbacks = plan.deliveries / self.webhooks;
        let longest = self.measure(subscriber, callbacks, Duration::ZERO).await?.delivered.into_iter().max();
        let taken = longest.unwrap_or_default();
        Ok(Throughput::new(self.name, self.webhooks, callbacks * self.webhooks, taken))
    }

    /// From when each callback was to be sent.
    async fn measure(&mut self, subscriber: &Subscriber, count: usize, every: Duration) -> anyhow::Result<Times> {
        let (connections, pace) = match every {
            Duration::ZERO => (CONNECTIONS, Pace::Count(count)),
            every => (MOST_LATE, Pace::Every { every, count }),
        };
        let (first, run) = (self.next, self.hub.run.as_str());
        let load = Load { addresses: &[self.hub.address], run, callbacks: Callbacks::Completed { first }, connections, pace };
        let sent = load.send().await?;
        let mut delivered = Vec::with_capacity(count * self.webhooks);
        for webhook in 0..self.webhooks {
            let told = subscriber.told(&self.place(webhook), count).await?;
            for number in 0..count {
                let arrived = told.get(&format!("{run}-{}", first + number)).context("an event never arrived")?;
                delivered.push(arrived.since(sent.began.plus(load.after(number))));
            }
        }
        self.next += count;
        Ok(Times { answered: sent.answers.into_iter().map(|answer| answer.took).collect(), delivered })
    }
}

struct Times {
    answered: Vec<Duration>,
    delivered: Vec<Duration>,
}

/// The same bytes, with nothing behind them.
async fn ceiling(plan: &Plan, subscriber: &Subscriber, webhooks: usize) -> anyhow::Result<Throughput> {
    let (client, sample) = (Client::builder().no_proxy().build()?, subscriber.sample().await?);
    let post = async |_| {
        let request = client.post(subscriber.url(NOWHERE)).body(sample.body.clone());
        let kept = sample.headers.iter().filter(|(name, _)| !matches!(name.as_str(), "host" | "content-length"));
        let request = kept.fold(request, |request, (name, value)| request.header(name, value));
        let answer = request.send().await?.error_for_status()?;
        ensure!(answer.text().await? == "ok", "somebody else answered");
        anyhow::Ok(())
    };
    let began = Instant::now();
    let mut posts = std::pin::pin!(futures_util::stream::iter(0..plan.deliveries).map(post).buffer_unordered(CONCURRENCY));
    while let Some(posted) = posts.next().await {
        posted?;
    }
    Ok(Throughput::new(report::CEILING, webhooks, plan.deliveries, began.elapsed()))
}
