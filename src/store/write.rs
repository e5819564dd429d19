//! Turns the difference that a batch made into rows, a statement a table.

use bytes::Bytes;
use sea_orm::{ConnectionTrait, DatabaseTransaction, Statement};
use serde::Serialize;
use uuid::Uuid;

use super::backend::{self, Backend};
use super::commit::{Draft, Entry, Papers};
use super::entity::{attempt, bigint, cancellation, duration_micros, fingerprint, idempotency, int, receipt, task};
use super::error::StoreError;
use crate::domain::event::{Found, Occurrence, Outcome};
use crate::domain::plan::{Answer, Command, Item, Recorded, World};
use crate::domain::task::{State, Task, TaskId};
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
    cancellations: Vec<cancellation::Model>,
    payload_ids: Vec<Uuid>,
    payloads: Vec<Vec<u8>>,
    /// Payloads that nothing points to any more.
    orphans: Vec<Uuid>,
    /// Erased tasks and their newest receipts.
    erased: Vec<(String, Option<Uuid>)>,
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
        changes.cancellations = cancellations(after, now);
        for (entry, answer) in entries.iter().zip(answers) {
            if let Some(task) = after.tasks.get(&entry.item.task) {
                changes.add_papers(entry, answer, task);
            }
        }
        changes
    }

    /// Of tasks that somebody has taken to act for them.
    pub(super) fn taken(pairs: &[(Task, Task)], now: Timestamp) -> Self {
        let mut changes = Self::none(now);
        for (before, after) in pairs {
            changes.add_task(Some(before), after);
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
            cancellations: Vec::new(),
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
            self.erased.push((after.id.as_str().to_owned(), after.last_receipt));
            if let State::Completed { result, .. } = &after.state {
                self.orphans.push(result.payload);
            }
        }
    }

    /// `task` is what the whole batch made of it: a text that it does not point to would stay for ever.
    fn add_papers(&mut self, entry: &Entry, answer: &Answer, task: &Task) {
        let (known, wanted) = (task.documents, |id: Option<Uuid>, known: Option<Uuid>| id.filter(|_| id == known));
        match (&entry.item.command, answer, &entry.papers) {
            (Command::Create(new), Answer::Created, Papers::Documents { input, params, metadata }) => {
                self.add_document(wanted(new.documents.input, known.input), input.as_ref());
                self.add_document(wanted(new.documents.params, known.params), params.as_ref());
                self.add_document(wanted(new.documents.metadata, known.metadata), metadata.as_ref());
            }
            (Command::Patch(patch), Answer::Patched, Papers::Documents { metadata, .. }) => {
                self.add_document(wanted(patch.metadata, known.metadata), metadata.as_ref());
            }
            (Command::Occur { result_payload, occurrence, .. }, Answer::Recorded(recorded), Papers::Receipt(draft)) => {
                self.receipts.push(self.receipt(&entry.item, occurrence, recorded, draft));
                // a duplicate's body is the first one's, by the very meaning of the word, and an erased task's is not wanted
                if recorded.outcome != Outcome::Duplicate && task.erased_at.is_none() {
                    self.add_body(recorded.receipt, draft);
                    self.add_mended_result(*result_payload, draft, task);
                }
            }
            _ => {}
        }
    }

    fn add_document(&mut self, id: Option<Uuid>, text: Option<&Bytes>) {
        self.add_payload(id, text.map(|text| text.to_vec()));
    }

    fn add_payload(&mut self, id: Option<Uuid>, bytes: Option<Vec<u8>>) {
        if let (Some(id), Some(bytes)) = (id, bytes) {
            self.payload_ids.push(id);
            self.payloads.push(bytes);
        }
    }

    fn add_body(&mut self, id: Uuid, draft: &Draft) {
        let Some(body) = &draft.body else { return };
        if let Some(receipt) = self.receipts.last_mut() {
            receipt.payload = Some(id);
        }
        self.add_document(Some(id), Some(body));
    }

    /// A result that had to be mended is a text of its own, unless another one was first.
    fn add_mended_result(&mut self, id: Uuid, draft: &Draft, task: &Task) {
        let Some(Found::Rewritten(text)) = &draft.result else { return };
        if matches!(&task.state, State::Completed { result, .. } if result.payload == id) {
            self.add_payload(Some(id), Some(text.as_bytes().to_vec()));
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
        let most = backend.message_bytes();
        let mut statements = Vec::with_capacity(8);
        add(&mut statements, &self.created, |rows| backend.insert(&task::TABLE, rows), most)?;
        add(&mut statements, &self.changed, |rows| backend.upsert(&task::TABLE, rows), most)?;
        add(&mut statements, &self.attempts, |rows| backend.upsert(&attempt::TABLE, rows), most)?;
        add(&mut statements, &self.receipts, |rows| backend.insert(&receipt::TABLE, rows), most)?;
        add(&mut statements, &self.spilled, |rows| backend.upsert(&fingerprint::TABLE, rows), most)?;
        add(&mut statements, &self.idempotent, |rows| backend.insert(&idempotency::TABLE, rows), most)?;
        add(&mut statements, &self.cancellations, |rows| backend.upsert(&cancellation::TABLE, rows), most)?;
        add(&mut statements, &self.orphans, |ids| backend.statement(backend.texts().delete_payloads, [ids.into()]), most)?;
        for (task, newest) in &self.erased {
            for text in [backend.texts().erase_bodies, backend.texts().erase_receipts] {
                statements.extend(newest.map(|newest| backend.statement(text, [newest.into()])));
            }
            statements.push(backend.statement(backend.texts().erase_rejections, [task.as_str().into()]));
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

/// Due at once.
fn cancellations(after: &World, now: Timestamp) -> Vec<cancellation::Model> {
    let row = |(task, number): &(TaskId, u32)| {
        let generator = after.tasks.get(task)?.generator.as_str().to_owned();
        let (task_id, number) = (task.as_str().to_owned(), int(*number));
        Some(cancellation::Model { task_id, number, generator, due_at: now.micros(), tries: 0 })
    };
    after.cancellations.iter().filter_map(row).collect()
}

fn add<R: Serialize>(
    statements: &mut Vec<Statement>,
    rows: &[R],
    text: impl Fn(String) -> Statement,
    most: usize,
) -> Result<(), StoreError> {
    statements.extend(arrays(rows, most)?.into_iter().map(text));
    Ok(())
}

/// Rows as JSON arrays of at most so many bytes, in their order; a larger row is alone in its array.
pub(super) fn arrays<R: Serialize>(rows: impl IntoIterator<Item = R>, most: usize) -> Result<Vec<String>, StoreError> {
    let mut arrays: Vec<String> = Vec::new();
    for row in rows {
        let row = json(&row)?;
        match arrays.last_mut().filter(|array| array.len() + row.len() <= most) {
            Some(array) => {
                array.push(',');
                array.push_str(&row);
            }
            None => arrays.push(format!("[{row}")),
        }
    }
    for array in &mut arrays {
        array.push(']');
    }
    Ok(arrays)
}

/// # Errors
/// Never for rows: they have text keys and finite numbers.
pub(super) fn json(rows: &(impl Serialize + ?Sized)) -> Result<String, StoreError> {
    serde_json::to_string(rows).map_err(|error| StoreError::Statement(sea_orm::DbErr::Json(error.to_string())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_keep_to_their_bytes_and_lose_nothing() {
        let words = ["aaaa", "bbbb", "cccccccccccccccccccccccccccccccc", "dddd", "eeee", "ffff"];
        let arrays = arrays(words, 16).unwrap();
        assert_eq!(
            arrays,
            [r#"["aaaa","bbbb"]"#, r#"["cccccccccccccccccccccccccccccccc"]"#, r#"["dddd","eeee"]"#, r#"["ffff"]"#]
        );
        assert!(super::arrays::<&str>([], 16).unwrap().is_empty());
    }
}
