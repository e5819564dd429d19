//! Turns the difference that a batch made into rows, a statement a table.

use bytes::Bytes;
use sea_orm::{ConnectionTrait, DatabaseTransaction, Statement};
use serde::Serialize;
use uuid::Uuid;

use super::backend::{self, Backend};
use super::commit::{Draft, Entry, Papers};
use super::entity::{attempt, bigint, duration_micros, fingerprint, idempotency, int, receipt, task};
use super::error::StoreError;
use crate::domain::event::{Found, Occurrence, Outcome};
use crate::domain::plan::{Answer, Command, Item, Recorded, World};
use crate::domain::task::{State, Task};
use crate::domain::time::Timestamp;

/// Everything that a planned batch wants to be written.
pub(super) struct Changes {
    now: Timestamp,
    created: Vec<task::Model>,
    changed: Vec<task::Model>,
    attempts: Vec<attempt::Model>,
    receipts: Vec<receipt::Model>,
    spilled: Vec<fingerprint::Model>,
    idempotent: Vec<idempotency::Model>,
    payload_ids: Vec<Uuid>,
    payloads: Vec<Vec<u8>>,
    /// Payloads that nothing points to any more.
    orphans: Vec<Uuid>,
    /// The newest receipts of erased tasks.
    erased: Vec<Uuid>,
}

impl Changes {
    pub(super) fn between(before: &World, after: &World, entries: &[Entry], answers: &[Answer], now: Timestamp) -> Self {
        let mut changes = Self::none(now);
        for (id, task) in &after.tasks {
            changes.add_task(before.tasks.get(id), task);
        }
        let spilled = after.spilled.difference(&before.spilled);
        changes.spilled = spilled.map(|(task, seen)| fingerprint::Model::of(task, seen)).collect();
        let remembered = after.idempotent.iter().filter(|(key, _)| !before.idempotent.contains_key(key));
        changes.idempotent = remembered.map(|(key, remembered)| idempotency::Model::of(key, remembered, now)).collect();
        for (entry, answer) in entries.iter().zip(answers) {
            changes.add_papers(entry, answer, after);
        }
        changes
    }

    const fn none(now: Timestamp) -> Self {
        Self {
            now,
            created: Vec::new(),
            changed: Vec::new(),
            attempts: Vec::new(),
            receipts: Vec::new(),
            spilled: Vec::new(),
            idempotent: Vec::new(),
            payload_ids: Vec::new(),
            payloads: Vec::new(),
            orphans: Vec::new(),
            erased: Vec::new(),
        }
    }

    fn add_task(&mut self, before: Option<&Task>, after: &Task) {
        match before {
            None => self.created.push(task::Model::of(after)),
            Some(before) if before != after => {
                self.changed.push(task::Model::of(after));
                self.add_orphans(before, after);
            }
            Some(_) => return,
        }
        let known = before.map_or(&[][..], |before| before.attempts.as_slice());
        let changed = after.attempts.iter().filter(|attempt| !known.contains(attempt));
        self.attempts.extend(changed.map(|attempt| attempt::Model::of(&after.id, &after.generator, attempt)));
    }

    fn add_orphans(&mut self, before: &Task, after: &Task) {
        let (old, new) = (before.documents, after.documents);
        let replaced = [(old.input, new.input), (old.params, new.params), (old.metadata, new.metadata)];
        self.orphans.extend(replaced.into_iter().filter(|(old, new)| old != new).filter_map(|(old, _)| old));
        if before.erased_at.is_none() && after.erased_at.is_some() {
            self.erased.extend(after.last_receipt);
            if let State::Completed { result, .. } = &after.state {
                self.orphans.push(result.payload);
            }
        }
    }

    fn add_papers(&mut self, entry: &Entry, answer: &Answer, after: &World) {
        match (&entry.item.command, answer, &entry.papers) {
            (Command::Create(new), Answer::Created, Papers::Documents { input, params, metadata }) => {
                let documents = new.documents;
                for (id, text) in [(documents.input, input), (documents.params, params), (documents.metadata, metadata)] {
                    self.add_payload(id, text.as_ref().map(|text| text.to_vec()));
                }
            }
            (Command::Patch(patch), Answer::Patched, Papers::Documents { metadata, .. }) => {
                self.add_payload(patch.metadata, metadata.as_ref().map(|text| text.to_vec()));
            }
            (Command::Occur { result_payload, occurrence, .. }, Answer::Recorded(recorded), Papers::Receipt(draft)) => {
                let erased = after.tasks.get(&entry.item.task).is_some_and(|task| task.erased_at.is_some());
                let body = draft.body.as_ref().filter(|_| recorded.outcome != Outcome::Duplicate && !erased);
                self.receipts.push(self.receipt(&entry.item, occurrence, recorded, draft));
                self.add_body(body, recorded.receipt, draft, *result_payload);
            }
            _ => {}
        }
    }

