//! Rules that decide where a word does not, or not alone.

use rstest::rstest;

use super::catalog::mistake;
use super::*;
use crate::generator::condition::Condition;
use crate::generator::json::Document;
use crate::generator::reply::{Heard, StatusReply};
use crate::generator::request::Job;

/// As music services speak, that aggregate others: a code, a kind of callback, the outputs' own states.
const MUSIC: &str = r#"
[[sign]]
scheme = "hmac"
header = "x-signature"
[event]
state = "json:data.callbackType"
error = ["json:msg"]
result = ["json:data.data"]
[[event.rule]]
if = "header:x-kind=ping"
then = "ignore"
[[event.rule]]
if = ["json:code!=200", "json:code exists"]
then = "failed"
[[event.rule]]
if = "json:data.outputs[*].status ~ *fail*"
then = "failed"
[[event.rule]]
if = "json:customer exists"
then = "event"
[event.map]
completed = "complete"
progress = ["text", "first"]
[submit]
url = "http://music.example/jobs"
remote_id = "json:id"
[poll]
url = "http://music.example/jobs/{remote_id}"
state = "json:data.status"
[poll.map]
completed = "SUCCESS"
"#;

fn name(file: &str, body: &str) -> String {
    let generator = written(file);
    match payload::decode(&proven(raw(body).signed(&generator, SECRET), &generator)) {
        Ok(Decoded::Task(event)) => event.event.name().to_owned(),
        Ok(Decoded::Custom(event)) => format!("event {}", event.name),
        Err(refusal) => format!("{:?}", refusal.code),
    }
}

#[rstest]
#[case(r#"{"code":200,"data":{"callbackType":"complete","data":[]}}"#, "completed")]
#[case::word_overruled(r#"{"code":501,"msg":"broke","data":{"callbackType":"complete","data":[]}}"#, "failed")]
#[case::no_word(r#"{"code":400,"msg":"broke"}"#, "failed")]
#[case::only_all_conditions(r#"{"data":{"callbackType":"first"}}"#, "progress")]
#[case::any_element(r#"{"data":{"callbackType":"complete","outputs":[{"status":"ok"},{"status":"x.failed"}]}}"#, "failed")]
#[case::no_element(r#"{"data":{"callbackType":"complete","outputs":[{"status":"ok"},{}],"data":1}}"#, "completed")]
#[case::not_a_list(r#"{"data":{"callbackType":"complete","outputs":{"status":"failed"},"data":1}}"#, "completed")]
#[case::first_rule_wins(r#"{"code":1,"customer":"c"}"#, "failed")]
#[case::no_task(r#"{"customer":"c"}"#, "event x")]
#[case::no_task_with_word(r#"{"customer":"c","data":{"callbackType":"customer.created"}}"#, "event customer.created")]
#[case::nothing("{}", "MissingEvent")]
fn rules_go_before_words_and_need_none(#[case] body: &str, #[case] expected: &str) {
    assert_eq!(name(MUSIC, body), expected);
}

#[test]
fn headers_and_query_may_decide_too() {
    let generator = written(MUSIC);
    let pinged = raw("{}").with_header("X-Kind", "ping").signed(&generator, SECRET);
    assert_eq!(decode(&proven(pinged, &generator)).unwrap().event.name(), "not_of_interest");
    let generator = written(&MUSIC.replace("header:x-kind", "query:kind"));
    let pinged = raw("{}").with_query("kind", "ping").signed(&generator, SECRET);
    assert_eq!(decode(&proven(pinged, &generator)).unwrap().event.name(), "not_of_interest");
}

