//! Takes jobs and carries them out: what the endpoints share with the callbacks that go out.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until};

use super::client::Sender;
use super::faults::{Delivery, Temper};
use super::job::{Job, Status};
use super::jobs::{Cancellation, Jobs, Ledger, No, Submission, Wanted};
use super::line::{Line, Taken, Unsent};
use super::script::{End, News, Sending};
use super::summary::Summary;
use crate::domain::task::TaskId;
use crate::domain::time::Timestamp;
use crate::lifecycle::Lifecycle;

/// Fewer than the files that a process may usually have open.
const CALLS_AT_ONCE: usize = 256;

/// Hears of everything.
pub type Tell = Box<dyn Fn(&Line) + Send + Sync>;

pub struct Desk {
    jobs: Mutex<Jobs>,
    summary: Mutex<Summary>,
    sender: Sender,
    tell: Tell,
    lifecycle: Lifecycle,
    is_down: AtomicBool,
    outages: AtomicU32,
    turns: Semaphore,
    begun: Instant,
}

/// Where a job's callbacks go, and what they say of its time.
struct Call {
    task: TaskId,
    url: String,
    begun: Timestamp,
    pace: Duration,
}

impl Desk {
    pub(super) fn new(jobs: Jobs, sender: Sender, tell: Tell, lifecycle: Lifecycle) -> Arc<Self> {
        Arc::new(Self {
            jobs: Mutex::new(jobs),
            summary: Mutex::default(),
            sender,
            tell,
            lifecycle,
            is_down: AtomicBool::new(false),
            outages: AtomicU32::new(0),
            turns: Semaphore::new(CALLS_AT_ONCE),
            begun: Instant::now(),
        })
    }

    #[must_use]
    pub fn temper(&self) -> Temper {
        *self.jobs().temper()
    }

    #[must_use]
    pub fn ledger(&self) -> Ledger {
        let now = self.sender.clock.now();
        self.jobs().ledger(now)
    }

