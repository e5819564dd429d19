//! Events as watchers get them.

use serde::Serialize;
use uuid::Uuid;

use crate::domain::time::Timestamp;
use crate::http::tasks::TaskBody;
use crate::store::{Receipt, Rejection, made_at};

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
    pub const RESYNC: &'static str = "resync";

    pub fn current(id: &str, task: &TaskBody, now: Timestamp) -> Self {
        let notice = TaskNotice { event: "current", outcome: None, reason: None, source: None, callback_id: None, at: now, task };
        Self { id: id_of(now, id), made: now, name: "task", task: Some(id.to_owned()), text: json(&notice) }
    }

    pub fn created(id: &str, at: Timestamp, task: &TaskBody) -> Self {
        let notice = TaskNotice { event: "created", outcome: None, reason: None, source: None, callback_id: None, at, task };
        Self { id: id_of(at, id), made: at, name: "task", task: Some(id.to_owned()), text: json(&notice) }
    }

    /// Of a task if one is known.
    pub fn said(receipt: &Receipt, task: Option<&TaskBody>) -> Self {
        let Receipt { id, task: about, generator, event, outcome, reason, source, received_at: at, .. } = receipt;
        let (made, about) = (made_at(*id), about.as_deref());
        let (name, text) = match task {
            Some(task) => {
                let (outcome, reason, source) = (Some(outcome.as_str()), reason.as_deref(), Some(source.as_str()));
                ("task", json(&TaskNotice { event, outcome, reason, source, callback_id: Some(*id), at: *at, task }))
            }
            None => {
                let (verdict, event, outcome) = ("accepted", Some(event.as_str()), Some(outcome.as_str()));
                let (callback_id, task_id, code, detail, at) = (*id, about, None, None, *at);
                let notice = CallbackNotice { callback_id, verdict, task_id, generator, event, outcome, code, detail, at };
                ("callback", json(&notice))
            }
        };
        Self { id: id.to_string(), made, name, task: about.map(ToOwned::to_owned), text }
    }

    pub fn refused(rejection: &Rejection) -> Self {
        let Rejection { id, task, generator, code, detail, received_at: at, .. } = rejection;
        let (callback_id, verdict, task_id) = (*id, "rejected", task.as_deref());
        let (event, outcome, code, detail) = (None, None, Some(code.as_str()), Some(detail.as_str()));
        let notice = CallbackNotice { callback_id, verdict, task_id, generator, event, outcome, code, detail, at: *at };
        Self { id: id.to_string(), made: made_at(*id), name: "callback", task: task.clone(), text: json(&notice) }
    }

    /// Of everything: whoever gets it begins anew from now.
    pub fn resync(now: Timestamp) -> Self {
        Self { id: id_of(now, ""), made: now, name: Self::RESYNC, task: None, text: "{}".to_owned() }
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

fn json(notice: &impl Serialize) -> String {
    // they have text keys and finite numbers, and JSON of ours inside
    serde_json::to_string(notice).unwrap_or_default()
}