    fn add_payload(&mut self, id: Option<Uuid>, bytes: Option<Vec<u8>>) {
        if let (Some(id), Some(bytes)) = (id, bytes) {
            self.payload_ids.push(id);
            self.payloads.push(bytes);
        }
    }

    /// A duplicate's body is the first one's, by the very meaning of the word, and an erased task's is not wanted.
    fn add_body(&mut self, body: Option<&Bytes>, id: Uuid, draft: &Draft, result_payload: Uuid) {
        let Some(body) = body else { return };
        if let Some(receipt) = self.receipts.last_mut() {
            receipt.payload = Some(id);
        }
        self.add_payload(Some(id), Some(body.to_vec()));
        if let Some(Found::Rewritten(text)) = &draft.result {
            self.add_payload(Some(result_payload), Some(text.as_bytes().to_vec()));
        }
    }

    fn receipt(&self, item: &Item, occurrence: &Occurrence, recorded: &Recorded, draft: &Draft) -> receipt::Model {
        receipt::Model {
            id: recorded.receipt,
            task_id: Some(item.task.as_str().to_owned()),
            generator: draft.generator.as_str().to_owned(),
            attempt: Some(int(recorded.attempt)),
            sequence: bigint(recorded.sequence),
            previous: recorded.previous,
            source: occurrence.source.as_str().to_owned(),
            event: occurrence.event.name().to_owned(),
            outcome: recorded.outcome.as_str().to_owned(),
            reason: recorded.outcome.reason().map(|reason| reason.as_str().to_owned()),
            received_at: draft.received_at.micros(),
            duration_us: duration_micros(self.now.since(draft.received_at)),
            headers: draft.headers.clone(),
            payload: None,
        }
    }

    pub(super) async fn write(self, backend: Backend, transaction: &DatabaseTransaction) -> Result<(), StoreError> {
        let mut statements = Vec::with_capacity(8);
        add(&mut statements, &self.created, |rows| backend.insert(&task::TABLE, rows))?;
        add(&mut statements, &self.changed, |rows| backend.upsert(&task::TABLE, rows))?;
        add(&mut statements, &self.attempts, |rows| backend.upsert(&attempt::TABLE, rows))?;
        add(&mut statements, &self.receipts, |rows| backend.insert(&receipt::TABLE, rows))?;
        add(&mut statements, &self.spilled, |rows| backend.upsert(&fingerprint::TABLE, rows))?;
        add(&mut statements, &self.idempotent, |rows| backend.insert(&idempotency::TABLE, rows))?;
        add(&mut statements, &self.orphans, |ids| backend.statement(backend.texts().delete_payloads, [ids.into()]))?;
        for newest in &self.erased {
            for text in [backend.texts().erase_bodies, backend.texts().erase_receipts] {
                statements.push(backend.statement(text, [(*newest).into()]));
            }
        }
        for statement in statements {
            transaction.execute_raw(statement).await.map_err(backend::error)?;
        }
        if !self.payload_ids.is_empty() {
            let inserted = backend.insert_payloads(transaction, self.payload_ids, self.payloads).await;
            inserted.map_err(backend::error)?;
        }
        Ok(())
    }
}

fn add<R: Serialize>(
    statements: &mut Vec<Statement>,
    rows: &[R],
    text: impl FnOnce(String) -> Statement,
) -> Result<(), StoreError> {
    if !rows.is_empty() {
        statements.push(text(json(rows)?));
    }
    Ok(())
}

/// # Errors
/// Never for rows: they have text keys and finite numbers.
pub(super) fn json(rows: &(impl Serialize + ?Sized)) -> Result<String, StoreError> {
    serde_json::to_string(rows).map_err(|error| StoreError::Statement(sea_orm::DbErr::Json(error.to_string())))
}
