//! Writes down how deliveries fared, many at a time; what was heard cannot be asked for again, so it is tried for as long as
//! the lease holds.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::domain::webhook::Status;
use crate::store::{DeliveryOutcome, Store, StoreError};
use crate::telemetry::metrics::DELIVERY_ATTEMPTS;

/// In one transaction.
const AT_ONCE: usize = 64;
const QUEUE: usize = 1024;
const BETWEEN_WRITES: Duration = Duration::from_millis(500);

/// Cheap to clone.
#[derive(Clone)]
pub struct Recorder {
    queue: mpsc::Sender<Queued>,
    /// Rings for the sender: what was settled may have made something else due.
    bell: watch::Sender<()>,
}

struct Queued {
    outcome: DeliveryOutcome,
    done: oneshot::Sender<()>,
}

/// The one who writes.
pub struct Writer {
    store: Store,
    clock: Clock,
    queue: mpsc::Receiver<Queued>,
}

impl Recorder {
    #[must_use]
    pub fn new(store: Store, clock: Clock, bell: watch::Sender<()>) -> (Self, Writer) {
        let (sender, queue) = mpsc::channel(QUEUE);
        (Self { queue: sender, bell }, Writer { store, clock, queue })
    }

    /// Comes back when it is written, or surely will not be: then the lease ends, and it is sent again.
    pub(super) async fn record(&self, outcome: DeliveryOutcome) {
        let (done, written) = oneshot::channel();
        if self.queue.send(Queued { outcome, done }).await.is_ok() {
            // dropped: given up
            let _ = written.await;
        }
    }

    pub(super) fn ring(&self) {
        self.bell.send_replace(());
    }
}

impl Writer {
    /// Runs until `shutdown`, then writes what is already there.
    pub async fn run(mut self, shutdown: CancellationToken) {
        loop {
            let first = tokio::select! {
                biased;
                first = self.queue.recv() => first,
                () = shutdown.cancelled(), if !self.queue.is_closed() => {
                    self.queue.close();
                    continue;
                }
            };
            let Some(first) = first else { return };
            let mut batch = vec![first];
            while batch.len() < AT_ONCE {
                let Ok(next) = self.queue.try_recv() else { break };
                batch.push(next);
            }
            self.write(batch).await;
        }
    }

    async fn write(&self, batch: Vec<Queued>) {
        let (outcomes, waiting): (Vec<_>, Vec<_>) = batch.into_iter().map(|queued| (queued.outcome, queued.done)).unzip();
        let until = outcomes.iter().map(|outcome| outcome.delivery.lease.until).max();
        loop {
            match self.store.record_deliveries(&outcomes, self.clock.now()).await {
                Ok(recorded) => {
                    note(&outcomes, &recorded);
                    self.disable_gone(&outcomes, &recorded).await;
                    break;
                }
                Err(error) if error.is_passing() && until.is_some_and(|until| self.clock.now() < until) => {
                    tracing::warn!(%error, deliveries = outcomes.len(), "how deliveries fared could not be written yet");
                    tokio::time::sleep(BETWEEN_WRITES).await;
                }
                Err(error) => {
                    let cause = std::error::Error::source(&error).map(ToString::to_string);
                    tracing::error!(%error, cause, deliveries = outcomes.len(), "how deliveries fared is lost: they are sent again");
                    break;
                }
            }
        }
        for done in waiting {
            // nobody waits: the process is ending
            let _ = done.send(());
        }
    }

    /// A webhook that answered 410 wants nothing any more. A part of what waits for it is buried with that, and the sender
    /// goes on: how much there is holds up nobody's outcome.
    async fn disable_gone(&self, outcomes: &[DeliveryOutcome], recorded: &[bool]) {
        for (outcome, _) in outcomes.iter().zip(recorded).filter(|(outcome, recorded)| outcome.is_gone && **recorded) {
            if let Err(error) = self.disable(outcome).await {
                tracing::error!(%error, webhook = %outcome.delivery.webhook, "a webhook that is gone could not be disabled");
            }
        }
    }

    async fn disable(&self, outcome: &DeliveryOutcome) -> Result<(), StoreError> {
        loop {
            let Some(seen) = self.store.registration(outcome.delivery.webhook).await? else { return Ok(()) };
            if seen.webhook.status.is_deaf() {
                return Ok(());
            }
            let now = self.clock.now();
            let mut gone = seen.clone();
            gone.webhook.status = Status::Disabled;
            gone.webhook.reason = Some("it answered 410 Gone".to_owned());
            gone.webhook.updated_at = now;
            // somebody may be changing it at the same moment
            if self.store.replace(&seen, &gone, now).await? {
                tracing::warn!(webhook = %seen.webhook.id, "a webhook answered 410 Gone, and is disabled");
                return Ok(());
            }
        }
    }
}

fn note(outcomes: &[DeliveryOutcome], recorded: &[bool]) {
    for (outcome, recorded) in outcomes.iter().zip(recorded) {
        let delivery = &outcome.delivery;
        let (status, attempts, error) = (outcome.status.as_str(), outcome.attempts, outcome.last_error.as_deref());
        if outcome.was_attempted() {
            metrics::counter!(DELIVERY_ATTEMPTS, "outcome" => status).increment(1);
            tracing::info!(delivery = %delivery.id, webhook = %delivery.webhook, event = delivery.topic, task = delivery.task,
                status, attempts, error, recorded, "a delivery was attempted");
        } else {
            tracing::info!(delivery = %delivery.id, webhook = %delivery.webhook, event = delivery.topic, task = delivery.task,
                status, error, recorded, "a delivery was given up or put off without a request");
        }
    }
}
