//! What waits to be written: a queue for each writer. All that is about one task waits in the same one, and so keeps its order.

use std::hash::{DefaultHasher, Hash, Hasher};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{Limits, Queued, RecordError};
use crate::domain::task::TaskId;
use crate::store::Entry;

/// The side where entries come in. Cheap to clone.
#[derive(Clone)]
pub(super) struct Queues(Vec<mpsc::Sender<Queued>>);

/// The other side of one of them.
pub(super) struct Inbox {
    queue: mpsc::Receiver<Queued>,
    /// Taken from the queue and too large for the batch at hand; comes first in the next.
    held: Option<Queued>,
}

impl Queues {
    pub(super) fn new(writers: usize, limits: &Limits) -> (Self, Vec<Inbox>) {
        let one = || mpsc::channel((limits.queue / writers).max(1));
        let (senders, receivers): (Vec<_>, Vec<_>) = (0..writers).map(|_| one()).unzip();
        (Self(senders), receivers.into_iter().map(|queue| Inbox { queue, held: None }).collect())
    }

    pub(super) fn send(&self, queued: Queued) -> Result<(), RecordError> {
        self.of(&queued.entry).try_send(queued).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => RecordError::Full,
            mpsc::error::TrySendError::Closed(_) => RecordError::Closed,
        })
    }

    fn of(&self, entry: &Entry) -> &mpsc::Sender<Queued> {
        let Self(queues) = self;
        let mut hasher = DefaultHasher::new();
        subject(entry).hash(&mut hasher);
        let chosen = hasher.finish() % queues.len() as u64;
        &queues[usize::try_from(chosen).unwrap_or_default()]
    }

    /// Entries that wait.
    pub(super) fn depth(&self) -> usize {
        self.0.iter().map(|queue| queue.max_capacity() - queue.capacity()).sum()
    }
}

/// Whatever an entry calls its task by. Whoever calls one task by two names at once cannot care for the order.
fn subject(entry: &Entry) -> Option<&str> {
    let named = || entry.item.command.occurrence().and_then(|occurrence| occurrence.claim.named.as_deref());
    entry.item.task.as_ref().map(TaskId::as_str).or_else(named)
}

impl Inbox {
    /// Waits for one, and drains what else is there. `None`: the door is closed and the room is empty.
    pub(super) async fn next_batch(&mut self, limits: &Limits, shutdown: &CancellationToken) -> Option<Vec<Queued>> {
        let first = match self.held.take() {
            Some(held) => held,
            None => self.wait(shutdown).await?,
        };
        let mut bytes = first.entry.weight();
        let mut batch = vec![first];
        while batch.len() < limits.items && bytes < limits.bytes {
            let Ok(next) = self.queue.try_recv() else { break };
            bytes += next.entry.weight();
            if bytes > limits.bytes {
                self.held = Some(next);
                break;
            }
            batch.push(next);
        }
        Some(batch)
    }

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
