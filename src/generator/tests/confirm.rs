//! Callbacks that are not believed, only followed.

use rstest::rstest;

use super::catalog::mistake;
use super::*;
use crate::domain::event::Event;
use crate::generator::payload::{decode_batch, decode_stored};
use crate::generator::scalar::Confirm;

const FILE: &str = r#"
[[sign]]
scheme = "hmac"
header = "x-signature"
[event]
id = "json:id"
state = "json:event"
progress = "json:progress"
result = "json:result"
confirm = "CONFIRM"
[event.map]
completed = "completed"
failed = "failed"
cancelled = "cancelled"
progress = "progress"
started = "started"
ignore = "noise"
event = "customer.*"
[poll]
url = "http://x.example/{task_id}"
state = "json:state"
[poll.map]
completed = "done"
"#;

fn confirming(confirm: &str) -> Arc<Generator> {
    written(&FILE.replace("CONFIRM", confirm))
}

fn heard(generator: &Arc<Generator>, body: &str) -> TaskEvent {
    decode(&proven(raw(body).signed(generator, SECRET), generator)).unwrap()
}

#[rstest]
#[case("never", ["completed", "failed", "cancelled", "progress", "progress", "not_of_interest"])]
#[case("terminal", ["hint", "hint", "hint", "progress", "progress", "not_of_interest"])]
#[case("always", ["hint", "hint", "hint", "hint", "hint", "not_of_interest"])]
fn what_is_not_believed_is_a_hint(#[case] confirm: &str, #[case] expected: [&str; 6]) {
    let generator = confirming(confirm);
    assert_eq!(generator.confirm().as_str(), confirm);
    let words = ["completed", "failed", "cancelled", "progress", "started", "noise"];
    let body = |word: &str| format!(r#"{{"event":"{word}","result":1,"progress":40}}"#);
    assert_eq!(words.map(|word| heard(&generator, &body(word)).event.name()), expected);
    assert_eq!(heard(&generator, &body("failed")).word.as_deref(), Some("failed"), "the generator's word is kept");
    // nobody's task: nobody to ask about it
    let custom = payload::decode(&proven(raw(&body("customer.new")).signed(&generator, SECRET), &generator)).unwrap();
    assert_eq!(custom.custom_event().name, "customer.new");

    let stored = decode_stored(&generator, &raw(&body("completed")), heard(&generator, &body("completed")).claim, false).unwrap();
    assert_eq!(stored.task_event().event.name(), expected[0]);
    let batch = RawCallback { task: None, ..raw(r#"{"callbacks":[{"task_id":"t-1","event":"completed","result":1}]}"#) };
    let items = decode_batch(&proven(batch.signed(&generator, SECRET), &generator)).unwrap();
    let first = items.into_iter().next().unwrap().decoded.unwrap().task_event();
    assert_eq!(first.event.name(), expected[0]);
}

#[test]
fn a_forged_end_is_not_taken_for_the_true_one() {
    let generator = confirming("terminal");
    let print = |body: &str| heard(&generator, body).fingerprint;
    let forged = print(r#"{"id":"e-1","event":"completed","result":"forged"}"#);
    assert_ne!(forged, print(r#"{"id":"e-1","event":"completed","result":"true"}"#));
    assert_ne!(forged, print(r#"{"id":"e-1","event":"failed","result":"forged"}"#));
    assert_eq!(forged, print(r#"{"id":"e-1","event":"completed","result":"forged"}"#), "a redelivery is one");
    // nor is what it brings believed once nobody doubts any more
    let believing = confirming("never");
    assert_ne!(forged, heard(&believing, r#"{"id":"e-1","event":"completed","result":"forged"}"#).fingerprint);
    let progress = |id: &str| print(&format!(r#"{{"id":"{id}","event":"progress","progress":1}}"#));
    assert_eq!((progress("a") == progress("a"), progress("a") == progress("b")), (true, false));
    assert_eq!(heard(&generator, r#"{"event":"completed"}"#).event, Event::Hint);
}

#[test]
fn a_setting_goes_before_the_file() {
    let files = [("x.toml".to_owned(), FILE.replace("CONFIRM", "always"))];
    let mut overrides = with_secrets("x", &[SECRET]);
    overrides.generators.values_mut().next().unwrap().confirm = Some(Confirm::Never);
    assert_eq!(Catalog::load(&files, &overrides).unwrap().find("x").unwrap().confirm(), Confirm::Never);
}

#[test]
fn nothing_weakens_what_a_signature_does_not_cover() {
    let uncovered = |more: &str| {
        let text = FILE.replace("header =", "content = \"{json:id}\"\ncovers_body = false\nheader =");
        [("x.toml".to_owned(), text.replace("confirm = \"CONFIRM\"", more))]
    };
    let load = |more: &str, set: Option<Confirm>| {
        let mut overrides = with_secrets("x", &[SECRET]);
        overrides.generators.values_mut().next().unwrap().confirm = set;
        let catalog = Catalog::load(&uncovered(more), &overrides);
        catalog.map(|catalog| catalog.find("x").unwrap().confirm()).map_err(|error| error.to_string())
    };
    assert_eq!(load("", None), Ok(Confirm::Always));
    assert_eq!(load("confirm = \"always\"", None), Ok(Confirm::Always));
    assert_eq!(load("confirm = \"terminal\"", Some(Confirm::Always)), Ok(Confirm::Always));
    let told = load("confirm = \"terminal\"", None).unwrap_err();
    assert!(told.starts_with("x.toml:12: `event.confirm` is \"terminal\", and what its callbacks say is not proven"), "{told}");
    let told = load("", Some(Confirm::Never)).unwrap_err();
    assert!(told.starts_with("the setting `confirm` of generator `x` is \"never\", and what its callbacks say"), "{told}");
}

#[test]
fn unsigned_callbacks_on_shared_ingress_are_never_believed() {
    let shared =
        FILE.replace("[[sign]]", "trust = \"token\"\ningress = \"shared\"\n[[sign]]").replace("id =", "task = \"json:t\"\nid =");
    let quiet = |text: &str| text.replace("confirm = \"CONFIRM\"", "");
    assert_eq!(written(&quiet(&shared)).confirm(), Confirm::Always);
    assert_eq!(written(&quiet(&shared.replace("trust = \"token\"", ""))).confirm(), Confirm::Never);
    let news = "trust = \"token\"\ningress = \"shared\"\n[event]\nstate = \"json:e\"\ndefault = \"event\"";
    assert_eq!(written(news).confirm(), Confirm::Never, "there is no task to ask about");
}

const UNCOVERED: &str = "[event]\n[[sign]]\nscheme = \"hmac\"\nheader = \"h\"\ncontent = \"{ts}\"\nts = \"header:t\"\n";

#[rstest]
#[case::nobody(
    "[event]\nconfirm = \"terminal\"\n[[sign]]\nscheme = \"hmac\"\nheader = \"h\"",
    "2: `event.confirm` is \"terminal\", and without a [poll] section"
)]
#[case::word("[event]\nconfirm = \"allways\"", "2: `event.confirm` may not be `allways`; did you mean `always`?")]
#[case::uncovered(&format!("{UNCOVERED}covers_body = false"), "7: `sign.covers_body` is false, and without a [poll] section")]
#[case::unsaid(UNCOVERED, "5: `sign.content` does not cover the body")]
#[case::unsigned(
    "ingress = \"shared\"\ntrust = \"token\"\n[event]\ntask = \"json:id\"\nmap = { completed = \"done\" }",
    "1: `ingress` is \"shared\" while nothing signs the callbacks, and without"
)]
fn there_must_be_somebody_to_ask(#[case] text: &str, #[case] expected: &str) {
    let found = mistake(text);
    assert!(found.starts_with(&format!("generators/x.toml:{expected}")), "{found}");
}
