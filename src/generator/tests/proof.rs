//! Who is believed.

use rstest::rstest;

use super::*;
use crate::generator::scalar::Trust;
use crate::generator::token::Capability;

const BODY: &str = r#"{"event":"progress"}"#;
const SIGNED: &str = "[[sign]]\nscheme = \"hmac\"\nheader = [\"x-signature\"]\n[event]\nstate = [\"json:event\"]\n";

#[derive(Clone, Copy, PartialEq)]
enum Proof {
    Absent,
    Good,
    Bad,
}
use Proof::{Absent, Bad, Good};

fn with_proofs(generator: &Generator, signature: Proof, token: Proof) -> RawCallback {
    let raw = raw(BODY);
    let raw = match signature {
        Absent => raw,
        Good => raw.signed(generator, SECRET),
        Bad => raw.signed(generator, "another secret"),
    };
    let good = keys().mint(Capability { task: &task(), attempt: 2, generator: generator.name() });
    match token {
        Absent => raw,
        Good => raw.with_query("attempt", "2").with_query("token", &good),
        Bad => raw.with_query("attempt", "3").with_query("token", &good),
    }
}

const MISSING: Result<Option<u32>, Code> = Err(Code::SignatureMissing);
const INVALID: Result<Option<u32>, Code> = Err(Code::SignatureInvalid);

#[rstest]
// signature, token:   verify          token           none            bind
#[case(Absent, Absent, [MISSING,       MISSING,        Ok(None),       MISSING])]
#[case(Absent, Good,   [MISSING,       Ok(Some(2)),    Ok(Some(2)),    MISSING])]
#[case(Absent, Bad,    [MISSING,       INVALID,        INVALID,        MISSING])]
#[case(Good,   Absent, [Ok(None),      Ok(None),       Ok(None),       MISSING])]
#[case(Good,   Good,   [Ok(Some(2)),   Ok(Some(2)),    Ok(Some(2)),    Ok(Some(2))])]
#[case(Good,   Bad,    [INVALID,       INVALID,        INVALID,        INVALID])]
#[case(Bad,    Absent, [INVALID,       INVALID,        INVALID,        MISSING])]
#[case(Bad,    Good,   [INVALID,       INVALID,        INVALID,        INVALID])]
#[case(Bad,    Bad,    [INVALID,       INVALID,        INVALID,        INVALID])]
fn what_is_there_is_checked_and_what_is_needed_must_be_there(
    #[case] signature: Proof,
    #[case] token: Proof,
    #[case] expected: [Result<Option<u32>, Code>; 4],
) {
    let mut overrides = with_secrets("x", &[SECRET]);
    overrides.default_unsigned = true;
    let found = ["trust = \"verify\"", "trust = \"token\"", "trust = \"none\"", "bind = \"token\""].map(|trust| {
        let files = [("x.toml".to_owned(), format!("{trust}\n{SIGNED}"))];
        let generator = Arc::clone(Catalog::load(&files, &overrides).unwrap().find("x").unwrap());
        verdict(with_proofs(&generator, signature, token), &generator)
    });
    assert_eq!(found, expected);
}

#[test]
fn without_a_secret_no_signature_is_good() {
    for (unsigned, expected) in [(false, MISSING), (true, Ok(None))] {
        let generator = built_in("default", &Overrides { default_unsigned: unsigned, ..Overrides::default() });
        assert_eq!(generator.trust(), if unsigned { Trust::None } else { Trust::Verify });
        assert!(!generator.has_secret());
        assert_eq!(verdict(raw(BODY), &generator), expected);
        assert_eq!(verdict(with_proofs(&generator, Good, Absent), &generator), INVALID);
    }
    let by_token = built_in("content-creator", &Overrides::default());
    assert_eq!(verdict(with_proofs(&by_token, Absent, Good), &by_token), Ok(Some(2)));
    assert_eq!(verdict(with_proofs(&by_token, Good, Good), &by_token), INVALID);
}

#[test]
fn every_live_secret_verifies_and_no_other_generators_does() {
    let generator = built_in("default", &with_secrets("default", &["the new secret", "the old secret"]));
    for (secret, expected) in [("the new secret", Ok(None)), ("the old secret", Ok(None)), ("the older secret", INVALID)] {
        assert_eq!(verdict(raw(BODY).signed(&generator, secret), &generator), expected, "{secret}");
    }
    let catalog = Catalog::load(&[], &with_secrets("default", &[SECRET])).unwrap();
    let other = catalog.find("content-creator").unwrap();
    assert_eq!(verdict(raw(BODY).signed(other, SECRET), other), INVALID);
}

