//! The clients' histories against the database: invariants I1 to I3 and I7, and that nothing is there by half.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use serde_json::Value;
use uuid::Uuid;

use super::books::{Books, ReceiptRow, TaskRow};
use super::client::Client;
use super::history::{Creation, History};

/// More than these and a task's fingerprints no longer fit into its row.
const IN_ROW: usize = 16;

/// What a receipt says by the task's whole story.
struct Entry {
    task: String,
    /// `None` for duplicates, whose bodies are not kept.
    mark: Option<String>,
    outcome: String,
    /// The task's, after the receipt.
    status: String,
    sequence: i64,
}

/// Audits; sends again what was never acknowledged, and some of what was; audits again, now for the whole of it.
pub(super) async fn audit(history: History, url: &str, address: SocketAddr) {
    let before = Findings::of(&Books::read(url).await);
    finish(history, &before, url, address).await;
}

/// The same after a soft end: who got no answer was not even read.
pub(super) async fn audit_softly_ended(history: History, url: &str, address: SocketAddr) {
    let before = Findings::of(&Books::read(url).await);
    let silent = history.events.iter().filter(|(_, sent)| !sent.is_acknowledged());
    let taken: Vec<_> = silent.filter(|(mark, _)| before.marks.contains_key(*mark)).map(|(mark, _)| mark).collect();
    assert!(taken.is_empty(), "in the books, and nobody was told: {taken:?}");
    let silent = history.creations.iter().filter(|(_, creation)| creation.told.is_empty());
    let made: Vec<_> = silent.filter(|(mark, _)| before.created.contains_key(*mark)).map(|(mark, _)| mark).collect();
    assert!(made.is_empty(), "created, and nobody was told: {made:?}");
    finish(history, &before, url, address).await;
}

async fn finish(mut history: History, before: &Findings, url: &str, address: SocketAddr) {
    println!("{}", history.figures());
    before.compare(&history, false);
    let sent_again = send_again(&mut history, before, address).await;
    let after = Findings::of(&Books::read(url).await);
    after.compare(&history, true);
    println!("{} receipts of {} tasks; sent again: {sent_again}", after.receipts.len(), after.stories);
}

/// The books, after they were found to agree with themselves.
struct Findings {
    receipts: BTreeMap<Uuid, Entry>,
    /// The receipt of each mark that is no duplicate.
    marks: BTreeMap<String, Uuid>,
    /// Tasks by the mark of their creation.
    created: BTreeMap<String, Vec<String>>,
    keys: BTreeMap<String, String>,
    stories: usize,
}

impl Findings {
    /// # Panics
    /// If the books contradict themselves.
    fn of(books: &Books) -> Self {
        let created = BTreeMap::new();
        let (receipts, marks) = (BTreeMap::new(), BTreeMap::new());
        let mut findings = Self { receipts, marks, created, keys: books.keys.clone(), stories: books.tasks.len() };
        for (id, task) in &books.tasks {
            findings.tell(books, id, task);
            let input = task.input.map(|input| books.json(input)).unwrap_or_else(|| panic!("task {id} has lost its input"));
            let mark = input["mark"].as_str().expect("every input has a mark").to_owned();
            findings.created.entry(mark).or_default().push(id.clone());
        }
        nothing_is_there_by_half(books);
        findings
    }

    /// Folds a task's receipts by the contract's rules, and finds the row to be what comes of it.
    fn tell(&mut self, books: &Books, id: &str, task: &TaskRow) {
        let mut story = Story::default();
        let mut previous = None;
        let receipts = books.receipts.get(id).map_or(&[][..], Vec::as_slice);
        for (receipt, sequence) in receipts.iter().zip(1..) {
            assert_eq!(receipt.sequence, sequence, "{id}: sequences have no gap");
            assert_eq!(receipt.previous, previous, "{id}: receipt {sequence} is chained to the one before");
            previous = Some(receipt.id);
            let mark = story.read(id, receipt, receipt.payload.map(|payload| books.json(payload)));
            if let Some(mark) = &mark {
                let first = self.marks.insert(mark.clone(), receipt.id);
                assert_eq!(first, None, "{id}: {mark} counts once");
            }
            let (outcome, status) = (receipt.outcome.clone(), story.status.to_owned());
            self.receipts.insert(receipt.id, Entry { task: id.to_owned(), mark, outcome, status, sequence });
        }
        assert_eq!((task.receipts, task.last_receipt), (receipts.len() as i64, previous), "{id}: the row knows its receipts");
        assert_eq!((task.status.as_str(), task.percent), (story.status, story.percent), "{id}: the state is its receipts' fold");
        let result = task.result.map(|(payload, start, end)| serde_json::from_slice(&books.payloads[&payload][start..end]));
        let result: Option<Value> = result.transpose().expect("results are JSON");
        assert_eq!(result, story.result, "{id}: the result is what the generator sent");
        let counted = receipts.iter().filter(|receipt| receipt.outcome != "duplicate").count();
        let spilled = books.spilled.get(id).copied().unwrap_or_default();
        assert_eq!(spilled, counted.saturating_sub(IN_ROW), "{id}: every event is remembered");
    }

