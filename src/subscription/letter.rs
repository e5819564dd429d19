//! The body that tells of news: `{"event", "data", "timestamp", "metadata"}`.
//!
//! Texts that others wrote (results, metadata, what custom events tell) go in as they are: no number changes on its way.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::tree::members;
use crate::domain::news::{About, Occasion, Texts, Topic};
use crate::domain::review::{Content, Review, Stage};
use crate::domain::task::{State, Task, TaskError};
use crate::domain::time::Timestamp;

/// As JSON text, with its members in this order.
#[must_use]
pub fn write(occasion: &Occasion<'_>) -> String {
    let Occasion { news, texts } = occasion;
    let about = news.about.as_ref();
    let sequence = about.map(|about| about.sequence);
    let (data, remarks) = match (&news.topic, about) {
        (Topic::Custom(_), _) | (_, None) => (Data::Custom(raw(texts.data)), texts.remarks),
        (_, Some(About { task, content: Some(content), .. })) => (Data::content(task, content, texts), None),
        (_, Some(About { task, .. })) => (Data::Task(Box::new(TaskData::new(task, texts))), None),
    };
    let metadata = Metadata { remarks: remarks.and_then(members).unwrap_or_default(), sequence };
    let letter = Letter { event: news.topic.name(), data, timestamp: news.at, metadata };
    // texts, numbers and JSON that has been read: none of it can fail to be written
    serde_json::to_string(&letter).unwrap_or_default()
}

#[derive(Serialize)]
struct Letter<'a> {
    event: &'a str,
    data: Data<'a>,
    timestamp: Timestamp,
    metadata: Metadata<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Data<'a> {
    Task(Box<TaskData<'a>>),
    Content(ContentData<'a>),
    Custom(Option<&'a RawValue>),
}

/// What the API says of a task too, under the same names; without what is secret or only of use inside.
#[derive(Serialize)]
struct TaskData<'a> {
    task_id: &'a str,
    id: &'a str,
    generator: &'a str,
    status: &'static str,
    attempt: u32,
    max_retries: u32,
    progress: ProgressData<'a>,
    result: Option<&'a RawValue>,
    error: Option<ErrorData<'a>>,
    external_id: Option<&'a str>,
    metadata: Option<&'a RawValue>,
    priority: u8,
    created_at: Timestamp,
    submitted_at: Option<Timestamp>,
    started_at: Option<Timestamp>,
    settled_at: Option<Timestamp>,
    deadline_at: Option<Timestamp>,
    settled_by: Option<&'static str>,
    late: bool,
    submit_unknown: bool,
}

#[derive(Serialize)]
struct ProgressData<'a> {
    percent: Option<f64>,
    stage: Option<&'a str>,
    message: Option<&'a str>,
    updated_at: Option<Timestamp>,
}

#[derive(Serialize)]
struct ErrorData<'a> {
    code: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    message: &'a str,
    details: Option<&'a RawValue>,
}

impl<'a> TaskData<'a> {
    fn new(task: &'a Task, texts: &Texts<'a>) -> Self {
        let (attempt, settled) = (task.attempt(), task.state.settlement());
        let id = task.id.as_str();
        Self {
            task_id: id,
            id,
            generator: task.generator.as_str(),
            status: task.status().as_str(),
            attempt: attempt.number,
            max_retries: task.max_retries,
            progress: ProgressData {
                percent: task.progress.percent,
                stage: task.progress.stage.as_deref(),
                message: task.progress.message.as_deref(),
                updated_at: task.progress.updated_at,
            },
            result: raw(texts.result),
            error: error(&task.state),
            external_id: attempt.external_id.as_ref().map(|id| id.as_str()),
            metadata: raw(texts.metadata),
            priority: task.priority,
            created_at: task.created_at,
            submitted_at: attempt.submitted_at,
            started_at: task.started_at,
            settled_at: settled.map(|settled| settled.at),
            deadline_at: attempt.deadline_at,
            settled_by: settled.map(|settled| settled.by.as_str()),
            late: matches!(task.state, State::Completed { late: true, .. }),
            submit_unknown: task.submit_unknown,
        }
    }
}

fn error(state: &State) -> Option<ErrorData<'_>> {
    let State::Failed { error, .. } = state else { return None };
    let TaskError { code, kind, message, details } = error;
    Some(ErrorData { code, kind, message, details: raw(details.as_deref()) })
}

/// The members of its document, whatever they are, between what the hub says of it.
struct ContentData<'a> {
    task: &'a Task,
    content: &'a Content,
    document: Vec<(String, &'a RawValue)>,
}

impl<'a> Data<'a> {
    fn content(task: &'a Task, content: &'a Content, texts: &Texts<'a>) -> Self {
        const OWN: [&str; 7] =
            ["task_id", "content_id", "generator", "review_status", "review_note", "publish_status", "created_at"];
        let mut document = texts.document.and_then(members).unwrap_or_default();
        document.retain(|(name, _)| !OWN.contains(&name.as_str()));
        Self::Content(ContentData { task, content, document })
    }
}

impl Serialize for ContentData<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let content = self.content;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("task_id", self.task.id.as_str())?;
        map.serialize_entry("content_id", &content.id)?;
        map.serialize_entry("generator", content.generator.as_str())?;
        for (name, value) in &self.document {
            map.serialize_entry(name, value)?;
        }
        map.serialize_entry("review_status", content.review.as_str())?;
        map.serialize_entry("review_note", &content.note)?;
        map.serialize_entry("publish_status", publish_status(&content.review))?;
        map.serialize_entry("created_at", &content.created_at)?;
        map.end()
    }
}

/// `draft` before the pool; in it, what its entry says, from the content's point of view.
#[must_use]
pub fn publish_status(review: &Review) -> &'static str {
    match review.entry().map(|entry| &entry.stage) {
        None => "draft",
        Some(Stage::Pending) => "pooled",
        Some(stage) => stage.as_str(),
    }
}

/// What a publisher has added, and the number of the news within its task's.
struct Metadata<'a> {
    remarks: Vec<(String, &'a RawValue)>,
    sequence: Option<u64>,
}

impl Serialize for Metadata<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in &self.remarks {
            if self.sequence.is_none() || name != "sequence" {
                map.serialize_entry(name, value)?;
            }
        }
        if let Some(sequence) = self.sequence {
            map.serialize_entry("sequence", &sequence)?;
        }
        map.end()
    }
}

/// As it is, if it is JSON at all.
fn raw(text: Option<&str>) -> Option<&RawValue> {
    text.and_then(|text| serde_json::from_str(text).ok())
}

/// A letter like any other, for authors of templates.
pub const SAMPLE: &str = r#"{"event":"task.completed","data":{"task_id":"video-42","id":"video-42","generator":"default","status":"completed","attempt":1,"max_retries":3,"progress":{"percent":100.0,"stage":"done","message":"Finished","updated_at":"2026-02-08T12:00:00Z"},"result":{"url":"https://files.example/video-42.mp4","duration":12.5},"error":null,"external_id":"job-7","metadata":{"customer":"acme"},"priority":5,"created_at":"2026-02-08T11:58:00Z","submitted_at":"2026-02-08T11:58:01Z","started_at":"2026-02-08T11:58:05Z","settled_at":"2026-02-08T12:00:00Z","deadline_at":"2026-02-08T12:28:01Z","settled_by":"callback","late":false,"submit_unknown":false},"timestamp":"2026-02-08T12:00:00Z","metadata":{"sequence":3}}"#;