#[test]
fn one_of_several_claims_is_enough_but_only_among_the_first_sixteen() {
    let generator = written(
        "[[sign]]\nscheme = \"hmac\"\nheader = \"x-signature\"\nitem_sep = \" \"\nfield_sep = \",\"\nfield = \"v1\"\nencoding = \"hex\"\n[event]\n",
    );
    let good = raw(BODY).signed(&generator, SECRET).headers.remove(0).1;
    let good = String::from_utf8(good).unwrap();
    let wrong = format!("v1,{}", "00".repeat(32));
    let with = |before: usize| {
        let list = std::iter::repeat_n(wrong.clone(), before).chain([good.clone()]).collect::<Vec<_>>().join(" \t");
        verdict(raw(BODY).with_header("X-Signature", &list), &generator)
    };
    assert_eq!([with(0), with(15), with(16)], [Ok(None), Ok(None), INVALID]);
    let other_version = good.replace("v1,", "v2,");
    assert_eq!(verdict(raw(BODY).with_header("X-Signature", &other_version), &generator), INVALID);
}

#[rstest]
#[case::empty("")]
#[case::half(&"ab".repeat(16))]
#[case::too_long(&"ab".repeat(33))]
#[case::no_hex(&"zz".repeat(32))]
#[case::not_ascii("sha256=ключ")]
#[case::words("Bearer of news")]
fn a_header_that_cannot_be_a_signature_is_a_wrong_one(#[case] header: &str) {
    let generator = built_in("default", &with_secrets("default", &[SECRET]));
    assert_eq!(verdict(raw(BODY).with_header("X-Webhook-Signature", header), &generator), INVALID);
}

#[test]
fn a_good_signature_beside_bytes_that_are_no_text_is_wrong() {
    let generator = built_in("default", &with_secrets("default", &[SECRET]));
    let mut raw = raw(BODY).signed(&generator, SECRET);
    raw.headers[0].1.push(0xff);
    assert_eq!(verdict(raw, &generator), INVALID);
}

#[rstest]
#[case("", 300, true)]
#[case("", 301, false)]
#[case("", -300, true)]
#[case("", -301, false)]
#[case("tolerance = \"10m\"", 600, true)]
#[case("tolerance = \"10m\"", -601, false)]
#[case("tolerance = 60\nfuture = 5", -6, false)]
#[case("tolerance = 60\nfuture = 5", 60, true)]
#[case("future = \"any\"", -1_000_000_000, true)]
#[case("future = \"any\"", 301, false)]
fn a_signature_ages(#[case] window: &str, #[case] later: i64, #[case] holds: bool) {
    let generator = written(&format!(
        "[[sign]]\nscheme = \"hmac\"\nheader = \"x-signature\"\nfield = \"v1\"\nfield_sep = \"=\"\nitem_sep = \",\"\n\
         content = \"{{ts}}.{{body}}\"\nts = \"sig:t\"\n{window}\n[event]\n"
    ));
    let mut raw = raw(BODY).signed(&generator, SECRET);
    raw.arrived = Timestamp::from_secs(now().secs() + later);
    assert_eq!(verdict(raw, &generator), if holds { Ok(None) } else { Err(Code::TimestampOutOfTolerance) });
}

#[test]
fn a_timestamp_is_judged_before_the_signature_and_must_be_there() {
    let generator = written(
        "[[sign]]\nscheme = \"hmac\"\nheader = \"x-signature\"\ncontent = \"{ts}.{body}\"\nts = \"header:x-time\"\nts_unit = \"ms\"\n[event]\n",
    );
    let signed = raw(BODY).signed(&generator, SECRET);
    assert_eq!(verdict(signed.clone(), &generator), Ok(None));
    for time in [None, Some("soon"), Some("1770552000"), Some("9223372036854775807"), Some("-9223372036854775808")] {
        let mut raw = signed.clone();
        raw.headers.retain(|(name, _)| name != "x-time");
        raw.headers[0].1 = b"wrong, too".to_vec();
        let raw = time.into_iter().fold(raw, |raw, time| raw.with_header("X-Time", time));
        assert_eq!(verdict(raw, &generator), Err(Code::TimestampOutOfTolerance), "{time:?}");
    }
    let replayed = signed.with_header("x-time", "1");
    assert_eq!(verdict(replayed, &generator), Ok(None), "the first of two headers counts, for age and signature alike");
}

#[test]
fn any_of_several_ways_of_signing_will_do() {
    let generator = written(
        "[[sign]]\nscheme = \"hmac\"\nalg = \"sha1\"\nheader = \"x-old\"\n[[sign]]\nscheme = \"token\"\nheader = \"authorization\"\nstrip = \"Bearer \"\n[event]\n",
    );
    assert_eq!(verdict(raw(BODY).signed(&generator, SECRET), &generator), Ok(None));
    let bearer = |text: &str| verdict(raw(BODY).with_header("Authorization", text), &generator);
    assert_eq!(bearer(&format!("Bearer {SECRET}")), Ok(None));
    assert_eq!(bearer(SECRET), INVALID);
    assert_eq!(bearer(&format!("Bearer {SECRET}x")), INVALID);
    assert_eq!(bearer("Bearer "), INVALID);
    let one_wrong = raw(BODY).signed(&generator, "another secret").with_header("Authorization", &format!("Bearer {SECRET}"));
    assert_eq!(verdict(one_wrong, &generator), Ok(None));
}
