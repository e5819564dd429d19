//! The book of refused callbacks: a bounded queue and a writer of its own, so that a flood of bad ones never stands in
//! the way of the good. What does not fit is dropped and counted.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::domain::time::Timestamp;
use crate::store::{Rejection, RejectionLimits, Store};

const QUEUE: usize = 512;
const PER_MINUTE: u32 = 60;
const BATCH: usize = 64;
const LIMITS: RejectionLimits = RejectionLimits { rows: 10_000, bytes: 100 << 20 };
/// How much of a body is kept, in bytes.
pub const KEPT_BODY: usize = 64 << 10;

/// Where handlers report refusals. Cheap to clone; never waits.
#[derive(Clone)]
pub struct Rejections {
    queue: mpsc::Sender<Rejection>,
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
    queue: mpsc::Receiver<Rejection>,
}

impl Rejections {
    #[must_use]
    pub fn new(store: Store) -> (Self, Writer) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        (Self { queue: sender, shared: Arc::default() }, Writer { store, queue: receiver })
    }

    /// `rejection` is only asked for if there is room for it: a flood should cost little.
    pub fn report(&self, generator: &str, code: &str, received_at: Timestamp, rejection: impl FnOnce() -> Rejection) {
        let within = self.shared.admit(generator, code, received_at);
        let kept = within
            && self.queue.try_reserve().is_ok_and(|room| {
                room.send(rejection());
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
        let minute = now.secs().div_euclid(60);
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let window = windows.entry((generator.to_owned(), code.to_owned())).or_insert(Window { minute, seen: 0 });
        if window.minute != minute {
            *window = Window { minute, seen: 0 };
        }
        window.seen += 1;
        window.seen <= PER_MINUTE
    }
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
            self.write(std::mem::take(&mut batch)).await;
        }
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
