//! A delivery as operators see it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::delivery::Status;
use crate::domain::time::Timestamp;
use crate::store::Delivery;

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Delivery)]
pub struct DeliveryBody {
    /// Also what the subscriber knows it by: `webhook-id`, the same on every attempt.
    id: Uuid,
    /// The event's name.
    #[schema(example = "task.completed")]
    event: String,
    /// Null if the event is no task's business.
    task_id: Option<String>,
    /// Of the event within its task's, from 1; 0 without a task.
    sequence: u64,
    webhook_id: Uuid,
    /// Null if the webhook is gone.
    webhook_name: Option<String>,
    #[schema(value_type = StatusWord)]
    status: &'static str,
    /// Since it was made, or retried last.
    attempts: u32,
    /// Null unless it is pending, and while it is being sent.
    #[schema(value_type = Option<String>, format = DateTime)]
    next_attempt_at: Option<Timestamp>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    delivered_at: Option<Timestamp>,
    /// Of the last attempt; `webhook_disabled` if its webhook hears nothing any more.
    last_error: Option<String>,
    /// The latest attempts, oldest first.
    log: Vec<AttemptBody>,
    /// What else is to be known: why a filter could not be evaluated.
    note: Option<String>,
    /// Byte for byte what was sent, or will be; null in lists.
    body: Option<String>,
}

/// `pending`: to be sent, or to be sent again. `dead`: given up; it can be retried. `superseded`: progress that was not
/// delivered when its task had something newer to tell.
#[derive(ToSchema)]
#[schema(as = DeliveryStatus, rename_all = "snake_case")]
#[expect(dead_code, reason = "describes `status` for the API document; a test holds it against the domain's")]
enum StatusWord {
    Pending,
    Delivered,
    Dead,
    Superseded,
}

/// One attempt.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = DeliveryAttempt)]
struct AttemptBody {
    /// From 1; after a retry again from 1.
    attempt: u32,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Of the answer; null if there was none.
    #[serde(default)]
    status: Option<u16>,
    /// What went wrong; null if nothing did.
    #[serde(default)]
    error: Option<String>,
    duration_ms: u64,
    /// How the answer's body begins.
    #[serde(default)]
    answer: Option<String>,
}

impl DeliveryBody {
    pub(super) fn of(delivery: Delivery, body: Option<Vec<u8>>) -> Self {
        Self {
            id: delivery.id,
            event: delivery.topic,
            task_id: delivery.task,
            sequence: delivery.sequence,
            webhook_id: delivery.webhook,
            webhook_name: delivery.webhook_name,
            status: delivery.status.as_str(),
            attempts: delivery.attempts,
            next_attempt_at: delivery.next_attempt_at,
            created_at: delivery.created_at,
            delivered_at: delivery.settled_at.filter(|_| delivery.status == Status::Delivered),
            last_error: delivery.last_error,
            // a log that cannot be read tells nothing
            log: serde_json::from_str(&delivery.log).unwrap_or_default(),
            note: delivery.note,
            body: body.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
        }
    }
}
