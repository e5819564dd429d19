//! Signatures that others made, and what is left of them when anything is changed.

use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::generator::scalar::Confirm;

pub(super) struct Vector(pub Value);

impl Vector {
    /// Those that came with the design, and those of other people's test suites and documents.
    pub(super) fn all() -> Vec<Self> {
        let files = [include_str!("vectors.json"), include_str!("public_vectors.json")];
        files.iter().flat_map(|text| serde_json::from_str::<Vec<Value>>(text).unwrap()).map(Self).collect()
    }

    pub(super) fn text(&self, key: &str) -> &str {
        self.0[key].as_str().unwrap()
    }

    pub(super) fn covers_body(&self) -> bool {
        self.0["sign"]["covers_body"] != json!(false)
    }

    pub(super) fn generator(&self) -> Arc<Generator> {
        self.generator_with(self.text("secret"))
    }

    pub(super) fn generator_with(&self, secret: &str) -> Arc<Generator> {
        let mut file = json!({"sign": [self.0["sign"]], "event": {"state": "json:status"}});
        if !self.covers_body() {
            // what it cannot prove is asked for
            file["poll"] = json!({"url": "http://x.example/{remote_id}", "map": {"completed": "done"}});
        }
        single(&toml::to_string(&file).unwrap(), &with_secrets("x", &[secret])).unwrap_or_else(|error| panic!("{error}"))
    }

    /// A good one of the same kind.
    fn other_secret(&self) -> &'static str {
        const PUBLIC: &str = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
        match (self.0["sign"]["scheme"].as_str(), self.0["sign"]["key"].as_str()) {
            (Some("ed25519"), _) => PUBLIC,
            (_, Some("base64")) => "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            _ => "another secret",
        }
    }

    pub(super) fn raw(&self) -> RawCallback {
        let mut raw = raw(self.text("body"));
        raw.arrived = self.at(0);
        if let Some(url) = self.0["url"].as_str() {
            url.clone_into(&mut raw.url);
        }
        let headers = self.0["headers"].as_object().unwrap();
        raw.headers = headers.iter().map(|(name, value)| (name.clone(), value.as_str().unwrap().as_bytes().to_vec())).collect();
        raw
    }

    fn at(&self, later: i64) -> Timestamp {
        Timestamp::from_secs(self.0["now"].as_i64().unwrap() + later)
    }

    pub(super) fn has_clock(&self) -> bool {
        self.0["sign"].get("ts").is_some()
    }

    /// What a callback without this header is refused for.
    fn refusal_without(&self, header: &str) -> Code {
        let names = |key: &str| self.0["sign"][key].to_string().contains(&header.to_ascii_lowercase());
        match (names("header"), names("ts")) {
            (true, _) => Code::SignatureMissing,
            (_, true) => Code::TimestampOutOfTolerance,
            _ => Code::SignatureInvalid,
        }
    }

    /// The original with the last letter of a header's value replaced.
    fn with_other_header(&self, at: usize) -> RawCallback {
        let mut raw = self.raw();
        let value = &mut raw.headers[at].1;
        // not the last one: it may be padding, or bits that base64 leaves unused
        let at = value.len().saturating_sub(4);
        value[at] = if value[at] == b'1' { b'2' } else { b'1' };
        raw
    }
}

#[test]
fn real_signatures_hold_and_bind_every_byte_and_their_time() {
    let vectors: Vec<Vector> = Vector::all().into_iter().filter(Vector::covers_body).collect();
    assert_eq!(vectors.len(), 9 + 24);
    for vector in vectors {
        let (generator, dialect) = (vector.generator(), vector.text("dialect"));
        assert_eq!(verdict(vector.raw(), &generator), Ok(None), "{dialect}");

        let body = vector.raw().body;
        let flipped: Vec<u8> =
            body.iter().enumerate().map(|(at, byte)| if at == body.len() / 2 { byte ^ 1 } else { *byte }).collect();
        for changed in [[&body[..], b" "].concat(), [b" ", &body[..]].concat(), body[1..].to_vec(), flipped] {
            let raw = RawCallback { body: changed.into(), ..vector.raw() };
            assert_eq!(verdict(raw, &generator), Err(Code::SignatureInvalid), "{dialect}");
        }

        for (later, within) in [(300, true), (301, false), (-300, true), (-301, false)] {
            let expected = if within || !vector.has_clock() { Ok(None) } else { Err(Code::TimestampOutOfTolerance) };
            let raw = RawCallback { arrived: vector.at(later), ..vector.raw() };
            assert_eq!(verdict(raw, &generator), expected, "{dialect} {later} s later");
        }
        assert_eq!(
            verdict(vector.raw(), &vector.generator_with(vector.other_secret())),
            Err(Code::SignatureInvalid),
            "{dialect}"
        );
    }
}

#[test]
fn every_header_of_a_real_signature_counts() {
    for vector in Vector::all().into_iter().filter(Vector::covers_body) {
        let (generator, dialect) = (vector.generator(), vector.text("dialect"));
        for (at, (name, _)) in vector.raw().headers.into_iter().enumerate() {
            // v0 is stripe's decoy: it may be anything
            if name != "Stripe-Signature" {
                let found = verdict(vector.with_other_header(at), &generator);
                assert!(
                    matches!(found, Err(Code::SignatureInvalid | Code::TimestampOutOfTolerance)),
                    "{dialect} {name}: {found:?}"
                );
            }
            let mut raw = vector.raw();
            raw.headers.remove(at);
            let expected = vector.refusal_without(&name);
            assert_eq!(verdict(raw, &generator), Err(expected), "{dialect} without {name}");
        }
    }
}

