//! Signatures that others made.

use super::*;
use crate::generator::file::SignFile;
use crate::generator::key::{KeyRule, from_base64};
use crate::generator::mac::{KeyedMac, any_matches};
use crate::generator::recipe::{Method, Recipe};
use crate::generator::scalar::Algorithm;

const CONTENT: &str = r##"{"event":"completed","taskId":"task-123456789abc","workflowType":"content-creator","status":"completed","timestamp":"2026-02-08T12:00:00.000Z","metadata":{"topic":"文章主题"},"result":{"content":"# 标题\n\n正文😀","htmlContent":"<p>正文</p>","images":[{"url":"https://e.x/1.png"}],"qualityScore":8.5,"wordCount":9}}"##;
const CONTENT_SIGNATURE: &str = "ealF6jW7nCIB8qi2WYNWFW20N0WZQ73bWCjIZLi0pAQ=";
/// Over the body with sorted keys, without and with spaces.
const SORTED_SIGNATURES: [&str; 2] =
    ["f0XN4cXkP41trPnTUN4cK8c64/du2BWun0Pv4BOLCWs=", "DQEYaRQybl9/bcbTwDmcmyy191xRNLnCAEV/Kupq9Ws="];

#[test]
fn content_creator_signs_raw_bytes_in_any_spelling() {
    let generator = built_in("content-creator", &with_secrets("content-creator", &[SECRET]));
    let bytes = from_base64(CONTENT_SIGNATURE).unwrap();
    assert_eq!(bytes.len(), 32);
    for spelling in
        [CONTENT_SIGNATURE.to_owned(), format!("sha256={CONTENT_SIGNATURE}"), hex::encode(&bytes), hex::encode_upper(&bytes)]
    {
        let raw = raw(CONTENT).with_header("X-Webhook-Signature", &spelling);
        assert_eq!(verdict(raw, &generator), Ok(None), "{spelling}");
    }
    let decoded = decode(&proven(raw(CONTENT).with_header("x-webhook-signature", CONTENT_SIGNATURE), &generator)).unwrap();
    assert_eq!(decoded.claim.named.as_deref(), Some("task-123456789abc"));
    assert_eq!(decoded.generator_time, Some(now()));
    let tampered = raw(&CONTENT.replace("8.5", "9.5")).with_header("X-Webhook-Signature", CONTENT_SIGNATURE);
    assert_eq!(verdict(tampered, &generator), Err(Code::SignatureInvalid));
}

