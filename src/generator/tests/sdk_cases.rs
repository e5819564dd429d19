//! What the test suites of the senders' own libraries refuse, and what they take, beside what `vectors.rs` tries: their
//! words, on signatures that they made.

use rstest::rstest;

use super::vectors::{Vector, named, with};
use super::*;
use crate::generator::mac::KeyedMac;
use crate::generator::scalar::Algorithm;

const GOOD: Result<Option<u32>, Code> = Ok(None);
const MISSING: Result<Option<u32>, Code> = Err(Code::SignatureMissing);
const UNTIMELY: Result<Option<u32>, Code> = Err(Code::TimestampOutOfTolerance);
const INVALID: Result<Option<u32>, Code> = Err(Code::SignatureInvalid);

/// The original's headers, changed.
fn changed(vector: &Vector, change: impl FnOnce(&mut Vec<(String, Vec<u8>)>)) -> Result<Option<u32>, Code> {
    let mut raw = vector.raw();
    change(&mut raw.headers);
    verdict(raw, &vector.generator())
}

fn header(name: &str, value: &str) -> (String, Vec<u8>) {
    (name.to_owned(), value.as_bytes().to_vec())
}

// Standard Webhooks and Svix

const V1: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
const WRONG: &str = "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc=";

#[rstest]
#[case::javascript_no_base64("v1,dawfeoifkpqwoekfpqoekf", INVALID)]
#[case::javascript_cut("v1,g0hM9", INVALID)]
#[case::python_one_letter("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OA=", INVALID)]
#[case::version_alone("v1", INVALID)]
#[case::separator_alone(",", INVALID)]
#[case::spaces_alone("   ", INVALID)]
#[case::capital_version("V1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", INVALID)]
#[case::longer_version("v11,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", INVALID)]
#[case::in_quotes("\"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=\"", INVALID)]
#[case::in_hex("v1,83484cf52b04f8e4cf2531adfed9882ad4b2665137b8524425d94d20e2c9d4e1", INVALID)]
#[case::openai_all_invalid("v1,invalid_signature1 v1,invalid_signature2", INVALID)]
#[case::no_space_between(
    "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc=v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    INVALID
)]
#[case::openai_one_valid("v1,invalid_signature v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", GOOD)]
#[case::unpadded("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE", GOOD)]
#[case::other_alphabet("v1,g0hM9SsE-OTPJTGt_tmIKtSyZlE3uFJELVlNIOLJ1OE=", GOOD)]
#[case::tabs_and_spaces("\t v2,x  \tv1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=\t", GOOD)]
fn a_standard_webhooks_signature(#[case] value: &str, #[case] expected: Result<Option<u32>, Code>) {
    assert_eq!(with(&named("standard-webhooks"), "webhook-signature", value), expected);
}

#[test]
fn only_sixteen_of_many_signatures_count() {
    let vector = named("standard-webhooks");
    let after = |before: usize| format!("{}{V1}", format!("{WRONG} ").repeat(before));
    assert_eq!([15, 16, 17].map(|before| with(&vector, "webhook-signature", &after(before))), [GOOD, INVALID, INVALID]);
    // those of other versions take nobody's place
    let others = format!("{}{V1}", "v2,eA== ".repeat(40));
    assert_eq!(with(&vector, "webhook-signature", &others), GOOD);
    let apart = changed(&vector, |headers| {
        headers.retain(|(name, _)| name != "webhook-signature");
        headers.extend((0..16).map(|_| header("webhook-signature", WRONG)));
        headers.push(header("webhook-signature", V1));
    });
    assert_eq!(apart, INVALID, "several headers are one list");
}

#[test]
fn the_order_of_headers_and_the_case_of_their_names_mean_nothing() {
    let vector = named("standard-webhooks");
    assert_eq!(changed(&vector, |headers| headers.reverse()), GOOD);
    assert_eq!(changed(&vector, |headers| headers.rotate_left(1)), GOOD);
    let shouted = |headers: &mut Vec<(String, Vec<u8>)>| headers.iter_mut().for_each(|(name, _)| name.make_ascii_uppercase());
    assert_eq!(changed(&vector, shouted), GOOD);
}

