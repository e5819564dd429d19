//! The requests that files of several kinds make of a job.

use rstest::rstest;

use super::*;
use crate::domain::task::ExternalId;
use crate::generator::outgoing::NoSubmit;
use crate::generator::request::{CommandLine, HttpRequest, Job, Request};

const CALLBACK: &str = "https://hub.example/callback/t-1?generator=x&attempt=2&token=abc";

pub(super) struct Case {
    task: TaskId,
    remote: ExternalId,
}

pub(super) fn case() -> Case {
    Case { task: task(), remote: ExternalId::parse("r/1 ü").unwrap() }
}

impl Case {
    pub(super) fn job(&self) -> Job<'_> {
        Job {
            task: &self.task,
            attempt: 2,
            external_id: Some(&self.remote),
            input: Some(r#"{"prompt":"a cat","seed":12345678901234567890123}"#),
            params: Some(r#"{"model":"fal-ai/flux dev","region":"eu"}"#),
            priority: 5,
            callback_url: Some(CALLBACK),
            token: Some("abc"),
            submit_answer: None,
            now: now(),
        }
    }
}

/// A generator `x` with these sections, its base URL and its key set as given.
pub(super) fn loaded(sections: &str, base_url: Option<&str>, api_key: Option<&str>) -> Arc<Generator> {
    let text = format!("trust = \"token\"\n[event]\nstate = \"json:status\"\nmap.completed = \"done\"\n{sections}");
    let mut overrides = with_secrets("x", &[]);
    let own = overrides.generators.values_mut().next().unwrap();
    own.base_url = base_url.map(ToOwned::to_owned);
    own.api_key = api_key.map(ToOwned::to_owned);
    Arc::clone(Catalog::load(&[("x.toml".to_owned(), text)], &overrides).unwrap().find("x").unwrap())
}

pub(super) fn http(request: Request) -> HttpRequest {
    if let Request::Http(request) = request { request } else { panic!("{request:?} is no HTTP") }
}

fn line(request: Request) -> CommandLine {
    if let Request::Command(line) = request { line } else { panic!("{request:?} is no command") }
}

/// Method and URL, headers, body, a line each.
pub(super) fn shown(request: Request) -> String {
    let HttpRequest { method, url, headers, body } = http(request);
    let headers: Vec<_> = headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    let body = body.map_or_else(|| "-".to_owned(), |body| String::from_utf8(body).unwrap());
    format!("{method} {url}\n{}\n{body}", headers.join("\n"))
}

pub(super) fn submitted(sections: &str, key: Option<&str>, change: impl FnOnce(&mut Job<'_>)) -> String {
    let case = case();
    let mut job = case.job();
    change(&mut job);
    match loaded(sections, None, key).submit_request(&job) {
        Ok(request) => shown(request),
        Err(unsendable) => unsendable.to_string(),
    }
}

#[test]
fn a_hosted_generator_gets_input_as_the_body_and_params_in_the_url() {
    let text = r#"
[submit]
url = "https://queue.run/{model}/{region}?kind={params.model}"
auth = "bearer"
headers = { X-Version = "7", Prefer = "wait={attempt}" }
params = ["model", "region"]
callback = "query:fal_webhook"
extra = { prompt = "loses", nested = { a = 1, b = [true, 1.5] } }
idempotency = "header:Idempotency-Key"
remote_id = ["json:id"]
"#;
    assert_eq!(
        submitted(text, Some("k3y"), |_| {}),
        "POST https://queue.run/fal-ai/flux%20dev/eu?kind=fal-ai%2Fflux%20dev\
         &fal_webhook=https%3A%2F%2Fhub.example%2Fcallback%2Ft-1%3Fgenerator%3Dx%26attempt%3D2%26token%3Dabc\n\
         accept: application/json\ncontent-type: application/json\nauthorization: Bearer k3y\nidempotency-key: t-1-2\n\
         prefer: wait=2\nx-version: 7\n\
         {\"nested\":{\"a\":1,\"b\":[true,1.5]},\"prompt\":\"a cat\",\"seed\":12345678901234567890123}"
    );
    assert!(loaded(text, None, Some("k")).is_repeatable());
    assert_eq!(loaded(text, None, None).can_submit(), Err(NoSubmit::Missing("GENERATOR_X_API_KEY".to_owned())));
}

#[test]
fn a_param_that_a_task_need_not_say_has_its_usual_value() {
    let text = "[submit]\nurl = \"https://a.example/{kind}/{model}\"\nparams = [\"kind=text/to=x\", \"model\"]";
    let url = |change: fn(&mut Job<'_>)| submitted(text, None, change).lines().next().unwrap_or_default().to_owned();
    assert_eq!(url(|_| {}), "POST https://a.example/text/to%3Dx/fal-ai/flux%20dev");
    assert_eq!(url(|job| job.params = Some(r#"{"kind":"image","model":"m"}"#)), "POST https://a.example/image/m");
    assert_eq!(url(|job| job.params = Some("{}")), "The URL needs `params.model`, and the task has none");
}

#[test]
fn a_form_is_written_as_one() {
    let text = r#"
[submit]
url = "https://a.example/v1"
auth = "basic"
body = "form"
callback = "form:webhook_url"
"#;
    let found =
        submitted(text, Some("user:pass"), |job| job.input = Some(r#"{"a":"x y","b":[1,"two"],"c":{"d":1},"n":null,"t":true}"#));
    assert_eq!(
        found,
        "POST https://a.example/v1\naccept: application/json\ncontent-type: application/x-www-form-urlencoded\n\
         authorization: Basic dXNlcjpwYXNz\na=x+y&b=1%2Ctwo&c=%7B%22d%22%3A1%7D&t=true\
         &webhook_url=https%3A%2F%2Fhub.example%2Fcallback%2Ft-1%3Fgenerator%3Dx%26attempt%3D2%26token%3Dabc"
    );
}

#[test]
fn a_form_in_parts_is_one_too() {
    let text = "[submit]\nurl = \"https://a.example/v1\"\nbody = \"multipart\"\ncallback = \"form:webhook_url\"";
    let found = submitted(text, None, |job| {
        job.input = Some(r#"{"a\"\r\n":"x\r\ny","b":{"d":1},"n":null}"#);
        job.callback_url = Some("http://h/c");
    });
    let (head, body) = found.split_once("\n--").unwrap();
    let boundary = head.rsplit_once("boundary=").unwrap().1;
    assert_eq!(
        head,
        format!("POST https://a.example/v1\naccept: application/json\ncontent-type: multipart/form-data; boundary={boundary}")
    );
    let parts: Vec<_> = body.split(boundary).map(|part| part.trim_start_matches("\r\n").trim_end_matches("\r\n--")).collect();
    assert_eq!(
        parts,
        [
            "",
            "Content-Disposition: form-data; name=\"a%22%0D%0A\"\r\n\r\nx\r\ny",
            "Content-Disposition: form-data; name=\"b\"\r\n\r\n{\"d\":1}",
            "Content-Disposition: form-data; name=\"webhook_url\"\r\n\r\nhttp://h/c",
            "--\r\n",
        ]
    );
}

#[test]
fn a_callback_may_need_a_shape_of_its_own() {
    let text = r#"
[submit]
url = "https://a.example/runs"
callback = "query-b64json:webhooks"
callback_template = [{ eventTypes = ["ACTOR.RUN.SUCCEEDED"], requestUrl = "{url}", payloadTemplate = "{{resource}}" }]
"#;
    let found = submitted(text, None, |job| job.callback_url = Some("http://h/c?token=t"));
    let query = found.split("webhooks=").nth(1).unwrap().split('\n').next().unwrap();
    let text: String = form_urlencoded::parse(format!("q={query}").as_bytes()).next().unwrap().1.into_owned();
    let decoded = crate::generator::key::from_base64(&text).unwrap();
    assert_eq!(
        String::from_utf8(decoded).unwrap(),
        r#"[{"eventTypes":["ACTOR.RUN.SUCCEEDED"],"payloadTemplate":"{{resource}}","requestUrl":"http://h/c?token=t"}]"#
    );
}

#[test]
fn a_callback_lies_where_the_file_says_and_input_cannot_move_it() {
    let text = r#"
[submit]
url = "https://a.example"
callback = "json:notification.url"
callback_extra = { notification = { type = "http" } }
extra = { notification = { events = true }, proof = "{token}", keep = "{not a name}" }
"#;
    let input = r#"{"notification":{"url":"https://mine.example","type":"mail","params":[1]},"proof":"none"}"#;
    let body = |change: fn(&mut Job<'_>)| {
        let found = submitted(text, None, |job| {
            job.input = Some(input);
            change(job);
        });
        found.lines().last().unwrap().to_owned()
    };
    assert_eq!(
        body(|_| {}),
        format!(
            r#"{{"keep":"{{not a name}}","notification":{{"events":true,"params":[1],"type":"http","url":"{CALLBACK}"}},"proof":"abc"}}"#
        )
    );
    // where nobody can call back, the job's own words stand
    assert_eq!(
        body(|job| job.callback_url = None),
        r#"{"keep":"{not a name}","notification":{"events":true,"params":[1],"type":"mail","url":"https://mine.example"},"proof":"none"}"#
    );
}

#[test]
fn without_a_callback_url_nothing_is_said_of_one() {
    for place in ["json:hook", "query:hook", "query-b64json:hook"] {
        let text = format!(
            "[submit]\nurl = \"https://a.example/\"\ncallback = \"{place}\"\ncallback_template = {{ u = \"{{url}}\" }}\n\
             callback_extra = {{ on = true }}\nextra = {{ t = \"{{token}}\" }}\nheaders = {{ h = \"{{callback_url}}\" }}"
        );
        let found = submitted(&text, None, |job| {
            job.callback_url = None;
            job.input = None;
        });
        assert_eq!(found, "POST https://a.example/\naccept: application/json\ncontent-type: application/json\n{}", "{place}");
    }
}

#[rstest]
#[case(r#"{"priority":9,"quality":"best"}"#, r#"{"priority":4,"quality":"hd"}"#)]
#[case(r#"{"priority":0.5,"quality":"odd"}"#, r#"{"priority":1,"quality":"odd"}"#)]
#[case(r#"{"priority":"high"}"#, r#"{"priority":"high"}"#)]
#[case("{}", r#"{"priority":4}"#)]
fn values_are_changed_for_a_generator_that_is_stricter(#[case] input: &str, #[case] expected: &str) {
    let text = "[submit]\nurl = \"https://a.example\"\nmap = { priority = { clamp = [1, 4] }, quality = { values = { best = \"hd\" } } }";
    let case = case();
    let job = Job { input: Some(input), ..case.job() };
    let body = http(loaded(text, None, None).submit_request(&job).unwrap()).body.unwrap();
    assert_eq!(String::from_utf8(body).unwrap(), expected);
}

#[test]
fn content_creator_is_submitted_to_as_its_validator_wants() {
    let mut overrides = with_secrets("content-creator", &[]);
    let without = built_in("content-creator", &overrides);
    assert_eq!(without.can_submit(), Err(NoSubmit::Missing("GENERATOR_CONTENT_CREATOR_BASE_URL".to_owned())));
    assert!(without.polling().is_none() && without.host().is_none());
    overrides.generators.values_mut().next().unwrap().base_url = Some("http://creator:3000".to_owned());
    let it = built_in("content-creator", &overrides);
    assert_eq!(it.can_submit(), Ok(()));
    assert!(it.polling().is_some() && it.needs_external_id() && it.cancel_request(&case().job()).is_none());
    let case = case();
    let job = Job { input: Some(r#"{"topic":"T","keywords":["a"]}"#), ..case.job() };
    assert_eq!(
        shown(it.submit_request(&job).unwrap()),
        format!(
            "POST http://creator:3000/api/tasks\naccept: application/json\ncontent-type: application/json\n\
             {{\"callbackEnabled\":true,\"callbackEvents\":[\"completed\",\"failed\",\"progress\"],\"callbackUrl\":\"{CALLBACK}\",\
             \"keywords\":[\"a\"],\"mode\":\"async\",\"priority\":4,\"topic\":\"T\"}}"
        )
    );
    let status = http(it.status_request(&job).unwrap());
    assert_eq!((status.method.as_str(), status.url.as_str()), ("GET", "http://creator:3000/api/tasks/r%2F1%20%C3%BC/status"));
}

fn by_command() -> Arc<Generator> {
    let text = include_str!("../../../tests/generators/content-creator-cli.toml");
    let files = [("content-creator-cli.toml".to_owned(), text.to_owned())];
    Arc::clone(Catalog::load(&files, &Overrides::default()).unwrap().find("content-creator-cli").unwrap())
}

#[test]
fn a_command_goes_without_what_is_absent() {
    let it = by_command();
    assert!(it.can_submit().is_ok() && it.polling().is_some() && !it.needs_external_id() && it.host().is_none());
    let case = case();
    let full = Job { input: Some(r#"{"topic":"-a; rm","tone":"dry","keywords":["a","b"],"requirements":null}"#), ..case.job() };
    let found = line(it.submit_request(&full).unwrap());
    let fixed = ["create", "--type", "content-creator", "--mode", "async"];
    let varying = ["--topic", "-a; rm", "--task-id", "t-1-2", "--tone", "dry", "--keywords", "a,b", "--callback-url", CALLBACK];
    assert_eq!(found.program, "content-creator");
    assert_eq!(found.arguments, fixed.into_iter().chain(varying).collect::<Vec<_>>());
    assert_eq!((found.timeout.as_secs(), found.output_limit), (30, 1 << 20));
    let bare = Job { input: None, callback_url: None, ..case.job() };
    let found = line(it.submit_request(&bare).unwrap()).arguments;
    assert_eq!(found, fixed.into_iter().chain(["--task-id", "t-1-2"]).collect::<Vec<_>>());
    assert_eq!(line(it.status_request(&full).unwrap()).arguments, ["status", "--task-id", "t-1-2", "--json"]);
    assert_eq!(it.longest_command(), Some(std::time::Duration::from_secs(30)));
}

#[test]
fn a_command_line_has_its_limits() {
    let it = by_command();
    let case = case();
    let long = format!(r#"{{"topic":"{}"}}"#, "x".repeat(200 << 10));
    let unsendable = |input: &str| it.submit_request(&Job { input: Some(input), ..case.job() }).unwrap_err().fact;
    assert_eq!(unsendable(&long), "A value is too long for a command line");
    // NUL in a text has become U+FFFD before
    assert!(it.submit_request(&Job { input: Some(r#"{"topic":"a\u0000"}"#), ..case.job() }).is_ok());
}
