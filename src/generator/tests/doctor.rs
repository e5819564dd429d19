//! For each variation of the signature doctor a callback that only it explains.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use rstest::rstest;

use super::*;
use crate::generator::doctor::{Check, Finding, GREAT_EFFORT, LITTLE_EFFORT, Patient, Variation, diagnose, explanations};
use crate::generator::keyset::KeySet;
use crate::generator::mac::{KeyedMac, sha256, signed};
use crate::generator::scalar::Algorithm;
use crate::generator::token::Capability;

mod hostile;
mod samples;

use samples::sample;

const OWN: &str = "the secret of x which is long enough";
const OTHERS: &str = "the secret of y which is as long as that";

const PLAIN: &str = "[[sign]]\nscheme = \"hmac\"\nheader = \"x-signature\"\nencoding = \"hex\"\n[event]\n";
const IN_BASE64: &str = "[[sign]]\nscheme = \"hmac\"\nheader = \"x-signature\"\nencoding = \"base64\"\n[event]\n";
const BARE: &str = "[[sign]]\nscheme = \"token\"\nheader = \"x-proof\"\n[event]\n";
const STAMPED: &str = r#"
[[sign]]
scheme = "hmac"
header = "x-signature"
encoding = "hex"
content = "{header:x-id}.{ts}.{body}"
ts = "header:x-timestamp"
[event]
"#;

/// A callback, to whom it came, and which secrets there are.
struct Sample {
    file: String,
    secret: String,
    /// Of another generator `y`.
    other: Option<(String, String)>,
    raw: RawCallback,
}

impl Sample {
    fn new(file: &str, body: &str) -> Self {
        Self { file: file.to_owned(), secret: OWN.to_owned(), other: None, raw: raw(body) }
    }

    fn secret(self, secret: &str) -> Self {
        Self { secret: secret.to_owned(), ..self }
    }

    fn beside(self, file: &str, secret: &str) -> Self {
        Self { other: Some((file.to_owned(), secret.to_owned())), ..self }
    }

    fn header(self, name: &str, value: &str) -> Self {
        Self { raw: self.raw.with_header(name, value), ..self }
    }

    fn catalog(&self) -> Catalog {
        let mut files = vec![("x.toml".to_owned(), self.file.clone())];
        let mut overrides = with_secrets("x", &self.secret.split(',').collect::<Vec<_>>());
        if let Some((file, secret)) = &self.other {
            files.push(("y.toml".to_owned(), file.clone()));
            overrides.generators.extend(with_secrets("y", &[secret]).generators);
        }
        Catalog::load(&files, &overrides).unwrap_or_else(|error| panic!("{error}"))
    }