    /// What it came to so far; its tasks are jobs.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let now = self.sender.clock.now();
        let (seed, tasks, ended) = self.jobs().ended(now);
        let elapsed_ms = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        let counted = self.summary.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Summary { seed, tasks, ended, elapsed_ms, ..counted }
    }

    /// Begun ones.
    #[must_use]
    pub fn outages(&self) -> u32 {
        self.outages.load(Ordering::SeqCst)
    }

    /// How the task of a job must end; within: none, if it has no end. None: there is no such job.
    #[must_use]
    pub fn right_end(&self, id: &str) -> Option<Option<End>> {
        self.jobs().find(id).ok().map(Job::right_end)
    }

    pub(super) fn tell(&self, line: &Line) {
        (self.tell)(line);
    }

    pub(super) fn is_down(&self) -> bool {
        self.is_down.load(Ordering::SeqCst)
    }

    pub(super) fn go_down(&self) {
        self.is_down.store(true, Ordering::SeqCst);
        self.outages.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn come_back(&self) {
        self.is_down.store(false, Ordering::SeqCst);
    }

    /// A new job begins at once, and may call back before its client knows of it.
    pub(super) fn submit(self: &Arc<Self>, wanted: Wanted) -> Submission {
        let submission = self.jobs().submit(wanted, self.sender.clock.now());
        if let Some(taken) = submission.job.as_ref().filter(|taken| taken.is_new) {
            let (desk, id) = (self.clone(), taken.id.clone());
            self.lifecycle.spawn(async move { desk.carry_out(&id).await });
        }
        submission
    }

    pub(super) fn status(&self, id: &str) -> Result<Status, No> {
        let now = self.sender.clock.now();
        self.jobs().status(id, now)
    }

    pub(super) fn result(&self, id: &str) -> Result<Value, No> {
        let now = self.sender.clock.now();
        self.jobs().result(id, now)
    }

    /// A job that was cancelled says so, and sends nothing else any more.
    pub(super) fn cancel(self: &Arc<Self>, id: &str) -> Result<Cancellation, No> {
        let now = self.sender.clock.now();
        let cancellation = self.jobs().cancel(id, now)?;
        if let Some(call) = self.call(id).filter(|_| cancellation.is_new) {
            let (desk, delivery) = (self.clone(), self.last_word(id));
            self.lifecycle.spawn(async move { desk.deliver(&Call { begun: now, ..call }, &delivery).await });
        }
        Ok(cancellation)
    }

    async fn carry_out(&self, id: &TaskId) {
        let begun = Instant::now();
        let Some(deliveries) = self.announce(id) else { return };
        let Some(call) = self.call(id.as_str()) else { return };
        for volley in deliveries.chunk_by(|one, other| one.due == other.due) {
            sleep_until(begun + volley.first().map_or(Duration::ZERO, |delivery| delivery.due)).await;
            if self.is_cancelled(id) {
                return;
            }
            join_all(volley.iter().map(|delivery| self.deliver(&call, delivery))).await;
        }
    }

    /// What it will send.
    fn announce(&self, id: &TaskId) -> Option<Vec<Delivery>> {
        let (taken, deliveries) = {
            let jobs = self.jobs();
            let job = jobs.find(id.as_str()).ok()?;
            let deliveries = job.course.deliveries.clone();
            let sendings = if job.callback_url.is_some() { deliveries.len() } else { 0 };
            let (id, task) = (id.as_str().to_owned(), job.callback_url.as_deref().and_then(addressee));
            let taken = Taken { job: job.number, id, key: job.key.clone(), task, end: job.course.end, sendings };
            (taken, deliveries)
        };
        self.tell(&Line::Job(taken));
        Some(deliveries)
    }

    async fn deliver(&self, call: &Call, delivery: &Delivery) {
        let Delivery { sending, lost, .. } = delivery;
        // forgers are not down
        if !sending.is_forgery() {
            let lost = *lost || self.is_down();
            self.jobs().called(&call.task, lost);
            if lost {
                return self.lose(call, sending);
            }
        }
        let happened = call.begun.plus(call.pace * sending.happened);
        let sent = {
            let _turn = self.turns.acquire().await;
            self.sender.call(&call.task, &call.url, sending, happened).await
        };
        self.count(|summary| summary.count(&sent));
        self.tell(&Line::Sent(Box::new(sent)));
    }

    fn lose(&self, call: &Call, sending: &Sending) {
        let (event, percent) = (sending.news.event().to_owned(), sending.news.percent());
        self.count(|summary| summary.lost += 1);
        self.tell(&Line::Unsent(Unsent { task: call.task.as_str().to_owned(), number: sending.number, event, percent }));
    }

    fn last_word(&self, id: &str) -> Delivery {
        let jobs = self.jobs();
        let (identity, number) =
            jobs.find(id).map_or_else(|_| ("", 0), |job| (job.identity.as_str(), job.course.deliveries.len()));
        let number = u32::try_from(number).unwrap_or(u32::MAX).saturating_add(1);
        let sending = Sending { tick: 0, happened: 0, number, news: News::Ended(End::Cancelled), fault: None };
        Delivery { sending, due: Duration::ZERO, lost: jobs.temper().loses_last_word(identity) }
    }

    fn call(&self, id: &str) -> Option<Call> {
        let jobs = self.jobs();
        let job = jobs.find(id).ok()?;
        Some(Call { task: job.id.clone(), url: job.callback_url.clone()?, begun: job.begun, pace: job.pace })
    }

    fn is_cancelled(&self, id: &TaskId) -> bool {
        self.jobs().find(id.as_str()).is_ok_and(|job| job.cancelled.is_some())
    }

    fn jobs(&self) -> MutexGuard<'_, Jobs> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, change: impl FnOnce(&mut Summary)) {
        change(&mut self.summary.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Whose news a callback URL takes: the last part of its path.
fn addressee(url: &str) -> Option<String> {
    let url = reqwest::Url::parse(url).ok()?;
    url.path_segments()?.next_back().filter(|part| !part.is_empty()).map(str::to_owned)
}
