//! How long pages of the console and lists of the API take in a large database.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde::Serialize;

use super::goals::{Bound, Goal, Unit};
use super::hub::Hub;
use super::latency::Latency;
use super::sample::Base;
use super::teller::Teller;

/// Of 99 in 100 answers, in milliseconds.
const LONGEST: f64 = 200.0;
/// How often each is asked for, in turn.
const TURNS: usize = 100;
/// Nobody listens there.
const DEAF: &str = "http://127.0.0.1:39999/deaf";
/// Of completed tasks, each with a delivery.
const COMPLETING: Duration = Duration::from_secs(5);

/// `{run}` is what the tasks are named after.
const PATHS: [&str; 47] = [
    "/api/tasks",
    "/api/tasks?limit=200",
    "/api/tasks?status=pending",
    "/api/tasks?status=submitted",
    "/api/tasks?status=processing",
    "/api/tasks?status=completed",
    "/api/tasks?status=failed",
    "/api/tasks?status=failed,completed",
    "/api/tasks?generator=default",
    "/api/tasks?generator=nobody",
    "/api/tasks?generator=default&status=completed",
    "/api/tasks?overdue=true",
    "/api/tasks?q={run}",
    "/api/tasks?q={run}-7777",
    "/api/tasks?q=nobody",
    "/api/tasks?external_id=nobody",
    "/api/tasks?created_before=2020-01-01T00:00:00Z",
    "/api/tasks?settled_after=2020-01-01T00:00:00Z",
    "/api/tasks/{run}-7",
    "/api/tasks/{run}-7/callbacks",
    "/api/tasks/{run}-7/deliveries",
    "/api/callbacks",
    "/api/callbacks?limit=200",
    "/api/callbacks?verdict=rejected",
    "/api/callbacks?event=completed",
    "/api/callbacks?event=failed",
    "/api/callbacks?outcome=ignored",
    "/api/callbacks?generator=nobody",
    "/api/callbacks?task_id={run}-7",
    "/api/deliveries",
    "/api/deliveries?status=pending",
    "/api/deliveries?status=dead",
    "/api/deliveries?status=superseded,delivered",
    "/api/deliveries?event=task.failed",
    "/api/webhooks",
    "/api/generators",
    "/api/contents?generator=default",
    "/api/pool",
    "/api/stats",
    "/console",
    "/console/tasks",
    "/console/tasks?status=failed&generator=default",
    "/console/tasks/{run}-7",
    "/console/callbacks?outcome=ignored",
    "/console/deliveries?status=dead",
    "/console/generators",
    "/console/webhooks",
];

/// One path's.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Page {
    pub base: Base,
    pub path: &'static str,
    pub latency: Latency,
}

/// Asks for every page many times, one after the other, after some tasks have ended and somebody was to be told.
///
/// # Errors
/// When anything but 200 is answered.
pub async fn ask(hub: &mut Hub, base: Base, connections: usize, teller: &Teller) -> anyhow::Result<Vec<Page>> {
    hub.subject.register(DEAF).await?;
    hub.complete(connections, COMPLETING).await?;
    teller.say(format!("{base}: {} pages are asked for, each {TURNS} times", PATHS.len()));
    let client = reqwest::Client::builder().no_proxy().build()?;
    let mut times = vec![Vec::with_capacity(TURNS); PATHS.len()];
    for _ in 0..TURNS {
        for (path, times) in PATHS.iter().zip(&mut times) {
            let path = path.replace("{run}", &hub.subject.run);
            let began = Instant::now();
            let answer = client.get(format!("http://{}{path}", hub.subject.address)).send().await?;
            ensure!(answer.status() == 200, "{path} was answered with {}", answer.status());
            answer.bytes().await.with_context(|| path.clone())?;
            times.push(began.elapsed());
        }
    }
    let page = |(path, times)| Some(Page { base, path, latency: Latency::of(times)? });
    Ok(PATHS.into_iter().zip(times).filter_map(page).collect())
}

/// The slowest on this database.
pub fn goal(base: Base, pages: &[Page]) -> Option<Goal> {
    let pages = pages.iter().filter(|page| page.base == base);
    let Page { path, latency, .. } = pages.max_by(|one, other| one.latency.p99.total_cmp(&other.latency.p99))?;
    let measure = format!("{base}: p99 of the slowest of {} pages and lists, `{path}`", PATHS.len());
    Some(Goal::new(measure, Bound::AtMost(LONGEST), Unit::Milliseconds, Some(latency.p99)))
}
