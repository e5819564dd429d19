//! What callbacks of generator `default` look like, for the API document; the catalog's files say how they are read.

use serde::Deserialize;
use utoipa::ToSchema;

use super::alternatives;

/// A callback of generator `default`. Other members are kept in the receipt and not read.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes a body for the API document; the catalog's files say how it is read")]
#[schema(example = json!({
    "event": "completed",
    "taskId": "video-42",
    "event_id": "evt-1",
    "timestamp": "2026-02-08T12:00:00Z",
    "result": {"url": "https://files.example/video-42.mp4"}
}))]
pub struct CallbackBody {
    event: CallbackEvent,
    #[serde(rename = "taskId")]
    #[schema(schema_with = alternatives::generator_id)]
    task_id: Option<String>,
    #[schema(schema_with = alternatives::event_id)]
    event_id: Option<String>,
    #[schema(schema_with = alternatives::generator_time)]
    timestamp: Option<String>,
    /// With `completed`: what was made, any JSON but null. `completed` without it settles the task as failed, `INVALID_RESULT`.
    #[schema(value_type = Option<serde_json::Value>)]
    result: Option<serde_json::Value>,
    /// With `failed`.
    error: Option<CallbackError>,
    /// With `progress`.
    progress: Option<CallbackProgress>,
    /// Kept, not read.
    #[schema(value_type = Option<serde_json::Value>)]
    metadata: Option<serde_json::Value>,
}

/// What has happened. `submitted` and `started` count as progress without a percent.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum CallbackEvent {
    Completed,
    Failed,
    Cancelled,
    Progress,
    Submitted,
    Started,
}

#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "see CallbackBody")]
pub struct CallbackError {
    /// `Unknown error` if absent.
    message: Option<String>,
    #[schema(schema_with = alternatives::error_code)]
    code: Option<String>,
    /// `GeneralError` if absent.
    r#type: Option<String>,
    /// Anything; `{"retryable": false}` makes the failure final.
    #[schema(value_type = Option<serde_json::Value>)]
    details: Option<serde_json::Value>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "see CallbackBody")]
pub struct CallbackProgress {
    /// Never falls within an attempt: a lower one is ignored as `stale_progress`.
    #[schema(minimum = 0, maximum = 100)]
    percentage: Option<f64>,
    message: Option<String>,
    stage: Option<String>,
}

/// Many callbacks under one signature.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "see CallbackBody")]
#[schema(example = json!({"callbacks": [
    {"task_id": "video-42", "event": "progress", "progress": {"percentage": 40}},
    {"task_id": "video-43", "event": "completed", "result": {"url": "https://files.example/video-43.mp4"}}
]}))]
pub struct BatchBody {
    #[schema(max_items = 1000)]
    callbacks: Vec<BatchItem>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "see CallbackBody")]
pub struct BatchItem {
    /// Whose event it is.
    #[schema(pattern = "^[A-Za-z0-9._:-]{1,128}$", example = "video-42")]
    task_id: String,
    #[serde(flatten)]
    callback: CallbackBody,
}
