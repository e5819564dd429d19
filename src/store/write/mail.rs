//! News becomes mail: for each that somebody wants to hear an event with its letter, and a delivery to each who does, in the
//! transaction that brought the news. What a completed result makes of a content is written here, too, for it is news.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use super::Changes;
use super::outlay::Outlay;
use super::shelf::Shelf;
use crate::domain::delivery::Status;
use crate::domain::news::{About, Addressed, Addressee, Audience, Mail, News, Occasion, OwnWebhook, Texts, Topic};
use crate::domain::plan::World;
use crate::domain::review::Document;
use crate::domain::task::{State, Task, TaskId};
use crate::domain::trace::TraceParent;
use crate::domain::webhook;
use crate::store::backend::Writing;
use crate::store::commit::Entry;
use crate::store::entity::{bigint, content, delivery, event, payload, webhook as row};
use crate::store::error::StoreError;
use crate::store::webhooks::readable;
use crate::store::{Store, WEBHOOK_DISABLED};

/// What a batch brings to webhooks and into the pool.
#[derive(Default)]
pub(in crate::store) struct Post {
    events: Vec<event::Model>,
    deliveries: Vec<delivery::Model>,
    /// Stored texts: letters and documents.
    texts: Vec<(Uuid, Vec<u8>)>,
    /// Of custom events, which have rows anyhow: the letter, and the number within the task's news.
    pub letters: HashMap<Uuid, (Uuid, u64)>,
    contents: Vec<content::Model>,
    /// Tasks whose progress is not worth telling any more.
    pub outdated: Vec<String>,
}

impl Store {
    /// Addresses what happened in a batch. Tasks remember whether their last news was progress that somebody is told.
    ///
    /// # Errors
    /// [`StoreError::TooMuch`] if that is more than a transaction should bring; else whatever the database says.
    pub(in crate::store) async fn post(
        &self,
        transaction: &Writing,
        (before, after): (&World, &mut World),
        entries: &[Entry],
        audience: &dyn Audience,
    ) -> Result<Post, StoreError> {
        let (mut post, mut outlay) = (Post::default(), Outlay::of(entries));
        let news = std::mem::take(&mut after.news);
        let fresh: Vec<_> = after.contents.keys().filter(|task| !before.contents.contains_key(*task)).collect();
        if !news.is_empty() || !fresh.is_empty() {
            let own = self.own_webhooks(transaction, &news, entries).await?;
            let mut shelf = Shelf::of(entries);
            let mut wanted = wanted(&news, audience, &own);
            wanted.extend(fresh.iter().filter_map(|id| after.tasks.get(id)).flat_map(ingredients));
            self.fetch(transaction, &mut shelf, wanted, &outlay).await?;
            post.make_documents(&mut shelf, before, after, entries);
            outlay.add(post.texts.iter().map(|(_, text)| text.len()).sum(), 0, 0)?;
            let traces: HashMap<Uuid, TraceParent> = entries.iter().filter_map(Entry::traced).collect();
            for news in news.iter().filter(|news| !is_erased(news, before, after)) {
                let Addressed { mail, steps } = addressed(news, &shelf, audience, own_of(news, &own));
                outlay.add(0, 0, steps)?;
                if let Some(mail) = mail {
                    outlay.add(mail.letter.len(), mail.addressees.len(), 0)?;
                    post.send(news, mail, news.papers.and_then(|papers| traces.get(&papers)));
                }
            }
        }
        post.contents = after
            .contents
            .iter()
            .filter(|(id, content)| before.contents.get(*id) != Some(content))
            .map(|(_, content)| content::Model::of(content))
            .collect();
        post.supersede(before, after);
        Ok(post)
    }

    /// The webhooks of their own that the tasks in the news have.
    async fn own_webhooks(
        &self,
        transaction: &Writing,
        news: &[News],
        entries: &[Entry],
    ) -> Result<HashMap<Uuid, OwnWebhook>, StoreError> {
        let ids: HashSet<Uuid> = news.iter().filter_map(|news| news.about.as_ref()?.task.webhook).collect();
        let brought = entries.iter().filter_map(Entry::webhook);
        let mut own: HashMap<Uuid, OwnWebhook> = brought.map(|own| (own.webhook.id, heard_by(&own.webhook))).collect();
        let missing: Vec<Uuid> = ids.into_iter().filter(|id| !own.contains_key(id)).collect();
        if !missing.is_empty() {
            let rows = self.read::<row::Model, _>(transaction, &self.backend.texts().webhooks, &missing).await?;
            own.extend(readable(rows).map(|found| (found.webhook.id, heard_by(&found.webhook))));
        }
        Ok(own)
    }

