//! comfyanonymous/ComfyUI, server.py: `/prompt`, `/history`, `/queue`. What is neither done nor broken is not in its history.

use serde_json::{Value, json};

use super::stand_in::nothing;
use super::vendor::{Answer, Asked, Fate, Job, Jobs, Unwanted, Vendor};

pub(super) struct Comfyui;

impl Vendor for Comfyui {
    fn generator(&self) -> &'static str {
        "comfyui"
    }

    fn key(&self) -> Option<&'static str> {
        None
    }

    fn order(&self) -> Value {
        json!({"input": {"prompt": {
            "3": {"class_type": "KSampler", "inputs": {"seed": 7}},
            "9": {"class_type": "SaveImage", "inputs": {"filename_prefix": "ComfyUI", "images": ["8", 0]}},
        }}})
    }

    fn answer(&self, asked: &Asked, jobs: &mut Jobs) -> Answer {
        match asked.line() {
            ("POST", path) if path == ["prompt"] => {
                let Some(prompt) = asked.body.get("prompt") else {
                    return (400, json!({"error": "no prompt", "node_errors": []}));
                };
                let saves = |node: &Value| node["class_type"] == "SaveImage";
                if !prompt.as_object().is_some_and(|nodes| nodes.values().any(saves)) {
                    return (400, json!({"error": no_outputs(), "node_errors": {}}));
                }
                let job = jobs.add("ec5ad1dc-2f2b-4a4c-9b2f-0d6b1e2a3c4d", &asked.body, &Value::Null);
                (200, json!({"prompt_id": job.id, "number": 3, "node_errors": {}}))
            }
            ("GET", path) if path.len() == 2 && path[0] == "history" => (200, history(jobs.find(path[1]))),
            ("POST", path) if path == ["queue"] => {
                let deleted: Vec<&str> =
                    asked.body["delete"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
                let queued = jobs.0.iter_mut().filter(|job| job.fate == Fate::Queued && deleted.contains(&job.id.as_str()));
                queued.for_each(|job| job.fate = Fate::Stopped);
                (200, Value::Null)
            }
            _ => nothing(),
        }
    }

    fn result(&self, _: &str) -> Value {
        json!({"9": {"images": [{"filename": "ComfyUI_00001_.png", "subfolder": "", "type": "output"}]}})
    }

    fn complaint(&self) -> &'static str {
        "CUDA out of memory"
    }

    fn unwanted(&self) -> Unwanted {
        Unwanted::input(json!({"prompt": {"3": {"class_type": "KSampler"}}}), "Prompt has no outputs")
    }

    fn calls_back(&self) -> bool {
        false
    }
}

fn no_outputs() -> Value {
    json!({"type": "prompt_no_outputs", "message": "Prompt has no outputs", "details": "Prompt has no outputs", "extra_info": {}})
}

fn history(job: Option<&mut Job>) -> Value {
    let Some(job) = job else { return json!({}) };
    let id = &job.id;
    let begun = json!(["execution_start", {"prompt_id": id, "timestamp": 1_800_000_000_000_u64}]);
    let cached = json!(["execution_cached", {"nodes": [], "prompt_id": id}]);
    let (outputs, status) = match job.fate {
        Fate::Queued | Fate::Working | Fate::Stopped => return json!({}),
        Fate::Done => {
            let done = json!(["execution_success", {"prompt_id": id}]);
            (Comfyui.result(id), json!({"status_str": "success", "completed": true, "messages": [begun, cached, done]}))
        }
        Fate::Broken => {
            let error = json!({"prompt_id": id, "node_id": "3", "node_type": "KSampler", "executed": [],
                "exception_message": Comfyui.complaint(), "exception_type": "torch.OutOfMemoryError", "traceback": []});
            let messages = json!([begun, cached, ["execution_error", error]]);
            (json!({}), json!({"status_str": "error", "completed": false, "messages": messages}))
        }
    };
    json!({id: {"prompt": [3, id, job.request["prompt"], {}, ["9"]], "outputs": outputs, "status": status, "meta": {}}})
}
