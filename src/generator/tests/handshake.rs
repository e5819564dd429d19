//! Challenges that are given back.

use rstest::rstest;

use super::catalog::mistake;
use super::*;

const SIGN: &str = "[[sign]]\nscheme = \"hmac\"\nheader = \"x-signature\"\n[event]\nstate = \"json:type\"\n";

/// As Slack asks: in the body, and signed.
fn slack() -> Arc<Generator> {
    let handshake = "[handshake]\nwhen = \"json:type=url_verification\"\nreply = \"json:challenge\"\nsigned = true";
    written(&format!("{SIGN}{handshake}"))
}

/// As Azure asks: in the query, by anybody.
fn azure() -> Arc<Generator> {
    written(&format!("{SIGN}[handshake]\nwhen = \"query:validationToken\"\nreply = \"query:validationToken\""))
}

#[rstest]
#[case(r#"{"type":"url_verification","challenge":"3eZbrw1a"}"#, Some("3eZbrw1a"))]
#[case::number(r#"{"type":"url_verification","challenge":7}"#, Some("7"))]
#[case::another_word(r#"{"type":"event_callback","challenge":"3eZbrw1a"}"#, None)]
#[case::no_challenge(r#"{"type":"url_verification"}"#, None)]
#[case::not_a_text(r#"{"type":"url_verification","challenge":{}}"#, None)]
fn a_signed_challenge_is_given_back_once_it_is_proven(#[case] body: &str, #[case] expected: Option<&str>) {
    let slack = slack();
    assert_eq!(slack.handshake(&raw(body)), None, "nothing proves it yet");
    assert_eq!(proven(raw(body).signed(&slack, SECRET), &slack).handshake().as_deref(), expected);
}

#[test]
fn an_unsigned_one_needs_no_proof() {
    let azure = azure();
    for body in ["", "{}", "not JSON"] {
        assert_eq!(azure.handshake(&raw(body).with_query("validationToken", "T 1&2")).as_deref(), Some("T 1&2"), "{body}");
    }
    assert_eq!(azure.handshake(&raw("{}").with_query("validationtoken", "T")), None);
    assert_eq!(azure.handshake(&raw("{}")), None);
    let signed = proven(raw("{}").with_query("validationToken", "T").signed(&azure, SECRET), &azure);
    assert_eq!(signed.handshake(), None, "it has been answered by then");
    assert_eq!(built_in("default", &Overrides::default()).handshake(&raw("{}")), None);
}

#[test]
fn a_challenge_is_short_and_so_is_what_it_is_looked_for_in() {
    let azure = azure();
    let told = |length: usize| azure.handshake(&raw("").with_query("validationToken", &"x".repeat(length)));
    assert_eq!((told(1024).map(|reply| reply.len()), told(1025)), (Some(1024), None));
    let long = raw(&" ".repeat(70_000)).with_query("validationToken", "T");
    assert_eq!(azure.handshake(&long), None);
}

#[rstest]
#[case::unsigned("[handshake]\nwhen = \"query:a\"\nreply = \"query:a\"\nsigned = true", "3: `handshake.signed` needs a [[sign]]")]
#[case::when("[handshake]\nwhen = \"a\"\nreply = \"query:a\"", "4: `handshake.when` may not be `a`; a condition is")]
#[case::reply("[handshake]\nwhen = \"query:a\"\nreply = \"a\"", "5: `handshake.reply` may not be `a`; a source is")]
#[case::missing("[handshake]\nwhen = \"query:a\"", "3: `handshake.reply` is missing")]
#[case::key("[handshake]\nwhen = \"query:a\"\nrepyl = \"a\"", "5: `handshake.repyl` is no key here; did you mean `reply`?")]
fn a_handshake_must_make_sense(#[case] text: &str, #[case] expected: &str) {
    let found = mistake(&format!("trust = \"token\"\n[event]\n{text}"));
    assert!(found.starts_with(&format!("generators/x.toml:{expected}")), "{found}");
}
