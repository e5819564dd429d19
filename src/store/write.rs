//! Turns the difference that a batch made into rows, a statement a table.

use std::collections::HashMap;

use sea_orm::{ConnectionTrait, Statement};
use serde::Serialize;
use uuid::Uuid;

use super::backend::Writing;
use super::backend::{self, Backend};
use super::commit::Entry;
use super::deliveries::Counts;
use super::entity::{
    attempt, cancellation, content, delivery, event, fingerprint, idempotency, ignored, int, parked, payload, receipt, task,
    webhook,
};
use super::error::StoreError;
use super::ids::Ids;
use crate::domain::delivery::Status;
use crate::domain::figure::Figure;
use crate::domain::plan::{Answer, World};
use crate::domain::task::{State, Task, TaskId};
use crate::domain::time::Timestamp;

mod mail;
mod outlay;
mod papers;
mod shelf;
mod waiting;

pub(super) use mail::{Post, document};

/// Everything that a planned batch wants to be written.
pub(super) struct Changes {
    now: Timestamp,
    created: Vec<task::Model>,
    /// By the least of the table's updates that says it.
    changed: [Vec<task::Model>; task::UPDATES],
    attempts: Vec<attempt::Model>,
    receipts: Vec<receipt::Model>,
    spilled: Vec<fingerprint::Model>,
    idempotent: Vec<idempotency::Model>,
    cancellations: Vec<cancellation::Model>,
    events: Vec<event::Model>,
    ignored: Vec<ignored::Model>,
    /// Of custom events: their letters, and their numbers within their tasks' news.
    letters: HashMap<Uuid, (Uuid, u64)>,
    webhooks: Vec<webhook::Model>,
    deliveries: Vec<delivery::Model>,
    /// Tasks whose progress is not worth telling any more.
    outdated: Vec<String>,
    contents: Vec<content::Model>,
    parked: Vec<parked::Model>,
    /// What becomes of callbacks that were parked before, and of their receipts.
    visited: Vec<Statement>,
    woken: Vec<waiting::Woken>,
    payloads: Vec<payload::Model>,
    /// Payloads that nothing points to any more.
    orphans: Vec<Uuid>,
    /// Erased tasks and their newest receipts.
    erased: Vec<(String, Option<Uuid>)>,
}