    async fn fetch(
        &self,
        transaction: &Writing,
        shelf: &mut Shelf<'_>,
        mut wanted: Vec<Uuid>,
        outlay: &Outlay,
    ) -> Result<(), StoreError> {
        wanted.sort_unstable();
        wanted.dedup();
        let missing: Vec<Uuid> = wanted.into_iter().filter(|id| !shelf.has(*id)).collect();
        if missing.len() > 1 {
            outlay.hold(self.payload_sizes(transaction, &missing).await?.into_values().sum())?;
        }
        if !missing.is_empty() {
            let rows = self.read::<payload::Model, _>(transaction, self.backend.texts().payloads, &missing);
            for row in rows.await? {
                shelf.add(row.id, row.bytes);
            }
        }
        Ok(())
    }
}

fn heard_by(webhook: &webhook::Webhook) -> OwnWebhook {
    OwnWebhook { id: webhook.id, lane: webhook.lane(), events: webhook.events.clone(), is_disabled: webhook.status.is_deaf() }
}

/// Of a task that was erased in this very batch: a letter about it would stay for ever.
fn is_erased(news: &News, before: &World, after: &World) -> bool {
    let erased = |world: &World| news.task().and_then(|id| world.tasks.get(id))?.erased_at;
    erased(before) != erased(after)
}

/// What there is of a task's own webhook.
fn own_of<'a>(news: &News, own: &'a HashMap<Uuid, OwnWebhook>) -> Option<&'a OwnWebhook> {
    own.get(&news.about.as_ref()?.task.webhook?)
}

/// Stored texts that letters are made of: of a content its document, of a task what it was given and what it has come to.
fn wanted(news: &[News], audience: &dyn Audience, own: &HashMap<Uuid, OwnWebhook>) -> Vec<Uuid> {
    let heard = news.iter().filter(|news| audience.may_want(&news.topic, own_of(news, own)));
    let texts = |news: &News| match (&news.topic, &news.about) {
        (Topic::Custom(_), _) | (_, None) => [None, None],
        (_, Some(About { content: Some(content), .. })) => [Some(content.document), None],
        (_, Some(About { task, .. })) => [task.documents.metadata, result_payload(&task.state)],
    };
    heard.flat_map(texts).flatten().collect()
}

/// What a new content is made of; a document that is new itself is not there, which does no harm.
fn ingredients(task: &Task) -> impl Iterator<Item = Uuid> {
    [task.documents.input, task.documents.metadata, result_payload(&task.state)].into_iter().flatten()
}

const fn result_payload(state: &State) -> Option<Uuid> {
    match state {
        State::Completed { result, .. } => Some(result.payload),
        _ => None,
    }
}

/// Who gets to hear it, and the letter.
fn addressed(news: &News, shelf: &Shelf, audience: &dyn Audience, own: Option<&OwnWebhook>) -> Addressed {
    let task = news.about.as_ref().map(|about| about.task.as_ref());
    let papers = news.papers.and_then(|id| shelf.announcement(id));
    let texts = Texts {
        result: task.and_then(|task| shelf.result(&task.state)),
        metadata: task.and_then(|task| shelf.text(task.documents.metadata?)),
        document: news.about.as_ref().and_then(|about| shelf.text(about.content.as_ref()?.document)),
        data: papers.and_then(|(data, _)| data),
        remarks: papers.and_then(|(_, remarks)| remarks),
    };
    audience.address(Occasion { news, texts }, own)
}

impl Post {
    pub(in crate::store) const fn deliveries(&self) -> usize {
        self.deliveries.len()
    }

    fn make_documents(&mut self, shelf: &mut Shelf, before: &World, after: &World, entries: &[Entry]) {
        for (id, content) in after.contents.iter().filter(|(id, _)| !before.contents.contains_key(*id)) {
            let recipe = entries.iter().find_map(|entry| {
                let (places, occurrence) = entry.item.command.happening()?;
                (places.receipt == content.id).then(|| occurrence.policy.content.clone()).flatten()
            });
            let Some(task) = after.tasks.get(id) else { continue };
            let text = |id: Option<Uuid>| id.and_then(|id| shelf.text(id));
            let made = recipe
                .zip(shelf.result(&task.state))
                .map(|(recipe, result)| recipe.0.make(result, text(task.documents.input), text(task.documents.metadata)));
            let document = serde_json::to_vec(&made.unwrap_or_default()).unwrap_or_else(|_| b"{}".to_vec());
            // an edit in the same batch has brought another one
            shelf.add(content.document, document.clone());
            self.texts.push((content.document, document));
        }
    }

