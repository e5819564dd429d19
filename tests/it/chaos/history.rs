//! What the clients sent, and what they were told: the side of the story that the hub cannot touch.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// Everything by its mark, which stands in the body and so in the database.
#[derive(Default)]
pub(super) struct History {
    pub creations: BTreeMap<String, Creation>,
    pub events: BTreeMap<String, Sent>,
    /// Answers of 503.
    pub unavailable: usize,
    /// Requests without an answer.
    pub lost: usize,
}

/// A creation under an id or an idempotency key of the client's, so that it can be repeated.
#[derive(Clone)]
pub(super) struct Creation {
    pub key: Option<String>,
    pub body: String,
    /// The task's id, each time that one was told.
    pub told: Vec<String>,
}

#[derive(Clone)]
pub(super) struct Sent {
    pub task: String,
    pub body: String,
    pub answers: Vec<Answer>,
}

#[derive(Clone, Debug)]
pub(super) enum Answer {
    /// 503, or no answer: it may be in the books or not.
    Unknown,
    /// 200.
    Acknowledged(Acknowledgement),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Acknowledgement {
    pub receipt: String,
    pub outcome: String,
    /// The task's, after the callback.
    pub status: String,
}

impl Creation {
    pub(super) fn new(mark: &str, by_key: bool) -> Self {
        let mut body = json!({"input": {"mark": mark}, "metadata": {"of": mark}, "timeout_seconds": 86_400});
        if !by_key {
            body["id"] = json!(format!("task-{mark}"));
        }
        Self { key: by_key.then(|| format!("key-{mark}")), body: body.to_string(), told: Vec::new() }
    }
}

impl Sent {
    /// The task's id is in the body too, so that the same bytes can be an item of a batch.
    pub(super) fn new(task: &str, mark: &str, with_id: bool, mut event: Value) -> Self {
        event["task_id"] = json!(task);
        event["metadata"] = json!({"mark": mark});
        if with_id {
            event["event_id"] = json!(format!("event-{mark}"));
        }
        Self { task: task.to_owned(), body: event.to_string(), answers: Vec::new() }
    }

    pub(super) fn acknowledgements(&self) -> impl Iterator<Item = &Acknowledgement> {
        self.answers.iter().filter_map(|answer| match answer {
            Answer::Acknowledged(acknowledgement) => Some(acknowledgement),
            Answer::Unknown => None,
        })
    }

    pub(super) fn is_acknowledged(&self) -> bool {
        self.acknowledgements().next().is_some()
    }
}

impl Acknowledgement {
    /// # Panics
    /// If the answer is not what the contract promises.
    pub(super) fn read(answer: &Value) -> Self {
        let text = |name: &str| answer[name].as_str().unwrap_or_else(|| panic!("no {name} in {answer}")).to_owned();
        Self { receipt: text("callback_id"), outcome: text("outcome"), status: text("status") }
    }
}

impl History {
    pub(super) fn join(&mut self, other: Self) {
        self.creations.extend(other.creations);
        self.unavailable += other.unavailable;
        self.lost += other.lost;
        for (mark, sent) in other.events {
            // an event may be sent again by another client than the first
            self.events.entry(mark).or_insert(Sent { answers: Vec::new(), ..sent.clone() }).answers.extend(sent.answers);
        }
    }

    pub(super) fn unknown_answers(&self) -> usize {
        let unknown = |sent: &Sent| sent.answers.iter().filter(|answer| matches!(answer, Answer::Unknown)).count();
        self.events.values().map(unknown).sum()
    }

    pub(super) fn figures(&self) -> String {
        let acknowledged: usize = self.events.values().map(|sent| sent.acknowledgements().count()).sum();
        let never = self.events.values().filter(|sent| !sent.is_acknowledged()).count();
        let tasks = self.creations.values().filter(|creation| !creation.told.is_empty()).count();
        format!(
            "{} events in {acknowledged} acknowledged and {} unanswered sendings ({never} never acknowledged), {tasks} of {} creations acknowledged, {} answers of 503",
            self.events.len(),
            self.unknown_answers(),
            self.creations.len(),
            self.unavailable
        )
    }
}
