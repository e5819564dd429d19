//! Events as watchers get them.

use std::hash::{DefaultHasher, Hash, Hasher};

use serde::Serialize;
use uuid::Uuid;

use crate::domain::time::Timestamp;
use crate::http::tasks::TaskBody;
use crate::store::{Refused, Said, made_at};

/// Ready to be sent, to whoever watches.
#[derive(Debug)]
pub(super) struct Notice {
    pub id: String,
    pub made: Timestamp,
    pub name: &'static str,
    /// The task that it is about.
    pub task: Option<String>,
    /// JSON.
    pub text: String,
    /// How the task stands, shortened to what tells whether that has changed.
    pub standing: Option<u64>,
}

/// Of `task`.
#[derive(Serialize)]
struct TaskNotice<'a> {
    /// `current`: how it stands as somebody begins to watch. `created`. Else what was said about it.
    event: &'a str,
    outcome: Option<&'a str>,
    reason: Option<&'a str>,
    source: Option<&'a str>,
    callback_id: Option<Uuid>,
    at: Timestamp,
    task: &'a TaskBody,
}

/// Of `callback`.
#[derive(Serialize)]
struct CallbackNotice<'a> {
    callback_id: Uuid,
    verdict: &'static str,
    task_id: Option<&'a str>,
    generator: &'a str,
    event: Option<&'a str>,
    outcome: Option<&'a str>,
    code: Option<&'a str>,
    detail: Option<&'a str>,
    at: Timestamp,
}

impl Notice {
    pub fn current(task: &TaskBody, now: Timestamp) -> Self {
        let notice = TaskNotice { event: "current", outcome: None, reason: None, source: None, callback_id: None, at: now, task };
        let (id, standing) = (id_of(now, task.id()), Some(standing(task)));
        Self { id, made: now, name: "task", task: Some(task.id().to_owned()), text: json(&notice), standing }
    }

    pub fn created(at: Timestamp, task: &TaskBody) -> Self {
        let notice = TaskNotice { event: "created", outcome: None, reason: None, source: None, callback_id: None, at, task };
        let (id, standing) = (id_of(at, task.id()), Some(standing(task)));
        Self { id, made: at, name: "task", task: Some(task.id().to_owned()), text: json(&notice), standing }
    }

    /// Of a task if one is known.
    pub fn said(said: &Said, task: Option<&TaskBody>) -> Self {
        let Said { id, task_id: about, generator, event, outcome, reason, source, received_at } = said;
        let (made, about, at) = (made_at(*id), about.as_deref(), Timestamp::from_micros(*received_at));
        let (name, text) = match task {
            Some(task) => {
                let (outcome, reason, source) = (Some(outcome.as_str()), reason.as_deref(), Some(source.as_str()));
                ("task", json(&TaskNotice { event, outcome, reason, source, callback_id: Some(*id), at, task }))
            }
            None => {
                let (verdict, event, outcome) = ("accepted", Some(event.as_str()), Some(outcome.as_str()));
                let (callback_id, task_id, code, detail) = (*id, about, None, None);
                let notice = CallbackNotice { callback_id, verdict, task_id, generator, event, outcome, code, detail, at };
                ("callback", json(&notice))
            }
        };
        Self { id: id.to_string(), made, name, task: about.map(ToOwned::to_owned), text, standing: task.map(standing) }
    }

    pub fn refused(refused: &Refused) -> Self {
        let Refused { id, task_id: task, generator, code, detail, received_at } = refused;
        let (callback_id, verdict, task_id, at) = (*id, "rejected", task.as_deref(), Timestamp::from_micros(*received_at));
        let (event, outcome, code, detail) = (None, None, Some(code.as_str()), Some(detail.as_str()));
        let notice = CallbackNotice { callback_id, verdict, task_id, generator, event, outcome, code, detail, at };
        Self { id: id.to_string(), made: made_at(*id), name: "callback", task: task.clone(), text: json(&notice), standing: None }
    }

    /// Of everything: whoever gets it begins anew from now.
    pub fn resync(now: Timestamp) -> Self {
        Self { id: id_of(now, ""), made: now, name: "resync", task: None, text: "{}".to_owned(), standing: None }
    }
}

/// Of what has no UUID: the time in microseconds, and whom it is about.
fn id_of(at: Timestamp, about: &str) -> String {
    format!("{}/{about}", at.micros())
}

/// The time in such an id.
pub(super) fn time_of(id: &str) -> Option<Timestamp> {
    id.split_once('/')?.0.parse().ok().map(Timestamp::from_micros)
}

fn standing(task: &TaskBody) -> u64 {
    let mut hasher = DefaultHasher::new();
    json(task).hash(&mut hasher);
    hasher.finish()
}

/// In one line: metadata is stored as it was sent, and what stands on several lines is several fields of an event. Within
/// strings JSON has no line feeds.
fn json(notice: &impl Serialize) -> String {
    // they have text keys and finite numbers, and JSON of ours inside
    serde_json::to_string(notice).unwrap_or_default().replace(['\r', '\n'], " ")
}