#[test]
fn of_headers_that_come_twice_the_first_is_what_was_signed() {
    let vector = named("standard-webhooks");
    let second = |name: &str, value: &str| changed(&vector, |headers| headers.push(header(name, value)));
    let first = |name: &str, value: &str| changed(&vector, |headers| headers.insert(0, header(name, value)));
    assert_eq!([second("webhook-id", "msg_other"), first("webhook-id", "msg_other")], [GOOD, INVALID]);
    assert_eq!([second("webhook-timestamp", "1614265331"), first("webhook-timestamp", "1614265331")], [GOOD, INVALID]);
    assert_eq!([second("webhook-timestamp", "1"), first("webhook-timestamp", "1")], [GOOD, UNTIMELY]);
    assert_eq!([second("webhook-signature", WRONG), first("webhook-signature", WRONG)], [GOOD, GOOD]);
}

#[test]
fn the_headers_of_one_brand_are_read_where_both_are_sent() {
    let vector = named("standard-webhooks");
    let both = |svix: [&str; 3]| {
        let more = ["svix-id", "svix-timestamp", "svix-signature"].into_iter().zip(svix);
        changed(&vector, |headers| headers.splice(0..0, more.map(|(name, value)| header(name, value))).for_each(drop))
    };
    assert_eq!(both(["msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", V1]), GOOD);
    assert_eq!(both(["msg_other", "1", WRONG]), GOOD, "the others are looked at by nobody");
    let hijacked = changed(&vector, |headers| {
        for (name, value) in headers.iter_mut() {
            *name = name.replace("webhook-", "svix-");
            assert!(!value.is_empty());
        }
        headers.push(header("webhook-id", "msg_other"));
    });
    assert_eq!(hijacked, INVALID, "an id that was not signed takes the place of the one that was");
    let renamed = |headers: &mut Vec<(String, Vec<u8>)>| {
        headers.iter_mut().for_each(|(name, _)| *name = name.replace("webhook-", "svix-"));
    };
    assert_eq!(changed(&vector, renamed), GOOD);
}

#[rstest]
#[case("0x60373e72", UNTIMELY)]
#[case("1_614_265_330", UNTIMELY)]
#[case("1614265330s", UNTIMELY)]
#[case("１６１４２６５３３０", UNTIMELY)]
#[case("9223372036854775807", UNTIMELY)]
#[case("9223372036854775808", UNTIMELY)]
#[case("-9223372036854775808", UNTIMELY)]
#[case("1614265330000", UNTIMELY)]
#[case("2021-02-25T15:02:10Z", UNTIMELY)]
#[case("+-1614265330", UNTIMELY)]
// the time is right, and this is not the text that was signed
#[case("+1614265330", INVALID)]
#[case("01614265330", INVALID)]
#[case(" 1614265330", INVALID)]
fn a_timestamp(#[case] timestamp: &str, #[case] expected: Result<Option<u32>, Code>) {
    assert_eq!(with(&named("standard-webhooks"), "webhook-timestamp", timestamp), expected);
}

#[test]
fn the_timestamp_is_signed_as_it_is_written() {
    let vector = named("standard-webhooks");
    let key = KeyedMac::new(Algorithm::Sha256, &crate::generator::key::from_base64(&vector.text("secret")[6..]).unwrap());
    for text in ["01614265330", "+1614265330", " 1614265330 "] {
        let content = format!("msg_p5jXN8AQM9LWM0D4loKWxJek.{text}.{}", vector.text("body"));
        let claim = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, key.tag(&[content.as_bytes()]));
        let sent = |timestamp: &str| {
            changed(&vector, |headers| {
                *headers = vec![
                    header("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
                    header("webhook-timestamp", timestamp),
                    header("webhook-signature", &format!("v1,{claim}")),
                ];
            })
        };
        assert_eq!([sent(text), sent("1614265330")], [GOOD, INVALID], "{text:?}");
    }
}

#[rstest]
#[case::go_another("v1a,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc=", INVALID)]
#[case::go_partial("v1a,", INVALID)]
#[case::as_the_other_kind("v1,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==", INVALID)]
#[case::of_another_key("v1a,tQ9V2XOqn7jL/DQenEFpqIugdBVtiMmER5mhSkXBNwM0mkATuDe6KYYUuxqtaiHeYGb7KaaBRdM5WqyeFiL8Ag==", INVALID)]
#[case::nothing_but_zeros(
    "v1a,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==",
    INVALID
)]
#[case::go_one_of_several(
    "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc= v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==",
    GOOD
)]
fn a_signature_by_a_private_key(#[case] value: &str, #[case] expected: Result<Option<u32>, Code>) {
    assert_eq!(with(&named("standard-webhooks v1a"), "webhook-signature", value), expected);
}

// Stripe, Mux, and who else writes `t=…,v1=…`

