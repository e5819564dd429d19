//! Where requests go, and with whose key: nothing in a job or in an answer may lead them elsewhere.

use proptest::{prop_assert, prop_assert_eq, proptest};
use rstest::rstest;

use super::requests::{case, http, loaded, shown, submitted};
use crate::domain::task::ExternalId;
use crate::generator::request::{Job, Request};

#[rstest]
#[case("https://a.example/{model}", |job: &mut Job<'_>| job.params = None, "The URL needs `params.model`, and the task has none")]
#[case("https://a.example/{model}", |job: &mut Job<'_>| job.params = Some(r#"{"model":"a/../../b"}"#), "A value in the URL is `.` or `..`")]
#[case("https://a.example/{input.id}/x", |job: &mut Job<'_>| job.input = Some(r#"{"id":".."}"#), "A value in the URL is `.` or `..`")]
#[case("https://{model}.a.example/", |job: &mut Job<'_>| job.params = Some(r#"{"model":"evil.example/"}"#), "The values do not make a URL")]
#[case("https://a.example/", |job: &mut Job<'_>| job.input = Some("[1]"), "`input` is not a JSON object")]
fn what_cannot_be_sent_says_why(#[case] url: &str, #[case] change: fn(&mut Job<'_>), #[case] expected: &str) {
    let found = submitted(&format!("[submit]\nurl = \"{url}\"\nparams = [\"model\"]"), None, change);
    assert!(found.starts_with(expected), "{found}");
}

#[rstest]
#[case("lookup = \"https://a.example/{remote_id}\"", "`submit.lookup` needs {remote_id}")]
#[case("ok = \"json:id == j\"", "may not be `json:id == j`")]
#[case("[poll]\nurl = \"https://a.example/{remote_id}\"", "`poll.map` must name the words for an end")]
#[case(
    "[event.map]\ncompleted = \"done\"\n[poll]\nurl = \"https://a.example/{remote_id}\"\nevery = \"10s\"\nmax = \"1s\"",
    "`poll.every` is longer than `max`"
)]
fn what_can_never_work_is_refused_at_start(#[case] rest: &str, #[case] expected: &str) {
    let text = format!("trust = \"token\"\n[event]\nstate = \"json:status\"\n[submit]\nurl = \"https://a.example\"\n{rest}");
    let said = super::catalog::mistake(&text);
    assert!(said.contains(expected), "{said}");
}

#[test]
fn the_submissions_answer_tells_nothing_where_there_is_no_submission() {
    let text = "trust = \"token\"\n[event]\nstate = \"json:status\"\n[event.map]\ncompleted = \"done\"\n[poll]\nurl = \"submit:status_url\"";
    let said = super::catalog::mistake(text);
    assert!(said.contains("there is no [submit] section"), "{said}");
}

