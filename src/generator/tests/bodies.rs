//! What bodies of `default` mean.

use rstest::rstest;

use super::*;
use crate::domain::event::{Event, Failure, Found, Report};
use crate::domain::task::TaskError;

fn refusal(body: &str) -> (Code, Vec<String>) {
    let refusal = decoded(body).unwrap_err();
    (refusal.code, refusal.errors.into_iter().map(|error| error.field).collect())
}

fn event(body: &str) -> Event {
    decoded(body).unwrap_or_else(|refusal| panic!("{body}: {refusal:?}")).event
}

fn result(body: &str) -> Option<String> {
    let decoded = decoded(body).unwrap();
    match decoded.event {
        Event::Completed(None) => None,
        Event::Completed(Some(Found::InBody(span))) => Some(String::from_utf8(decoded.body[span].to_vec()).unwrap()),
        Event::Completed(Some(Found::Rewritten(text))) => Some(format!("rewritten {text}")),
        other => panic!("{other:?}"),
    }
}

#[test]
fn progress_is_read_with_all_its_parts() {
    let body = r#"{"event":"progress","taskId":42,"timestamp":1770552000.5,"progress":{"percentage":12.5,"stage":"draft","message":"a\u0000b"}}"#;
    let decoded = decoded(body).unwrap();
    let report = Report { percent: Some(12.5), stage: Some("draft".to_owned()), message: Some("a\u{fffd}b".to_owned()) };
    assert_eq!(decoded.event, Event::Progress(report));
    assert_eq!(decoded.claim.named.as_deref(), Some("42"));
    assert!(decoded.claim.may_adopt);
    assert_eq!(decoded.generator_time, Some(Timestamp::from_micros(1_770_552_000_500_000)));
    assert_eq!((decoded.word.as_deref(), decoded.task), (Some("progress"), Some(task())));
    for word in ["submitted", "started"] {
        let body = format!(r#"{{"event":"{word}","progress":{{"percentage":50,"stage":"s"}}}}"#);
        assert_eq!(event(&body), Event::Progress(Report { stage: Some("s".to_owned()), ..Report::default() }));
    }
    assert_eq!(event(r#"{"event":"progress","progress":null,"error":null}"#), Event::Progress(Report::default()));
    assert_eq!(event(r#"{"event":"cancelled"}"#), Event::Cancelled);
}

#[rstest]
#[case(r#"{"event":"completed"}"#, None)]
#[case(r#"{"event":"completed","result":null}"#, None)]
#[case(r#"{"event":"completed","result": {} }"#, Some("{}"))]
#[case(r#"{"event":"completed","result":""}"#, Some("\"\""))]
#[case(r#"{"event":"completed","result":[]}"#, Some("[]"))]
#[case(r#"{"event":"completed","result":false}"#, Some("false"))]
#[case(r#"{"event":"completed","result":{"a":1},"result":[1, 2]}"#, Some("[1, 2]"))]
#[case(r#"{"event":"completed","result":{"a":"\u0000"}}"#, Some(r#"rewritten {"a":"\ufffd"}"#))]
#[case(r#"{"event":"completed","result":"\\u0000 \ud800"}"#, Some(r#"rewritten "\\u0000 \ufffd""#))]
#[case(r#"{"event":"completed","result":"\\u0000 \ud83d\ude00"}"#, Some(r#""\\u0000 \ud83d\ude00""#))]
fn a_result_is_what_is_neither_absent_nor_null(#[case] body: &str, #[case] expected: Option<&str>) {
    assert_eq!(result(body).as_deref(), expected);
}

#[rstest]
#[case(r#"{"event":"failed"}"#, TaskError::default(), true)]
#[case(r#"{"event":"failed","error":null}"#, TaskError::default(), true)]
#[case(r#"{"event":"failed","error":{"message":"no","code":500,"type":"T"}}"#, TaskError::new("500", "T", "no"), true)]
#[case(r#"{"event":"failed","error":{"details":null}}"#, TaskError::default(), true)]
#[case(r#"{"event":"failed","error":{"details":{"retryable":true}}}"#, with_details(r#"{"retryable":true}"#), true)]
#[case(r#"{"event":"failed","error":{"details":{"retryable":false}}}"#, with_details(r#"{"retryable":false}"#), false)]
#[case(r#"{"event":"failed","error":{"details":"\u0000"}}"#, with_details(r#""\ufffd""#), true)]
fn a_failure_says_as_much_as_its_error(#[case] body: &str, #[case] error: TaskError, #[case] retryable: bool) {
    assert_eq!(event(body), Event::Failed(Failure { error, retryable }));
}

fn with_details(details: &str) -> TaskError {
    TaskError { details: Some(details.to_owned()), ..TaskError::default() }
}

#[rstest]
#[case("{}", Code::MissingEvent, &["event"])]
#[case(r#"{"event":null,"progress":5}"#, Code::MissingEvent, &["event"])]
#[case(r#"{"event":"exploded","progress":5}"#, Code::UnknownEvent, &["event"])]
#[case(r#"{"event":"Completed"}"#, Code::UnknownEvent, &["event"])]
#[case(r#"{"event":""}"#, Code::UnknownEvent, &["event"])]
#[case(r#"{"event":5,"taskId":[]}"#, Code::InvalidEvent, &["event", "taskId"])]
#[case(r#"{"event":"completed","result":1,"progress":5}"#, Code::InvalidEvent, &["progress"])]
#[case(r#"{"event":"progress","progress":{"percentage":"50","stage":1,"message":{}}}"#, Code::InvalidEvent,
    &["progress.percentage", "progress.stage", "progress.message"])]
#[case(r#"{"event":"progress","progress":{"percentage":100.1}}"#, Code::InvalidEvent, &["progress.percentage"])]
#[case(r#"{"event":"progress","progress":{"percentage":-1}}"#, Code::InvalidEvent, &["progress.percentage"])]
#[case(r#"{"event":"progress","progress":{"percentage":1e999}}"#, Code::InvalidEvent, &["progress.percentage"])]
#[case(r#"{"event":"progress","progress":{"percentage":true}}"#, Code::InvalidEvent, &["progress.percentage"])]
#[case(r#"{"event":"failed","error":"no"}"#, Code::InvalidEvent, &["error"])]
#[case(r#"{"event":"failed","error":{"message":1,"code":[],"type":{}}}"#, Code::InvalidEvent,
    &["error.code", "error.type", "error.message"])]
#[case(r#"{"event":"failed","error":{"code":true}}"#, Code::InvalidEvent, &["error.code"])]
#[case(r#"{"event":"progress","taskId":1.5}"#, Code::InvalidEvent, &["taskId"])]
#[case(r#"{"event":"progress","event_id":true}"#, Code::InvalidEvent, &["event_id"])]
#[case(r#"{"event":"progress","timestamp":"yesterday"}"#, Code::InvalidEvent, &["timestamp"])]
#[case(r#"{"event":"progress","timestamp":{}}"#, Code::InvalidEvent, &["timestamp"])]
#[case(r#"{"event":"progress","timestamp":1e300}"#, Code::InvalidEvent, &["timestamp"])]
#[case("[]", Code::MalformedBody, &[])]
#[case("null", Code::MalformedBody, &[])]
fn what_is_wrong_is_named(#[case] body: &str, #[case] code: Code, #[case] fields: &[&str]) {
    assert_eq!(refusal(body), (code, fields.iter().map(ToString::to_string).collect()));
}

#[rstest]
#[case("\"2026-02-08T12:00:00.000Z\"")]
#[case("\"2026-02-08T12:00:00\"")]
#[case("\"2026-02-08T13:00:00+01:00\"")]
#[case("1770552000")]
#[case("1770552000000")]
#[case("1.770552e9")]
fn the_generators_time_is_read_in_every_spelling(#[case] time: &str) {
    let body = format!(r#"{{"event":"progress","timestamp":{time}}}"#);
    assert_eq!(decoded(&body).unwrap().generator_time, Some(now()));
}

#[test]
fn the_query_may_name_the_attempt() {
    let generator = built_in("default", &with_secrets("default", &[SECRET]));
    let with = |attempt: &str| {
        let raw = raw(r#"{"event":"progress"}"#).with_query("attempt", attempt).signed(&generator, SECRET);
        decode(&proven(raw, &generator)).map(|decoded| decoded.claim.query)
    };
    assert_eq!(with("3"), Ok(Some(3)));
    for wrong in ["0", "x", "-1", "", "4294967296"] {
        let refusal = with(wrong).unwrap_err();
        assert_eq!((refusal.code, refusal.errors[0].field.as_str()), (Code::InvalidEvent, "attempt"), "{wrong}");
    }
}

#[test]
fn an_event_is_known_again_by_state_and_id_or_by_state_and_bytes() {
    let print = |body: &str| decoded(body).unwrap().fingerprint;
    let same = print(r#"{"event":"completed","event_id":"e"}"#);
    assert_eq!(same, print(r#"{"event":"completed","event_id":"e","result":1}"#));
    assert_ne!(same, print(r#"{"event":"failed","event_id":"e"}"#));
    assert_ne!(same, print(r#"{"event":"completed","event_id":"f"}"#));
    assert_eq!(print(r#"{"event":"progress","event_id":7}"#), print(r#"{"event":"started","event_id":"7"}"#));
    for without in ["", r#","event_id":null"#, r#","event_id":"""#] {
        let (first, second) =
            (format!(r#"{{"event":"progress","n":1{without}}}"#), format!(r#"{{"event":"progress","n":2{without}}}"#));
        assert_eq!(print(&first), print(&first));
        assert_ne!(print(&first), print(&second), "{without}");
    }
    // SHA-256 of `completed`, NUL, `id`, `e`
    assert_eq!(hex::encode(same.0), "74116d60ec0664cb0596241bbaf1c3a4");
}
