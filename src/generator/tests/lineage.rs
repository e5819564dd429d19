//! Files that extend others.

use std::time::Duration;

use rstest::rstest;

use super::*;
use crate::domain::event::Event;
use crate::generator::scalar::{Early, Trust};

const PARENT: &str = r#"
about = "the parent"
sources = ["https://vendor.example"]
experimental = true
trust = "verify"
max_retries = 2
timeout = "5m"

[[sign]]
scheme = "hmac"
header = ["x-signature"]

[event]
state = ["json:status"]
result = ["json:output"]

[event.map]
completed = ["done"]
failed = ["broken"]

[reply]
early = "retry"
retry_after = 7

[submit]
url = "https://api.example/{region}/jobs"
params = ["region"]
extra = { kind = "a", size = 1 }

[poll]
url = "https://api.example/jobs/{remote_id}"
"#;

/// The catalog with these files (name, text) beside the parent.
fn catalog(files: &[(&str, &str)]) -> Result<Catalog, String> {
    let files: Vec<_> =
        files.iter().chain(&[("parent", PARENT)]).map(|(name, text)| (format!("{name}.toml"), (*text).to_owned())).collect();
    Catalog::load(&files, &with_secrets("parent", &[SECRET])).map_err(|error| error.to_string())
}

fn found(catalog: &Catalog, name: &str) -> Arc<Generator> {
    Arc::clone(catalog.find(name).unwrap())
}

#[test]
fn three_lines_are_a_second_account() {
    let catalog = catalog(&[("second", "extends = \"parent\"\nabout = \"another account\"\nmax_retries = 9")]).unwrap();
    let (parent, second) = (found(&catalog, "parent"), found(&catalog, "second"));
    assert_eq!((second.trust(), second.early(), second.retry_after()), (Trust::Verify, Early::Retry, Duration::from_secs(7)));
    assert_eq!((second.timeout(), second.max_retries(), parent.max_retries()), (Some(Duration::from_secs(300)), 9, 2));
    // what a file says about itself alone, and the settings, are not handed down
    assert_eq!((second.about(), second.sources().len(), second.experimental()), (Some("another account"), 0, false));
    assert_eq!((parent.about(), parent.sources().len(), parent.experimental()), (Some("the parent"), 1, true));
    assert_eq!((second.extends(), parent.extends()), (Some("parent"), None));
    assert_eq!((second.has_secret(), parent.has_secret()), (false, true));
}

