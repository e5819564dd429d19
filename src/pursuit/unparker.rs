//! Callbacks that came before their task was known find it as soon as somebody knows it: they are read again, as today's
//! catalog says, and enter through the journal as what they were all along, in the order of their arrival.
//!
//! Of all that wait for the same id only the first is ever due. Who has it goes on with those behind it; two replicas that
//! meet there do no harm, for a callback is applied in the transaction in which its wait ends.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::try_join_all;

use super::Means;
use crate::cadence::Step;
use crate::domain::event::{Claim, Outcome};
use crate::domain::plan::{Answer, Kept, Recorded, Refusal};
use crate::generator::payload::{CustomEvent, Decoded, decode_stored};
use crate::generator::raw::RawCallback;
use crate::store::{Again, Entry, ParkedCallback, StoreError, Told};
use crate::telemetry::metrics::CALLBACKS_UNPARKED;

const AT_ONCE: u64 = 16;
/// That wait for the same id, in one step.
const IN_A_ROW: u64 = 100;
/// Short: should two of us look at the same one, the second finds nothing left to do.
const LEASE: Duration = Duration::from_secs(15);

pub struct Unparker {
    means: Means,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
    Over,
    GoesOn,
}

impl Unparker {
    #[must_use]
    pub const fn new(means: Means) -> Self {
        Self { means }
    }

    /// Looks at what is due to be looked at again.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn step(&self) -> Result<Step, StoreError> {
        let Means { store, clock, .. } = &self.means;
        let now = clock.now();
        if !store.has_due_parked(now).await? {
            return Ok(Step::default());
        }
        let due = store.claim_parked(now, now.plus(LEASE), AT_ONCE).await?;
        let more = due.len() as u64 == AT_ONCE;
        let steps = try_join_all(due.iter().map(|first| self.follow(first))).await?;
        let step: Step = steps.into_iter().sum();
        Ok(Step { more: more || step.more, ..step })
    }

    /// One, and if its wait is over, those behind it.
    async fn follow(&self, first: &ParkedCallback) -> Result<Step, StoreError> {
        let mut handled = 1;
        if self.visit(first).await? == Wait::GoesOn {
            return Ok(Step { handled, more: false });
        }
        let behind = self.means.store.parked_behind(first, IN_A_ROW).await?;
        for parked in &behind {
            handled += 1;
            if self.visit(parked).await? == Wait::GoesOn {
                return Ok(Step { handled, more: false });
            }
        }
        Ok(Step { handled, more: behind.len() as u64 == IN_A_ROW })
    }

    async fn visit(&self, parked: &ParkedCallback) -> Result<Wait, StoreError> {
        let body = self.means.store.payload(parked.receipt).await?.map(Bytes::from);
        let again = self.read(parked, body.clone());
        let entry = Entry::of_visit(parked, self.means.clock.now(), again, body);
        match self.means.journal.record(entry).await {
            Ok(Answer::Recorded(Recorded { outcome, .. }) | Answer::Kept(Kept { outcome, .. })) => {
                note(parked, outcome);
                Ok(Wait::Over)
            }
            // somebody else was here
            Ok(Answer::Refused(Refusal::NotParked)) => Ok(Wait::Over),
            Ok(_) => Ok(Wait::GoesOn),
            Err(error) => {
                tracing::warn!(callback = %parked.receipt, %error, "a parked callback could not be recorded, and waits on");
                Ok(Wait::GoesOn)
            }
        }
    }

    fn read(&self, parked: &ParkedCallback, body: Option<Bytes>) -> Again {
        let generator = self.means.terms.catalog().find(parked.generator.as_str()).cloned();
        let (Some(body), Some(generator)) = (body, generator) else { return Again::Unreadable };
        let headers: BTreeMap<String, String> = serde_json::from_str(&parked.headers).unwrap_or_default();
        let raw = RawCallback {
            task: parked.task().cloned(),
            headers: headers.into_iter().map(|(name, value)| (name, value.into_bytes())).collect(),
            query: parked.query.clone(),
            body,
            arrived: parked.received_at,
            url: String::new(),
        };
        let on_own_path = raw.task.is_some();
        let claim =
            Claim { token: parked.token_attempt, query: parked.query_attempt, may_adopt: parked.may_adopt, ..Claim::default() };
        // what no signature proves on a path that all tasks share
        let is_hearsay = !on_own_path && !parked.signed;
        match decode_stored(&generator, &raw, claim, is_hearsay) {
            Ok(Decoded::Task(event)) => Again::Event(Box::new(event.occurrence(self.means.terms.policy(&generator)))),
            Ok(Decoded::Custom(event)) => {
                let CustomEvent { generator, name, data, fingerprint, .. } = *event;
                Again::Custom(Told { generator, name, data, fingerprint })
            }
            Err(refusal) => {
                let (callback, detail) = (parked.receipt, refusal.detail);
                tracing::warn!(%callback, detail, "a parked callback cannot be read any more, and waits on");
                Again::Unreadable
            }
        }
    }
}

fn note(parked: &ParkedCallback, outcome: Outcome) {
    let (outcome, generator) = (outcome.as_str(), parked.generator.as_str());
    metrics::counter!(CALLBACKS_UNPARKED, "outcome" => outcome).increment(1);
    tracing::info!(callback = %parked.receipt, outcome, awaited = parked.awaits.as_str(), generator, "a parked callback's wait is over");
}
