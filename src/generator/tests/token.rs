//! Capability and ingress tokens.

use super::*;
use crate::generator::token::Capability;

fn capability<'a>(task: &'a TaskId, attempt: u32, generator: &'a GeneratorName) -> Capability<'a> {
    Capability { task, attempt, generator }
}

#[test]
fn a_token_is_the_mac_that_the_contract_writes_down() {
    let (task, generator) = (task(), GeneratorName::parse("default").unwrap());
    // computed with Python: HKDF-SHA256 (no salt), then HMAC-SHA256 over the concatenation
    assert_eq!(keys().mint(capability(&task, 1, &generator)), "3yTSxQbrZKYq7HmwK2hrKPML8UTBWODHQ6E6ISQJvfw");
    let url = keys().callback_url("https://hub.example/", capability(&task, 1, &generator));
    assert_eq!(
        url,
        "https://hub.example/callback/t-1?generator=default&attempt=1&token=3yTSxQbrZKYq7HmwK2hrKPML8UTBWODHQ6E6ISQJvfw"
    );
}

#[test]
fn a_token_is_good_for_one_task_attempt_and_generator() {
    let (a, b) = (task(), TaskId::parse("t-2").unwrap());
    let (x, y) = (GeneratorName::parse("x").unwrap(), GeneratorName::parse("y").unwrap());
    let token = keys().mint(capability(&a, 1, &x));
    let proves = |capability| bool::from(keys().proves(capability, &token));
    assert!(proves(capability(&a, 1, &x)));
    assert!(!proves(capability(&b, 1, &x)));
    assert!(!proves(capability(&a, 2, &x)));
    assert!(!proves(capability(&a, 1, &y)));
    for wrong in ["", "A", &token[1..], &format!("{token}="), &format!("{token}A")] {
        assert!(!bool::from(keys().proves(capability(&a, 1, &x), wrong)), "{wrong}");
    }
}

#[test]
fn an_ingress_token_is_the_mac_that_the_contract_writes_down() {
    let (x, y) = (GeneratorName::parse("default").unwrap(), GeneratorName::parse("default-2").unwrap());
    // computed with Python, as above: over "in1" and the name
    let token = keys().mint_ingress(&x);
    assert_eq!(token, "pynY8LwlDtO3QS56imkYiFbV21Ie-yz5a4tIdA3mpm0");
    assert!(bool::from(keys().proves_ingress(&x, &token)));
    for wrong in ["", "A", &token[1..], &keys().mint_ingress(&y), &keys().mint(capability(&task(), 1, &x))] {
        assert!(!bool::from(keys().proves_ingress(&x, wrong)), "{wrong}");
    }
    assert!(!bool::from(keys().proves(capability(&task(), 1, &x), &token)), "it speaks for no task");
    let rotated = CapabilityKeys::derive(b"new", [&b"a key of the hub"[..]]);
    assert!(bool::from(rotated.proves_ingress(&x, &token)));
}

#[test]
fn the_first_key_mints_and_all_verify() {
    let (task, generator) = (task(), GeneratorName::parse("x").unwrap());
    let old = CapabilityKeys::derive(b"old", []);
    let rotated = CapabilityKeys::derive(b"new", [&b"old"[..]]);
    let this = || capability(&task, 1, &generator);
    assert!(bool::from(rotated.proves(this(), &old.mint(this()))));
    assert!(!bool::from(old.proves(this(), &rotated.mint(this()))));
}

#[test]
fn the_attempt_is_the_first_where_none_is_named_and_doubt_is_no_proof() {
    let generator = built_in("content-creator", &Overrides::default());
    let token = keys().mint(capability(&task(), 1, generator.name()));
    let with = |query: &[(&str, &str)]| {
        let raw = query.iter().fold(raw("{}"), |raw, (name, value)| raw.with_query(name, value));
        verdict(raw, &generator)
    };
    assert_eq!(with(&[("token", &token)]), Ok(Some(1)));
    assert_eq!(with(&[("token", &token), ("attempt", "1")]), Ok(Some(1)));
    for query in [
        &[("token", token.as_str()), ("attempt", "one")][..],
        &[("token", &token), ("attempt", "1"), ("attempt", "2")],
        &[("token", &token), ("token", &token)],
        &[("token", "")],
    ] {
        assert_eq!(with(query), Err(Code::SignatureInvalid), "{query:?}");
    }
}
