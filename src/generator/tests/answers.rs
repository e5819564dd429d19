//! What generators' answers mean: to submissions, lookups and cancellations.

use std::time::Duration;

use bytes::Bytes;
use rstest::rstest;

use super::*;
use crate::domain::event::Event;
use crate::domain::task::ExternalId;
use crate::generator::reply::{Heard, LookupReply, ResultReply, Silence, StatusReply, SubmitReply, TroubleKind};
use crate::generator::request::{Job, Request};

pub(super) const FILE: &str = r#"
trust = "token"
final_errors = ["nsfw*"]
[event]
state = "json:event"
result = "json:result"
error = "json:error"
[event.map]
completed = ["done"]
failed = ["failed"]
[submit]
url = "https://a.example/jobs"
remote_id = ["json:id", "json:data.task_id"]
lookup = "https://a.example/jobs?ref={task_id}"
[poll]
url = "https://a.example/jobs/{remote_id}"
state = "json:status"
progress = "json:pct"
at = "json:finished_at"
gone_as = "failed"
first_after = "5s"
every = 2
max = "1m"
result_ttl = "30m"
[poll.map]
completed = ["succeeded"]
cancelled = ["canceled"]
progress = ["running"]
ignore = ["noise"]
[cancel]
url = "https://a.example/jobs/{remote_id}/cancel"
"#;

pub(super) fn answer(status: u16, body: &str) -> Heard {
    Heard::Answer { status, retry_after: None, body: Bytes::copy_from_slice(body.as_bytes()) }
}

pub(super) fn output(code: Option<i32>, stdout: &str, stderr: &str) -> Heard {
    Heard::Output { code, stdout: Bytes::copy_from_slice(stdout.as_bytes()), stderr: stderr.to_owned() }
}

pub(super) fn lost() -> Heard {
    Heard::Silence(Silence::Lost("No answer in time".to_owned()))
}

pub(super) fn not_sent() -> Heard {
    Heard::Silence(Silence::NotSent("No connection: refused".to_owned()))
}