    /// # Panics
    /// If somebody was told what the books do not say; if `all`, also if something is not there at all.
    fn compare(&self, history: &History, all: bool) {
        for (mark, sent) in &history.events {
            let found = self.marks.get(mark).map(|id| &self.receipts[id]);
            assert!(found.is_some() || !(all || sent.is_acknowledged()), "{mark} of {} is lost: {:?}", sent.task, sent.answers);
            for told in sent.acknowledgements() {
                let id: Uuid = told.receipt.parse().expect("receipts' ids are UUIDs");
                let receipt = self.receipts.get(&id).unwrap_or_else(|| panic!("receipt {id} of {mark} is lost"));
                assert_eq!(receipt.task, sent.task, "receipt {id}");
                assert_eq!((&receipt.outcome, &receipt.status), (&told.outcome, &told.status), "receipt {id} of {mark}");
                match &receipt.mark {
                    Some(counted) => assert_eq!(counted, mark, "receipt {id}"),
                    None => assert!(found.is_some_and(|first| first.sequence < receipt.sequence), "{mark} was seen before"),
                }
            }
        }
        for (mark, creation) in &history.creations {
            self.compare_creation(mark, creation, all);
        }
        let unheard = self.marks.keys().find(|mark| !history.events.contains_key(*mark));
        assert_eq!(unheard, None, "nothing is there that nobody sent");
    }

    fn compare_creation(&self, mark: &str, creation: &Creation, all: bool) {
        let tasks = self.created.get(mark).map_or(&[][..], Vec::as_slice);
        assert!(tasks.len() <= 1, "creation {mark} made {tasks:?}");
        let expected = all || !creation.told.is_empty();
        assert!(!(expected && tasks.is_empty()), "creation {mark} is lost");
        assert!(creation.told.iter().all(|told| [told.clone()] == tasks), "creation {mark}: told {:?}", creation.told);
        let by_key = creation.key.as_ref().and_then(|key| self.keys.get(key));
        assert_eq!(by_key, creation.key.as_ref().and(tasks.first()), "creation {mark}: task and idempotency key come together");
    }
}

/// A task's story as the contract tells it (section 2), for tasks that the clients' own code submitted.
struct Story {
    status: &'static str,
    percent: Option<f64>,
    result: Option<Value>,
}

impl Default for Story {
    fn default() -> Self {
        Self { status: "submitted", percent: None, result: None }
    }
}

impl Story {
    /// Goes on by one receipt; its event's mark, unless it is a duplicate.
    fn read(&mut self, task: &str, receipt: &ReceiptRow, body: Option<Value>) -> Option<String> {
        if receipt.outcome == "duplicate" {
            assert!(body.is_none(), "{task}: a duplicate's body is the first one's");
            return None;
        }
        let body = body.unwrap_or_else(|| panic!("{task}: receipt {} has lost its body", receipt.sequence));
        assert_eq!(body["task_id"], task, "receipt {}", receipt.id);
        assert_eq!(body["event"], receipt.event.as_str(), "receipt {}", receipt.id);
        let expected = self.apply(&body);
        let found = (receipt.outcome.as_str(), receipt.reason.as_deref());
        assert_eq!(found, expected, "{task}: receipt {} by the grid", receipt.sequence);
        Some(body["metadata"]["mark"].as_str().expect("every body has a mark").to_owned())
    }

    fn apply(&mut self, body: &Value) -> (&'static str, Option<&'static str>) {
        if !matches!(self.status, "submitted" | "processing") {
            return ("ignored", Some("already_settled"));
        }
        let percent = body["progress"]["percentage"].as_f64();
        match body["event"].as_str().expect("an event") {
            "progress" if percent < self.percent => return ("ignored", Some("stale_progress")),
            "progress" => (self.status, self.percent) = ("processing", percent),
            "completed" => (self.status, self.result) = ("completed", Some(body["result"].clone())),
            "failed" => self.status = "failed",
            "cancelled" => self.status = "cancelled",
            other => panic!("nobody sent {other}"),
        }
        ("applied", None)
    }
}

fn nothing_is_there_by_half(books: &Books) {
    for (id, task) in &books.tasks {
        let expected: Vec<i32> = (1..=task.attempt).collect();
        assert_eq!(books.attempts.get(id), Some(&expected), "{id}: its attempts");
        assert!(task.metadata.is_some(), "{id}: its metadata");
    }
    let tasks: BTreeSet<&String> = books.tasks.keys().collect();
    let others = books.attempts.keys().chain(books.receipts.keys()).chain(books.spilled.keys()).chain(books.keys.values());
    let strays: Vec<_> = others.filter(|task| !tasks.contains(task)).collect();
    assert!(strays.is_empty(), "rows of tasks that are not there: {strays:?}");
    let documents = books.tasks.values().flat_map(|task| [task.input, task.metadata, task.result.map(|(payload, ..)| payload)]);
    let bodies = books.receipts.values().flatten().map(|receipt| receipt.payload);
    let wanted: BTreeSet<Uuid> = documents.chain(bodies).flatten().collect();
    let stored: BTreeSet<Uuid> = books.payloads.keys().copied().collect();
    assert_eq!(wanted, stored, "payloads and what points to them");
}

/// As senders do. What is in the books already must be known for a duplicate, what is not must be taken now.
async fn send_again(history: &mut History, known: &Findings, address: SocketAddr) -> String {
    let client = Client::new();
    let (mut duplicates, mut taken) = (0, 0);
    for (nth, (mark, sent)) in history.events.iter_mut().enumerate() {
        if sent.is_acknowledged() && nth % 7 != 0 {
            continue;
        }
        client.send(address, std::slice::from_mut(sent)).await.expect("the faults are over");
        let outcome = sent.acknowledgements().last().map(|told| told.outcome == "duplicate").expect("was just answered");
        assert_eq!(outcome, known.marks.contains_key(mark), "{mark} is a duplicate if it is in the books: {:?}", sent.answers);
        *(if outcome { &mut duplicates } else { &mut taken }) += 1;
    }
    let open = history.creations.values_mut().filter(|creation| creation.told.is_empty());
    let mut created = 0;
    for creation in open {
        client.create(address, creation).await.expect("the faults are over");
        created += 1;
    }
    format!("{duplicates} duplicates, {taken} taken now, {created} creations")
}
