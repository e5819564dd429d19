//! docs.runpod.io/serverless/endpoints/send-requests: one endpoint, `ep1`.

use serde_json::{Value, json};

use super::stand_in::nothing;
use super::vendor::{Answer, Asked, Fate, Job, Jobs, Unwanted, Vendor};

pub(super) struct Runpod;

impl Vendor for Runpod {
    fn generator(&self) -> &'static str {
        "runpod"
    }

    fn key(&self) -> Option<&'static str> {
        Some("rpa_key")
    }

    fn order(&self) -> Value {
        json!({"input": {"input": {"prompt": "a lighthouse"}, "policy": {"ttl": 3_600_000}}, "params": {"endpoint": "ep1"}})
    }

    fn answer(&self, asked: &Asked, jobs: &mut Jobs) -> Answer {
        if asked.header("authorization") != "Bearer rpa_key" {
            return (401, Value::Null);
        }
        match asked.line() {
            ("POST", path) if path == ["v2", "ep1", "run"] => {
                if !asked.body["input"].is_object() {
                    return (400, json!({"error": "bad request: body: input is required"}));
                }
                let job = jobs.add("eaebd6e7-6a92-4bb8-a911-f996ac5ea99d-u1", &asked.body, &asked.body["webhook"]);
                (200, state(job))
            }
            ("GET", path) if path.len() == 4 && path[..3] == ["v2", "ep1", "status"] => {
                jobs.find(path[3]).map_or_else(nothing, |job| (200, state(job)))
            }
            ("POST", path) if path.len() == 4 && path[..3] == ["v2", "ep1", "cancel"] => {
                jobs.find(path[3]).map_or_else(nothing, |job| {
                    job.fate = Fate::Stopped;
                    (200, state(job))
                })
            }
            _ => nothing(),
        }
    }

    fn result(&self, _: &str) -> Value {
        json!({"input_tokens": 22, "output_tokens": 16, "text": ["Hello! How can I assist you today?"]})
    }

    fn complaint(&self) -> &'static str {
        "handler: CUDA out of memory"
    }

    fn unwanted(&self) -> Unwanted {
        Unwanted::input(json!({"prompt": "x"}), "input is required")
    }
}

fn state(job: &Job) -> Value {
    let id = &job.id;
    match job.fate {
        Fate::Queued => json!({"id": id, "status": "IN_QUEUE"}),
        Fate::Working => json!({"delayTime": 31618, "id": id, "status": "IN_PROGRESS", "workerId": "w1"}),
        Fate::Done => json!({
            "delayTime": 31618, "executionTime": 1437, "id": id, "output": Runpod.result(id), "status": "COMPLETED", "workerId": "w1",
        }),
        Fate::Broken => json!({
            "delayTime": 31618, "executionTime": 7, "id": id, "error": Runpod.complaint(), "status": "FAILED", "workerId": "w1",
        }),
        Fate::Stopped => json!({"id": id, "status": "CANCELLED"}),
    }
}
