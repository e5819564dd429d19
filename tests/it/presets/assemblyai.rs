//! assemblyai.com/docs/api-reference/transcripts.

use serde_json::{Value, json};

use super::stand_in::nothing;
use super::vendor::{Answer, Asked, Fate, Job, Jobs, Unwanted, Vendor};

pub(super) struct Assemblyai;

const KNOWN: [&str; 7] = [
    "audio_url",
    "speaker_labels",
    "language_code",
    "redact_pii",
    "webhook_url",
    "webhook_auth_header_name",
    "webhook_auth_header_value",
];

impl Vendor for Assemblyai {
    fn generator(&self) -> &'static str {
        "assemblyai"
    }

    fn key(&self) -> Option<&'static str> {
        Some("aai-key")
    }

    fn order(&self) -> Value {
        json!({"input": {"audio_url": "https://assembly.ai/wildfires.mp3", "speaker_labels": true}})
    }

    fn answer(&self, asked: &Asked, jobs: &mut Jobs) -> Answer {
        // the key alone
        if asked.header("authorization") != "aai-key" {
            return (401, json!({"error": "Authentication error, API token missing/invalid"}));
        }
        match asked.line() {
            ("POST", path) if path == ["v2", "transcript"] => {
                if asked.stranger(&KNOWN).is_some() {
                    let error = "Invalid endpoint schema, please refer to documentation for examples.";
                    return (400, json!({"error": error}));
                }
                if !asked.body["audio_url"].as_str().is_some_and(|url| url.starts_with("http")) {
                    return (400, json!({"error": "audio_url must be a valid URL"}));
                }
                let job = jobs.add("9ea68fd3-f953-42c1-9742-976c447fb463", &asked.body, &asked.body["webhook_url"]);
                (200, transcript(job))
            }
            ("GET", path) if path.len() == 3 && path[..2] == ["v2", "transcript"] => {
                let unknown = || (404, json!({"error": "Transcript lookup error, transcript id not found"}));
                jobs.find(path[2]).map_or_else(unknown, |job| (200, transcript(job)))
            }
            _ => nothing(),
        }
    }

    /// The whole transcript.
    fn result(&self, job: &str) -> Value {
        let request = self.order()["input"].clone();
        transcript(&Job { id: job.to_owned(), fate: Fate::Done, request, callback: None })
    }

    fn complaint(&self) -> &'static str {
        "Download error, unable to download https://assembly.ai/wildfires.mp3"
    }

    fn unwanted(&self) -> Unwanted {
        Unwanted::input(json!({"audio_url": "wildfires.mp3"}), "audio_url must be a valid URL")
    }
}

fn transcript(job: &Job) -> Value {
    let (status, text, error) = match job.fate {
        Fate::Queued => ("queued", Value::Null, Value::Null),
        Fate::Working | Fate::Stopped => ("processing", Value::Null, Value::Null),
        Fate::Done => ("completed", json!("Smoke from hundreds of wildfires"), Value::Null),
        Fate::Broken => ("error", Value::Null, json!(Assemblyai.complaint())),
    };
    json!({
        "id": job.id, "audio_url": job.request["audio_url"], "status": status, "text": text, "error": error, "words": null,
        "utterances": null, "confidence": null, "audio_duration": 281, "webhook_status_code": null,
        "webhook_auth": false, "speaker_labels": true,
    })
}
