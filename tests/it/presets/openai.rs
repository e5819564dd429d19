//! developers.openai.com/api/reference: responses in the background, and batches as far as they can be asked for.

use serde_json::{Value, json};

use super::vendor::{Answer, Asked, Fate, Job, Jobs, Unwanted, Vendor};

pub(super) struct Openai;

const KNOWN: [&str; 12] = [
    "model",
    "input",
    "instructions",
    "background",
    "store",
    "metadata",
    "max_output_tokens",
    "temperature",
    "tools",
    "reasoning",
    "text",
    "previous_response_id",
];

impl Vendor for Openai {
    fn generator(&self) -> &'static str {
        "openai"
    }

    fn key(&self) -> Option<&'static str> {
        Some("sk-key")
    }

    fn order(&self) -> Value {
        json!({"input": {"model": "o3", "input": "Write a very long novel about otters in space."}})
    }

    fn answer(&self, asked: &Asked, jobs: &mut Jobs) -> Answer {
        if asked.header("authorization") != "Bearer sk-key" {
            return error(401, "Incorrect API key provided", "invalid_api_key");
        }
        match asked.line() {
            ("POST", path) if path == ["v1", "responses"] => create(asked, jobs),
            ("GET", path) if path.len() == 3 && path[1] == "responses" && path[2].starts_with("resp_") => {
                jobs.find(path[2]).map_or_else(unknown, |job| (200, response(job)))
            }
            ("GET", path) if path.len() == 3 && path[1] == "batches" && path[2].starts_with("batch_") => {
                jobs.find(path[2]).map_or_else(unknown, |job| (200, batch(job)))
            }
            ("POST", path) if path.len() == 4 && path[1] == "responses" && path[3] == "cancel" => {
                jobs.find(path[2]).map_or_else(unknown, |job| {
                    job.fate = Fate::Stopped;
                    (200, response(job))
                })
            }
            _ => unknown(),
        }
    }

    fn result(&self, _: &str) -> Value {
        let text = json!([{"type": "output_text", "text": "Once upon a time", "annotations": []}]);
        json!([
            {"id": "rs_1", "type": "reasoning", "summary": []},
            {"id": "msg_1", "type": "message", "status": "completed", "role": "assistant", "content": text},
        ])
    }

    fn complaint(&self) -> &'static str {
        "The model is overloaded"
    }

    fn unwanted(&self) -> Unwanted {
        Unwanted::input(json!({"model": "o3", "input": "x", "webhook": "https://a.example"}), "Unknown parameter: 'webhook'.")
    }

    fn calls_back(&self) -> bool {
        false
    }
}

fn create(asked: &Asked, jobs: &mut Jobs) -> Answer {
    if let Some(stranger) = asked.stranger(&KNOWN) {
        return error(400, &format!("Unknown parameter: '{stranger}'."), "unknown_parameter");
    }
    if !asked.body["model"].is_string() {
        return error(400, "Missing required parameter: 'model'.", "missing_required_parameter");
    }
    let job = jobs.add("resp_68a1", &asked.body, &Value::Null);
    if asked.body["background"] != true {
        // it would have taken as long as the model does
        job.fate = Fate::Done;
    }
    (200, response(job))
}

fn response(job: &Job) -> Value {
    let (status, output, error) = match job.fate {
        Fate::Queued => ("queued", json!([]), Value::Null),
        Fate::Working => ("in_progress", json!([]), Value::Null),
        Fate::Done => ("completed", Openai.result(&job.id), Value::Null),
        Fate::Broken => ("failed", json!([]), json!({"code": "server_error", "message": Openai.complaint()})),
        Fate::Stopped => ("cancelled", json!([]), Value::Null),
    };
    json!({
        "id": job.id, "object": "response", "created_at": 1_800_000_000, "status": status, "background": true, "error": error,
        "incomplete_details": null, "model": "o3-2025-04-16", "output": output, "metadata": {}, "usage": null,
    })
}

fn batch(job: &Job) -> Value {
    let status = match job.fate {
        Fate::Queued => "validating",
        Fate::Working => "in_progress",
        Fate::Done => "completed",
        Fate::Broken => "failed",
        Fate::Stopped => "cancelled",
    };
    let output = if job.fate == Fate::Done { json!("file-cvaTdG") } else { Value::Null };
    json!({
        "id": job.id, "object": "batch", "endpoint": "/v1/completions", "errors": null, "input_file_id": "file-abc123",
        "completion_window": "24h", "status": status, "output_file_id": output, "error_file_id": null,
        "created_at": 1_800_000_000, "completed_at": null, "request_counts": {"total": 100, "completed": 95, "failed": 5},
    })
}

fn error(status: u16, message: &str, code: &str) -> Answer {
    (status, json!({"error": {"message": message, "type": "invalid_request_error", "param": null, "code": code}}))
}

fn unknown() -> Answer {
    error(404, "Not found", "not_found")
}
