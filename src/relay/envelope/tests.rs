use std::collections::BTreeMap;

use rstest::rstest;

use super::*;
use crate::domain::webhook::Previous;

/// The example of the Standard Webhooks' libraries.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const AT: Timestamp = Timestamp::from_secs(1_614_265_330);
const BODY: &[u8] = br#"{"test": 2432232314}"#;
const SIGNED: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

fn knowing(secret: &str) -> Credentials {
    Credentials { secret: Some(secret.to_owned()), ..Credentials::default() }
}

fn rotating(seconds_left: i64) -> Credentials {
    let until = Timestamp::from_secs(AT.secs() + seconds_left);
    Credentials { previous: Some(Previous { secret: "the old one".to_owned(), until }), ..knowing(SECRET) }
}

fn shown(signature: Signature, credentials: &Credentials) -> Vec<(String, String)> {
    headers(signature, credentials, ID, AT, BODY).expect("it can be signed")
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(name, value)| named(name, value)).collect()
}

#[test]
fn standard_webhooks_are_signed_as_their_libraries_do() {
    let expected = pairs(&[("webhook-id", ID), ("webhook-timestamp", "1614265330"), ("webhook-signature", SIGNED)]);
    assert_eq!(shown(Signature::Standard, &knowing(SECRET)), expected);
}

#[test]
fn while_secrets_change_standard_shows_both_signatures_and_the_others_the_old_one() {
    let value = |signature, credentials: &Credentials| shown(signature, credentials).pop().expect("a signature").1;
    let both = format!("{SIGNED} v1,Zr4ltGffvo2KPqB/SYBc87t0Csxgbwse4vkf3bYZZtM=");
    assert_eq!(value(Signature::Standard, &rotating(1)), both);
    assert_eq!(value(Signature::Standard, &rotating(0)), SIGNED);
    for signature in [Signature::Sha256, Signature::Idp] {
        assert_eq!(value(signature, &rotating(1)), "sha256=a6f9e7cd24ce5d656563c5a30d6003bf454ceae8b0b1a7a724bb02e10c3a8159");
        assert_eq!(value(signature, &rotating(0)), "sha256=80ec8a89ce3cd22133a1066caecb4d04fea7467657c8514d717ec42c38a5c94c");
    }
}

#[test]
fn the_other_signatures_take_the_secrets_text_as_it_is() {
    let value = "sha256=80ec8a89ce3cd22133a1066caecb4d04fea7467657c8514d717ec42c38a5c94c";
    assert_eq!(shown(Signature::Sha256, &knowing(SECRET)), pairs(&[("webhook-id", ID), ("x-webhook-signature", value)]));
    let expected = pairs(&[("webhook-id", ID), ("x-idp-timestamp", "1614265330"), ("x-idp-signature", value)]);
    assert_eq!(shown(Signature::Idp, &knowing(SECRET)), expected);
    assert_eq!(shown(Signature::None, &Credentials::default()), pairs(&[("webhook-id", ID)]));
}

#[test]
fn nothing_that_is_to_be_signed_goes_unsigned() {
    for signature in [Signature::Standard, Signature::Sha256, Signature::Idp] {
        assert_eq!(headers(signature, &Credentials::default(), ID, AT, BODY), Err(Unsigned::NoSecret));
        assert!(headers(signature, &knowing(""), ID, AT, BODY).is_err());
    }
    let bad = headers(Signature::Standard, &knowing("whsec_%%%"), ID, AT, BODY).expect_err("no base64");
    assert_eq!(bad.to_string(), "The webhook's secret must be base64 after `whsec_`");
}

#[rstest]
#[case(Auth::Basic { username: "Aladdin".into(), password: "open sesame".into() }, "authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")]
#[case(Auth::Bearer { token: "t-1".into() }, "authorization", "Bearer t-1")]
#[case(Auth::ApiKey { key_name: "X-Key".into(), key_value: "k 1".into() }, "x-key", "k 1")]
fn a_subscriber_gets_the_credentials_that_it_asks_for(#[case] auth: Auth, #[case] name: &str, #[case] value: &str) {
    assert_eq!(refuse_auth(&auth), []);
    let headers = BTreeMap::from([("X-Team".to_owned(), "a".to_owned()), (name.to_uppercase(), "not this".to_owned())]);
    let credentials = Credentials { headers, auth: Some(auth), ..Credentials::default() };
    assert_eq!(shown(Signature::None, &credentials), pairs(&[("x-team", "a"), ("webhook-id", ID), (name, value)]));
    assert_eq!(faults(&credentials), pairs(&[(&format!("headers.{}", name.to_uppercase()), "is what `auth` sends already")]));
}

