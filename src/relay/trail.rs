//! What a trace tells of an attempt at a delivery, and what the subscriber is told of the trace. Never a URL, which may hold a
//! secret, nor what was sent or answered.

use super::courier::{Attempted, Parcel};
use crate::domain::delivery::{Heard, Status, Trouble};
use crate::domain::trace::TraceParent;
use crate::store::{DeliveryOutcome, DueDelivery};
use crate::telemetry::traces::{Span, names};

/// From the request to what was heard.
pub(super) struct Trail(Span);

impl Trail {
    /// The parcel carries on with the attempt's span, if that is recorded, or with what the callback brought; with nothing
    /// where it brought nothing. A header of that name that the webhook wants stays as it is.
    pub(super) fn open(due: &DueDelivery, parcel: &mut Parcel) -> Self {
        let mut span = Span::of_delivery(due.trace.map(TraceParent::parts));
        let has_own = parcel.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(TraceParent::HEADER));
        if let Some(brought) = due.trace.filter(|_| !has_own) {
            let told = span.place().and_then(TraceParent::of).unwrap_or(brought);
            parcel.headers.push((TraceParent::HEADER.to_owned(), told.to_string()));
        }
        span.say(names::DELIVERY, &due.id);
        span.say(names::WEBHOOK, &due.webhook);
        span.say(names::EVENT, &due.topic);
        if let Some(task) = &due.task {
            span.say(names::TASK, task);
        }
        span.count(names::ATTEMPT, u64::from(due.attempts) + 1);
        Self(span)
    }

    pub(super) fn close(mut self, attempted: &Attempted, outcome: &DeliveryOutcome) {
        let span = &mut self.0;
        span.say(names::OUTCOME, &outcome.status.as_str());
        match &attempted.heard {
            Heard::Answered { status, .. } => span.count(names::STATUS, u64::from(*status)),
            Heard::Nothing(trouble) => span.say(names::ERROR, &word(*trouble)),
            Heard::Unsendable(_) => span.say(names::ERROR, &"unsendable"),
        }
        if outcome.status != Status::Delivered {
            span.fail();
        }
    }

    /// Nobody knows whether it has arrived.
    pub(super) fn lose(mut self) {
        self.0.say(names::OUTCOME, &"unknown");
    }
}

const fn word(trouble: Trouble) -> &'static str {
    match trouble {
        Trouble::Timeout => "timeout",
        Trouble::Name => "name",
        Trouble::Connection => "connection",
        Trouble::Tls => "tls",
    }
}
