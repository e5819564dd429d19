//! Callbacks that are no task's business, and generators whose callbacks come on one path for all.

use rstest::rstest;

use super::catalog::mistake;
use super::*;
use crate::domain::event::Found;
use crate::generator::payload::decode_batch;
use crate::generator::scalar::{Early, Ingress};

/// A platform that tells of its customers and alerts beside its jobs.
const PLATFORM: &str = r#"
ingress = "shared"
[[sign]]
scheme = "hmac"
header = "x-signature"
[event]
task = "json:data.job_id"
id = "json:event_id"
state = "json:event"
result = "json:data"
data = ["json:data"]
at = "json:timestamp"
[event.map]
completed = "job.completed"
failed = "job.failed"
event = ["alert.*", "customer.*"]
"#;

fn heard(file: &str, body: &str) -> Decoded {
    let generator = written(file);
    payload::decode(&proven(RawCallback { task: None, ..raw(body) }.signed(&generator, SECRET), &generator)).unwrap()
}

fn custom(file: &str, body: &str) -> CustomEvent {
    heard(file, body).custom_event()
}

fn data(event: &CustomEvent) -> String {
    match &event.data {
        Found::InBody(span) => String::from_utf8(event.body[span.clone()].to_vec()).unwrap(),
        Found::Rewritten(text) => text.to_string(),
    }
}

