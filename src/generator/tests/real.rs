//! What lenient files make of the bodies of generators that are not the hub's own.

use super::*;
use crate::domain::event::{Event, Found};

const FILE: &str = r#"
final_errors = ["nsfw*"]
[[sign]]
scheme = "hmac"
header = "x-signature"
[event]
task = "json:data.id"
id = "header:x-event-id"
at = "json:time"
at_unit = "ms"
state = ["json:data.status", "json:type"]
progress = "json:data.progress"
scale = "percent"
result = ["json:data.output[0]", "json:data.url"]
error = ["json:data.error", "json:data.reason"]
[event.map]
completed = ["*.success", "done"]
failed = ["failed"]
progress = ["job.*", "200"]
ignore = ["job.noise"]
"#;

fn decoded(body: &str) -> Result<TaskEvent, Refusal> {
    let generator = written(FILE);
    decode(&proven(raw(body).with_header("X-Event-Id", "e-1").signed(&generator, SECRET), &generator))
}

fn event(body: &str) -> Event {
    decoded(body).unwrap().event
}

fn percent(body: &str) -> Option<f64> {
    let Event::Progress(report) = event(body) else { panic!("no progress") };
    report.percent
}

#[test]
fn words_are_looked_up_exactly_before_by_pattern() {
    assert_eq!(event(r#"{"type":"video.success","data":{"url":"u"}}"#).name(), "completed");
    assert_eq!(event(r#"{"type":"job.noise"}"#), Event::NotOfInterest);
    assert_eq!(event(r#"{"type":"job.step"}"#).name(), "progress");
    assert_eq!(event(r#"{"type":200}"#).name(), "progress");
    assert_eq!(event(r#"{"type":"unheard of"}"#), Event::NotOfInterest);
    assert_eq!(event(r#"{"type":"job.step","data":{"status":"failed"}}"#).name(), "failed");
    assert_eq!(decoded(r#"{"data":5}"#).unwrap_err().code, Code::MissingEvent);
}

#[test]
fn what_cannot_be_read_counts_as_absent() {
    assert_eq!(percent(r#"{"type":"job.x","data":{"progress":"37%"}}"#), Some(37.0));
    assert_eq!(percent(r#"{"type":"job.x","data":{"progress":37}}"#), Some(37.0));
    assert_eq!(percent(r#"{"type":"job.x","data":{"progress":"most of it"}}"#), None);
    assert_eq!(percent(r#"{"type":"job.x","data":[]}"#), None);
    let odd = decoded(r#"{"type":"job.x","time":"now","data":{"id":{}}}"#).unwrap();
    assert_eq!((odd.generator_time, odd.claim.named), (None, None));
    let timed = decoded(r#"{"type":"job.x","time":"1770552000000","data":{"id":12}}"#).unwrap();
    assert_eq!((timed.generator_time, timed.claim.named.as_deref()), (Some(now()), Some("12")));
}

#[test]
fn results_and_errors_are_the_first_that_exist() {
    let body = r#"{"type":"done","data":{"output":[null],"url":"u"}}"#;
    let Event::Completed(Some(Found::InBody(span))) = event(body) else { panic!("a result") };
    assert_eq!(&body[span], "\"u\"");
    assert_eq!(event(r#"{"type":"done","data":{"output":[]}}"#), Event::Completed(None));

    let failure = |body: &str| {
        let Event::Failed(failure) = event(body) else { panic!("a failure") };
        (failure.error.code, failure.error.message, failure.retryable)
    };
    let unknown = || "UNKNOWN".to_owned();
    assert_eq!(failure(r#"{"type":"failed","data":{"error":"broke"}}"#), (unknown(), "broke".to_owned(), true));
    assert_eq!(failure(r#"{"type":"failed","data":{"error":null,"reason":"why"}}"#), (unknown(), "why".to_owned(), true));
    assert_eq!(
        failure(r#"{"type":"failed","data":{"error":{"code":"nsfw_image","message":7}}}"#),
        ("nsfw_image".to_owned(), "Unknown error".to_owned(), false)
    );
}

#[test]
fn an_id_in_a_header_tells_events_apart() {
    let print = |body: &str| decoded(body).unwrap().fingerprint;
    assert_eq!(print(r#"{"type":"job.a"}"#), print(r#"{"type":"job.b"}"#));
    assert_ne!(print(r#"{"type":"job.a"}"#), print(r#"{"type":"done"}"#));
}

#[test]
fn a_body_without_a_pointer_is_the_result_and_a_default_may_say_completed() {
    let generator =
        written("[[sign]]\nscheme = \"hmac\"\nheader = \"x-signature\"\n[event]\ndefault = \"completed\"\nid = \"task\"\n");
    let decode = |body: &str| decode(&proven(raw(body).signed(&generator, SECRET), &generator)).unwrap();
    assert_eq!(decode(r#"{"txt":"t"}"#).event, Event::Completed(Some(Found::InBody(0..11))));
    assert_eq!(decode("{}").fingerprint, decode(r#"{"txt":"t"}"#).fingerprint);
}

#[test]
fn ratios_and_fractions_are_percentages() {
    let percent = |keys: &str, body: &str| {
        let generator =
            written(&format!("[[sign]]\nscheme = \"hmac\"\nheader = \"x-signature\"\n[event]\ndefault = \"progress\"\n{keys}"));
        let decoded = decode(&proven(raw(body).signed(&generator, SECRET), &generator)).unwrap();
        let Event::Progress(report) = decoded.event else { panic!("progress") };
        report.percent
    };
    let ratio = "progress_of = [\"json:data.value\", \"json:data.max\"]";
    assert_eq!(percent(ratio, r#"{"data":{"value":5,"max":20}}"#), Some(25.0));
    assert_eq!(percent(ratio, r#"{"data":{"value":5,"max":0}}"#), None);
    let fraction = "progress = \"json:p\"\nscale = \"0-1\"";
    assert_eq!(percent(fraction, r#"{"p":0.25}"#), Some(25.0));
    assert_eq!(percent(fraction, r#"{"p":25}"#), None);
}
