//! Carries scripts out, many at once.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream;
use tokio::time::Instant;

use super::client::{Hub, Sender};
use super::drive::named;
use super::line::{Announced, Line};
use super::script::{News, Odds, Script, Sending, plan};
use super::summary::Summary;
use crate::domain::task::TaskId;
use crate::domain::time::Timestamp;

/// What is played.
#[derive(Clone)]
pub struct Show {
    /// Of the tasks' ids: `NAME-01`, `NAME-02` …
    pub name: String,
    pub tasks: u32,
    pub seed: u64,
    pub odds: Odds,
    /// How long a tick is.
    pub pace: Duration,
    /// Jobs at once.
    pub concurrency: usize,
}

/// Plays all jobs; `tell` hears of everything, last of the summary, which is also handed back.
pub async fn play(show: &Show, hub: &Hub, sender: &Sender, tell: impl Fn(&Line) + Sync) -> Summary {
    let begun = Instant::now();
    let stage = Stage { show, hub, sender, tell, summary: Mutex::default() };
    let jobs = (1..=show.tasks).map(|job| stage.job(plan(show.seed, job, &show.odds)));
    stream::iter(jobs).buffer_unordered(show.concurrency.max(1)).collect::<()>().await;
    let counted = stage.summary.into_inner().unwrap_or_else(PoisonError::into_inner);
    let elapsed_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    let summary = Summary { seed: show.seed, tasks: show.tasks, elapsed_ms, ..counted };
    (stage.tell)(&Line::Summary(summary.clone()));
    summary
}

struct Stage<'a, T> {
    show: &'a Show,
    hub: &'a Hub,
    sender: &'a Sender,
    tell: T,
    summary: Mutex<Summary>,
}

/// A task whose script is being played.
struct Job {
    task: TaskId,
    url: String,
    /// The moment of tick 0, on the wall.
    start: Timestamp,
}

impl<T: Fn(&Line) + Sync> Stage<'_, T> {
    async fn job(&self, script: Script) {
        let Show { name, tasks, pace, .. } = self.show;
        let name = named(name, script.job, *tasks);
        let lost = |error: String| (self.tell)(&Line::Lost { task: name.clone(), error });
        let task = match TaskId::parse(&name) {
            Ok(task) => task,
            Err(error) => return lost(error.to_string()),
        };
        let url = match self.hub.create(self.sender.generator.name().as_str(), &task, script.job).await {
            Ok(created) => created.callback_url,
            Err(error) => return lost(error.to_string()),
        };
        let (sendings, begun) = (script.sendings.len(), Instant::now());
        (self.tell)(&Line::Task(Announced { job: script.job, task: name, end: script.end, sendings }));
        let job = Job { task, url, start: self.sender.clock.now() };
        let mut ended = false;
        for volley in script.volleys() {
            let tick = volley.first().map_or(0, |sending| sending.tick);
            tokio::time::sleep_until(begun + *pace * tick).await;
            let taken = join_all(volley.iter().map(|sending| self.send(&job, sending))).await;
            ended |= taken.contains(&true);
        }
        self.count(|summary| summary.ended += u32::from(ended));
    }

    /// True: the job's end was taken.
    async fn send(&self, job: &Job, sending: &Sending) -> bool {
        let happened = job.start.plus(self.show.pace * sending.happened);
        let sent = self.sender.call(&job.task, &job.url, sending, happened).await;
        self.count(|summary| summary.count(&sent));
        let is_end = matches!(sending.news, News::Ended(_)) && !sending.is_forgery();
        let taken = is_end && sent.is_taken();
        (self.tell)(&Line::Sent(Box::new(sent)));
        taken
    }

    fn count(&self, change: impl FnOnce(&mut Summary)) {
        change(&mut self.summary.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
