//! One transaction: load (locked, ordered by id), plan, write.

use bytes::Bytes;
use sea_orm::{QueryResult, Statement};
use uuid::Uuid;

use super::backend::Writing;
use super::error::StoreError;
use super::transaction::repeated;
use super::write::Changes;
use super::{ParkedCallback, Registration, Store};
use crate::domain::custom::Custom;
use crate::domain::event::{Event, Found, Occurrence};
use crate::domain::fingerprint::Fingerprint;
use crate::domain::news::Audience;
use crate::domain::parked::{Reread, Visit};
use crate::domain::plan::{Answer, Command, Item, Places, plan};
use crate::domain::task::{GeneratorName, TaskId};
use crate::domain::time::Timestamp;
use crate::domain::trace::TraceParent;

/// An item, and what is to be filed with it.
#[derive(Clone, Debug)]
pub struct Entry {
    pub item: Item,
    pub papers: Papers,
}

#[derive(Clone, Debug)]
pub enum Papers {
    None,
    /// JSON texts of a task, stored under the ids that the item names.
    Documents {
        input: Option<Bytes>,
        params: Option<Bytes>,
        metadata: Option<Bytes>,
        /// The task's own webhook.
        webhook: Option<Box<Registration>>,
    },
    /// The JSON text of a content.
    Document(Bytes),
    /// JSON texts of a custom event: what it tells, and what its publisher has added.
    Announcement {
        data: Bytes,
        remarks: Option<Bytes>,
    },
    Receipt(Box<Draft>),
}

/// A receipt as far as it is known before the event met its task.
#[derive(Clone, Debug)]
pub struct Draft {
    pub generator: GeneratorName,
    pub received_at: Timestamp,
    /// A JSON object: names to values, secrets masked.
    pub headers: String,
    pub body: Option<Bytes>,
    /// Where the result was found, if there is one.
    pub result: Option<Found>,
    /// Of a callback that may have to be read again.
    pub call: Option<Call>,
    /// The name of whose key it came with, if an operator wished it.
    pub operator: Option<String>,
    /// Whose trace the news is a part of.
    pub trace: Option<TraceParent>,
}

/// What else of a callback has to be kept for reading it again.
#[derive(Clone, Debug, Default)]
pub struct Call {
    /// Without the token.
    pub query: Vec<(String, String)>,
    /// Whether a signature proved it.
    pub signed: bool,
}

/// Where an event's news comes from.
#[derive(Clone, Debug)]
pub struct Origin {
    pub generator: GeneratorName,
    pub received_at: Timestamp,
    /// A JSON object: names to values, secrets masked.
    pub headers: String,
    pub body: Option<Bytes>,
    /// Of a callback.
    pub call: Option<Call>,
    /// The name of whose key it came with, if an operator wished it.
    pub operator: Option<String>,
    /// Whose trace it is a part of.
    pub trace: Option<TraceParent>,
}

impl Origin {
    /// News that no request brought.
    #[must_use]
    pub fn without_headers(generator: GeneratorName, received_at: Timestamp, body: Option<Bytes>) -> Self {
        Self { generator, received_at, headers: "{}".to_owned(), body, call: None, operator: None, trace: None }
    }

    /// What the operator of that name wishes.
    #[must_use]
    pub fn of_operator(generator: GeneratorName, received_at: Timestamp, name: &str) -> Self {
        Self { operator: Some(name.to_owned()), ..Self::without_headers(generator, received_at, None) }
    }

    fn draft(self, result: Option<Found>) -> Papers {
        let Self { generator, received_at, headers, body, call, operator, trace } = self;
        Papers::Receipt(Box::new(Draft { generator, received_at, headers, body, result, call, operator, trace }))
    }
}

impl Entry {
    /// An event, and the receipt that will tell of it. A result is a span of the body, or, where it had to be mended, a
    /// text of its own. No task: the event names it.
    #[must_use]
    pub fn of_event(task: Option<TaskId>, at: Timestamp, occurrence: Occurrence, origin: Origin) -> Self {
        let result = result(&occurrence);
        let bare = is_bare(&occurrence, origin.body.as_deref());
        let places = Places { bare, ..places(Uuid::now_v7(), result.as_ref()) };
        let command = Command::Occur { places, occurrence: Box::new(occurrence) };
        Self { item: Item { task, at, command }, papers: origin.draft(result) }
    }

    /// A custom event that a callback told, on a task's path or not.
    #[must_use]
    pub fn of_custom(task: Option<TaskId>, at: Timestamp, told: Told, origin: Origin) -> Self {
        let receipt = Uuid::now_v7();
        let command = Command::Publish { receipt, custom: Box::new(told.custom(receipt)) };
        Self { item: Item { task, at, command }, papers: origin.draft(None) }
    }

    /// Another look at a parked callback, whose bytes are stored, and may be needed.
    #[must_use]
    pub fn of_visit(parked: &ParkedCallback, at: Timestamp, reread: Again, body: Option<Bytes>) -> Self {
        let receipt = parked.receipt;
        let result = if let Again::Event(occurrence) = &reread { result(occurrence) } else { None };
        let bare = matches!(&reread, Again::Event(occurrence) if is_bare(occurrence, body.as_deref()));
        let places = Places { bare, ..places(receipt, result.as_ref()) };
        let reread = match reread {
            Again::Event(occurrence) => Reread::Event(occurrence),
            Again::Custom(told) => Reread::Custom(Box::new(told.custom(receipt))),
            Again::Unreadable => Reread::Unreadable,
        };
        let command = Command::Visit { places, visit: Visit { reread, due_at: parked.due_at } };
        let origin = Origin::without_headers(parked.generator.clone(), parked.received_at, body);
        let origin = Origin { trace: parked.trace(), ..origin };
        Self { item: Item { task: parked.task().cloned(), at, command }, papers: origin.draft(result) }
    }