#[rstest]
#[case("json:a exists", true)]
#[case("json:n exists", false)]
#[case("json:n absent", true)]
#[case("json:a absent", false)]
#[case("json:a=1", true)]
#[case("json:a = \"1\"", true)]
#[case("json:a!=1", false)]
#[case("json:gone!=1", true)]
#[case("json:a in [2, 1]", true)]
#[case("json:a in [2]", false)]
#[case("json:b.c~x*z", true)]
#[case("json:b.c ~ *", true)]
#[case("json:gone~*", false)]
#[case("json:b.c=x = z", true)]
#[case("json:l[1]=two", true)]
#[case("json:l[*]=two", true)]
#[case("json:l[*]=three", false)]
#[case("json:l[*]!=two", true)]
#[case("json:same[*]!=2", false)]
#[case("json:empty[*]!=2", false)]
#[case("json:empty[*] absent", true)]
#[case("json:deep[*].x[*].y=5", true)]
#[case("json:deep[*].x[*].y=6", false)]
#[case("json:deep[*][0] exists", false)]
#[case("json:lists[*][1]=4", true)]
#[case("json:lists[*][*]=3", true)]
#[case("json:t=true", true)]
#[case("json:b=", true)]
#[case("header:h exists", false)]
#[case("header:h!=x", true)]
fn a_condition_holds_or_does_not(#[case] text: &str, #[case] expected: bool) {
    const BODY: &str = r#"{"a":1,"n":null,"t":true,"b":{"c":"x = z"},"l":["one","two"],"same":[2,2],"empty":[],
        "deep":[{"x":[]},{"x":[{"y":4},{"y":5}]},{}],"lists":[[1,2],[3,4]]}"#;
    let condition: Condition = text.parse().unwrap();
    let heads = ["a", "n", "t", "b", "l", "same", "empty", "deep", "lists"];
    assert_eq!(condition.holds(&Document::parse(BODY.as_bytes(), &heads).unwrap(), None), expected);
}

fn polled(file: &str, body: &str) -> String {
    let generator = written(file);
    let task = task();
    let id = crate::domain::task::ExternalId::parse("p.1").unwrap();
    let job = Job {
        task: &task,
        attempt: 1,
        external_id: Some(&id),
        input: None,
        params: None,
        priority: 5,
        callback_url: None,
        token: None,
        submit_answer: None,
        now: now(),
    };
    let heard = Heard::Answer { status: 200, retry_after: None, body: body.as_bytes().to_vec().into() };
    match generator.read_status(&heard, &job) {
        StatusReply::Event(polled) => {
            format!("{}{}", polled.event.name(), polled.unknown_word.map(|word| format!(" {word}")).unwrap_or_default())
        }
        other => format!("{other:?}").chars().take_while(char::is_ascii_alphanumeric).collect(),
    }
}