fn with_job<T>(ask: impl FnOnce(&Job<'_>) -> T) -> T {
    let (task, remote) = (task(), ExternalId::parse("r-1").unwrap());
    ask(&Job {
        task: &task,
        attempt: 1,
        external_id: Some(&remote),
        input: None,
        params: None,
        priority: 5,
        callback_url: None,
        token: None,
        submit_answer: Some(br#"{"response_url":"https://a.example/r/9"}"#),
        now: now(),
    })
}

pub(super) fn status(generator: &Generator, heard: &Heard) -> StatusReply {
    with_job(|job| generator.read_status(heard, job))
}

fn id(text: &str) -> Option<ExternalId> {
    Some(ExternalId::parse(text).unwrap())
}

#[rstest]
#[case(answer(202, r#"{"id":"r-1"}"#), id("r-1"))]
#[case(answer(200, r#"{"id":null,"data":{"task_id":42}}"#), id("42"))]
#[case(answer(200, r#"{"id":1.5}"#), None)]
#[case(answer(200, r#"{"id":""}"#), None)]
#[case(answer(204, ""), None)]
#[case(answer(200, "<html>"), None)]
#[case(output(Some(0), r#"{"id":"r-2"}"#, "a warning"), id("r-2"))]
fn a_submission_that_is_taken_may_tell_an_id(#[case] heard: Heard, #[case] external_id: Option<ExternalId>) {
    assert_eq!(written(FILE).read_submission(&heard), SubmitReply::Accepted { external_id });
}

#[rstest]
#[case(answer(302, ""), "The generator answered 302", r#"{"status":302}"#)]
#[case(answer(422, "no \0 way"), "The generator answered 422: no \u{fffd} way", r#"{"status":422}"#)]
#[case(
    answer(400, r#"{"input":{"callbackUrl":"https://h/c?token=abc-_9&x=1"}}"#),
    r#"The generator answered 400: {"input":{"callbackUrl":"https://h/c?token=…&x=1"}}"#,
    r#"{"status":400}"#
)]
#[case(answer(401, ""), "The generator answered 401", r#"{"status":401}"#)]
#[case(output(Some(2), "out", "usage: …"), "The command ended with 2: usage: …", r#"{"exit_code":2}"#)]
#[case(output(Some(1), "out", ""), "The command ended with 1: out", r#"{"exit_code":1}"#)]
fn a_submission_that_is_refused_says_why(#[case] heard: Heard, #[case] message: &str, #[case] details: &str) {
    let SubmitReply::Refused(error) = written(FILE).read_submission(&heard) else { panic!("{heard:?} is no refusal") };
    assert_eq!((error.code.as_str(), error.message.as_str()), ("SUBMIT_REFUSED", message));
    assert_eq!(error.details.as_deref(), Some(details));
}

#[test]
fn of_a_long_refusal_the_beginning_is_kept() {
    let SubmitReply::Refused(error) = written(FILE).read_submission(&answer(400, &"ü".repeat(5_000_000))) else { panic!() };
    assert_eq!(error.message, format!("The generator answered 400: {}", "ü".repeat(500)));
}

#[test]
fn a_submission_may_surely_not_have_arrived_or_perhaps() {
    let read = |heard: &Heard| written(FILE).read_submission(heard);
    assert!(matches!(read(&not_sent()), SubmitReply::NotTaken { retry_after: None, .. }));
    let busy = Heard::Answer { status: 429, retry_after: Some(Duration::from_secs(7)), body: Bytes::new() };
    assert!(matches!(read(&busy), SubmitReply::NotTaken { retry_after: Some(pause), .. } if pause.as_secs() == 7));
    assert!(matches!(read(&answer(503, "")), SubmitReply::NotTaken { .. }));
    for heard in [lost(), Heard::Silence(Silence::TooLarge), answer(500, ""), answer(504, ""), output(None, "", "")] {
        assert!(matches!(read(&heard), SubmitReply::Unknown(_)), "{heard:?}");
    }
}

#[rstest]
#[case("json:code in [1, 22]", 200, r#"{"code":22}"#, true)]
#[case("json:code in [1,22]", 200, r#"{"code":23}"#, false)]
#[case("json:code=1", 200, r#"{"code":"1"}"#, true)]
#[case("json:code=1", 200, "{}", false)]
#[case("json:code=1", 200, "no JSON", false)]
#[case("json:code!=0", 200, r#"{"code":1}"#, true)]
#[case("json:code!='bad'", 200, r#"{"code":"bad"}"#, false)]
#[case("json:data.id exists", 200, r#"{"data":{"id":{}}}"#, true)]
#[case("json:data.id exists", 200, r#"{"data":{"id":null}}"#, false)]
#[case("json:code=1", 400, r#"{"code":1}"#, false)]
#[case("200, 409", 409, "", true)]
#[case("200, 409", 202, "", false)]
fn a_rule_says_what_a_yes_is(#[case] rule: &str, #[case] status: u16, #[case] body: &str, #[case] expected: bool) {
    let generator = written(&FILE.replace("lookup", &format!("ok = \"{rule}\"\nlookup")));
    let reply = generator.read_submission(&answer(status, body));
    assert_eq!(matches!(reply, SubmitReply::Accepted { .. }), expected, "{reply:?}");
    assert_eq!(matches!(reply, SubmitReply::Refused(_)), !expected, "{reply:?}");
}

#[test]
fn a_lookup_finds_or_does_not_or_cannot_tell() {
    let read = |heard: &Heard| written(FILE).read_lookup(heard);
    assert_eq!(read(&answer(200, r#"{"id":"r"}"#)), LookupReply::Found(ExternalId::parse("r").unwrap()));
    for heard in [answer(200, "{}"), answer(404, "<html>")] {
        assert_eq!(read(&heard), LookupReply::Absent);
    }
    for (heard, expected) in [
        (answer(200, "<html>welcome</html>"), TroubleKind::Unreadable),
        (answer(500, ""), TroubleKind::ServerError),
        (lost(), TroubleKind::Unreachable),
    ] {
        assert!(matches!(read(&heard), LookupReply::Trouble(trouble) if trouble.kind == expected), "{heard:?}");
    }
}

#[rstest]
#[case(answer(200, ""), true)]
#[case(answer(404, ""), true)]
#[case(answer(409, ""), true)]
#[case(answer(410, ""), true)]
#[case(answer(400, ""), false)]
#[case(answer(500, ""), false)]
#[case(lost(), false)]
#[case(output(Some(0), "", ""), true)]
#[case(output(Some(1), "", ""), false)]
fn a_cancellation_is_done_where_nothing_is_left_to_cancel(#[case] heard: Heard, #[case] done: bool) {
    assert_eq!(written(FILE).read_cancellation(&heard), done);
}

#[test]
fn content_creators_answers_are_understood() {
    let mut overrides = with_secrets("content-creator", &[]);
    overrides.generators.values_mut().next().unwrap().base_url = Some("http://creator:3000".to_owned());
    let it = built_in("content-creator", &overrides);
    assert_eq!(
        it.read_submission(&answer(202, r#"{"success":true,"data":{"taskId":"task-1"}}"#)),
        SubmitReply::Accepted { external_id: id("task-1") }
    );
    let body = r#"{"success":true,"data":{"taskId":"task-1","status":"running","currentStep":"draft","progress":40}}"#;
    let StatusReply::Event(polled) = status(&it, &answer(200, body)) else { panic!("progress") };
    let Event::Progress(report) = polled.event else { panic!("progress") };
    assert_eq!((report.percent, report.stage.as_deref(), polled.unknown_word), (Some(40.0), Some("draft"), None));
    let StatusReply::HasResult { request: Request::Http(request), .. } =
        status(&it, &answer(200, r#"{"data":{"status":"completed","progress":100}}"#))
    else {
        panic!("a second request")
    };
    assert_eq!(request.url, "http://creator:3000/api/tasks/r-1/result");
    let result = r##"{"success":true,"data":{"content":"# T","wordCount":1}}"##;
    let ResultReply::Event(polled) = it.read_result(&answer(200, result)) else { panic!("a result") };
    assert_eq!(polled.event.name(), "completed");
    let early = it.read_result(&answer(400, r#"{"success":false,"error":{"message":"not completed yet"}}"#));
    assert!(matches!(early, ResultReply::Trouble(trouble) if trouble.kind == TroubleKind::NotReady));
}

#[test]
fn what_goes_into_logs_has_no_word_of_a_body() {
    let generator = written(FILE);
    for heard in [answer(503, "a secret"), answer(500, "a secret"), output(None, "a secret", "a secret")] {
        let reply = generator.read_submission(&heard);
        let (SubmitReply::NotTaken { detail, .. } | SubmitReply::Unknown(detail)) = reply else { panic!("{reply:?}") };
        assert!(!detail.is_empty() && !detail.contains("secret"), "{detail}");
        let LookupReply::Trouble(trouble) = generator.read_lookup(&heard) else { panic!("{heard:?} is trouble") };
        assert!(!trouble.detail.contains("secret"), "{}", trouble.detail);
    }
}
