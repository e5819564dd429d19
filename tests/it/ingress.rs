//! Callbacks that do not find their task by their path: those on one path for all, those that come too early, and those that
//! are no task's business.

mod early;
mod events;
mod kill;
mod order;
mod races;
mod replicas;
mod retention;
mod shared;
mod submitted;
mod tokens;
mod visible;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::app::Extra;
use crate::harness::callback::Callback;
use crate::harness::generator::Generator;
use crate::harness::{App, Database, Kind, SECRET};

const DAY: Duration = Duration::from_secs(24 * 3600);

const EVENT: &str = r#"
[event]
task = "json:data.id"
id = "json:id"
state = "json:type"
progress = "json:data.percent"
result = "json:data.result"
error = "json:data.error"
data = "json:data"

[event.map]
completed = "job.done"
failed = "job.failed"
progress = "job.progress"
ignore = "ping"
event = "customer.*"
"#;

const SIGN: &str = r#"
[[sign]]
scheme = "hmac"
header = ["x-webhook-signature"]
content = "{body}"
"#;

const ASK: &str = r#"
[submit]
url = "{base_url}/jobs"
remote_id = "json:id"
callback = "json:callback_url"

[poll]
url = "{base_url}/jobs/{remote_id}"
state = "json:status"
result = "json:result"

[poll.map]
completed = "done"
progress = "queued"
"#;

/// `account`: signs, one URL for all tasks. `strict`, `patient`: the same, and early callbacks are refused, or shall come again.
/// `open`: signs nothing, and can be asked. `submitting`: signs, and is submitted to. `eager`: a path for each task, and early
/// callbacks wait.
pub(crate) fn generators() -> Vec<(&'static str, String)> {
    let shared = |rest: &str| format!("ingress = \"shared\"\n{rest}");
    let reply = |early: &str| shared(&format!("{SIGN}{EVENT}\n[reply]\nearly = \"{early}\"\n"));
    vec![
        ("account", shared(&format!("{SIGN}{EVENT}"))),
        ("strict", reply("reject")),
        ("patient", reply("retry")),
        ("open", shared(&format!("trust = \"token\"\n{EVENT}{ASK}"))),
        ("other-open", shared(&format!("trust = \"token\"\n{EVENT}{ASK}"))),
        ("submitting", shared(&format!("{SIGN}{EVENT}{ASK}"))),
        ("eager", format!("{SIGN}{EVENT}\n[reply]\nearly = \"park\"\n")),
    ]
}

/// The settings that all of these need.
pub(crate) fn settings(base: &str) -> Vec<(String, String)> {
    let of = |name: &str| {
        let name = name.to_ascii_uppercase().replace('-', "_");
        let secret = (!name.contains("OPEN")).then(|| (format!("GENERATOR_{name}_SECRET"), SECRET.to_owned()));
        secret.into_iter().chain([(format!("GENERATOR_{name}_BASE_URL"), base.to_owned())])
    };
    generators()
        .iter()
        .flat_map(|(name, _)| of(name))
        .filter(|(name, _)| name.contains("SECRET") || ASKED.iter().any(|asked| name.contains(asked)))
        .collect()
}

const ASKED: [&str; 2] = ["OPEN", "SUBMITTING"];

async fn start(kind: Kind) -> App {
    on(&Arc::new(Database::fresh(kind).await), "http://127.0.0.1:1").await
}

/// With somebody behind those who can be asked.
pub(crate) async fn start_with_generator(kind: Kind) -> (App, Generator) {
    let generator = Generator::start().await;
    (on(&Arc::new(Database::fresh(kind).await), &generator.base).await, generator)
}

async fn on(database: &Arc<Database>, base: &str) -> App {
    let (files, settings) = (generators(), settings(base));
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    App::with(database, Extra { settings: &settings, generators: &files, ..Extra::default() }).await
}

pub(crate) fn hook<'a>(app: &'a App, generator: &str, body: &Value) -> Callback<'a> {
    app.callback_to(&format!("/hooks/{generator}"), body.to_string())
}

fn progress(job: &str, percent: u32) -> Value {
    json!({"id": format!("{job}-{percent}"), "type": "job.progress", "data": {"id": job, "percent": percent}})
}

pub(crate) fn done(job: &str) -> Value {
    json!({"id": format!("{job}-done"), "type": "job.done", "data": {"id": job, "result": {"of": job}}})
}

fn ok(outcome: &str) -> (u16, String) {
    (200, outcome.to_owned())
}

/// Event, outcome and task of all receipts, oldest first.
async fn receipts(app: &App) -> Vec<String> {
    let items = app.items("/api/callbacks?verdict=accepted&limit=200").await;
    let words =
        |item: &Value| ["event", "outcome", "task_id"].map(|name| item[name].as_str().unwrap_or("-").to_owned()).join(" ");
    items.iter().rev().map(words).collect()
}
