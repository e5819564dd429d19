//! replicate.com/docs/reference/http: predictions. The real one only calls back to https, which no test can listen to.

use serde_json::{Value, json};

use super::vendor::{Answer, Asked, Fate, Job, Jobs, Unwanted, Vendor};

pub(super) struct Replicate;

impl Vendor for Replicate {
    fn generator(&self) -> &'static str {
        "replicate"
    }

    fn key(&self) -> Option<&'static str> {
        Some("r8_key")
    }

    fn order(&self) -> Value {
        json!({"input": {"version": "black-forest-labs/flux-schnell", "input": {"prompt": "a lighthouse", "seed": 7}}})
    }

    fn answer(&self, asked: &Asked, jobs: &mut Jobs) -> Answer {
        if asked.header("authorization") != "Bearer r8_key" {
            let detail = "You did not pass a valid authentication token";
            return (401, json!({"title": "Unauthenticated", "detail": detail, "status": 401}));
        }
        match asked.line() {
            ("POST", path) if path == ["v1", "predictions"] => match fault(asked) {
                Some(detail) => (422, json!({"title": "Input validation failed", "detail": detail, "status": 422})),
                None => {
                    let job = jobs.add("ufawqhfynnddngldkgtslldrkq", &asked.body, &asked.body["webhook"]);
                    (201, prediction(job, asked))
                }
            },
            ("GET", path) if path.len() == 3 && path[..2] == ["v1", "predictions"] => {
                jobs.find(path[2]).map_or_else(unknown, |job| (200, prediction(job, asked)))
            }
            ("POST", path) if path.len() == 4 && path[3] == "cancel" => jobs.find(path[2]).map_or_else(unknown, |job| {
                job.fate = Fate::Stopped;
                (200, prediction(job, asked))
            }),
            _ => unknown(),
        }
    }

    fn result(&self, _: &str) -> Value {
        json!(["https://replicate.delivery/xezq/out-0.webp"])
    }

    fn complaint(&self) -> &'static str {
        "NSFW content detected. Try running it again, or try a different prompt."
    }

    fn unwanted(&self) -> Unwanted {
        Unwanted::input(json!({"input": {"prompt": "x"}}), "version is required")
    }
}

fn fault(asked: &Asked) -> Option<String> {
    const EVENTS: [&str; 4] = ["start", "output", "logs", "completed"];
    let body = &asked.body;
    let filter = body["webhook_events_filter"].as_array();
    let is_known = |event: &Value| event.as_str().is_some_and(|event| EVENTS.contains(&event));
    if let Some(stranger) = asked.stranger(&["version", "input", "webhook", "webhook_events_filter", "stream"]) {
        return Some(format!("- Additional property {stranger} is not allowed\n"));
    }
    let rules = [
        (body["version"].is_string(), "- version is required\n"),
        (body["input"].is_object(), "- input is required\n"),
        (body["webhook"].as_str().is_none_or(|url| url.starts_with("http")), "- webhook must be a valid URL\n"),
        (filter.is_none_or(|events| events.iter().all(is_known)), "- webhook_events_filter must be known events\n"),
    ];
    rules.into_iter().find(|(holds, _)| !holds).map(|(_, fault)| fault.to_owned())
}

fn prediction(job: &Job, asked: &Asked) -> Value {
    let (status, output, error) = match job.fate {
        Fate::Queued => ("starting", Value::Null, Value::Null),
        Fate::Working => ("processing", Value::Null, Value::Null),
        Fate::Done => ("succeeded", Replicate.result(&job.id), Value::Null),
        Fate::Broken => ("failed", Value::Null, json!(Replicate.complaint())),
        Fate::Stopped => ("canceled", Value::Null, Value::Null),
    };
    let ended = !matches!(job.fate, Fate::Queued | Fate::Working);
    let (id, base) = (&job.id, &asked.base);
    json!({
        "id": id, "model": "black-forest-labs/flux-schnell", "version": "hidden", "input": job.request["input"], "logs": "",
        "output": output, "data_removed": false, "error": error, "status": status, "created_at": "2027-01-15T08:00:01.5Z",
        "started_at": null, "completed_at": if ended { json!("2027-01-15T08:00:09.5Z") } else { Value::Null }, "metrics": {},
        "urls": {"get": format!("{base}/v1/predictions/{id}"), "cancel": format!("{base}/v1/predictions/{id}/cancel")},
    })
}

fn unknown() -> Answer {
    (404, json!({"detail": "The requested resource could not be found.", "status": 404}))
}