/// The first of a kind.
pub(super) fn named(dialect: &str) -> Vector {
    Vector::all().into_iter().find(|vector| vector.text("dialect") == dialect).unwrap()
}

/// With another value of a header.
pub(super) fn with(vector: &Vector, header: &str, value: &str) -> Result<Option<u32>, Code> {
    let mut raw = vector.raw();
    raw.headers.iter_mut().filter(|(name, _)| name.eq_ignore_ascii_case(header)).for_each(|(_, old)| *old = value.into());
    verdict(raw, &vector.generator())
}

#[rstest]
#[case::no_signature("v1,")]
#[case::truncated("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1O")]
#[case::half("v1,g0hM9SsE+OTPJTGt/tmIKg==")]
#[case::of_another_key("v1,gUAg4R2hWouRZqRQG4uJypNS8YK885G838+EHb4nKBY=")]
#[case::no_version("g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")]
#[case::another_version("v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")]
#[case::public_key_version("v1a,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")]
#[case::nothing("")]
fn what_the_official_tests_refuse_is_refused(#[case] signature: &str) {
    assert_eq!(with(&named("standard-webhooks"), "webhook-signature", signature), Err(Code::SignatureInvalid));
}

#[rstest]
#[case("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE= v2,aGVsbG8=")]
#[case("v1,aGVsbG8= v1a,aGVsbG8=\tv1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")]
fn one_good_signature_of_several_is_enough(#[case] signature: &str) {
    assert_eq!(with(&named("standard-webhooks"), "webhook-signature", signature), Ok(None));
}

#[rstest]
#[case("hello")]
#[case("1614265330.5")]
#[case("1e9")]
#[case("-1614265330")]
#[case("99999999999999999999")]
#[case("")]
fn a_timestamp_that_is_no_count_of_seconds_is_out_of_tolerance(#[case] timestamp: &str) {
    let vector = named("standard-webhooks");
    assert_eq!(with(&vector, "webhook-timestamp", timestamp), Err(Code::TimestampOutOfTolerance));
    // not even at the beginning of time
    let raw = RawCallback { arrived: Timestamp::from_secs(0), ..vector.raw() };
    let raw = RawCallback {
        headers: vec![("webhook-signature".into(), b"v1,".into()), ("webhook-timestamp".into(), b"-1".into())],
        ..raw
    };
    assert_eq!(verdict(raw, &vector.generator()), Err(Code::TimestampOutOfTolerance));
}

#[test]
fn a_decoy_beside_the_signature_changes_nothing() {
    let vector = named("stripe");
    let good = vector.0["headers"]["Stripe-Signature"].as_str().unwrap();
    let (time, v1, v0) = {
        let parts: Vec<&str> = good.split(',').collect();
        (parts[0], parts[1], parts[2])
    };
    let tag = v1.strip_prefix("v1=").unwrap();
    for header in [good.to_owned(), format!("{time},{v0},{v1}"), format!("{time},v1=00,{v1}"), format!("{v1}, {time}")] {
        assert_eq!(with(&vector, "stripe-signature", &header), Ok(None), "{header}");
    }
    for header in [format!("{time},v0={tag}"), format!("{time},{v0}"), format!("{time},v0={tag},v1="), format!("{time},{tag}")] {
        assert_eq!(with(&vector, "stripe-signature", &header), Err(Code::SignatureInvalid), "{header}");
    }
    assert_eq!(with(&vector, "stripe-signature", v1), Err(Code::TimestampOutOfTolerance));
}

#[test]
fn a_secret_of_nothing_is_refused_when_it_is_read() {
    for dialect in ["standard-webhooks", "stripe", "github"] {
        let file = json!({"sign": [named(dialect).0["sign"]], "event": {"state": "json:status"}});
        let files = [("x.toml".to_owned(), toml::to_string(&file).unwrap())];
        for secret in ["whsec_", "", "   "] {
            let told = Catalog::load(&files, &with_secrets("x", &[secret])).unwrap_err().to_string();
            assert_eq!(told, "the setting `secret` of generator `x` is empty", "{dialect}");
        }
    }
}

/// kie signs its task's id and the time, and nothing else.
#[test]
fn a_signature_that_leaves_out_the_body_proves_only_what_it_covers() {
    let vector = named("kie");
    let generator = vector.generator();
    assert_eq!(generator.confirm(), Confirm::Always);
    let with_body = |body: String| RawCallback { body: body.into(), ..vector.raw() };
    assert_eq!(verdict(vector.raw(), &generator), Ok(None));
    assert_eq!(verdict(with_body(vector.text("body").replace("200", "500")), &generator), Ok(None));
    let of_another = with_body(vector.text("body").replace("task_123", "task_124"));
    assert_eq!(verdict(of_another, &generator), Err(Code::SignatureInvalid));
    assert_eq!(with(&vector, "x-webhook-timestamp", "1731705122"), Err(Code::SignatureInvalid));
    for (later, expected) in [(300, Ok(None)), (301, Err(Code::TimestampOutOfTolerance))] {
        assert_eq!(verdict(RawCallback { arrived: vector.at(later), ..vector.raw() }, &generator), expected);
    }
    assert_eq!(verdict(vector.raw(), &vector.generator_with("another secret")), Err(Code::SignatureInvalid));
}
