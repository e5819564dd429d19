//! The one door: every event, and every creation, goes through [`Journal::record`] into the database.
//!
//! A worker waits for one entry, takes what else has queued up meanwhile (bounded by items and bytes), and commits all of
//! it in one synced transaction; only then does anybody get an answer. So the slower the disk, the larger the batches. One
//! that turns out to bring webhooks more than a transaction should is written in halves. A transaction that fails for one
//! entry's sake is repeated entry by entry, and only the culprit hears of it. Where transactions run side by side there are
//! several workers, each for tasks of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use tokio::sync::{broadcast, oneshot};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::domain::plan::Answer;
use crate::domain::task::TaskId;
use crate::store::{Committed, Entry, Store, StoreError};
use crate::telemetry::metrics::{JOURNAL_BATCH, JOURNAL_COMMIT_SECONDS, JOURNAL_FAILURES};

mod chores;
mod listeners;
mod queues;

pub use chores::Chores;
use listeners::Listeners;
use queues::{Inbox, Queues};

/// How often a batch is repeated because somebody has registered meanwhile.
const REPEATS: usize = 20;

/// Entries after which the database's log should be looked after. A log that is emptied begins anew, which takes one more
/// sync: not after each commit.
const CHECKPOINT: u64 = 256;

/// Bounds of the queue and of one transaction.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Entries that may wait, each worker's share of them with him; one more is refused.
    pub queue: usize,
    /// Entries in one transaction.
    pub items: usize,
    /// Bytes in one transaction; a larger entry goes alone.
    pub bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { queue: 4096, items: 256, bytes: 4 << 20 }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    #[error("too much is waiting to be written")]
    Full,
    #[error("the service is stopping")]
    Closed,
    #[error("the database is not available")]
    Unavailable,
    /// This entry cannot be written, whatever the others do.
    #[error("the entry could not be written")]
    Failed,
}

type Reply = Result<Answer, RecordError>;
type Answering = oneshot::Sender<Reply>;

struct Queued {
    entry: Entry,
    reply: Answering,
}

/// What the journal has done so far.
#[derive(Debug, Default)]
pub struct Figures {
    pub entries: AtomicU64,
    pub commits: AtomicU64,
    pub failures: AtomicU64,
}

/// The door. Cheap to clone.
#[derive(Clone)]
pub struct Journal {
    queues: Queues,
    settled: broadcast::Sender<TaskId>,
    chores: Arc<Chores>,
    figures: Arc<Figures>,
}

/// The room behind the door.
pub struct Worker {
    store: Store,
    clock: Clock,
    limits: Limits,
    inbox: Inbox,
    settled: broadcast::Sender<TaskId>,
    chores: Arc<Chores>,
    figures: Arc<Figures>,
    listeners: Arc<Listeners>,
}

impl Journal {
    /// With so many workers, at least one.
    #[must_use]
    pub fn new(store: &Store, clock: &Clock, limits: Limits, workers: usize) -> (Self, Vec<Worker>) {
        let (queues, inboxes) = Queues::new(workers.max(1), &limits);
        let (settled, _) = broadcast::channel(1024);
        let figures = Arc::new(Figures::default());
        let chores = Arc::new(Chores::default());
        let listeners = Arc::new(Listeners::default());
        let worker = |inbox| Worker {
            store: store.clone(),
            clock: clock.clone(),
            limits,
            inbox,
            settled: settled.clone(),
            chores: chores.clone(),
            figures: figures.clone(),
            listeners: listeners.clone(),
        };
        let workers = inboxes.into_iter().map(worker).collect();
        (Self { queues, settled, chores, figures }, workers)
    }

    /// Comes back when the entry is committed, or surely is not, or nobody can tell (a lost connection).
    ///
    /// # Errors
    /// See [`RecordError`].
    pub async fn record(&self, entry: Entry) -> Reply {
        self.enqueue(entry)?.wait().await
    }

    /// Queues an entry behind those about the same task that the caller queued before.
    ///
    /// # Errors
    /// When the queue is full or closed.
    pub fn enqueue(&self, entry: Entry) -> Result<Pending, RecordError> {
        let (reply, answer) = oneshot::channel();
        self.queues.send(Queued { entry, reply }).map(|()| Pending(answer))
    }

    /// Ids of tasks as they settle: a hint to look, no more. A slow listener misses some.
    #[must_use]
    pub fn settled(&self) -> broadcast::Receiver<TaskId> {
        self.settled.subscribe()
    }

    /// Where it is told that there may be something to do: hints without data.
    #[must_use]
    pub fn chores(&self) -> &Chores {
        &self.chores
    }

    #[must_use]
    pub fn figures(&self) -> &Figures {
        &self.figures
    }

