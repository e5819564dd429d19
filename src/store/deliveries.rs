//! Deliveries on their way: [taken](claims) under a lease when they are due, [recorded](records) by whoever holds it, and
//! [buried](burial) where nobody wants to hear any more.
//!
//! Of a task and a webhook only the oldest that is pending is sent; whoever finds a younger one puts it off until the older
//! one is due again, and who settles the older one wakes it. Should a wake-up be missed, the younger one comes a little later.

mod burial;
mod claims;
mod counts;
mod records;

use uuid::Uuid;

use crate::domain::delivery::Status;
use crate::domain::figure::Figure;
use crate::domain::task::Lease;
use crate::domain::time::Timestamp;
use crate::domain::trace::TraceParent;

pub(super) use burial::PART;
pub(super) use claims::LANES;
pub(super) use counts::Counts;

/// A delivery that was taken to be sent.
#[derive(Clone, Debug)]
pub struct DueDelivery {
    pub id: Uuid,
    pub webhook: Uuid,
    pub lane: String,
    pub topic: String,
    pub task: Option<String>,
    pub lease: Lease,
    /// Before this one.
    pub attempts: u32,
    /// What was sent before; none before the first attempt.
    pub body: Option<Uuid>,
    /// What a webhook without a template is sent; none if it was erased.
    pub letter: Option<Uuid>,
    /// Of the callback that brought the event, if it had one.
    pub trace: Option<TraceParent>,
    /// Attempts so far, as a JSON array.
    pub log: String,
}

/// What a claim has found.
#[derive(Clone, Debug, Default)]
pub struct Claimed {
    pub due: Vec<DueDelivery>,
    /// Those among them, and those that have to wait and were put off.
    pub looked_at: usize,
    /// Some lane had as many as were asked for.
    pub more: bool,
}

/// How a delivery fares after an attempt, or without one.
#[derive(Clone, Debug)]
pub struct DeliveryOutcome {
    pub delivery: DueDelivery,
    pub status: Status,
    pub attempts: u32,
    /// Of one that stays pending.
    pub due_at: Option<Timestamp>,
    pub last_error: Option<String>,
    pub log: String,
    pub figures: Vec<(Figure, i64)>,
    /// The subscriber wants nothing any more.
    pub is_gone: bool,
}

impl DeliveryOutcome {
    /// Whether a request was made, and was not only put off or given up.
    #[must_use]
    pub const fn was_attempted(&self) -> bool {
        self.attempts > self.delivery.attempts
    }
}