#[rstest]
#[case::stripe_no_header("I'm not even a real signature header", UNTIMELY)]
#[case::stripe_bad_header("bad_header", UNTIMELY)]
#[case::mux_bare("854ece4c22acef7c66b57d4e504153bc512595e8e9c772ece2a68150548c19a7", UNTIMELY)]
#[case::stripe_bad_signature("t=1565125718,v1=bad_signature", INVALID)]
#[case::mux_other_version("t=1565125718,v2=854ece4c22acef7c66b57d4e504153bc512595e8e9c772ece2a68150548c19a7", INVALID)]
#[case::elevenlabs_other_version("t=1565125718,v0=854ece4c22acef7c66b57d4e504153bc512595e8e9c772ece2a68150548c19a7", INVALID)]
#[case::no_time("t=,v1=854ece4c22acef7c66b57d4e504153bc512595e8e9c772ece2a68150548c19a7", UNTIMELY)]
#[case::time_alone("t=1565125718", INVALID)]
#[case::fraction("t=1565125718.5,v1=854ece4c22acef7c66b57d4e504153bc512595e8e9c772ece2a68150548c19a7", UNTIMELY)]
#[case::two_times("t=1565125719,t=1565125718,v1=854ece4c22acef7c66b57d4e504153bc512595e8e9c772ece2a68150548c19a7", INVALID)]
#[case::other_separator("t=1565125718;v1=854ece4c22acef7c66b57d4e504153bc512595e8e9c772ece2a68150548c19a7", UNTIMELY)]
#[case::mux_two_versions(
    "t=1565125718,v2=854ece4c22acef7c66b57d4e504153bc512595e8e9c772ece2a68150548c19a7,v1=854ece4c22acef7c66b57d4e504153bc512595e8e9c772ece2a68150548c19a7",
    GOOD
)]
#[case::mux_one_invalid("t=1565125718,v1=invalid-sig,v1=854ece4c22acef7c66b57d4e504153bc512595e8e9c772ece2a68150548c19a7", GOOD)]
#[case::stripe_potato("t=1565125718,v1=854ece4c22acef7c66b57d4e504153bc512595e8e9c772ece2a68150548c19a7,v1=potato", GOOD)]
fn a_signature_with_its_time(#[case] value: &str, #[case] expected: Result<Option<u32>, Code>) {
    assert_eq!(with(&named("mux"), "mux-signature", value), expected);
}

// GitHub and Slack

#[rstest]
#[case::go_word("yo", INVALID)]
#[case::go_no_hex("sha256=yo", INVALID)]
#[case::go_short("sha256=012345", INVALID)]
#[case::octokit_no_hex("sha256=xxxccac34c43c7dc1cbb905488b1b81347fcc700a7b025697a9d07862256023f", INVALID)]
#[case::weaker_hash("sha1=01dc10d0c83e72ed246219cdd91669667fe2ca59", INVALID)]
#[case::relabelled("sha1=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17", INVALID)]
#[case::no_name("757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17", INVALID)]
#[case::capitals("sha256=757107EA0EB2509FC211221CCE984B8A37570B6D7586C22C46F4379C8B043E17", GOOD)]
fn a_github_signature(#[case] value: &str, #[case] expected: Result<Option<u32>, Code>) {
    assert_eq!(with(&named("github"), "x-hub-signature-256", value), expected);
}

#[test]
fn a_slack_signature_needs_its_version_and_its_time() {
    let vector = named("slack");
    let tag = &vector.0["headers"]["X-Slack-Signature"].as_str().unwrap()[3..].to_owned();
    for (value, expected) in
        [(format!("v0={tag}"), GOOD), (format!("v1={tag}"), INVALID), (tag.clone(), INVALID), (String::new(), INVALID)]
    {
        assert_eq!(with(&vector, "x-slack-signature", &value), expected, "{value}");
    }
    let without = |name: &str| changed(&vector, |headers| headers.retain(|(known, _)| known != name));
    assert_eq!([without("X-Slack-Signature"), without("X-Slack-Request-Timestamp")], [MISSING, UNTIMELY]);
}

#[test]
fn a_secret_with_a_space_too_many_is_another_one() {
    for dialect in ["stripe", "slack", "github"] {
        let vector = named(dialect);
        for secret in [format!("{} ", vector.text("secret")), format!(" {}", vector.text("secret"))] {
            assert_eq!(verdict(vector.raw(), &vector.generator_with(&secret)), INVALID, "{dialect}");
        }
    }
}