    /// Entries that wait for a worker.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.queues.depth()
    }
}

/// An entry's answer to come.
pub struct Pending(oneshot::Receiver<Reply>);

impl Pending {
    /// # Errors
    /// See [`RecordError`].
    pub async fn wait(self) -> Reply {
        self.0.await.unwrap_or(Err(RecordError::Closed))
    }
}

impl Worker {
    /// Runs until `shutdown`, then closes the door and writes what is already inside.
    pub async fn run(mut self, shutdown: CancellationToken) {
        while let Some(batch) = self.inbox.next_batch(&self.limits, &shutdown).await {
            self.commit(batch).await;
        }
    }

    async fn commit(&self, mut batch: Vec<Queued>) {
        // who has stopped waiting was told so, and will come again
        batch.retain(|queued| !queued.reply.is_closed());
        if batch.is_empty() {
            return;
        }
        let mut parts: Vec<(Vec<Entry>, Vec<Answering>)> =
            vec![batch.into_iter().map(|queued| (queued.entry, queued.reply)).unzip()];
        while let Some((mut entries, mut replies)) = parts.pop() {
            match self.write(&entries).await {
                Ok(answers) => {
                    self.count(entries.len());
                    for ((entry, answer), reply) in entries.iter().zip(answers).zip(replies) {
                        self.answer(entry, Ok(answer), reply);
                    }
                }
                // what it would cost is known only by now; the first half goes first
                Err(StoreError::TooMuch) if entries.len() > 1 => {
                    let half = entries.len() / 2;
                    parts.push((entries.split_off(half), replies.split_off(half)));
                    parts.push((entries, replies));
                }
                Err(error) if error.is_passing() => {
                    self.complain(&error, entries.len());
                    for (entry, reply) in entries.iter().zip(replies) {
                        self.answer(entry, Err(RecordError::Unavailable), reply);
                    }
                }
                Err(_) => self.commit_one_by_one(entries, replies).await,
            }
        }
    }

    /// Somebody may have registered since the last batch: then it is repeated before those who listen today.
    async fn write(&self, entries: &[Entry]) -> Result<Vec<Answer>, StoreError> {
        let mut repeats = 0;
        loop {
            let begun = Instant::now();
            let outcome = self.store.commit(entries, &*self.listeners.current(), self.clock.now()).await;
            metrics::histogram!(JOURNAL_COMMIT_SECONDS).record(begun.elapsed());
            match outcome {
                Err(StoreError::Outdated) if repeats < REPEATS => {
                    repeats += 1;
                    self.listeners.refresh(&self.store).await?;
                }
                Ok(Committed { answers, deliveries }) => {
                    if deliveries > 0 {
                        self.chores.deliver.send_replace(());
                    }
                    return Ok(answers);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// One bad entry must not take the others down with it.
    async fn commit_one_by_one(&self, entries: Vec<Entry>, replies: Vec<Answering>) {
        for (entry, reply) in entries.into_iter().zip(replies) {
            let outcome = match self.write(std::slice::from_ref(&entry)).await {
                Ok(mut answers) => {
                    self.count(1);
                    answers.pop().ok_or(RecordError::Failed)
                }
                Err(error) => {
                    self.complain(&error, 1);
                    Err(if error.is_passing() { RecordError::Unavailable } else { RecordError::Failed })
                }
            };
            self.answer(&entry, outcome, reply);
        }
    }

    fn answer(&self, entry: &Entry, outcome: Reply, reply: Answering) {
        if let Ok(Answer::Recorded(recorded)) = &outcome
            && recorded.status.is_settled()
        {
            // nobody listens: nobody waits
            let _ = self.settled.send(recorded.task.clone());
        }
        if let Ok(answer) = &outcome {
            self.chores.announce(entry, answer);
        }
        let _ = reply.send(outcome);
    }

    fn count(&self, entries: usize) {
        #[expect(clippy::cast_precision_loss, reason = "batches are small")]
        metrics::histogram!(JOURNAL_BATCH).record(entries as f64);
        self.figures.commits.fetch_add(1, Ordering::Relaxed);
        self.chores.written.send_replace(());
        let before = self.figures.entries.fetch_add(entries as u64, Ordering::Relaxed);
        if before / CHECKPOINT != (before + entries as u64) / CHECKPOINT {
            self.chores.checkpoint.send_replace(());
        }
    }

    fn complain(&self, error: &StoreError, entries: usize) {
        self.figures.failures.fetch_add(1, Ordering::Relaxed);
        metrics::counter!(JOURNAL_FAILURES).increment(1);
        let cause = std::error::Error::source(error).map(ToString::to_string);
        tracing::error!(error = %error, cause, entries, "a batch could not be written");
    }
}