#[rstest]
#[case("", "v", "empty")]
#[case("X Team", "v", "name of a header")]
#[case("X-Team:", "v", "name of a header")]
#[case("Ж", "v", "name of a header")]
#[case("X-Team\r\nHost", "v", "name of a header")]
#[case("X-Team", "a\r\nHost: b", "line breaks")]
#[case("X-Team", "a\nb", "line breaks")]
#[case("X-Team", "a\0b", "line breaks")]
#[case("X-Team", "grün", "ASCII")]
#[case("Host", "v", "only the hub")]
#[case("content-LENGTH", "1", "only the hub")]
#[case("Transfer-Encoding", "chunked", "only the hub")]
#[case("Connection", "close", "only the hub")]
#[case("Webhook-Id", "1", "only the hub")]
#[case("X-Webhook-Signature", "1", "only the hub")]
#[case("X-IDP-Anything", "1", "only the hub")]
fn headers_that_cannot_be_sent_are_told(#[case] name: &str, #[case] value: &str, #[case] part: &str) {
    let found = refuse_headers(&BTreeMap::from([(name.to_owned(), value.to_owned())]));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].0 == format!("headers.{name}") && found[0].1.contains(part), "{found:?}");
}

#[test]
fn headers_that_can_be_sent_are_fine_once() {
    let fine = [("X-Team", ""), ("Authorization", "Bearer x"), ("User-Agent", "us"), ("Content-Type", "application/x+json")];
    let fine: BTreeMap<String, String> = fine.map(|(name, value)| named(name, value)).into();
    assert_eq!(refuse_headers(&fine), []);
    assert_eq!(refuse_headers(&[named("X-A", "1"), named("x-a", "2")].into()).len(), 2);
    let many: BTreeMap<String, String> = (0..33).map(|index| (format!("x-{index}"), String::new())).collect();
    assert_eq!(refuse_headers(&many).len(), 1);
    assert_eq!(refuse_headers(&[named("x-a", &"x".repeat(8193))].into()).len(), 1);
}

#[rstest]
#[case(Auth::Basic { username: "a:b".into(), password: "c".into() }, "auth.username")]
#[case(Auth::Basic { username: "a".into(), password: "c\n".into() }, "auth.password")]
#[case(Auth::Bearer { token: String::new() }, "auth.token")]
#[case(Auth::Bearer { token: "a b".into() }, "auth.token")]
#[case(Auth::Bearer { token: "a\r\nb".into() }, "auth.token")]
#[case(Auth::ApiKey { key_name: String::new(), key_value: "v".into() }, "auth.key_name")]
#[case(Auth::ApiKey { key_name: "Host".into(), key_value: "v".into() }, "auth.key_name")]
#[case(Auth::ApiKey { key_name: "X-Key".into(), key_value: "a\nb".into() }, "auth.key_value")]
#[case(Auth::ApiKey { key_name: "X-Key".into(), key_value: String::new() }, "auth.key_value")]
fn credentials_that_cannot_be_sent_are_told(#[case] auth: Auth, #[case] field: &str) {
    let found = refuse_auth(&auth);
    assert!(found.len() == 1 && found[0].0 == field, "{found:?}");
}

#[test]
fn a_secret_that_is_made_is_random_and_good() {
    let [first, second] = [make_secret(), make_secret()];
    assert_ne!(first, second);
    assert_eq!(refuse_secret(&first), Ok(()));
    assert_eq!(secret::decoded(&first).map(|key| key.len()), Ok(32));
    assert_eq!(secret::decoded(first.trim_end_matches('=')), secret::decoded(&first), "padding may be lost on the way");
}

#[test]
fn secrets_that_sign_nothing_are_told() {
    assert_eq!(refuse_secret("any text"), Ok(()));
    for (secret, fault) in [
        ("", SecretFault::Empty),
        ("  ", SecretFault::Empty),
        ("whsec_", SecretFault::Empty),
        ("whsec_no!", SecretFault::NotBase64),
        ("whsk_AAAA", SecretFault::Pair),
        ("whpk_AAAA", SecretFault::Pair),
    ] {
        assert_eq!(refuse_secret(secret), Err(fault), "{secret}");
    }
}
