//! What callbacks of generator `default` look like.

use serde_json::{Value, json};

use super::script::{End, News};
use crate::domain::task::TaskId;
use crate::domain::time::Timestamp;

/// Where a picture that is being made stands, from a percentage on.
const STAGES: [(u32, &str); 5] = [(0, "sketching"), (20, "composing"), (40, "rendering"), (65, "upscaling"), (85, "encoding")];

/// What our own code asks of the generator; the hub keeps it and does not read it.
pub(super) fn input(job: u32) -> Value {
    json!({"prompt": format!("Postcard number {job} from the harbour"), "width": 1024, "height": 768})
}

/// The bytes that are signed and sent.
pub(super) fn callback(task: &TaskId, number: u32, news: News, at: Timestamp) -> Vec<u8> {
    let mut body = json!({
        "event": news.event(),
        "taskId": task.as_str(),
        "event_id": format!("{task}-{number}-{}", news.event()),
        "timestamp": at,
    });
    let (member, value) = match news {
        News::Started => ("progress", json!({"stage": "queued"})),
        News::Progress { percent } => ("progress", json!({"percentage": percent, "stage": stage(percent)})),
        News::Ended(End::Completed) => ("result", result(task)),
        News::Ended(End::Failed) => ("error", error()),
        News::Ended(End::Cancelled) => ("metadata", json!({"by": "the generator's operator"})),
    };
    body[member] = value;
    body.to_string().into_bytes()
}

/// The same in a callback and in the answer to who asks.
pub(super) fn result(task: &TaskId) -> Value {
    json!({"file": format!("{task}.png"), "width": 1024, "height": 768})
}

pub(super) fn error() -> Value {
    json!({"code": "OUT_OF_MEMORY", "message": "The picture did not fit"})
}

pub(super) fn stage(percent: u32) -> &'static str {
    STAGES.iter().rev().find(|(from, _)| *from <= percent).map_or("", |(_, stage)| stage)
}
