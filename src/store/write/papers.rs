//! Receipts, bodies, documents and custom events: what is filed with the items of a batch.

use bytes::Bytes;
use uuid::Uuid;

use super::Changes;
use crate::domain::custom::Custom;
use crate::domain::event::{Found, Occurrence, Outcome};
use crate::domain::plan::{Answer, Command, Kept, Recorded, World};
use crate::domain::review::Act;
use crate::domain::task::{Source, State, Task};
use crate::store::backend::Backend;
use crate::store::commit::{Draft, Entry, Papers};
use crate::store::entity::{bigint, duration_micros, event, int, payload, receipt, webhook};

impl Changes {
    pub(super) fn add_papers(&mut self, backend: Backend, entry: &Entry, answer: &Answer, after: &World) {
        match (answer, &entry.papers) {
            (Answer::Created | Answer::Patched, papers) => self.add_documents(entry, papers, after),
            (Answer::Announced, Papers::Announcement { data, remarks }) => self.add_announcement(entry, data, remarks.as_ref()),
            (Answer::Reviewed, Papers::Document(text)) => self.add_edited(entry, text, after),
            (Answer::Recorded(recorded), Papers::Receipt(draft)) => {
                if let Some(task) = after.tasks.get(&recorded.task) {
                    self.add_recorded(backend, entry, recorded, draft, task);
                }
            }
            (Answer::Kept(kept), Papers::Receipt(draft)) => self.add_kept(backend, entry, kept, draft, after),
            _ => {}
        }
    }

    /// What the whole batch made of the task decides: a text that it does not point to would stay for ever.
    fn add_documents(&mut self, entry: &Entry, papers: &Papers, after: &World) {
        let Papers::Documents { input, params, metadata, webhook } = papers else { return };
        let Some(task) = entry.item.task.as_ref().and_then(|id| after.tasks.get(id)) else { return };
        let (known, wanted) = (task.documents, |id: Option<Uuid>, known: Option<Uuid>| id.filter(|_| id == known));
        match &entry.item.command {
            Command::Create(new) => {
                self.add_document(wanted(new.documents.input, known.input), input.as_ref());
                self.add_document(wanted(new.documents.params, known.params), params.as_ref());
                self.add_document(wanted(new.documents.metadata, known.metadata), metadata.as_ref());
                let own = webhook.as_ref().filter(|own| Some(own.webhook.id) == task.webhook);
                self.webhooks.extend(own.map(|own| webhook::Model::of(&own.webhook, own.credentials.clone())));
            }
            Command::Patch(patch) => self.add_document(wanted(patch.metadata, known.metadata), metadata.as_ref()),
            _ => {}
        }
    }

    fn add_recorded(&mut self, backend: Backend, entry: &Entry, recorded: &Recorded, draft: &Draft, task: &Task) {
        let is_erased = task.erased_at.is_some();
        let row = |occurrence: &Occurrence| {
            let row = receipt::Model {
                task_id: Some(recorded.task.as_str().to_owned()),
                attempt: Some(int(recorded.attempt)),
                sequence: bigint(recorded.sequence),
                previous: recorded.previous,
                ..self.receipt(recorded.receipt, occurrence.source, occurrence.event.name(), recorded.outcome, draft)
            };
            if is_erased { receipt::Model { headers: "{}".to_owned(), ..row } } else { row }
        };
        // a duplicate's body is the first one's, by the very meaning of the word, and an erased task's is not wanted
        let wanted = recorded.outcome != Outcome::Duplicate && !is_erased;
        let result = match &entry.item.command {
            Command::Occur { places, occurrence } => {
                let row = row(occurrence);
                self.receipts.push(row);
                if wanted {
                    self.add_body(recorded.receipt, draft);
                }
                places.result
            }
            Command::Visit { places, .. } => {
                let Some(occurrence) = entry.item.command.occurrence() else { return };
                let row = receipt::Model { payload: Some(recorded.receipt).filter(|_| wanted), ..row(occurrence) };
                self.rewrite(backend, &row);
                places.result
            }
            _ => return,
        };
        if wanted {
            self.add_mended_result(result, draft, task);
        }
    }