impl Changes {
    pub(super) fn between(
        backend: Backend,
        (before, after): (&World, &World),
        entries: &[Entry],
        answers: &[Answer],
        post: Post,
        now: Timestamp,
    ) -> Self {
        let mut changes = Self::none(now);
        changes.add_post(post);
        for (id, task) in &after.tasks {
            changes.add_task(before.tasks.get(id), task);
        }
        let spilled = after.spilled.difference(&before.spilled);
        changes.spilled = spilled.map(|(task, seen)| fingerprint::Model::of(task, seen)).collect();
        let remembered = after.idempotent.iter().filter(|(key, _)| !before.idempotent.contains_key(key));
        changes.idempotent = remembered.map(|(key, remembered)| idempotency::Model::of(key, remembered, now)).collect();
        // whoever writes the same ones at the same time waits for the first of them
        changes.idempotent.sort_unstable_by(|a, b| (&a.owner, &a.idempotency_key).cmp(&(&b.owner, &b.idempotency_key)));
        changes.cancellations = cancellations(after, now);
        changes.ignored = after.ignored.difference(&before.ignored).map(|ignored| ignored::Model::of(ignored, now)).collect();
        for (entry, answer) in entries.iter().zip(answers) {
            changes.add_papers(backend, entry, answer, after);
        }
        changes.add_waiting(backend, before, after);
        let edited =
            before.contents.values().filter(|was| after.contents.get(&was.task).is_some_and(|is| is.document != was.document));
        changes.orphans.extend(edited.map(|was| was.document));
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

    fn none(now: Timestamp) -> Self {
        Self {
            now,
            created: Vec::new(),
            changed: Default::default(),
            attempts: Vec::new(),
            receipts: Vec::new(),
            spilled: Vec::new(),
            idempotent: Vec::new(),
            cancellations: Vec::new(),
            events: Vec::new(),
            ignored: Vec::new(),
            letters: HashMap::new(),
            webhooks: Vec::new(),
            deliveries: Vec::new(),
            outdated: Vec::new(),
            contents: Vec::new(),
            parked: Vec::new(),
            visited: Vec::new(),
            woken: Vec::new(),
            payloads: Vec::new(),
            orphans: Vec::new(),
            erased: Vec::new(),
        }
    }

    /// A delivery's id tells when it was made.
    pub(super) fn name_deliveries(&mut self, ids: &Ids) {
        for row in &mut self.deliveries {
            row.id = ids.made_at(Timestamp::from_micros(row.created_at));
        }
    }

    fn add_task(&mut self, before: Option<&Task>, after: &Task) {
        match before {
            None => self.created.push(task::Model::of(after)),
            Some(before) if before != after => {
                let row = task::Model::of(after);
                self.changed[row.least_update(task::Model::of(before))].push(row);
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
        if before.erased_at != after.erased_at {
            self.erased.push((after.id.as_str().to_owned(), after.last_receipt));
            if let State::Completed { result, .. } = &after.state {
                self.orphans.push(result.payload);
            }
            // retention may have taken the receipts that led there
            self.orphans.extend(after.attempts.iter().filter_map(|attempt| attempt.answer));
        }
    }

    pub(super) async fn write(self, backend: Backend, transaction: &Writing) -> Result<(), StoreError> {
        for statement in self.statements(backend, transaction).await? {
            transaction.execute_raw(statement).await.map_err(backend::error)?;
        }
        Ok(())
    }

    /// What is left to be written, in this order.
    pub(super) async fn statements(self, backend: Backend, transaction: &Writing) -> Result<Vec<Statement>, StoreError> {
        let most = backend.message_bytes();
        let mut counts = self.counts();
        // before there is anything newer
        self.outdate(backend, transaction, &mut counts).await?;
        let mut statements = Vec::with_capacity(16);
        statements.extend(backend.insert(&task::TABLE, self.created));
        for (update, rows) in self.changed.into_iter().enumerate() {
            statements.extend(backend.update_by(&task::TABLE, update, rows));
        }
        statements.extend(backend.upsert(&attempt::TABLE, self.attempts));
        statements.extend(backend.insert(&receipt::TABLE, self.receipts));
        statements.extend(backend.upsert(&fingerprint::TABLE, self.spilled));
        statements.extend(backend.insert(&idempotency::TABLE, self.idempotent));
        statements.extend(backend.upsert(&cancellation::TABLE, self.cancellations));
        statements.extend(backend.insert(&event::TABLE, self.events));
        statements.extend(backend.insert(&ignored::TABLE, self.ignored));
        statements.extend(backend.insert(&webhook::TABLE, self.webhooks));
        statements.extend(backend.insert(&delivery::TABLE, self.deliveries));
        statements.extend(backend.upsert(&content::TABLE, self.contents));
        statements.extend(backend.insert(&parked::TABLE, self.parked));
        statements.extend(backend.insert(&payload::TABLE, self.payloads));
        statements.extend(self.visited);
        let wake = backend.texts().wake_parked;
        add(&mut statements, &self.woken, |ids| backend.statement(wake, [ids.into(), self.now.micros().into()]), most)?;
        add(&mut statements, &self.orphans, |ids| backend.statement(backend.texts().delete_payloads, [ids.into()]), most)?;
        // behind them: what else the batch has brought of an erased task goes, too
        for (task, newest) in &self.erased {
            for text in [backend.texts().erase_bodies, backend.texts().erase_receipts] {
                statements.extend(newest.map(|newest| backend.statement(text, [newest.into()])));
            }
            let (texts, task) = (backend.texts(), json(&[task])?);
            let texts = [&texts.erase_rejections].into_iter().chain(&texts.erase_events).chain(&texts.erase_relayed);
            statements.extend(texts.map(|text| backend.statement(text, [task.clone().into()])));
        }
        statements.extend(counts.statements(backend, self.now)?);
        Ok(statements)
    }

    /// Of deliveries that are settled from the start: nobody hears, or there is something newer.
    fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for row in &self.deliveries {
            if let Some(end) = Status::parse(&row.status).and_then(Figure::of) {
                counts.add(row.lane.clone(), end, 1);
            }
        }
        counts
    }

    /// Progress that is not worth telling any more gives way; what is being sent is only marked, and not over yet.
    async fn outdate(&self, backend: Backend, transaction: &Writing, counts: &mut Counts) -> Result<(), StoreError> {
        for ids in arrays(&self.outdated, backend.message_bytes())? {
            let statement = backend.statement(backend.texts().outdate, [ids.into(), self.now.micros().into()]);
            for row in transaction.query_all_raw(statement).await.map_err(backend::error)? {
                let status: String = row.try_get_by_index(1).map_err(backend::error)?;
                if status == Status::Superseded.as_str() {
                    counts.add(row.try_get_by_index(0).map_err(backend::error)?, Figure::Superseded, 1);
                }
            }
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