#[test]
fn answers_are_ruled_by_the_events_rules_unless_they_have_their_own() {
    assert_eq!(polled(MUSIC, r#"{"code":200,"data":{"status":"SUCCESS","data":1}}"#), "completed");
    assert_eq!(polled(MUSIC, r#"{"code":500,"data":{"status":"SUCCESS"}}"#), "failed");
    // a rule about which callbacks are of interest says nothing about a job
    assert_eq!(polled(MUSIC, r#"{"customer":"c","data":{"status":"SUCCESS","data":1}}"#), "completed");
    let none = MUSIC.replace("[poll.map]", "rule = []\n[poll.map]");
    assert_eq!(polled(&none, r#"{"code":500,"data":{"status":"SUCCESS","data":1}}"#), "completed");
    let own = format!("{MUSIC}[[poll.rule]]\nif = \"json:data.status in [A, B]\"\nthen = \"cancelled\"");
    assert_eq!(polled(&own, r#"{"code":500,"data":{"status":"B"}}"#), "cancelled");
    assert_eq!(polled(&own, r#"{"data":{"status":"C"}}"#), "progress C");
}

/// The state lies under the generator's id, and there is no word for it.
#[test]
fn rules_alone_may_say_how_a_job_stands() {
    let comfy = r#"
trust = "token"
[event]
[submit]
url = "http://comfy.example/prompt"
remote_id = "json:prompt_id"
[poll]
url = "http://comfy.example/history/{remote_id}"
default = "progress"
result = "json:{remote_id}.outputs"
[[poll.rule]]
if = "json:{remote_id}.status.messages[*][0]=execution_interrupted"
then = "cancelled"
[[poll.rule]]
if = "json:{remote_id}.status.status_str=error"
then = "failed"
[[poll.rule]]
if = "json:{remote_id}.status.completed=true"
then = "completed"
"#;
    let answer = |status: &str| format!(r#"{{"p.1":{{"outputs":{{"9":1}},"status":{status}}}}}"#);
    assert_eq!(polled(comfy, "{}"), "progress");
    assert_eq!(polled(comfy, &answer(r#"{"status_str":"success","completed":true,"messages":[["a",1]]}"#)), "completed");
    assert_eq!(polled(comfy, &answer(r#"{"status_str":"error","completed":false}"#)), "failed");
    let interrupted = r#"{"status_str":"error","messages":[["execution_start",{}],["execution_interrupted",{}]]}"#;
    assert_eq!(polled(comfy, &answer(interrupted)), "cancelled");
    assert_eq!(polled(&comfy.replace("default = \"progress\"\n", ""), "{}"), "Trouble");
}

#[rstest]
#[case::no_condition("[[event.rule]]\nif = []\nthen = \"failed\"", "3: `event.rule.if` must say when the rule holds")]
#[case::no_then("[[event.rule]]\nif = \"json:a exists\"", "3: `event.rule.then` is missing")]
#[case::then(
    "[[event.rule]]\nif = \"json:a exists\"\nthen = \"fialed\"",
    "5: `event.rule.then` may not be `fialed`; did you mean `failed`?"
)]
#[case::source("[[event.rule]]\nif = \"a=1\"\nthen = \"failed\"", "4: `event.rule.if` may not be `a=1`; a condition is")]
#[case::operator(
    "[[event.rule]]\nif = \"json:a==1\"\nthen = \"failed\"",
    "4: `event.rule.if` may not be `json:a==1`; a condition is"
)]
#[case::list("[[event.rule]]\nif = \"json:a in 1\"\nthen = \"failed\"", "4: `event.rule.if` may not be `json:a in 1`")]
#[case::word("[[event.rule]]\nif = \"json:a is\"\nthen = \"failed\"", "4: `event.rule.if` may not be `json:a is`")]
#[case::path("[[event.rule]]\nif = \"json:a[*]b=1\"\nthen = \"failed\"", "4: `event.rule.if` holds `a[*]b`, which is no path")]
#[case::index("[[event.rule]]\nif = \"json:a[x]=1\"\nthen = \"failed\"", "4: `event.rule.if` holds `a[x]`, which is no path")]
#[case::header(
    "[poll]\nurl = \"http://a\"\nstate = \"json:s\"\n[[poll.rule]]\nif = \"header:a=1\"\nthen = \"failed\"",
    "6: `poll.rule` asks for a header or a query"
)]
#[case::ignore(
    "[poll]\nurl = \"http://a\"\nstate = \"json:s\"\n[[poll.rule]]\nif = \"json:a=1\"\nthen = \"ignore\"",
    "6: `poll.rule` says \"ignore\", and an answer is always"
)]
#[case::event("[poll]\nurl = \"http://a\"\nmap = { event = \"x\" }", "3: `poll.map.event` names words of custom events")]
#[case::ok("[submit]\nurl = \"http://a\"\nok = \"header:a=1\"", "5: `submit.ok` may not be `header:a=1`; it is a list")]
fn rules_must_make_sense(#[case] text: &str, #[case] expected: &str) {
    let found = mistake(&format!("trust = \"token\"\n[event]\n{text}"));
    assert!(found.starts_with(&format!("generators/x.toml:{expected}")), "{found}");
}

#[rstest]
#[case::words_of_its_own(r#"{"why":"no camera"}"#, "Unknown error", Some(r#"{"why":"no camera"}"#))]
#[case::known_words(r#"{"message":"no","why":"no camera"}"#, "no", None)]
#[case::a_text(r#""no camera""#, "no camera", None)]
#[case::nothing("{}", "Unknown error", None)]
fn an_error_in_words_of_its_own_is_kept_whole(#[case] error: &str, #[case] message: &str, #[case] details: Option<&str>) {
    let generator = written(MUSIC);
    let body = format!(r#"{{"code":500,"msg":{error}}}"#);
    let decoded = payload::decode(&proven(raw(&body).signed(&generator, SECRET), &generator));
    let Ok(Decoded::Task(event)) = decoded else { panic!("it is a task's") };
    let Event::Failed(failure) = event.event else { panic!("it has failed") };
    assert_eq!((failure.error.message.as_str(), failure.error.details.as_deref()), (message, details));
}
