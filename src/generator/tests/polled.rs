//! What generators' answers mean: to the question after a job, and to the one after its result.

use std::time::Duration;

use bytes::Bytes;
use rstest::rstest;

use super::answers::{FILE, answer, lost, not_sent, output, status};
use super::*;
use crate::domain::event::{Event, Found};
use crate::generator::outgoing::{GoneAs, PollTimes};
use crate::generator::reply::{Heard, Polled, ResultReply, Silence, StatusReply, Trouble, TroubleKind};
use crate::generator::request::Request;

/// The same, but with a second request for the result.
fn two_steps(result_url: &str) -> Arc<Generator> {
    written(&FILE.replace("gone_as", &format!("result_url = \"{result_url}\"\nresult = \"json:data.text\"\ngone_as")))
}

fn polled(body: &str) -> Polled {
    match status(&written(FILE), &answer(200, body)) {
        StatusReply::Event(polled) => *polled,
        other => panic!("{other:?}"),
    }
}

#[test]
fn polled_words_are_the_files_and_unknown_ones_mean_that_it_still_runs() {
    let running = polled(r#"{"status":"running","pct":30,"event":"done"}"#);
    let Event::Progress(report) = &running.event else { panic!("{running:?}") };
    assert_eq!((report.percent, &running.unknown_word), (Some(30.0), &None));

    let odd = polled(r#"{"status":"reticulating","pct":"soon"}"#);
    assert!(matches!(&odd.event, Event::Progress(report) if report.percent.is_none()));
    assert_eq!(odd.unknown_word.as_deref(), Some("reticulating"));

    let ignored = polled(r#"{"status":"noise"}"#);
    assert_eq!((ignored.event.name(), ignored.unknown_word), ("progress", None));
    assert_eq!(polled(r#"{"status":"canceled"}"#).event, Event::Cancelled);
}

#[test]
fn polled_ends_are_read_as_callbacks_are() {
    let done = polled(r#"{"status":"succeeded","result":{"a":1},"finished_at":"2026-02-08T12:00:00Z"}"#);
    let Event::Completed(Some(Found::InBody(span))) = done.event else { panic!("a result") };
    assert_eq!((&done.body[span], done.generator_time), (&br#"{"a":1}"#[..], Some(now())));
    assert_eq!(polled(r#"{"status":"done"}"#).event, Event::Completed(None));

    let failure = |body: &str| {
        let Event::Failed(failure) = polled(body).event else { panic!("a failure") };
        (failure.error.code, failure.retryable)
    };
    assert_eq!(failure(r#"{"status":"failed","error":{"code":"nsfw_face"}}"#), ("nsfw_face".to_owned(), false));
    assert_eq!(failure(r#"{"status":"failed","error":"broke"}"#), ("UNKNOWN".to_owned(), true));
}

#[rstest]
#[case(answer(429, ""), TroubleKind::Throttled)]
#[case(answer(503, ""), TroubleKind::ServerError)]
#[case(answer(401, ""), TroubleKind::Denied)]
#[case(answer(403, ""), TroubleKind::Denied)]
#[case(answer(400, ""), TroubleKind::Refused)]
#[case(answer(307, ""), TroubleKind::Redirect)]
#[case(answer(200, "<!doctype html>"), TroubleKind::Unreadable)]
#[case(answer(200, ""), TroubleKind::Unreadable)]
#[case(answer(200, r#"["succeeded"]"#), TroubleKind::Unreadable)]
#[case(answer(200, r#"{"state":"succeeded"}"#), TroubleKind::Unreadable)]
#[case(answer(200, r#"{"status":{"is":"succeeded"}}"#), TroubleKind::Unreadable)]
#[case(answer(200, "{\"status\":\"succeeded\""), TroubleKind::Unreadable)]
#[case(Heard::Silence(Silence::TooLarge), TroubleKind::TooLarge)]
#[case(lost(), TroubleKind::Unreachable)]
#[case(not_sent(), TroubleKind::Unreachable)]
#[case(output(Some(3), "", "boom"), TroubleKind::Refused)]
#[case(output(None, "", ""), TroubleKind::Refused)]
#[case(output(Some(0), "hello", ""), TroubleKind::Unreadable)]
fn trouble_has_a_name(#[case] heard: Heard, #[case] kind: TroubleKind) {
    let StatusReply::Trouble(found) = status(&written(FILE), &heard) else { panic!("{heard:?} is trouble") };
    assert_eq!(found.kind, kind, "{found:?}");
    assert!(!found.detail.is_empty());
}

#[test]
fn a_pause_that_is_asked_for_is_passed_on() {
    let heard = Heard::Answer { status: 503, retry_after: Some(Duration::from_secs(9)), body: Bytes::new() };
    let expected = Trouble {
        kind: TroubleKind::ServerError,
        retry_after: Some(Duration::from_secs(9)),
        detail: "The generator answered 503".to_owned(),
    };
    assert_eq!(status(&written(FILE), &heard), StatusReply::Trouble(expected));
}

#[test]
fn no_such_job_is_not_found_whatever_the_body() {
    for heard in [answer(404, "<html>"), answer(410, r#"{"status":"succeeded"}"#)] {
        assert_eq!(status(&written(FILE), &heard), StatusReply::NotFound);
    }
}

#[rstest]
#[case("https://a.example/jobs/{remote_id}/result", "{}", Some("https://a.example/jobs/r-1/result"))]
#[case("submit:response_url", "{}", Some("https://a.example/r/9"))]
#[case("json:job.result_url", r#"{"job":{"result_url":"/r/7"}}"#, Some("https://a.example/r/7"))]
#[case("json:job.result_url", "{}", None)]
fn a_result_may_be_one_request_further(#[case] url: &str, #[case] more: &str, #[case] expected: Option<&str>) {
    let body = more.replacen('{', r#"{"status":"succeeded","finished_at":1770552000,"#, 1).replace(",}", "}");
    match (status(&two_steps(url), &answer(200, &body)), expected) {
        (StatusReply::HasResult { request: Request::Http(request), finished_at }, Some(url)) => {
            assert_eq!((request.method.as_str(), request.url.as_str(), finished_at), ("GET", url, Some(now())));
        }
        (StatusReply::Event(polled), None) => assert_eq!(polled.event, Event::Completed(None)),
        (found, _) => panic!("{found:?}"),
    }
}

#[test]
fn a_result_on_a_strangers_host_is_not_fetched() {
    let body = r#"{"status":"succeeded","url":"https://evil.example/r"}"#;
    let StatusReply::Trouble(trouble) = status(&two_steps("json:url"), &answer(200, body)) else { panic!("trouble") };
    assert_eq!(trouble.kind, TroubleKind::Unreadable);
    assert!(trouble.detail.contains("`evil.example`"), "{trouble:?}");
}

#[test]
fn a_fetched_result_is_there_or_gone_or_not_ready() {
    let generator = two_steps("https://a.example/jobs/{remote_id}/result");
    let ResultReply::Event(polled) = generator.read_result(&answer(200, r#"{"data":{"text":"t"}}"#)) else { panic!("a result") };
    let Event::Completed(Some(Found::InBody(span))) = polled.event else { panic!("a result") };
    assert_eq!(&polled.body[span], b"\"t\"");
    let empty = generator.read_result(&answer(200, "{}"));
    assert!(matches!(&empty, ResultReply::Event(polled) if polled.event == Event::Completed(None)), "{empty:?}");
    for gone in [404, 410] {
        assert_eq!(generator.read_result(&answer(gone, "")), ResultReply::Gone);
    }
    for (heard, expected) in [
        (answer(400, "not completed yet"), TroubleKind::NotReady),
        (answer(425, ""), TroubleKind::NotReady),
        (output(Some(1), "", "not yet"), TroubleKind::NotReady),
        (answer(401, ""), TroubleKind::Denied),
        (answer(429, ""), TroubleKind::Throttled),
        (answer(500, ""), TroubleKind::ServerError),
        (answer(301, ""), TroubleKind::Redirect),
        (answer(200, "<html>"), TroubleKind::Unreadable),
        (Heard::Silence(Silence::TooLarge), TroubleKind::TooLarge),
        (lost(), TroubleKind::Unreachable),
    ] {
        let found = generator.read_result(&heard);
        assert!(matches!(&found, ResultReply::Trouble(trouble) if trouble.kind == expected), "{found:?}");
    }
}

#[rstest]
#[case::where_callbacks_have_it("", r#"{"result":1,"b":2}"#, Some(Found::InBody(10..11)))]
#[case::or_the_whole_answer("", r#"{"b":2}"#, Some(Found::InBody(0..7)))]
#[case::nothing_there("", r#"{"result":null}"#, None)]
#[case::in_a_place_of_its_own("result = \"json:b\"", r#"{"result":1,"b":2}"#, Some(Found::InBody(16..17)))]
#[case::and_nowhere_else("result = \"json:b\"", r#"{"result":1}"#, None)]
#[case::said_to_be_the_whole("result = []", r#"{"result":1}"#, Some(Found::InBody(0..12)))]
fn a_result_that_is_fetched_is(#[case] said: &str, #[case] body: &str, #[case] expected: Option<Found>) {
    let text = FILE.replace("gone_as", &format!("result_url = \"https://a.example/{{remote_id}}\"\n{said}\ngone_as"));
    let ResultReply::Event(polled) = written(&text).read_result(&answer(200, body)) else { panic!("a result") };
    assert_eq!(polled.event, Event::Completed(expected));
}

#[test]
fn the_id_may_be_a_key_of_the_answer() {
    let text = r#"
trust = "token"
[event]
[poll]
url = "http://comfy:8188/history/{remote_id}"
state = "json:{remote_id}.status.status_str"
result = "json:{remote_id}.outputs"
default = "progress"
[poll.map]
completed = ["success"]
"#;
    let read = |body: &str| match status(&written(text), &answer(200, body)) {
        StatusReply::Event(polled) => polled.event,
        other => panic!("{other:?}"),
    };
    assert_eq!(read("{}").name(), "progress");
    let body = r#"{"r-1":{"status":{"status_str":"success"},"outputs":[7]}}"#;
    let Event::Completed(Some(Found::InBody(span))) = read(body) else { panic!("a result") };
    assert_eq!(&body[span], "[7]");
    assert_eq!(read(r#"{"r-2":{"status":{"status_str":"success"}}}"#).name(), "progress");
}

#[test]
fn the_times_are_the_files() {
    let generator = written(FILE);
    let times = PollTimes {
        first_after: Some(Duration::from_secs(5)),
        every: Some(Duration::from_secs(2)),
        max: Some(Duration::from_secs(60)),
        backoff: 1.5,
    };
    assert_eq!((generator.polling(), generator.gone_as()), (Some(&times), GoneAs::Failed));
    assert_eq!(generator.result_ttl(), Some(Duration::from_secs(1800)));
}