    fn examined<T>(&self, examine: impl FnOnce(&Patient<'_>, Option<Refusal>) -> T) -> T {
        self.examined_among(&self.catalog(), examine)
    }

    fn examined_among<T>(&self, catalog: &Catalog, examine: impl FnOnce(&Patient<'_>, Option<Refusal>) -> T) -> T {
        let (published, keys) = (PublishedKeys::default(), keys());
        let generator = catalog.find("x").unwrap();
        let refusal = verify(self.raw.clone(), generator, &keys, &published).err().map(|(_, refusal)| refusal);
        let patient = Patient {
            raw: &self.raw,
            body_is_whole: true,
            generator,
            catalog,
            published: &published,
            capabilities: Some(&keys),
            effort: GREAT_EFFORT,
        };
        examine(&patient, refusal)
    }

    fn finding(&self) -> Finding {
        self.examined(|patient, refusal| diagnose(patient, &refusal.expect("it is refused")).expect("a finding"))
    }
}

fn mac(key: &[u8], content: &str) -> Vec<u8> {
    KeyedMac::new(Algorithm::Sha256, key).tag(&[content.as_bytes()])
}

/// Hex, by the generator's own secret.
fn hmac(content: &str) -> String {
    hex::encode(mac(OWN.as_bytes(), content))
}

#[test]
fn each_variation_has_a_callback_that_it_explains() {
    for &variation in Variation::ALL {
        let finding = sample(variation).finding();
        assert_eq!(finding.causes, [variation], "{finding:?}");
        assert_eq!(finding.check, variation.check(), "{variation:?}");
        let untried = [Variation::TokenDamaged, Variation::TimestampMissing, Variation::TimestampElsewhere];
        assert!(finding.is_certain || untried.contains(&variation), "{finding:?}");
        assert!(finding.detail.len() > 20 && !finding.detail.contains("{}"), "{finding:?}");
    }
}

#[test]
fn no_other_variation_explains_it() {
    for &variation in Variation::ALL {
        let found = sample(variation).examined(|patient, _| explanations(patient));
        let expected = match variation.check() {
            // these are read from the request, and the signature is as it should be or not there at all
            Check::Timestamp | Check::Token => continue,
            _ => vec![vec![variation]],
        };
        assert_eq!(found, expected, "{variation:?}");
    }
}

#[test]
fn words_are_unique_and_no_finding_holds_a_secret() {
    let mut words: Vec<&str> = Variation::ALL.iter().map(|variation| variation.as_str()).collect();
    words.sort_unstable();
    words.dedup();
    assert_eq!(words.len(), Variation::ALL.len());
    for &variation in Variation::ALL {
        let sample = sample(variation);
        let told = serde_json::to_string(&sample.finding()).unwrap();
        for secret in sample.secret.split(',').chain([OTHERS, OWN]) {
            let core = secret.trim_start_matches("whsec_").trim_matches(['"', ' ']);
            assert!(!told.contains(core), "{told}");
        }
    }
}

/// Python's eight ways.
#[rstest]
#[case("{\"b\": 8.0, \"a\": \"\\u00fc\"}", "json.dumps(body)")]
#[case("{\"b\": 8.0, \"a\": \"ü\"}", "ensure_ascii=False")]
#[case("{\"b\":8.0,\"a\":\"\\u00fc\"}", "separators=(',', ':'))")]
#[case("{\"b\":8.0,\"a\":\"ü\"}", "separators=(',', ':'), ensure_ascii=False")]
#[case("{\"a\": \"\\u00fc\", \"b\": 8.0}", "json.dumps(body, sort_keys=True)")]
#[case("{\"a\": \"ü\", \"b\": 8.0}", "sort_keys=True, ensure_ascii=False")]
#[case("{\"a\":\"\\u00fc\",\"b\":8.0}", "sort_keys=True, separators=(',', ':'))")]
#[case("{\"a\":\"ü\",\"b\":8.0}", "sort_keys=True, separators=…, ensure_ascii=False")]
fn each_of_pythons_ways_is_told_from_the_others(#[case] signed: &str, #[case] call: &str) {
    let sample = Sample::new(PLAIN, "{ \"b\" :8.0, \"a\" :\"ü\"}").header("x-signature", &hmac(signed));
    let finding = sample.finding();
    assert_eq!(finding.causes, [Variation::PythonJson]);
    assert!(finding.detail.contains(call), "{}", finding.detail);
    assert_eq!(sample.examined(|patient, _| explanations(patient)).len(), 1);
}

#[test]
fn several_faults_at_once_are_all_named() {
    let tag = STANDARD.encode(mac(OWN.as_bytes(), "{}"));
    let finding = Sample::new(PLAIN, "{}\n").header("signature", &format!("\"v1={tag}\"")).finding();
    let causes =
        [Variation::OtherHeader, Variation::Quoted, Variation::PrefixUnexpected, Variation::Base64, Variation::NewlineStripped];
    assert_eq!((finding.check, finding.causes.as_slice(), finding.is_certain), (Check::Header, &causes[..], true));
    let late =
        Sample::new(STAMPED, "{}").header("x-timestamp", "1770551000").header("x-id", "m").header("x-signature", &hmac("{}"));
    assert_eq!(late.finding().causes, [Variation::TimestampOld, Variation::BodyOnly]);
    let late = late.raw.arrived.secs();
    let stamped = |sent: i64| {
        let content = format!("m.{sent}.{{}}");
        let sample = Sample::new(STAMPED, "{}").header("x-timestamp", &sent.to_string()).header("x-id", "m");
        sample.header("x-signature", &hmac(&content)).finding().detail
    };
    assert!(stamped(late - 400).contains("400 s (about 6 min) in the past"), "{}", stamped(late - 400));
    assert!(stamped(late + 301).contains("301 s (about 5 min) in the future"), "{}", stamped(late + 301));
    assert!(stamped(late - 7_200 - 20).contains("local time"), "{}", stamped(late - 7_220));
    assert!(stamped(late - 400).ends_with("The signature itself is right"));
}

/// As many as the check itself looks at, wherever among them the right one is.
#[test]
fn sixteen_claims_are_looked_at() {
    let file = PLAIN.replace("encoding", "item_sep = \",\"\nfield_sep = \"=\"\nfield = \"v1\"\nencoding");
    let behind = |wrong: usize| {
        let others: String = (0..wrong).map(|n| format!("v1={},", hmac(&format!("another {n}")))).collect();
        Sample::new(&file, "{}\n").header("x-signature", &format!("t=1,v0=00,{others}v1={}", hmac("{}"))).finding()
    };
    for wrong in [0, 8, 15] {
        let finding = behind(wrong);
        assert_eq!((finding.causes.as_slice(), finding.is_certain), (&[Variation::NewlineStripped][..], true), "{finding:?}");
    }
    assert!(!behind(16).is_certain, "the check does not see it either");
}

#[rstest]
#[case("", Check::Length, "empty")]
#[case("zz", Check::Encoding, "not hex")]
#[case("00ff", Check::Length, "has 2 bytes, and 32 are expected")]
#[case("da39a3ee5e6b4b0d3255bfef95601890afd80709", Check::Length, "as SHA-1 has")]
#[case("0000000000000000000000000000000000000000000000000000000000000000", Check::Signature, "nothing that was tried")]
#[case("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", Check::Encoding, "is in base64")]
fn what_nothing_explains_is_described(#[case] signature: &str, #[case] check: Check, #[case] told: &str) {
    let finding = Sample::new(PLAIN, "{}").header("x-signature", signature).finding();
    assert_eq!((finding.check, finding.is_certain), (check, false), "{finding:?}");
    assert!(finding.detail.contains(told), "{}", finding.detail);
}

#[test]
fn what_is_missing_is_named() {
    let finding = Sample::new(PLAIN, "{}").header("x-hub-signature", "0").header("accept", "text/html").finding();
    assert_eq!(finding.check, Check::Header);
    assert!(finding.detail.contains("no header x-signature; x-hub-signature came"), "{}", finding.detail);
    let finding = Sample::new(&format!("trust = \"token\"\n{PLAIN}"), "{}").finding();
    assert_eq!(finding.check, Check::Token);
    let bound = Sample::new(&format!("bind = \"token\"\n{PLAIN}"), "{}").header("x-signature", &hmac("{}"));
    assert_eq!(bound.finding().check, Check::Token);
    let elsewhere = Sample::new(PLAIN, "{}").header("x-signature", "00").header("digest", &hmac("other"));
    assert_eq!(elsewhere.finding().check, Check::Length, "nothing proves the other header to be a signature");
    let file = PLAIN.replace("encoding", "item_sep = \",\"\nfield_sep = \"=\"\nfield = \"v1\"\nencoding");
    let finding = Sample::new(&file, "{}").header("x-signature", "t=1,v0=00").finding();
    assert_eq!((finding.check, finding.detail.as_str()), (Check::Prefix, "There is no `v1=…` in the signature's header"));
    let unset = Sample::new(PLAIN, "{}").header("x-signature", &hmac("{}"));
    let catalog = Catalog::load(&[("x-y.toml".to_owned(), PLAIN.to_owned())], &Overrides::default()).unwrap();
    let generator = catalog.find("x-y").unwrap();
    let published = PublishedKeys::default();
    let (raw, refusal) = verify(unset.raw, generator, &keys(), &published).expect_err("it is refused");
    let patient = Patient {
        raw: &raw,
        body_is_whole: true,
        generator,
        catalog: &catalog,
        published: &published,
        capabilities: None,
        effort: LITTLE_EFFORT,
    };
    let finding = diagnose(&patient, &refusal).unwrap();
    assert!(finding.check == Check::Secret && finding.detail.contains("GENERATOR_X_Y_SECRET"), "{finding:?}");
}

/// Seed and public key of RFC 8032, test 1 and test 2.
const SEED: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
const PUBLIC: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
const OTHER_SEED: &str = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb";
const OTHER_PUBLIC: &str = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
const ED25519: &str = "[[sign]]\nscheme = \"ed25519\"\nheader = \"x-signature\"\nencoding = \"hex\"\ncontent = \"{header:x-id}.{body_sha256}\"\n[event]\n";

#[rstest]
#[case::other_key(OTHER_SEED, &format!("m.{}", digest("{}")), "x-signature", Variation::OtherGeneratorsSecret)]
#[case::not_hashed(SEED, "m.{}", "x-signature", Variation::BodyNotHashed)]
#[case::body_only(SEED, &digest("{}"), "x-signature", Variation::BodyOnly)]
#[case::other_header(SEED, &format!("m.{}", digest("{}")), "x-proof", Variation::OtherHeader)]
#[case::newline(SEED, &format!("m.{}", digest("{}\n")), "x-signature", Variation::NewlineAdded)]
fn public_keys_signatures_are_explained_too(
    #[case] seed: &str,
    #[case] content: &str,
    #[case] header: &str,
    #[case] expected: Variation,
) {
    let signature = signed(&hex::decode(seed).unwrap(), &[content.as_bytes()]).unwrap();
    let sample = Sample::new(ED25519, "{}").secret(PUBLIC).beside(&ED25519.replace("x-id", "y-id"), OTHER_PUBLIC);
    let sample = sample.header("x-id", "m").header(header, &hex::encode(signature));
    assert_eq!(sample.finding().causes, [expected]);
    assert_eq!(sample.examined(|patient, _| explanations(patient)), [[expected]]);
}

fn digest(text: &str) -> String {
    hex::encode(sha256([text.as_bytes()]))
}

#[test]
fn keys_that_nobody_has_fetched_are_no_fault_of_the_sender() {
    let file = ED25519.replace("[event]", "key = \"jwks\"\njwks = \"https://keys.example/jwks.json\"\n[event]");
    let published = PublishedKeys::default();
    let catalog = Catalog::load(&[("x.toml".to_owned(), file)], &Overrides::default()).unwrap();
    let signature = hex::encode(signed(&hex::decode(SEED).unwrap(), &[digest("{}").as_bytes()]).unwrap());
    let raw = raw("{}").with_header("x-id", "m").with_header("x-signature", &signature);
    let (raw, refusal) = verify(raw, catalog.find("x").unwrap(), &keys(), &published).expect_err("it is refused");
    let patient = |published| Patient {
        raw: &raw,
        body_is_whole: true,
        generator: catalog.find("x").unwrap(),
        catalog: &catalog,
        published,
        capabilities: None,
        effort: LITTLE_EFFORT,
    };
    assert_eq!(diagnose(&patient(&published), &refusal).unwrap().check, Check::Keys);
    let x = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(hex::decode(PUBLIC).unwrap());
    let set = format!(r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519","x":"{x}"}}]}}"#);
    published.put("https://keys.example/jwks.json", KeySet::parse(&set).unwrap());
    assert_eq!(explanations(&patient(&published)), [[Variation::BodyOnly]]);
    assert!(!PublishedKeys::default().is_wanted("https://keys.example/jwks.json"));
}

#[test]
fn other_refusals_are_not_its_business_and_effort_is_bounded() {
    let sample = Sample::new(PLAIN, "{}\n").header("x-signature", &hmac("{}"));
    sample.examined(|patient, refusal| {
        let refusal = refusal.unwrap();
        let about = |code| diagnose(patient, &Refusal { code, ..refusal.clone() });
        for code in [Code::MalformedBody, Code::MissingEvent, Code::UnknownEvent, Code::InvalidEvent] {
            assert_eq!(about(code), None);
        }
        assert!(diagnose(patient, &refusal).unwrap().is_certain);
        let spent = diagnose(&Patient { effort: 100, ..*patient }, &refusal).unwrap();
        assert_eq!((spent.check, spent.is_certain), (Check::Signature, false));
        let cut = diagnose(&Patient { body_is_whole: false, ..*patient }, &refusal).unwrap();
        assert!(!cut.is_certain && cut.detail.contains("beginning of the body"));
    });
}