    fn send(&mut self, news: &News, mail: Mail, trace: Option<&TraceParent>) {
        let letter = Uuid::now_v7();
        self.texts.push((letter, mail.letter.into_bytes()));
        let sequence = news.about.as_ref().map_or(0, |about| about.sequence);
        let event = match (&news.topic, news.papers) {
            (Topic::Custom(_), Some(id)) => {
                self.letters.insert(id, (letter, sequence));
                id
            }
            _ => {
                let traceparent = trace.map(ToString::to_string);
                let row = event::Model { traceparent, ..event_row(news, letter, sequence) };
                let id = row.id;
                self.events.push(row);
                id
            }
        };
        let rows = mail.addressees.into_iter().map(|addressee| delivery_row(news, event, sequence, addressee));
        self.deliveries.extend(rows);
    }

    /// Progress that was not delivered yet gives way to what its task tells next.
    fn supersede(&mut self, before: &World, after: &mut World) {
        let mut newest: HashMap<&str, &delivery::Model> = HashMap::new();
        newest.extend(self.deliveries.iter().filter_map(|row| Some((row.task_id.as_deref()?, row))));
        for (id, task) in &mut after.tasks {
            let was = before.tasks.get(id);
            if was.map_or(0, |was| was.news) == task.news {
                continue;
            }
            if was.is_some_and(|was| was.progress_told) {
                self.outdated.push(id.as_str().to_owned());
            }
            let newest = newest.get(id.as_str());
            task.progress_told = newest.is_some_and(|row| row.sequence == bigint(task.news) && is_progress(row));
        }
        self.outdate_within(after);
    }

    /// The same among those that this batch itself has told.
    fn outdate_within(&mut self, after: &World) {
        for row in self.deliveries.iter_mut().filter(|row| is_progress(row) && row.due_at.is_some()) {
            let id = row.task_id.as_deref().and_then(|id| TaskId::parse(id).ok());
            let newest = id.and_then(|id| after.tasks.get(&id)).map_or(0, |task| task.news);
            if bigint(newest) > row.sequence {
                row.status = Status::Superseded.as_str().to_owned();
                row.due_at = None;
                row.settled_at = Some(row.created_at);
            }
        }
    }
}

fn is_progress(row: &delivery::Model) -> bool {
    row.topic == Topic::Progress.name()
}

fn event_row(news: &News, letter: Uuid, sequence: u64) -> event::Model {
    let task = news.about.as_ref().map(|about| &about.task);
    event::Model {
        id: Uuid::now_v7(),
        name: news.topic.name().to_owned(),
        generator: task.map(|task| task.generator.as_str().to_owned()),
        task_id: task.map(|task| task.id.as_str().to_owned()),
        data: None,
        data_start: 0,
        data_end: 0,
        metadata: None,
        at: news.at.micros(),
        fingerprint: None,
        letter: Some(letter),
        sequence: bigint(sequence),
        traceparent: None,
    }
}

fn delivery_row(news: &News, event: Uuid, sequence: u64, addressee: Addressee) -> delivery::Model {
    let Addressee { webhook, lane, is_disabled, note } = addressee;
    let at = news.at.micros();
    delivery::Model {
        // it is named when it is written
        id: Uuid::nil(),
        event,
        topic: news.topic.name().to_owned(),
        task_id: news.task().map(|task| task.as_str().to_owned()),
        sequence: bigint(sequence),
        webhook,
        lane,
        status: if is_disabled { Status::Dead } else { Status::Pending }.as_str().to_owned(),
        attempts: 0,
        due_at: Some(at).filter(|_| !is_disabled),
        lease: None,
        outdated: false,
        created_at: at,
        settled_at: Some(at).filter(|_| is_disabled),
        last_error: is_disabled.then(|| WEBHOOK_DISABLED.to_owned()),
        note,
        body: None,
        log: "[]".to_owned(),
    }
}

impl Changes {
    pub(super) fn add_post(&mut self, post: Post) {
        let Post { events, deliveries, texts, letters, outdated, contents } = post;
        self.letters = letters;
        self.events.extend(events);
        self.deliveries = deliveries;
        self.outdated = outdated;
        self.contents = contents;
        for (id, text) in texts {
            self.add_payload(Some(id), Some(text));
        }
    }
}

/// A document that cannot be read is an empty one.
pub(in crate::store) fn document(bytes: &[u8]) -> Document {
    serde_json::from_slice(bytes).unwrap_or_default()
}
