//! novicezk/midjourney-proxy, docs/api.md: it answers 200 to everything that is proven, and says the rest by a code.

use serde_json::{Value, json};

use super::stand_in::nothing;
use super::vendor::{Answer, Asked, Fate, Job, Jobs, Unwanted, Vendor};

pub(super) struct Midjourney;

impl Vendor for Midjourney {
    fn generator(&self) -> &'static str {
        "midjourney-proxy"
    }

    fn key(&self) -> Option<&'static str> {
        Some("mj-secret")
    }

    fn order(&self) -> Value {
        json!({"input": {"prompt": "a lighthouse --ar 16:9", "base64Array": [], "state": "s"}})
    }

    fn answer(&self, asked: &Asked, jobs: &mut Jobs) -> Answer {
        if asked.header("mj-api-secret") != "mj-secret" {
            return (401, Value::Null);
        }
        match asked.line() {
            ("POST", path) if path == ["mj", "submit", "imagine"] => {
                if asked.body["prompt"].as_str().is_none_or(str::is_empty) {
                    return (200, json!({"code": 4, "description": "prompt不能为空", "properties": {}, "result": null}));
                }
                let job = jobs.add("1320098173412546", &asked.body, &asked.body["notifyHook"]);
                let properties = json!({"discordInstanceId": "1118138338562560102"});
                (200, json!({"code": 1, "description": "提交成功", "properties": properties, "result": job.id}))
            }
            // one that it does not know is nothing at all
            ("GET", path) if path.len() == 4 && path[..2] == ["mj", "task"] && path[3] == "fetch" => {
                (200, jobs.find(path[2]).map_or(Value::Null, |job| task(job)))
            }
            _ => nothing(),
        }
    }

    /// The whole task.
    fn result(&self, job: &str) -> Value {
        let request = self.order()["input"].clone();
        task(&Job { id: job.to_owned(), fate: Fate::Done, request, callback: None })
    }

    fn complaint(&self) -> &'static str {
        "[Invalid parameter] Unrecognized parameter(s)"
    }

    fn unwanted(&self) -> Unwanted {
        Unwanted::input(json!({"prompt": ""}), "prompt不能为空")
    }
}

fn task(job: &Job) -> Value {
    let (status, progress, image, reason) = match job.fate {
        Fate::Queued => ("SUBMITTED", "0%", Value::Null, Value::Null),
        Fate::Working | Fate::Stopped => ("IN_PROGRESS", "37%", Value::Null, Value::Null),
        Fate::Done => ("SUCCESS", "100%", json!("https://cdn.discordapp.com/attachments/1/2/a.png"), Value::Null),
        Fate::Broken => ("FAILURE", "0%", Value::Null, json!(Midjourney.complaint())),
    };
    json!({
        "id": job.id, "action": "IMAGINE", "status": status, "prompt": job.request["prompt"], "promptEn": "a lighthouse",
        "description": "/imagine a lighthouse", "state": "s", "submitTime": 1_800_000_000_000_u64, "startTime": null,
        "finishTime": null, "imageUrl": image, "progress": progress, "failReason": reason,
        "properties": {"finalPrompt": "a lighthouse --ar 16:9"},
    })
}
