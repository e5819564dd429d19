//! The one door: every event, and every creation, goes through [`Journal::record`] into the database.
//!
//! A worker waits for one entry, takes what else has queued up meanwhile (bounded by items and bytes), and commits all of
//! it in one synced transaction; only then does anybody get an answer. So the slower the disk, the larger the batches. One
//! that turns out to bring webhooks more than a transaction should is written in halves. A transaction that fails for one
//! entry's sake is repeated entry by entry, and only the culprit hears of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{Mutex, broadcast, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::domain::plan::Answer;
use crate::domain::task::TaskId;
use crate::store::{Committed, Entry, Store, StoreError};
use crate::telemetry::metrics::JOURNAL_BATCH;

mod chores;
mod listeners;

pub use chores::Chores;
use listeners::Listeners;

/// How often a batch is repeated because somebody has registered meanwhile.
const REPEATS: usize = 20;

/// Bounds of the queue and of one transaction.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Entries that may wait; one more is refused.
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
    queue: mpsc::Sender<Queued>,
    settled: broadcast::Sender<TaskId>,
    chores: Arc<Chores>,
    figures: Arc<Figures>,
}

/// The room behind the door.
pub struct Worker {
    store: Store,
    clock: Clock,
    limits: Limits,
    inbox: Arc<Mutex<Inbox>>,
    settled: broadcast::Sender<TaskId>,
    chores: Arc<Chores>,
    figures: Arc<Figures>,
    listeners: Arc<Listeners>,
}

struct Inbox {
    queue: mpsc::Receiver<Queued>,
    /// Taken from the queue and too large for the batch at hand; comes first in the next.
    held: Option<Queued>,
}

impl Journal {
    #[must_use]
    pub fn new(store: Store, clock: Clock, limits: Limits) -> (Self, Worker) {
        let (sender, receiver) = mpsc::channel(limits.queue);
        let (settled, _) = broadcast::channel(1024);
        let figures = Arc::new(Figures::default());
        let chores = Arc::new(Chores::default());
        let journal = Self { queue: sender, settled: settled.clone(), chores: chores.clone(), figures: figures.clone() };
        let inbox = Arc::new(Mutex::new(Inbox { queue: receiver, held: None }));
        let listeners = Arc::new(Listeners::default());
        let worker = Worker { store, clock, limits, inbox, settled, chores, figures, listeners };
        (journal, worker)
    }

    /// Comes back when the entry is committed, or surely is not, or nobody can tell (a lost connection).
    ///
    /// # Errors
    /// See [`RecordError`].
    pub async fn record(&self, entry: Entry) -> Reply {
        self.enqueue(entry)?.wait().await
    }

    /// Queues an entry behind those that the caller queued before.
    ///
    /// # Errors
    /// When the queue is full or closed.
    pub fn enqueue(&self, entry: Entry) -> Result<Pending, RecordError> {
        let (reply, answer) = oneshot::channel();
        match self.queue.try_send(Queued { entry, reply }) {
            Ok(()) => Ok(Pending(answer)),
            Err(mpsc::error::TrySendError::Full(_)) => Err(RecordError::Full),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(RecordError::Closed),
        }
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

    /// Entries that wait for the worker.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
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

impl Inbox {
    async fn wait(&mut self, shutdown: &CancellationToken) -> Option<Queued> {
        tokio::select! {
            biased;
            first = self.queue.recv() => first,
            () = shutdown.cancelled(), if !self.queue.is_closed() => {
                self.queue.close();
                self.queue.recv().await
            }
        }
    }
}

impl Worker {
    /// Another worker on the same queue: entries of different batches may then overtake each other.
    #[must_use]
    pub fn twin(&self) -> Self {
        Self {
            store: self.store.clone(),
            clock: self.clock.clone(),
            limits: self.limits,
            inbox: self.inbox.clone(),
            settled: self.settled.clone(),
            chores: self.chores.clone(),
            figures: self.figures.clone(),
            listeners: self.listeners.clone(),
        }
    }

    /// Runs until `shutdown`, then closes the door and writes what is already inside.
    pub async fn run(self, shutdown: CancellationToken) {
        while let Some(batch) = self.next_batch(&shutdown).await {
            self.commit(batch).await;
        }
    }

    /// Waits for one, and drains what else is there. `None`: the door is closed and the room is empty.
    async fn next_batch(&self, shutdown: &CancellationToken) -> Option<Vec<Queued>> {
        let mut inbox = self.inbox.lock().await;
        let first = match inbox.held.take() {
            Some(held) => held,
            None => inbox.wait(shutdown).await?,
        };
        let mut bytes = first.entry.weight();
        let mut batch = vec![first];
        while batch.len() < self.limits.items && bytes < self.limits.bytes {
            let Ok(next) = inbox.queue.try_recv() else { break };
            bytes += next.entry.weight();
            if bytes > self.limits.bytes {
                inbox.held = Some(next);
                break;
            }
            batch.push(next);
        }
        Some(batch)
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
            let outcome = self.store.commit(entries, &*self.listeners.current(), self.clock.now()).await;
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
        self.figures.entries.fetch_add(entries as u64, Ordering::Relaxed);
    }

    fn complain(&self, error: &StoreError, entries: usize) {
        self.figures.failures.fetch_add(1, Ordering::Relaxed);
        let cause = std::error::Error::source(error).map(ToString::to_string);
        tracing::error!(error = %error, cause, entries, "a batch could not be written");
    }
}
