//! Parked callbacks: who comes, who waits on, who is woken, and what becomes of the receipts of those whose wait is over.

use sea_orm::Value;
use serde::Serialize;
use uuid::Uuid;

use super::Changes;
use crate::domain::event::Occurrence;
use crate::domain::parked::{Awaited, Parked};
use crate::domain::plan::World;
use crate::store::backend::Backend;
use crate::store::commit::Draft;
use crate::store::entity::{int, parked, receipt};

/// Whoever waits for this id.
#[derive(Serialize)]
pub(super) struct Woken {
    generator: String,
    awaits: String,
}

/// An event that cannot be read any more keeps the name that it had.
const REWRITE: &str = "UPDATE hub_receipts SET task_id = $2, attempt = $3, sequence = $4, previous = $5,
    event = CASE WHEN $6 = '' THEN event ELSE $6 END, outcome = $7, reason = $8, payload = $9 WHERE id = $1";
const POSTPONE: &str = "UPDATE hub_parked SET due_at = $2, looks = $3 WHERE id = $1";
const FORGET: &str = "DELETE FROM hub_parked WHERE id = $1";

impl Changes {
    pub(super) fn add_waiting(&mut self, backend: Backend, before: &World, after: &World) {
        let woken = after.woken.difference(&before.woken);
        let woken = woken.map(|(generator, id)| Woken { generator: generator.as_str().to_owned(), awaits: id.clone() });
        self.woken.extend(woken);
        for (id, before) in &before.parked {
            match after.parked.get(id) {
                None => self.visited.push(backend.statement(FORGET, [(*id).into()])),
                Some(after) if after.looks != before.looks => {
                    let values: [Value; 3] = [(*id).into(), after.due_at.micros().into(), int(after.looks).into()];
                    self.visited.push(backend.statement(POSTPONE, values));
                }
                Some(_) => {}
            }
        }
    }

    pub(super) fn add_parked(&mut self, receipt: Uuid, occurrence: &Occurrence, draft: &Draft, after: &World) {
        let Some(parked) = after.parked.get(&receipt) else { return };
        let Parked { generator, awaits, fingerprint, arrived_at, due_at, expires_at, looks } = parked;
        let call = draft.call.clone().unwrap_or_default();
        let (claim, small) = (&occurrence.claim, |number: Option<u32>| number.map(int));
        self.parked.push(parked::Model {
            id: receipt,
            generator: generator.as_str().to_owned(),
            awaits: awaits.as_str().to_owned(),
            named: matches!(awaits, Awaited::Named(_)),
            fingerprint: fingerprint.map(|fingerprint| fingerprint.0.to_vec()),
            token_attempt: small(claim.token),
            query_attempt: small(claim.query),
            may_adopt: claim.may_adopt,
            query: serde_json::to_string(&call.query).unwrap_or_default(),
            signed: call.signed,
            arrived_at: arrived_at.micros(),
            due_at: due_at.micros(),
            expires_at: expires_at.micros(),
            looks: int(*looks),
        });
    }

    /// The receipt of a callback that was parked tells from now on what became of it.
    pub(super) fn rewrite(&mut self, backend: Backend, row: &receipt::Model) {
        if row.payload.is_none() {
            self.orphans.push(row.id);
        }
        let values: [Value; 9] = [
            row.id.into(),
            row.task_id.clone().into(),
            row.attempt.into(),
            row.sequence.into(),
            row.previous.into(),
            row.event.clone().into(),
            row.outcome.clone().into(),
            row.reason.clone().into(),
            row.payload.into(),
        ];
        self.visited.push(backend.statement(REWRITE, values));
    }
}