#[test]
fn content_creator_may_sign_what_python_would_write_and_that_is_what_is_decoded() {
    let generator = built_in("content-creator", &with_secrets("content-creator", &[SECRET]));
    let mut prints = vec![decode(&proven(signed_content(CONTENT, CONTENT_SIGNATURE), &generator)).unwrap().fingerprint];
    for (signature, start) in SORTED_SIGNATURES
        .into_iter()
        .zip([r#"{"event":"completed","metadata":{"topic":"\u6587"#, r#"{"event": "completed", "meta"#])
    {
        for spelling in [signature.to_owned(), format!("sha256={signature}"), hex::encode(from_base64(signature).unwrap())] {
            assert_eq!(verdict(signed_content(CONTENT, &spelling), &generator), Ok(None), "{spelling}");
        }
        // any spelling of the same document is as good, and decoded to the same bytes
        let spaced = CONTENT.replace(':', " : ").replace("https : ", "https:").replace("12 : 00 : 00", "12:00:00");
        let decoded = [CONTENT, &spaced, &CONTENT.replace("8.5", "0.85e1").replace('文', r"\u6587")]
            .map(|body| decode(&proven(signed_content(body, signature), &generator)).unwrap());
        assert!(decoded[0].body.starts_with(start.as_bytes()), "{:?}", decoded[0].body);
        assert!(decoded.iter().all(|other| *other == decoded[0]));
        let crate::domain::event::Event::Completed(Some(crate::domain::event::Found::InBody(span))) = &decoded[0].event else {
            panic!("a result")
        };
        assert!(decoded[0].body[span.clone()].starts_with(b"{\"content\":"));
        prints.push(decoded[0].fingerprint);
        for tampered in
            [CONTENT.replace("8.5", "9.5"), format!("{CONTENT}x"), CONTENT.replace("\"wordCount\":9", "\"wordCount\":9.0")]
        {
            assert_eq!(verdict(signed_content(&tampered, signature), &generator), Err(Code::SignatureInvalid), "{tampered}");
        }
    }
    prints.dedup();
    assert_eq!(prints.len(), 3, "each is known again by the bytes that were signed");
}

#[test]
fn a_captured_body_with_a_second_key_decodes_to_what_was_signed() {
    let generator = built_in("content-creator", &with_secrets("content-creator", &[SECRET]));
    let shadowed = CONTENT.replacen("{\"event\":\"completed\"", "{\"event\":\"failed\",\"event\":\"completed\"", 1);
    let appended = CONTENT.replace(",\"wordCount\":9}}", ",\"wordCount\":9},\"event\":\"failed\"}");
    let escaped = CONTENT.replace(",\"wordCount\":9}}", ",\"wordCount\":9},\"\\u0065vent\":\"failed\"}");
    for signature in SORTED_SIGNATURES {
        let original = decode(&proven(signed_content(CONTENT, signature), &generator)).unwrap();
        let found = decode(&proven(signed_content(&shadowed, signature), &generator)).unwrap();
        assert_eq!(found, original, "the last of two counts, and of the other one nothing is left");
        for body in [&appended, &escaped] {
            assert_eq!(verdict(signed_content(body, signature), &generator), Err(Code::SignatureInvalid), "{body}");
        }
    }
}

fn signed_content(body: &str, signature: &str) -> RawCallback {
    raw(body).with_header("X-Webhook-Signature", signature)
}

#[test]
fn the_core_compares_every_pair() {
    let secrets = ["one", "two"].map(|secret| KeyedMac::new(Algorithm::Sha512, secret.as_bytes()));
    let right = secrets[1].tag(&[b"ab", b"c"]);
    let matches = |claims: &[Vec<u8>]| bool::from(any_matches(&secrets, &[b"a", b"bc"], claims));
    assert!(matches(&[vec![0; 64], right.clone(), Vec::new()]));
    assert!(!matches(&[vec![0; 64], right[..63].to_vec(), [&right[..], b"x"].concat(), Vec::new()]));
    assert!(!matches(&[]));
    assert!(!bool::from(any_matches(&[], &[b"abc"], &[right])));
}

#[test]
fn secrets_become_keys_as_the_file_says() {
    let rule = |form: &str| -> KeyRule {
        let sign: SignFile =
            toml::from_str(&format!("scheme = \"hmac\"\nheader = \"h\"\nkey = \"{form}\"\nkey_prefix = \"whsec_\"")).unwrap();
        let recipe = Recipe::prepare(&sign, &[], std::time::Duration::ZERO).unwrap().unwrap();
        let Method::Mac { key, .. } = recipe.method else { panic!("hmac") };
        key
    };
    assert_eq!(rule("utf8").bytes("whsec_YWJj").unwrap(), b"whsec_YWJj");
    assert_eq!(rule("base64").bytes("whsec_YWJj").unwrap(), b"abc");
    assert_eq!(rule("base64").bytes("YWI").unwrap(), b"ab");
    assert_eq!(rule("prefixed").bytes("whsec_YWI").unwrap(), b"ab");
    assert_eq!(rule("prefixed").bytes("YWI").unwrap(), b"YWI");
    for (form, secret) in [("base64", "whsec_"), ("base64", ""), ("prefixed", "whsec_"), ("utf8", ""), ("utf8", "whsec_")] {
        assert_eq!(rule(form).bytes(secret).unwrap_err(), "is empty", "{form} {secret}");
    }
    let error = rule("base64").bytes("whsec_s%cret").unwrap_err();
    assert!(!error.contains("s%cret"), "{error}");
}
