//! A journal on a desk: over a fresh database, with a worker that does nothing until it is told to; and entries for it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use callback_hub::clock::Clock;
use callback_hub::domain::event::{Claim, Event, Occurrence, Outcome, Report};
use callback_hub::domain::fingerprint::Fingerprint;
use callback_hub::domain::plan::{Answer, Command, Item, NewTask, Places, Recorded};
use callback_hub::domain::task::{Source, Status, Submitter};
use callback_hub::domain::time::Timestamp;
use callback_hub::journal::{Journal, Limits, Pending, RecordError, Worker};
use callback_hub::store::{Draft, Entry, Papers, Store};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::harness::database::{Database, Kind};
use crate::samples::{generator, new_task, policy, task_id};

pub(super) const NOW: Timestamp = Timestamp::from_secs(1_000);

/// A journal whose worker does nothing until it is told to.
pub(super) struct Desk {
    pub(super) database: Database,
    pub(super) store: Store,
    pub(super) journal: Journal,
    pub(super) worker: Option<Worker>,
}

impl Desk {
    pub(super) async fn open(kind: Kind, limits: Limits) -> Self {
        let database = Database::fresh(kind).await;
        callback_hub::store::migrate(&database.url).await.expect("the schema");
        let store = Store::connect(&database.url, 4).await.expect("the store");
        let (journal, mut workers) = Journal::new(&store, &Clock::manual(NOW), limits, 1);
        Self { database, store, journal, worker: workers.pop() }
    }

    pub(super) fn enqueue(&self, entries: Vec<Entry>) -> Vec<Pending> {
        entries.into_iter().map(|entry| self.journal.enqueue(entry).expect("there is room")).collect()
    }

    /// Writes all that is queued, as at the end of the service, and gives the answers.
    pub(super) async fn settle(&mut self, pending: Vec<Pending>) -> Vec<Result<Answer, RecordError>> {
        let shutdown = CancellationToken::new();
        shutdown.cancel();
        self.worker.take().expect("a journal is closed once").run(shutdown).await;
        let mut answers = Vec::with_capacity(pending.len());
        for pending in pending {
            answers.push(pending.wait().await);
        }
        answers
    }

    /// The same entries through a journal of their own, in one batch if it goes well.
    pub(super) async fn record(&mut self, entries: Vec<Entry>) -> Vec<Result<Answer, RecordError>> {
        let (journal, mut workers) = Journal::new(&self.store, &Clock::manual(NOW), Limits::default(), 1);
        (self.journal, self.worker) = (journal, workers.pop());
        let pending = self.enqueue(entries);
        self.settle(pending).await
    }

    pub(super) fn commits(&self) -> u64 {
        self.journal.figures().commits.load(Ordering::Relaxed)
    }

    pub(super) async fn status(&self, task: &str) -> Option<Status> {
        let task = self.store.task_state(&task_id(task)).await.expect("the database answers");
        task.map(|task| task.status())
    }
}

pub(super) fn create(task: &str) -> Entry {
    create_as(task, new_task(Submitter::OwnCode), Papers::None)
}

pub(super) fn create_as(task: &str, new: NewTask, papers: Papers) -> Entry {
    Entry { item: Item { task: Some(task_id(task)), at: NOW, command: Command::Create(Box::new(new)) }, papers }
}

/// A callback that can be told from others by `body`.
pub(super) fn callback(task: &str, event: Event, body: &str) -> Entry {
    let mut fingerprint = [0; 16];
    let bytes = body.as_bytes();
    let kept = bytes.len().min(16);
    fingerprint[..kept].copy_from_slice(&bytes[..kept]);
    callback_as(task, event, Some(Fingerprint(fingerprint)), Some(Bytes::copy_from_slice(bytes)))
}

pub(super) fn callback_as(task: &str, event: Event, fingerprint: Option<Fingerprint>, body: Option<Bytes>) -> Entry {
    let receipt = Uuid::now_v7();
    let result = match &event {
        Event::Completed(found) => found.clone(),
        _ => None,
    };
    let occurrence = Occurrence {
        event,
        source: Source::Callback,
        generator: Some(generator("default")),
        claim: Claim::default(),
        policy: Arc::new(policy()),
        fingerprint,
        replayed: false,
        generator_time: None,
        held: None,
    };
    let draft = Draft {
        generator: generator("default"),
        received_at: NOW,
        headers: "{}".to_owned(),
        body,
        result,
        call: None,
        operator: None,
        trace: None,
    };
    Entry {
        item: Item {
            task: Some(task_id(task)),
            at: NOW,
            command: Command::Occur { places: Places::of(receipt, Uuid::now_v7()), occurrence: Box::new(occurrence) },
        },
        papers: Papers::Receipt(Box::new(draft)),
    }
}

pub(super) fn progress(percent: f64, message: &str) -> Event {
    Event::Progress(Report { percent: Some(percent), stage: None, message: Some(message.to_owned()) })
}

pub(super) fn recorded(answer: &Result<Answer, RecordError>) -> &Recorded {
    let Ok(Answer::Recorded(recorded)) = answer else { panic!("not recorded: {answer:?}") };
    recorded
}

pub(super) fn outcomes(answers: &[Result<Answer, RecordError>]) -> Vec<Outcome> {
    answers.iter().map(|answer| recorded(answer).outcome).collect()
}
