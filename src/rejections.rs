//! The book of refused callbacks: a bounded queue and a writer of its own, so that a flood of bad ones never stands in
//! the way of the good. What does not fit is dropped and counted.
//!
//! Before it is written down the doctor looks at it, away from the request, and at no more of them than a bounded number a
//! minute: what strangers send must not decide how much there is to do.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::domain::time::Timestamp;
use crate::generator::doctor::{Finding, LITTLE_EFFORT, Patient, diagnose};
use crate::generator::raw::RawCallback;
use crate::generator::refusal::Refusal;
use crate::store::{Rejection, RejectionLimits, Store};
use crate::terms::Terms;

const QUEUE: usize = 512;
const PER_MINUTE: u32 = 60;
/// Of all generators and codes together.
const EXAMINED_PER_MINUTE: u32 = 60;
const BATCH: usize = 64;
const LIMITS: RejectionLimits = RejectionLimits { rows: 10_000, bytes: 100 << 20 };
/// How much of a body is kept, in bytes.
pub const KEPT_BODY: usize = 64 << 10;

/// Where handlers report refusals. Cheap to clone; never waits.
#[derive(Clone)]
pub struct Rejections {
    queue: mpsc::Sender<Refused>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    windows: Mutex<HashMap<(String, String), Window>>,
    dropped: AtomicU64,
}

/// How many of one kind came in one minute, kept or not.
struct Window {
    minute: i64,
    seen: u32,
}

pub struct Writer {
    store: Store,
    terms: Arc<Terms>,
    queue: mpsc::Receiver<Refused>,
    examined: Window,
}

/// What is to be written down, and what is only looked at before.
pub struct Refused {
    pub rejection: Rejection,
    /// None: it was not its proof that it was refused for.
    pub evidence: Option<Evidence>,
}

/// The request as it came, with what is secret in it. The body is the rejection's.
pub struct Evidence {
    pub raw: RawCallback,
    pub refusal: Refusal,
}

impl Rejections {
    #[must_use]
    pub fn new(store: Store, terms: Arc<Terms>) -> (Self, Writer) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let examined = Window { minute: 0, seen: 0 };
        (Self { queue: sender, shared: Arc::default() }, Writer { store, terms, queue: receiver, examined })
    }

    /// `refused` is only asked for if there is room for it: a flood should cost little.
    pub fn report(&self, generator: &str, code: &str, received_at: Timestamp, refused: impl FnOnce() -> Refused) {
        let within = self.shared.admit(generator, code, received_at);
        let kept = within
            && self.queue.try_reserve().is_ok_and(|room| {
                room.send(refused());
                true
            });
        if !kept {
            self.shared.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Refusals that were only counted.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.shared.dropped.load(Ordering::Relaxed)
    }
}

impl Shared {
    fn admit(&self, generator: &str, code: &str, now: Timestamp) -> bool {
        let minute = minute(now);
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let window = windows.entry((generator.to_owned(), code.to_owned())).or_insert(Window { minute, seen: 0 });
        window.admits(minute, PER_MINUTE)
    }
}

impl Window {
    fn admits(&mut self, minute: i64, most: u32) -> bool {
        if self.minute != minute {
            *self = Self { minute, seen: 0 };
        }
        self.seen = self.seen.saturating_add(1);
        self.seen <= most
    }
}

fn minute(now: Timestamp) -> i64 {
    now.secs().div_euclid(60)
}

impl Writer {
    /// Runs until `shutdown`, then writes what is queued.
    pub async fn run(mut self, shutdown: CancellationToken) {
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            let taken = tokio::select! {
                biased;
                taken = self.queue.recv_many(&mut batch, BATCH) => taken,
                () = shutdown.cancelled(), if !self.queue.is_closed() => {
                    self.queue.close();
                    continue;
                }
            };
            if taken == 0 {
                return;
            }
            let mut rejections = Vec::with_capacity(taken);
            for Refused { mut rejection, evidence } in batch.drain(..) {
                if let Some(evidence) = evidence {
                    let finding = self.examine(&rejection, evidence).await;
                    rejection.finding = finding.and_then(|finding| serde_json::to_string(&finding).ok());
                }
                rejections.push(rejection);
            }
            self.write(rejections).await;
        }
    }

    async fn examine(&mut self, rejection: &Rejection, evidence: Evidence) -> Option<Finding> {
        if !self.examined.admits(minute(rejection.received_at), EXAMINED_PER_MINUTE) {
            return None;
        }
        let (terms, generator, body_is_whole) = (self.terms.clone(), rejection.generator.clone(), !rejection.is_cut());
        let body = Bytes::copy_from_slice(&rejection.body);
        let examination = move || {
            let Evidence { raw, refusal } = evidence;
            let raw = RawCallback { body, ..raw };
            let catalog = terms.catalog();
            let patient = Patient {
                raw: &raw,
                body_is_whole,
                generator: catalog.find(&generator)?,
                catalog: &catalog,
                published: terms.published(),
                capabilities: Some(terms.capabilities()),
                effort: LITTLE_EFFORT,
            };
            diagnose(&patient, &refusal)
        };
        // hashing would keep a thread from those who wait for answers
        tokio::task::spawn_blocking(examination).await.ok().flatten()
    }

    async fn write(&self, batch: Vec<Rejection>) {
        let written = match self.store.add_rejections(batch).await {
            Ok(()) => self.store.trim_rejections(LIMITS).await,
            Err(error) => Err(error),
        };
        if let Err(error) = written {
            tracing::warn!(%error, "refused callbacks could not be written down");
        }
    }
}