    /// The webhook that the entry brings.
    pub(super) fn webhook(&self) -> Option<&Registration> {
        match &self.papers {
            Papers::Documents { webhook, .. } => webhook.as_deref(),
            _ => None,
        }
    }

    /// The trace that it is a part of, and the receipt by which its news of a task is known.
    pub(super) fn traced(&self) -> Option<(Uuid, TraceParent)> {
        let Papers::Receipt(draft) = &self.papers else { return None };
        let (trace, (places, _)) = (draft.trace?, self.item.command.happening()?);
        Some((places.receipt, trace))
    }

    /// Bytes that the entry brings into a transaction, roughly.
    #[must_use]
    pub fn weight(&self) -> usize {
        let length = |bytes: &Option<Bytes>| bytes.as_ref().map_or(0, Bytes::len);
        let papers = match &self.papers {
            Papers::None => 0,
            Papers::Documents { input, params, metadata, .. } => length(input) + length(params) + length(metadata),
            Papers::Document(text) => text.len(),
            Papers::Announcement { data, remarks } => data.len() + length(remarks),
            Papers::Receipt(draft) => length(&draft.body) + draft.headers.len(),
        };
        papers + 512
    }
}

/// A custom event before it has a place.
#[derive(Clone, Debug)]
pub struct Told {
    pub generator: GeneratorName,
    pub name: String,
    pub data: Found,
    pub fingerprint: Fingerprint,
}

/// What a parked callback is when it is read again.
#[derive(Clone, Debug)]
pub enum Again {
    Event(Box<Occurrence>),
    Custom(Told),
    Unreadable,
}

impl Told {
    fn custom(self, receipt: Uuid) -> Custom {
        let Self { generator, name, data, fingerprint } = self;
        Custom { generator, name, data_payload: place(Some(&data), receipt), data, fingerprint: Some(fingerprint) }
    }
}

fn result(occurrence: &Occurrence) -> Option<Found> {
    match &occurrence.event {
        Event::Completed(found) => found.clone(),
        _ => None,
    }
}

fn places(receipt: Uuid, result: Option<&Found>) -> Places {
    Places { receipt, result: place(result, receipt), document: Uuid::now_v7(), bare: false }
}

/// Whether it completes a task with nothing that could be published. Looked at before the transaction: results may be large.
fn is_bare(occurrence: &Occurrence, body: Option<&[u8]>) -> bool {
    let Some(recipe) = &occurrence.policy.content else { return false };
    let text = match &occurrence.event {
        Event::Completed(Some(Found::Rewritten(text))) => Some(&**text),
        Event::Completed(Some(Found::InBody(span))) => {
            body.and_then(|body| body.get(span.clone())).and_then(|text| std::str::from_utf8(text).ok())
        }
        _ => None,
    };
    text.is_some_and(|text| recipe.0.leaves_bare(text))
}

/// Where something that was found is stored: with the body, unless it had to be mended.
fn place(found: Option<&Found>, body: Uuid) -> Uuid {
    if matches!(found, Some(Found::Rewritten(_))) { Uuid::now_v7() } else { body }
}

/// What a transaction has written.
#[derive(Debug)]
pub struct Committed {
    pub answers: Vec<Answer>,
    /// How many deliveries were written.
    pub deliveries: usize,
}

impl Store {
    /// Plans and writes all entries in one synced transaction; the answers come in the entries' order. Nothing is written
    /// if it fails.
    ///
    /// # Errors
    /// [`StoreError::Outdated`] if the audience is not today's; else whatever the database says, where collisions with other
    /// replicas are repeated first.
    pub async fn commit(&self, entries: &[Entry], audience: &dyn Audience, now: Timestamp) -> Result<Committed, StoreError> {
        let items: Vec<Item> = entries.iter().map(|entry| entry.item.clone()).collect();
        repeated(|| self.commit_once(&items, entries, audience, now)).await
    }

    async fn commit_once(
        &self,
        items: &[Item],
        entries: &[Entry],
        audience: &dyn Audience,
        now: Timestamp,
    ) -> Result<Committed, StoreError> {
        let (transaction, known) = self.writers.begin_with(self.foreseen(items)?).await?;
        match self.plan_and_prepare(&transaction, known, items, entries, audience, now).await {
            Ok((committed, statements)) => {
                transaction.write_and_commit(statements).await?;
                Ok(committed)
            }
            Err(error) => {
                transaction.rollback().await;
                Err(error)
            }
        }
    }

    /// What is left to be written comes with it.
    async fn plan_and_prepare(
        &self,
        transaction: &Writing,
        known: Option<QueryResult>,
        items: &[Item],
        entries: &[Entry],
        audience: &dyn Audience,
        now: Timestamp,
    ) -> Result<(Committed, Vec<Statement>), StoreError> {
        let before = self.load_world(transaction, known, items, audience).await?;
        let mut after = before.clone();
        let answers = plan(&mut after, items);
        let post = self.post(transaction, (&before, &mut after), entries, audience).await?;
        let deliveries = post.deliveries();
        let mut changes = Changes::between(self.backend, (&before, &after), entries, &answers, post, now);
        changes.name_deliveries(&self.ids);
        let statements = changes.statements(self.backend, transaction).await?;
        Ok((Committed { answers, deliveries }, statements))
    }
}
