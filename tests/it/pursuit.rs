//! Submitting, polling, timing out and cancelling, against a generator on a real socket. Steps are called by hand and the
//! clock is moved by hand.

mod cancelling;
mod confirming;
mod content_creator;
mod deadlines;
mod losses;
mod polling;
mod processes;
mod races;
mod resubmitting;
mod slots;
mod submitting;
mod trouble;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::app::Extra;
use crate::harness::generator::Generator;
use crate::harness::{App, Database, Kind, SECRET};

pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const MINUTE: Duration = Duration::from_secs(60);
pub(crate) const HOUR: Duration = Duration::from_secs(3600);

/// How callbacks and answers of all these generators read.
const EVENT: &str = r#"
[[sign]]
scheme = "hmac"
header = ["x-webhook-signature"]
content = "{body}"

[event]
default = "ignore"
task = ["json:taskId"]
state = ["json:event", "json:status"]
progress = "json:progress"
result = ["json:result"]
error = ["json:error"]

[event.map]
completed = ["completed", "done"]
failed = ["failed"]
cancelled = ["cancelled"]
progress = ["progress", "running", "queued"]
"#;

const SUBMIT: &str = r#"
[submit]
url = "{base_url}/jobs"
callback = "json:callback_url"
remote_id = ["json:id"]
"#;

const POLL: &str = r#"
[poll]
url = "{base_url}/jobs/{remote_id}"
"#;

/// Idempotent, and the only thing that can be asked.
const PUT: &str = r#"
[submit]
method = "PUT"
url = "{base_url}/predictions/{task_id}-{attempt}"
callback = "json:webhook"
remote_id = ["json:id"]
[poll]
mode = "resubmit"
"#;

/// `hosted`: submits, is polled, calls back. `secure`: takes an idempotency key. `expiring`: forgets results after an hour.
/// `resubmitting`: a timeout is a reason to try again. `two-step`: results lie elsewhere. `slotted`: two at a time.
/// `container`: asked by the same PUT again. `doubted`, `distrusted`: their ends, or all that they say, count once they are confirmed. `unsealed`: signs ids alone.
/// `stoppable`: can be told to cancel. `mute`: cannot be asked. `findable`: can be asked for a job by our id. `shelf`: has models.
pub(crate) fn generators() -> Vec<(&'static str, String)> {
    let whole = |top: &str, rest: &str| format!("{top}\n{EVENT}\n{SUBMIT}\n{rest}\n{POLL}");
    let confirmed = |confirm: &str| whole("", "").replace("[event]\n", &format!("[event]\nconfirm = \"{confirm}\"\n"));
    vec![
        ("hosted", whole("max_retries = 2", "")),
        ("secure", whole("", "idempotency = \"header:Idempotency-Key\"")),
        ("expiring", whole("result_ttl = \"1h\"", "")),
        ("resubmitting", whole("max_retries = 1\nresubmit_on_timeout = true", "")),
        ("two-step", whole("", "") + "result_url = \"{base_url}/jobs/{remote_id}/result\"\n"),
        ("container", format!("{EVENT}\n{PUT}")),
        ("doubted", confirmed("terminal")),
        ("distrusted", confirmed("always")),
        ("unsealed", confirmed("always").replace("{body}\"", "{json:taskId}\"\ncovers_body = false")),
        ("slotted", whole("max_concurrent = 2", "")),
        (
            "stoppable",
            whole("max_retries = 1\nresubmit_on_timeout = true", "") + "[cancel]\nurl = \"{base_url}/jobs/{remote_id}/cancel\"\n",
        ),
        ("mute", format!("{EVENT}\n{SUBMIT}")),
        ("findable", whole("", "lookup = \"{base_url}/find/{task_id}\"")),
        ("shelf", whole("", "").replace("/jobs\"", "/jobs?model={model}\"\nparams = [\"model\"]")),
    ]
}

/// The settings that all of these need.
pub(crate) fn settings(base: &str) -> Vec<(String, String)> {
    let of = |name: &str| {
        let name = name.to_ascii_uppercase().replace('-', "_");
        [(format!("GENERATOR_{name}_BASE_URL"), base.to_owned()), (format!("GENERATOR_{name}_SECRET"), SECRET.to_owned())]
    };
    generators().iter().flat_map(|(name, _)| of(name)).collect()
}

/// An app and a generator that it knows under all these names.
pub(crate) async fn start(kind: Kind, more: &[(&str, &str)]) -> (App, Generator) {
    let generator = Generator::start().await;
    (with(&Arc::new(Database::fresh(kind).await), &generator, more).await, generator)
}

pub(crate) async fn with(database: &Arc<Database>, generator: &Generator, more: &[(&str, &str)]) -> App {
    let (files, settings) = (generators(), settings(&generator.base));
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let settings: Vec<(&str, &str)> =
        settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).chain(more.iter().copied()).collect();
    App::with(database, Extra { settings: &settings, generators: &files, ..Extra::default() }).await
}

/// A task `t` of a generator, submitted; the generator's id of it.
pub(crate) async fn submitted(app: &App, generator: &Generator, name: &str) -> String {
    app.created(&json!({"id": "t", "generator": name, "input": {"prompt": "a lighthouse"}})).await;
    app.work_off().await;
    assert_eq!(app.status("t").await, "submitted");
    generator.job()
}

/// Members of the task `t`.
pub(crate) async fn shown(app: &App, members: &[&str]) -> Vec<Value> {
    let task = app.task("t").await;
    members.iter().map(|member| task[member].clone()).collect()
}

/// Sources, events and outcomes of the receipts of `t`, oldest first.
pub(crate) async fn history(app: &App) -> Vec<String> {
    let mut items = app.items("/api/tasks/t/callbacks").await;
    items.reverse();
    let word = |item: &Value, name: &str| item[name].as_str().unwrap_or("-").to_owned();
    items.iter().map(|item| format!("{} {} {}", word(item, "source"), word(item, "event"), word(item, "outcome"))).collect()
}