#[test]
fn words_that_are_no_tasks_business_become_custom_events() {
    let body = r#"{"event":"alert.triggered","event_id":"e-1","timestamp":1770552000,"data":{"job_id":7,"level":"high"}}"#;
    let event = custom(PLATFORM, body);
    assert_eq!((event.name.as_str(), data(&event).as_str()), ("alert.triggered", r#"{"job_id":7,"level":"high"}"#));
    assert_eq!((event.generator.as_str(), event.generator_time, event.task), ("x", Some(now()), None));

    let of_task = heard(PLATFORM, r#"{"event":"job.completed","data":{"job_id":"j-1"}}"#).task_event();
    assert_eq!((of_task.claim.named.as_deref(), of_task.task), (Some("j-1"), None));
    let ignored = heard(PLATFORM, r#"{"event":"quota.changed"}"#).task_event();
    assert_eq!(ignored.event.name(), "not_of_interest");
}

#[test]
fn several_values_may_be_an_id_together() {
    let file = PLATFORM.replace("json:event_id", "json:data.job_id+json:data.user");
    let of = |body: &str| custom(&file, body).fingerprint;
    let first = of(r#"{"event":"alert.x","at":1,"data":{"job_id":7,"user":"u"}}"#);
    assert_eq!(first, of(r#"{"event":"alert.x","at":2,"data":{"job_id":7,"user":"u"}}"#));
    assert_ne!(first, of(r#"{"event":"alert.x","at":1,"data":{"job_id":7,"user":"v"}}"#));
    assert_ne!(first, of(r#"{"event":"alert.x","at":1,"data":{"job_id":"7u","user":""}}"#));
    let lacking = |at: u32| of(&format!(r#"{{"event":"alert.x","at":{at},"data":{{"job_id":7}}}}"#));
    assert_ne!(lacking(1), lacking(2), "one part alone is no id");
}

#[test]
fn what_it_carries_is_what_the_file_says_or_the_whole_body() {
    assert_eq!(data(&custom(PLATFORM, r#"{"event":"alert.x","data":null}"#)), r#"{"event":"alert.x","data":null}"#);
    let whole = custom(&PLATFORM.replace("data = [\"json:data\"]", ""), r#"{"event":"alert.x", "data":1}"#);
    assert_eq!(data(&whole), r#"{"event":"alert.x", "data":1}"#);
    // what no database takes is mended
    let mended = custom(PLATFORM, r#"{"event":"alert.\u0000x\n","data":{"a":"\u0000"}}"#);
    assert_eq!((mended.name.as_str(), data(&mended).contains("\\u0000")), ("alert.\u{fffd}x\u{fffd}", false));
    assert_eq!(custom(PLATFORM, &format!(r#"{{"event":"alert.{}"}}"#, "é".repeat(500))).name.len(), 256);
}

#[test]
fn a_custom_event_is_known_again_by_its_id_and_word_else_by_its_bytes() {
    let print = |file: &str, body: &str| custom(file, body).fingerprint;
    let first = print(PLATFORM, r#"{"event":"alert.x","event_id":"e-1"}"#);
    assert_eq!(first, print(PLATFORM, r#"{"event":"alert.x","event_id":"e-1","try":2}"#));
    assert_ne!(first, print(PLATFORM, r#"{"event":"alert.y","event_id":"e-1"}"#));
    assert_ne!(first, print(PLATFORM, r#"{"event":"alert.x","event_id":"e-2"}"#));
    assert_ne!(print(PLATFORM, r#"{"event":"alert.x"}"#), print(PLATFORM, r#"{"event":"alert.x","try":2}"#));
    // "its task and its state" would make all of them one
    let by_task = PLATFORM.replace("json:event_id", "task");
    assert_ne!(print(&by_task, r#"{"event":"alert.x","n":1}"#), print(&by_task, r#"{"event":"alert.x","n":2}"#));
    assert_eq!(print(&by_task, r#"{"event":"alert.x","n":1}"#), print(&by_task, r#"{"event":"alert.x","n":1}"#));
}

#[test]
fn every_word_that_nobody_mapped_may_be_one() {
    let file = PLATFORM.replace("[event]", "[event]\ndefault = \"event\"");
    assert_eq!(custom(&file, r#"{"event":"quota.changed"}"#).name, "quota.changed");
    let generator = written(&file);
    let silent = proven(raw("{}").signed(&generator, SECRET), &generator);
    assert_eq!(payload::decode(&silent).unwrap_err().code, Code::MissingEvent);
}

#[test]
fn items_of_a_batch_that_are_no_tasks_business_need_no_task() {
    let generator = written(PLATFORM);
    let body = r#"{"callbacks":[{"event":"alert.x","data":[1]},{"event":"job.failed"},{"event":"alert.y","task_id":"t-1"}]}"#;
    let items = decode_batch(&proven(RawCallback { task: None, ..raw(body) }.signed(&generator, SECRET), &generator)).unwrap();
    let mut decoded = items.into_iter().map(|item| item.decoded);
    let first = decoded.next().unwrap().unwrap().custom_event();
    assert_eq!((data(&first).as_str(), &first.body[..]), ("[1]", &br#"{"event":"alert.x","data":[1]}"#[..]));
    assert_eq!(decoded.next().unwrap().unwrap_err().code, Code::InvalidEvent);
    assert_eq!(decoded.next().unwrap().unwrap().custom_event().task, Some(task()));
}

#[test]
fn shared_ingress_parks_unless_the_file_says_otherwise() {
    let shared = written(PLATFORM);
    assert_eq!((shared.ingress(), shared.early()), (Ingress::Shared, Early::Park));
    let retrying = written(&format!("{PLATFORM}[reply]\nearly = \"retry\""));
    assert_eq!(retrying.early(), Early::Retry);
    let own = written(&format!("{}[reply]\nearly = \"park\"", PLATFORM.replace("shared", "task")));
    assert_eq!((own.ingress(), own.early()), (Ingress::Task, Early::Park));
    // nothing of it is about a task
    let news =
        "ingress = \"shared\"\n[[sign]]\nscheme = \"hmac\"\nheader = \"h\"\n[event]\nstate = \"json:e\"\ndefault = \"event\"";
    assert_eq!(written(news).ingress(), Ingress::Shared);
}

#[rstest]
#[case::nameless("", "[event]\nstate = \"json:e\"", "2: `event.task` must say which header or which member of the body")]
#[case::by_path("", "[event]\ntask = \"path\"", "2: `event.task` must say which")]
#[case::by_query("", "[event]\ntask = \"query:job\"", "2: `event.task` must say which")]
#[case::by_default("", "[event]\ndefault = \"completed\"\nmap = { event = \"*\" }", "2: `event.task` must say which")]
#[case::unproven("trust = \"none\"", "[event]\ntask = \"json:id\"", "1: `trust` is \"none\", and")]
#[case::bound("bind = \"token\"", "[event]\ntask = \"json:id\"", "1: `bind` is \"token\", and with")]
fn shared_ingress_must_make_sense(#[case] top: &str, #[case] rest: &str, #[case] expected: &str) {
    let words = "[[sign]]\nscheme = \"hmac\"\nheader = \"h\"\n";
    let rest = rest.replace("state = \"json:e\"", "state = \"json:e\"\nmap = { completed = \"done\" }");
    let rest = if rest.contains("map") { rest } else { format!("{rest}\nmap = {{ completed = \"done\" }}") };
    let text = format!("{top}\ningress = \"shared\"\n{words}{rest}");
    let found = if top.contains("none") {
        let permitted = Overrides { default_unsigned: true, ..Overrides::default() };
        Catalog::load(&[("generators/x.toml".to_owned(), text)], &permitted).unwrap_err().to_string()
    } else {
        mistake(&text)
    };
    assert!(found.starts_with(&format!("generators/x.toml:{expected}")), "{found}");
}
