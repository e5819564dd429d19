//! Keys that are shown by a signed token, and generators that are asked by the submission, made once more.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rstest::rstest;
use serde_json::{Value, json};

use super::catalog::mistake;
use super::requests::{case, http, loaded, shown};
use super::*;
use crate::generator::outgoing::NoSubmit;
use crate::generator::reply::{Heard, StatusReply, SubmitReply};
use crate::generator::request::Job;

const KLING: &str = "[submit]\nurl = \"https://kling.example/v1/videos\"\nauth = \"jwt-hs256\"\n[poll]\nurl = \"https://kling.example/v1/videos/{task_id}\"";

fn token(generator: &Generator, now: Timestamp) -> String {
    let case = case();
    let request = http(generator.status_request(&Job { now, ..case.job() }).unwrap());
    let header = request.headers.into_iter().find(|(name, _)| name == "authorization").unwrap().1;
    header.strip_prefix("Bearer ").unwrap().to_owned()
}

/// The token was made by Python: hmac, hashlib, base64 and json.dumps with compact separators and sorted keys.
#[test]
fn a_key_of_two_halves_is_shown_by_a_token_that_the_second_one_signs() {
    let generator = loaded(KLING, None, Some("AK:SK"));
    let told = token(&generator, now());
    let parts: Vec<&str> = told.split('.').collect();
    let part = |at: usize| serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(parts[at]).unwrap()).unwrap();
    assert_eq!(part(0), json!({"alg": "HS256", "typ": "JWT"}));
    assert_eq!(part(1), json!({"iss": "AK", "exp": now().secs() + 1800, "nbf": now().secs() - 5}));
    assert_eq!(told, EXPECTED);
    assert_eq!(told, token(&generator, now()), "time is all that changes it");
    assert_ne!(told, token(&generator, Timestamp::from_secs(now().secs() + 1)));
    assert_eq!(loaded(KLING, None, None).can_submit(), Err(NoSubmit::Missing("GENERATOR_X_API_KEY".to_owned())));
    assert!(!format!("{:?}", loaded(KLING, None, Some("AK:very-secret"))).contains("very-secret"));
}

const EXPECTED: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHAiOjE3NzA1NTM4MDAsImlzcyI6IkFLIiwibmJmIjoxNzcwNTUxOTk1fQ.hj7oMD0PXVo2DU6GYLkqo-gjRKBrv2CrIJipuOAt2gY";

#[rstest]
#[case("AK")]
#[case(":SK")]
#[case("AK:")]
fn a_key_without_two_halves_is_a_mistake(#[case] key: &str) {
    let text = format!("trust = \"token\"\n[event]\nstate = \"json:s\"\nmap.completed = \"done\"\n{KLING}");
    let mut overrides = with_secrets("x", &[]);
    overrides.generators.values_mut().next().unwrap().api_key = Some(key.to_owned());
    let told = Catalog::load(&[("x.toml".to_owned(), text)], &overrides).unwrap_err().to_string();
    assert_eq!(told, "the setting `api_key` of generator `x` must be `access:secret`: the two halves of its key");
}

const COG: &str = r#"result = "json:output"
[submit]
method = "PUT"
url = "{base_url}/predictions/{task_id}-{attempt}"
headers = { Prefer = "respond-async" }
callback = "json:webhook"
remote_id = "json:id"
[poll]
mode = "resubmit"
every = "1m"
"#;

#[test]
fn asking_may_be_submitting_once_more() {
    let cog = loaded(COG, Some("http://cog.example"), None);
    let case = case();
    assert!(cog.is_asked_by_resubmission() && cog.is_repeatable() && cog.polling().is_some() && !cog.needs_external_id());
    let submission = shown(cog.submit_request(&case.job()).unwrap());
    assert!(submission.starts_with("PUT http://cog.example/predictions/t-1-2\n"), "{submission}");
    assert_eq!(shown(cog.status_request(&case.job()).unwrap()), submission);
    let read = |status: u16, body: &str| {
        let heard = Heard::Answer { status, retry_after: None, body: body.as_bytes().to_vec().into() };
        match cog.read_status(&heard, &case.job()) {
            StatusReply::Event(polled) => polled.event.name(),
            StatusReply::NotFound => "not found",
            StatusReply::Trouble(trouble) => trouble.kind.as_str(),
            StatusReply::HasResult { .. } => "has a result",
        }
    };
    assert_eq!(read(202, r#"{"id":"t-1-2","status":"processing"}"#), "progress");
    assert_eq!(read(200, r#"{"id":"t-1-2","status":"done","output":"x"}"#), "completed");
    assert_eq!(read(409, r#"{"detail":"Already running a prediction"}"#), "refused");
    assert_eq!(read(500, ""), "server_error");
    let accepted = Heard::Answer { status: 202, retry_after: None, body: r#"{"id":"t-1-2"}"#.into() };
    assert!(matches!(cog.read_submission(&accepted), SubmitReply::Accepted { external_id: Some(_) }));
    let homeless = loaded(COG, None, None);
    assert!(homeless.polling().is_none() && homeless.can_submit().is_err());
}

#[rstest]
#[case::put_by_task("method = \"PUT\"\nurl = \"http://a/{task_id}\"", true)]
#[case::put_anywhere("method = \"PUT\"\nurl = \"http://a/jobs\"", false)]
#[case::post_by_task("url = \"http://a/{task_id}\"", false)]
#[case::post_with_a_key("url = \"http://a\"\nidempotency = \"header:Idempotency-Key\"", true)]
#[case::a_command("command = [\"a\", \"{task_id}\"]", false)]
fn what_may_be_repeated(#[case] submit: &str, #[case] expected: bool) {
    assert_eq!(loaded(&format!("[submit]\n{submit}"), None, None).is_repeatable(), expected);
}

#[rstest]
#[case::no_submit("[poll]\nmode = \"resubmit\"", "4: `poll.mode` is \"resubmit\", and no [submit] section has")]
#[case::unrepeatable(
    "[submit]\nurl = \"http://a\"\n[poll]\nmode = \"resubmit\"",
    "6: `poll.mode` is \"resubmit\", and no [submit] section has a request that may be repeated"
)]
#[case::asked_otherwise(
    "[submit]\nmethod = \"PUT\"\nurl = \"http://a/{task_id}\"\n[poll]\nmode = \"resubmit\"\nurl = \"http://a\"",
    "7: `poll.mode` is \"resubmit\", and the submission is made once more as it is"
)]
#[case::no_state(
    "[submit]\nmethod = \"PUT\"\nurl = \"http://a/{task_id}\"\n[poll]\nmode = \"resubmit\"",
    "6: `poll.state` must say where in the answer the state is"
)]
#[case::word("[poll]\nmode = \"resubmitt\"", "4: `poll.mode` may not be `resubmitt`; did you mean `resubmit`?")]
fn repeating_must_make_sense(#[case] text: &str, #[case] expected: &str) {
    let found = mistake(&format!("trust = \"token\"\n[event]\n{text}"));
    assert!(found.starts_with(&format!("generators/x.toml:{expected}")), "{found}");
}