#[test]
fn a_header_is_one_line() {
    let text = "[submit]\nurl = \"https://a.example\"\nheaders = { X-Topic = \"{input.topic}\" }";
    let found = submitted(text, None, |job| job.input = Some(r#"{"topic":"a\r\nX-Evil: 1"}"#));
    assert_eq!(found, "The value of header `x-topic` has control characters");
}

#[test]
fn a_base_url_redirects_a_preset_with_all_its_requests() {
    let text = r#"
[submit]
url = "https://api.a.example/v1/runs"
lookup = "https://api.a.example/v1/runs?key={task_id}-{attempt}"
[poll]
url = "https://{region}.a.example:8443/v1/{remote_id}?full={input.prompt}"
[cancel]
method = "DELETE"
url = "https://api.a.example/v1/{remote_id}"
extra = { reason = "{task_id}" }
"#;
    let text = text.replace("[submit]", "[submit]\nparams = [\"region\"]");
    let case = case();
    let job = case.job();
    let urls = |base: Option<&str>| {
        let it = loaded(&text, base, None);
        let requests = [
            it.submit_request(&job),
            it.lookup_request(&job).unwrap(),
            it.status_request(&job),
            it.cancel_request(&job).unwrap(),
        ];
        (requests.map(|request| http(request.unwrap()).url), it.host())
    };
    let (plain, host) = urls(None);
    assert_eq!(
        plain,
        [
            "https://api.a.example/v1/runs",
            "https://api.a.example/v1/runs?key=t-1-2",
            "https://eu.a.example:8443/v1/r%2F1%20%C3%BC?full=a%20cat",
            "https://api.a.example/v1/r%2F1%20%C3%BC"
        ]
    );
    assert_eq!(host.as_deref(), Some("api.a.example"));
    let (redirected, host) = urls(Some("http://[::1]:9/stand-in"));
    assert_eq!(
        redirected,
        [
            "http://[::1]:9/stand-in/v1/runs",
            "http://[::1]:9/stand-in/v1/runs?key=t-1-2",
            "http://[::1]:9/stand-in/v1/r%2F1%20%C3%BC?full=a%20cat",
            "http://[::1]:9/stand-in/v1/r%2F1%20%C3%BC"
        ]
    );
    assert_eq!(host.as_deref(), Some("::1"));
    let it = loaded(&text, None, None);
    assert!(it.needs_external_id() && it.has_lookup() && it.can_cancel() && !it.is_repeatable());
    let cancel = shown(it.cancel_request(&job).unwrap().unwrap());
    assert!(cancel.starts_with("DELETE ") && cancel.ends_with(r#"{"reason":"t-1"}"#), "{cancel}");
}

#[test]
fn the_key_is_shown_the_same_way_to_every_request_unless_the_file_says_otherwise() {
    let text = r#"
[submit]
url = "https://a.example/"
auth = "header:X-Key"
[poll]
url = "https://a.example/{task_id}"
[cancel]
url = "https://a.example/{task_id}"
auth = "none"
headers = { Authorization = "Key {api_key}" }
"#;
    let case = case();
    let job = case.job();
    let it = loaded(text, None, Some("k"));
    let header =
        |request: Request, name: &str| http(request).headers.into_iter().find(|(known, _)| known == name).map(|(_, value)| value);
    assert_eq!(header(it.submit_request(&job).unwrap(), "x-key").as_deref(), Some("k"));
    assert_eq!(header(it.status_request(&job).unwrap(), "x-key").as_deref(), Some("k"));
    let cancel = || it.cancel_request(&job).unwrap().unwrap();
    assert_eq!(header(cancel(), "x-key"), None);
    assert_eq!(header(cancel(), "authorization").as_deref(), Some("Key k"));
    assert!(!it.needs_external_id());
    let without = loaded(text, None, None);
    assert!(without.polling().is_none() && !without.can_cancel() && without.status_request(&job).is_err());
    assert!(!format!("{it:?} {:?}", it.submit_request(&job)).contains("\"k\""));
}

#[rstest]
#[case("https://a.example/status/1", Ok("https://a.example/status/1"))]
#[case("/status/1", Ok("https://a.example/status/1"))]
#[case("http://a.example/status/1", Err("leads to another host, `a.example`, or to another port"))]
#[case("https://evil.example/status/1", Err("leads to another host, `evil.example`"))]
#[case("//evil.example/status/1", Err("leads to another host, `evil.example`"))]
#[case("https://u:p@a.example/status/1", Err("leads to another host"))]
#[case("https://a.example:8443/status/1", Err("or to another port"))]
fn urls_of_answers_lead_to_the_generators_own_hosts(#[case] told: &str, #[case] expected: Result<&str, &str>) {
    let it = loaded("[submit]\nurl = \"https://a.example/x\"\n[poll]\nurl = \"submit:urls.get\"", None, None);
    assert!(it.needs_external_id());
    let case = case();
    let answer = format!(r#"{{"urls":{{"get":"{told}"}}}}"#);
    let found = it.status_request(&Job { submit_answer: Some(answer.as_bytes()), ..case.job() });
    match (found, expected) {
        (Ok(request), Ok(url)) => assert_eq!(http(request).url, url),
        (Err(found), Err(fact)) => assert!(found.fact.contains(fact), "{found}"),
        (found, expected) => panic!("{found:?} instead of {expected:?}"),
    }
    assert!(it.status_request(&case.job()).unwrap_err().fact.contains("has no `urls.get`"));
}

#[rstest]
#[case("https://a.example/status/1?v=2", Ok("https://a.example/status/1?v=2"))]
#[case("https://evil.example/status/1", Err("leads to another host, `evil.example`"))]
fn a_generators_id_may_be_the_url_to_ask(#[case] id: &str, #[case] expected: Result<&str, &str>) {
    let it = loaded("[submit]\nurl = \"{base_url}/x\"\n[poll]\nurl = \"{remote_id}\"", Some("https://a.example"), None);
    assert!(it.needs_external_id());
    let (case, id) = (case(), ExternalId::parse(id).unwrap());
    match (it.status_request(&Job { external_id: Some(&id), ..case.job() }), expected) {
        (Ok(request), Ok(url)) => assert_eq!(http(request).url, url),
        (Err(found), Err(fact)) => assert!(found.fact.contains(fact), "{found}"),
        (found, expected) => panic!("{found:?} instead of {expected:?}"),
    }
    assert!(it.status_request(&Job { external_id: None, ..case.job() }).unwrap_err().fact.contains("the task has none"));
}

proptest! {
    #[test]
    fn a_value_never_becomes_another_part_of_the_url(value in "\\PC{0,12}|[./%2eE\\\\?#@:]{1,8}") {
        let it = loaded("[submit]\nurl = \"https://a.example/jobs/{input.v}/status?k={input.v}&l=1\"", None, None);
        let input = serde_json::json!({ "v": value }).to_string();
        let case = case();
        let job = Job { input: Some(&input), ..case.job() };
        match it.submit_request(&job) {
            Ok(request) => {
                let url = reqwest::Url::parse(&http(request).url).unwrap();
                prop_assert_eq!((url.scheme(), url.host_str(), url.port(), url.username()), ("https", Some("a.example"), None, ""));
                let steps: Vec<_> = url.path_segments().unwrap().collect();
                prop_assert!(steps.len() == 3 && steps[0] == "jobs" && steps[2] == "status", "{}", url);
                let pairs: Vec<_> = url.query_pairs().map(|(key, value)| (key.into_owned(), value.into_owned())).collect();
                prop_assert_eq!(pairs, [("k".to_owned(), value), ("l".to_owned(), "1".to_owned())]);
            }
            Err(unsendable) => prop_assert!(value == "." || value == "..", "{} for {:?}", unsendable, value),
        }
    }
}
