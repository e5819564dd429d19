//! Generators that sign with private keys of their own.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rstest::rstest;

use super::*;
use crate::generator::keyset::KeySet;

/// Seed and public key of RFC 8032, test 1 and test 2.
const SEED: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
const PUBLIC: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
const OTHER_SEED: &str = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb";
const OTHER_PUBLIC: &str = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
const BODY: &str = r#"{"status":"OK"}"#;

/// Standard Webhooks in both kinds.
const BOTH: &str = r#"
[[sign]]
scheme = "hmac"
header = ["webhook-signature", "svix-signature"]
item_sep = " "
field_sep = ","
field = "v1"
encoding = "base64"
content = "{header:webhook-id|svix-id}.{ts}.{body}"
key = "base64"
key_prefix = "whsec_"
ts = "header:webhook-timestamp|svix-timestamp"
[[sign]]
scheme = "ed25519"
header = ["webhook-signature", "svix-signature"]
item_sep = " "
field_sep = ","
field = "v1a"
encoding = "base64"
content = "{header:webhook-id|svix-id}.{ts}.{body}"
key_prefix = "whpk_"
ts = "header:webhook-timestamp|svix-timestamp"
[event]
"#;
const PUBLISHED: &str = r#"
[[sign]]
scheme = "ed25519"
header = "x-signature"
encoding = "hex"
content = "{header:x-request-id}\n{ts}\n{body_sha256}"
key = "jwks"
jwks = "https://keys.example/jwks.json"
ts = "header:x-timestamp"
[event]
"#;
const URL: &str = "https://keys.example/jwks.json";

fn base64(key: &str) -> String {
    STANDARD.encode(hex::decode(key).unwrap())
}

