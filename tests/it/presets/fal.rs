//! docs.fal.ai: the queue. It takes whatever is JSON; a model's own validation comes later, as a failed request.

use serde_json::{Value, json};

use super::stand_in::nothing;
use super::vendor::{Answer, Asked, Fate, Jobs, Unwanted, Vendor};

pub(super) struct Fal;

impl Vendor for Fal {
    fn generator(&self) -> &'static str {
        "fal"
    }

    fn key(&self) -> Option<&'static str> {
        Some("key-id:key-secret")
    }

    fn order(&self) -> Value {
        json!({"input": {"prompt": "a lighthouse", "seed": 6_252_023}, "params": {"model": "fal-ai/flux/dev"}})
    }

    fn answer(&self, asked: &Asked, jobs: &mut Jobs) -> Answer {
        if asked.header("authorization") != "Key key-id:key-secret" {
            let detail = "Cannot access application 'fal-ai/flux'. Authentication is required to access this application.";
            return (401, json!({"detail": detail}));
        }
        match asked.line() {
            ("POST", path) if path == ["fal-ai", "flux", "dev"] && asked.body.is_object() => {
                let callback = json!(asked.query.get("fal_webhook"));
                let job = jobs.add("80e732af-660e-45cd-bd63-580e4f2a94cc", &asked.body, &callback);
                (200, status(&job.id, job.fate, asked))
            }
            // of an endpoint's path only the first two steps
            ("GET", path) if path.len() == 5 && path[..3] == ["fal-ai", "flux", "requests"] && path[4] == "status" => {
                let found = jobs.find(path[3]).map(|job| (job.id.clone(), job.fate));
                found.map_or_else(nothing, |(id, fate)| {
                    (if matches!(fate, Fate::Queued | Fate::Working) { 202 } else { 200 }, status(&id, fate, asked))
                })
            }
            ("GET", path) if path.len() == 4 && path[..3] == ["fal-ai", "flux", "requests"] => {
                jobs.find(path[3]).map_or_else(nothing, |job| response(&job.id, job.fate))
            }
            ("PUT", path) if path.len() == 5 && path[4] == "cancel" => jobs.find(path[3]).map_or_else(nothing, |job| {
                job.fate = Fate::Stopped;
                (202, json!({"status": "CANCELLATION_REQUESTED"}))
            }),
            _ => nothing(),
        }
    }

    fn result(&self, _: &str) -> Value {
        json!({
            "images": [{"url": "https://v3.fal.media/files/a/b.png", "width": 1024, "height": 768, "content_type": "image/jpeg"}],
            "timings": {"inference": 1.5}, "seed": 6_252_023, "has_nsfw_concepts": [false], "prompt": "a lighthouse",
        })
    }

    fn complaint(&self) -> &'static str {
        "Request timed out"
    }

    fn unwanted(&self) -> Unwanted {
        Unwanted::key("API_KEY", "Authentication is required")
    }
}

fn status(id: &str, fate: Fate, asked: &Asked) -> Value {
    let root = format!("{}/fal-ai/flux/requests/{id}", asked.base);
    let mut status = json!({
        "request_id": id, "response_url": root, "status_url": format!("{root}/status"), "cancel_url": format!("{root}/cancel"),
    });
    let more = match fate {
        Fate::Queued => json!({"status": "IN_QUEUE", "queue_position": 2}),
        Fate::Working => json!({"status": "IN_PROGRESS", "logs": null}),
        Fate::Done => json!({"status": "COMPLETED", "logs": null, "metrics": {"inference_time": 1.5}}),
        Fate::Broken | Fate::Stopped => {
            json!({"status": "COMPLETED", "logs": null, "error": Fal.complaint(), "error_type": "request_timeout"})
        }
    };
    let more = more.as_object().expect("an object").clone();
    status.as_object_mut().expect("an object").extend(more);
    status
}

fn response(id: &str, fate: Fate) -> Answer {
    match fate {
        Fate::Queued | Fate::Working => (400, json!({"detail": "Request is still in progress"})),
        Fate::Done => (200, Fal.result(id)),
        Fate::Broken | Fate::Stopped => (504, json!({"detail": "Request timed out", "error_type": "request_timeout"})),
    }
}