    fn add_kept(&mut self, backend: Backend, entry: &Entry, kept: &Kept, draft: &Draft, after: &World) {
        let command = &entry.item.command;
        let name = command.occurrence().map(|occurrence| occurrence.event.name());
        let name = name.or(command.custom().map(|custom| custom.name.as_str()));
        let row = self.receipt(kept.receipt, Source::Callback, name.unwrap_or_default(), kept.outcome, draft);
        let wanted = kept.outcome != Outcome::Duplicate;
        if let Command::Visit { .. } = command {
            self.rewrite(backend, &receipt::Model { payload: Some(kept.receipt).filter(|_| wanted), ..row });
        } else {
            self.receipts.push(row);
            if wanted {
                self.add_body(kept.receipt, draft);
            }
        }
        match (kept.outcome, command) {
            (Outcome::Event, _) => {
                if let Some(custom) = command.custom() {
                    self.add_event(entry, kept, custom, draft);
                }
            }
            (Outcome::Parked, Command::Occur { occurrence, .. }) => self.add_parked(kept.receipt, occurrence, draft, after),
            _ => {}
        }
    }

    fn add_event(&mut self, entry: &Entry, kept: &Kept, custom: &Custom, draft: &Draft) {
        let span = match &custom.data {
            Found::InBody(span) => span.clone(),
            Found::Rewritten(text) => {
                self.add_payload(Some(custom.data_payload), Some(text.as_bytes().to_vec()));
                0..text.len()
            }
        };
        self.events.push(event::Model {
            id: kept.receipt,
            name: custom.name.clone(),
            generator: Some(custom.generator.as_str().to_owned()),
            task_id: kept.told_about.as_ref().map(|task| task.as_str().to_owned()),
            data: Some(custom.data_payload),
            data_start: bigint(span.start),
            data_end: bigint(span.end),
            metadata: None,
            at: entry.item.at.micros(),
            fingerprint: custom.fingerprint.map(|fingerprint| fingerprint.0.to_vec()),
            letter: self.letters.get(&kept.receipt).map(|(letter, _)| *letter),
            sequence: self.letters.get(&kept.receipt).map_or(0, |(_, sequence)| bigint(*sequence)),
            traceparent: draft.trace.map(|trace| trace.to_string()),
        });
    }

    fn add_announcement(&mut self, entry: &Entry, data: &Bytes, remarks: Option<&Bytes>) {
        let Command::Announce(announcement) = &entry.item.command else { return };
        let letter = self.letters.get(&announcement.id);
        self.events.push(event::Model {
            id: announcement.id,
            name: announcement.name.clone(),
            generator: None,
            task_id: entry.item.task.as_ref().map(|task| task.as_str().to_owned()),
            data: Some(announcement.id),
            data_start: 0,
            data_end: bigint(data.len()),
            metadata: announcement.remarks,
            at: entry.item.at.micros(),
            fingerprint: None,
            letter: letter.map(|(letter, _)| *letter),
            sequence: letter.map_or(0, |(_, sequence)| bigint(*sequence)),
            traceparent: None,
        });
        self.add_document(Some(announcement.id), Some(data));
        self.add_document(announcement.remarks, remarks);
    }

    /// An edit that another one of the same batch has overtaken would stay for ever.
    fn add_edited(&mut self, entry: &Entry, text: &Bytes, after: &World) {
        let Command::Review(Act::Edit { document, .. }) = &entry.item.command else { return };
        let content = entry.item.task.as_ref().and_then(|task| after.contents.get(task));
        if content.is_some_and(|content| content.document == *document) {
            self.add_document(Some(*document), Some(text));
        }
    }

    fn add_document(&mut self, id: Option<Uuid>, text: Option<&Bytes>) {
        self.add_payload(id, text.map(|text| text.to_vec()));
    }

    pub(super) fn add_payload(&mut self, id: Option<Uuid>, bytes: Option<Vec<u8>>) {
        if let (Some(id), Some(bytes)) = (id, bytes) {
            self.payloads.push(payload::Model { id, bytes });
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

    /// Of no task, and without a body.
    fn receipt(&self, id: Uuid, source: Source, event: &str, outcome: Outcome, draft: &Draft) -> receipt::Model {
        receipt::Model {
            id,
            task_id: None,
            generator: draft.generator.as_str().to_owned(),
            attempt: None,
            sequence: 0,
            previous: None,
            source: source.as_str().to_owned(),
            event: event.to_owned(),
            outcome: outcome.as_str().to_owned(),
            reason: outcome.reason().map(|reason| reason.as_str().to_owned()),
            received_at: draft.received_at.micros(),
            duration_us: duration_micros(self.now.since(draft.received_at)),
            headers: draft.headers.clone(),
            payload: None,
            operator: draft.operator.clone(),
        }
    }
}