fn key_set(keys: &[&str]) -> String {
    let key = |key: &&str| {
        let x = URL_SAFE_NO_PAD.encode(hex::decode(key).unwrap());
        format!(r#"{{"kty":"OKP","crv":"Ed25519","kid":"k","x":"{x}"}}"#)
    };
    format!(
        r#"{{"keys":[{{"kty":"RSA","n":"AQAB","x":5}},{{"kty":7}},null,{}]}}"#,
        keys.iter().map(key).collect::<Vec<_>>().join(",")
    )
}

fn load(text: &str, secrets: &[&str]) -> Result<Arc<Generator>, String> {
    let files = [("x.toml".to_owned(), text.to_owned())];
    let catalog = Catalog::load(&files, &with_secrets("x", secrets)).map_err(|error| error.to_string())?;
    Ok(Arc::clone(catalog.find("x").unwrap()))
}

fn private(seed: &str) -> String {
    format!("whsk_{}", base64(seed))
}

const INVALID: Result<Option<u32>, Code> = Err(Code::SignatureInvalid);

#[test]
fn a_secrets_prefix_picks_the_scheme_where_a_file_knows_both() {
    let public = format!("whpk_{}", base64(PUBLIC));
    let shared = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let by_key = |generator: &Arc<Generator>| raw(BODY).signed(generator, &private(SEED));
    let by_secret = |generator: &Arc<Generator>| raw(BODY).signed(generator, shared);
    for (secrets, key_holds, secret_holds) in
        [(&[public.as_str()][..], Ok(None), INVALID), (&[shared], INVALID, Ok(None)), (&[shared, &public], Ok(None), Ok(None))]
    {
        let generator = load(BOTH, secrets).unwrap();
        assert_eq!(
            (verdict(by_key(&generator), &generator), verdict(by_secret(&generator), &generator)),
            (key_holds, secret_holds)
        );
        assert_eq!(verdict(raw(BODY).signed(&generator, &private(OTHER_SEED)), &generator), INVALID);
    }
    let generator = load(BOTH, &[shared, &public]).unwrap();
    let signed = by_key(&generator);
    let signature = String::from_utf8(signed.headers.last().unwrap().1.clone()).unwrap();
    assert!(signature.starts_with("v1a,"), "{signature}");
    // a public key's signature does not hold as the other kind's, and everybody knows the key
    let mut relabelled = signed;
    relabelled.headers.last_mut().unwrap().1 = signature.replace("v1a,", "v1,").into_bytes();
    assert_eq!(verdict(relabelled, &generator), INVALID);
    let known_to_all = load(&BOTH.replace("whsec_", ""), &[shared]).unwrap();
    assert_eq!(verdict(raw(BODY).signed(&known_to_all, &base64(PUBLIC)), &generator), INVALID);
}

#[test]
fn a_key_may_be_written_in_any_way() {
    let file = PUBLISHED.replace("jwks = ", "# ");
    let two = key_set(&[OTHER_PUBLIC, PUBLIC]);
    let unpadded = base64(PUBLIC).trim_end_matches('=').to_owned();
    for secret in [PUBLIC, &base64(PUBLIC), &unpadded, &format!("whpk_{}", base64(PUBLIC)), &two, &format!("whpk_{PUBLIC}")] {
        let generator = load(&file, &[secret]).unwrap();
        assert_eq!(verdict(raw(BODY).signed(&generator, SEED), &generator), Ok(None), "{secret}");
        let expected = if secret == two { Ok(None) } else { INVALID };
        assert_eq!(verdict(raw(BODY).signed(&generator, OTHER_SEED), &generator), expected, "{secret}");
    }
    let generator = load(&file, &[PUBLIC]).unwrap();
    let pair = format!("whsk_{}", base64(&format!("{SEED}{PUBLIC}")));
    assert_eq!(verdict(raw(BODY).signed(&generator, &pair), &generator), Ok(None));
    let tampered = RawCallback { body: r#"{"status":"KO"}"#.into(), ..raw(BODY).signed(&generator, SEED) };
    assert_eq!(verdict(tampered, &generator), INVALID);
}

#[rstest]
#[case("whpk_", "is no Ed25519 key")]
#[case("whpk_AAAA", "is no Ed25519 key")]
#[case("whsk_AAAA", "is a private key")]
#[case("{", "is a set of keys that cannot be read")]
#[case(r#"{"keys":[]}"#, "is a set of keys that holds no Ed25519 key")]
#[case(r#"{"keys":[{"kty":"OKP","crv":"X25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#, "holds no Ed25519 key")]
// the neutral element: one signature holds for everything
#[case("0100000000000000000000000000000000000000000000000000000000000000", "is no Ed25519 key")]
#[case("0000000000000000000000000000000000000000000000000000000000000000", "is no Ed25519 key")]
fn what_is_no_public_key_is_refused(#[case] secret: &str, #[case] expected: &str) {
    let told = load(PUBLISHED, &[secret]).unwrap_err();
    assert!(told.starts_with("the setting `secret` of generator `x` ") && told.contains(expected), "{told}");
}

#[test]
fn a_public_key_is_no_shared_secret() {
    let file = "[[sign]]\nscheme = \"hmac\"\nheader = \"x-signature\"\n[event]\n";
    for secret in [format!("whpk_{}", base64(PUBLIC)), private(SEED), key_set(&[PUBLIC])] {
        let told = load(file, &[&secret]).unwrap_err();
        assert!(told.contains("is half of a key pair"), "{told}");
    }
    assert!(load(file, &["{ as good as any other"]).is_ok());
}

#[test]
fn published_keys_count_once_they_are_known_and_until_then_nothing_is_accepted() {
    let generator = load(PUBLISHED, &[]).unwrap();
    assert_eq!(generator.jwks_url(), Some(URL));
    let published = PublishedKeys::default();
    let verdict = |raw: RawCallback| {
        verify(raw, &generator, &keys(), &published).map(|verified| verified.token_attempt()).map_err(|(_, refusal)| refusal.code)
    };
    let good = || raw(BODY).signed(&generator, SEED);
    let token = keys().mint(crate::generator::token::Capability { task: &task(), attempt: 1, generator: generator.name() });

    assert_eq!(verdict(good()), Err(Code::Unavailable));
    assert_eq!(verdict(good().with_query("token", &token)), Err(Code::Unavailable));
    assert_eq!(verdict(good().with_query("token", "wrong")), INVALID);
    assert_eq!(verdict(raw(BODY)), Err(Code::SignatureMissing));
    let late = RawCallback { arrived: Timestamp::from_secs(now().secs() + 301), ..good() };
    assert_eq!(verdict(late), Err(Code::TimestampOutOfTolerance));

    published.put("https://keys.example/others.json", KeySet::parse(&key_set(&[PUBLIC])).unwrap());
    assert_eq!(verdict(good()), Err(Code::Unavailable));
    published.put(URL, KeySet::parse(&key_set(&[OTHER_PUBLIC])).unwrap());
    assert_eq!(verdict(good()), INVALID);
    published.put(URL, KeySet::parse(&key_set(&[OTHER_PUBLIC, PUBLIC])).unwrap());
    assert_eq!(verdict(good()), Ok(None));
    assert_eq!(verdict(good().with_query("token", &token)), Ok(Some(1)));
}

#[test]
fn the_settings_keys_take_the_place_of_published_ones() {
    let generator = load(PUBLISHED, &[PUBLIC]).unwrap();
    assert_eq!(generator.jwks_url(), None);
    assert_eq!(verdict(raw(BODY).signed(&generator, SEED), &generator), Ok(None));
    assert_eq!(verdict(raw(BODY).signed(&generator, OTHER_SEED), &generator), INVALID);
    let two = format!("{PUBLISHED}{}", PUBLISHED.replace("keys.example", "other.example").replace("[event]\n", ""));
    assert!(load(&two, &[]).unwrap_err().contains("`sign.jwks` is another URL"));
}

#[test]
fn sets_of_too_many_keys_are_of_no_use() {
    assert!(KeySet::parse(&key_set(&[PUBLIC; 16])).is_ok());
    assert!(KeySet::parse(&key_set(&[PUBLIC; 17])).unwrap_err().contains("holds 17"));
    assert!(KeySet::parse("[]").is_err());
}