#[test]
fn one_generators_secret_never_proves_one_that_extends_it() {
    let catalog = catalog(&[("second", "extends = \"parent\"")]).unwrap();
    let (parent, second) = (found(&catalog, "parent"), found(&catalog, "second"));
    let signed = raw(r#"{"status":"done"}"#).signed(&parent, SECRET);
    assert_eq!(verdict(signed.clone(), &parent), Ok(None));
    assert_eq!(verdict(signed, &second), Err(Code::SignatureInvalid));
}

#[test]
fn tables_are_merged_and_lists_replaced() {
    let text = r#"
extends = "parent"
trust = "token"
[[sign]]
scheme = "hmac"
header = ["x-other"]
[event.map]
completed = ["finished"]
[submit]
extra = { size = 2, more = true }
"#;
    let catalog = catalog(&[("child", text)]).unwrap();
    let child = found(&catalog, "child");
    assert_eq!(child.recipes[0].headers, ["x-other"]);
    let meaning = |word: &str| child.reading.vocabulary.meaning(word).map(|meaning| format!("{meaning:?}"));
    assert_eq!(["finished", "done", "broken"].map(|word| meaning(word).unwrap()), ["Completed", "NotOfInterest", "Failed"]);
    let case = requests::case();
    let sent = requests::shown(child.submit_request(&case.job()).unwrap());
    let body = r#"{"kind":"a","more":true,"prompt":"a cat","seed":12345678901234567890123,"size":2}"#;
    assert!(sent.starts_with("POST https://api.example/eu/jobs\n") && sent.ends_with(body), "{sent}");
}

#[test]
fn a_chain_is_followed_to_its_end() {
    let catalog =
        catalog(&[("a", "extends = \"b\"\n[reply]\nretry_after = 1"), ("b", "extends = \"parent\"\ntimeout = \"1m\"")]).unwrap();
    let a = found(&catalog, "a");
    assert_eq!((a.timeout(), a.retry_after(), a.max_retries()), (Some(Duration::from_secs(60)), Duration::from_secs(1), 2));
}

#[test]
fn a_file_in_the_place_of_a_built_in_one_may_extend_that() {
    let catalog = catalog(&[("default", "extends = \"default\"\nmax_retries = 0"), ("other", "extends = \"default\"")]).unwrap();
    let (default, other) = (found(&catalog, "default"), found(&catalog, "other"));
    assert_eq!((default.max_retries(), other.max_retries()), (0, 0));
    assert_eq!((default.is_built_in(), found(&catalog, "simulator").is_built_in()), (false, true));
    let mut overrides = with_secrets("default", &[SECRET]);
    overrides.default_unsigned = false;
    let files = [("default.toml".to_owned(), "extends = \"default\"".to_owned())];
    let default = found(&Catalog::load(&files, &overrides).unwrap(), "default");
    let body = raw(r#"{"event":"cancelled"}"#).signed(&default, SECRET);
    assert_eq!(decode(&proven(body, &default),).unwrap().event, Event::Cancelled);
}

#[rstest]
#[case::nobody(
    "extends = \"paernt\"",
    "child.toml:1: `extends` names `paernt`, and there is no such generator; did you mean `parent`?"
)]
#[case::itself(
    "\nextends = \"child\"\n[event]",
    "child.toml:2: `extends` names the file itself, and none of this name is built in"
)]
#[case::kind("extends = 3", "child.toml:1: `extends` must be a text")]
#[case::own_key(
    "extends = \"parent\"\n\nmax_retires = 3",
    "child.toml:3: `max_retires` is no key here; did you mean `max_retries`?"
)]
#[case::own_value(
    "extends = \"parent\"\n[reply]\nearly = \"soon\"",
    "child.toml:3: `reply.early` may not be `soon`; known are `reject`, `retry`"
)]
#[case::own_syntax("extends = \"parent\"\n\n[reply\n", "child.toml:3: `[reply` ")]
#[case::together(
    "extends = \"parent\"\n[submit]\nparams = []",
    "child.toml (extends parent.toml:26): `submit.url` has `{region}`, "
)]
#[case::contradiction(
    "extends = \"parent\"\n[submit]\ncommand = [\"x\"]",
    "child.toml:3: `submit.command` and `url` exclude each other"
)]
#[case::missing(
    "extends = \"parent\"\nsign = []",
    "child.toml (extends parent.toml:5): `trust` is \"verify\", and no [[sign]] section says how"
)]
#[case::built_in(
    "extends = \"content-creator\"\n[submit]\nurl = \"https://a/{nobody}\"",
    "child.toml:3: `submit.url` has `{nobody}`, "
)]
#[case::of_built_in(
    "extends = \"default\"\ntrust = \"verify\"\nsign = []",
    "child.toml:2: `trust` is \"verify\", and no [[sign]]"
)]
fn a_mistake_has_its_place_wherever_it_shows(#[case] child: &str, #[case] expected: &str) {
    let told = catalog(&[("child", child)]).unwrap_err();
    assert!(told.starts_with(expected), "{told}");
}

#[test]
fn circles_are_refused() {
    let told = catalog(&[("a", "extends = \"b\""), ("b", "\nextends = \"a\"")]).unwrap_err();
    assert_eq!(told, "a.toml (extends b.toml:2): `extends` leads back to a file that it began with");
    let told = catalog(&[("a", "extends = \"b\""), ("b", "extends = \"c\""), ("c", "extends = \"b\"")]).unwrap_err();
    assert_eq!(told, "a.toml (extends c.toml:1): `extends` leads back to a file that it began with");
}

#[test]
fn a_mistake_in_a_built_in_file_says_so() {
    let told =
        catalog(&[("default", "extends = \"default\"\n[event]\nprogress_of = [\"json:a\"]"), ("x", "extends = \"default\"")])
            .unwrap_err();
    assert_eq!(told, "default.toml:3: `event.progress_of` must name two values: how far, and of how much");
    let told = catalog(&[("default", "extends = \"default\"\nsign = []")]).unwrap_err();
    assert!(told.starts_with("default.toml (extends the built-in default.toml:"), "{told}");
}
