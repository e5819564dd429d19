//! Signatures that others made.

use serde_json::{Value, json};

use super::*;
use crate::generator::file::SignFile;
use crate::generator::mac::{KeyedMac, any_matches};
use crate::generator::recipe::{KeyRule, Method, Recipe};
use crate::generator::scalar::Algorithm;

const CONTENT: &str = r##"{"event":"completed","taskId":"task-123456789abc","workflowType":"content-creator","status":"completed","timestamp":"2026-02-08T12:00:00.000Z","metadata":{"topic":"文章主题"},"result":{"content":"# 标题\n\n正文😀","htmlContent":"<p>正文</p>","images":[{"url":"https://e.x/1.png"}],"qualityScore":8.5,"wordCount":9}}"##;
const CONTENT_SIGNATURE: &str = "ealF6jW7nCIB8qi2WYNWFW20N0WZQ73bWCjIZLi0pAQ=";

struct Vector(Value);

impl Vector {
    fn all() -> Vec<Self> {
        let vectors: Vec<Value> = serde_json::from_str(include_str!("vectors.json")).unwrap();
        vectors.into_iter().map(Self).collect()
    }

    fn text(&self, key: &str) -> &str {
        self.0[key].as_str().unwrap()
    }

    fn covers_body(&self) -> bool {
        self.0["sign"]["covers_body"] != json!(false)
    }

    fn generator(&self) -> Arc<Generator> {
        let file = json!({"sign": [self.0["sign"]], "event": {"state": "json:status"}});
        let files = [("x.toml".to_owned(), toml::to_string(&file).unwrap())];
        let catalog = Catalog::load(&files, &with_secrets("x", &[self.text("secret")])).unwrap_or_else(|error| panic!("{error}"));
        Arc::clone(catalog.find("x").unwrap())
    }

    fn raw(&self) -> RawCallback {
        let mut raw = raw(self.text("body"));
        raw.arrived = self.at(0);
        let headers = self.0["headers"].as_object().unwrap();
        raw.headers = headers.iter().map(|(name, value)| (name.clone(), value.as_str().unwrap().as_bytes().to_vec())).collect();
        raw
    }

    fn at(&self, later: i64) -> Timestamp {
        Timestamp::from_secs(self.0["now"].as_i64().unwrap() + later)
    }

    fn has_clock(&self) -> bool {
        self.0["sign"].get("ts").is_some()
    }
}

#[test]
fn real_signatures_hold_and_bind_every_byte_and_their_time() {
    let vectors: Vec<Vector> = Vector::all().into_iter().filter(Vector::covers_body).collect();
    assert_eq!(vectors.len(), 8);
    for vector in vectors {
        let (generator, dialect) = (vector.generator(), vector.text("dialect"));
        assert_eq!(verdict(vector.raw(), &generator), Ok(None), "{dialect}");

        let mut longer = vector.raw();
        longer.body = [&longer.body[..], b" "].concat().into();
        assert_eq!(verdict(longer, &generator), Err(Code::SignatureInvalid), "{dialect}");

        for (later, within) in [(300, true), (301, false), (-300, true), (-301, false)] {
            let expected = if within || !vector.has_clock() { Ok(None) } else { Err(Code::TimestampOutOfTolerance) };
            let raw = RawCallback { arrived: vector.at(later), ..vector.raw() };
            assert_eq!(verdict(raw, &generator), expected, "{dialect} {later} s later");
        }
    }
}

#[test]
fn a_signature_that_leaves_out_the_body_is_read_right_and_refused_as_a_file() {
    let vector = Vector::all().into_iter().find(|vector| !vector.covers_body()).unwrap();
    let sign: SignFile = toml::from_str(&toml::to_string(&vector.0["sign"]).unwrap()).unwrap();
    let secrets = [vector.text("secret").to_owned()];
    let recipe = Recipe::prepare(&sign, &secrets, std::time::Duration::from_secs(300)).unwrap().unwrap();
    let Method::Mac { content, keys, .. } = &recipe.method else { panic!("hmac") };
    let (raw, timestamp) = (vector.raw(), vector.0["headers"]["X-Webhook-Timestamp"].as_str());
    let filled = content.fill(&raw, timestamp).unwrap();
    let parts: Vec<&[u8]> = filled.iter().map(AsRef::as_ref).collect();
    let claim = crate::generator::recipe::from_base64(vector.0["headers"]["X-Webhook-Signature"].as_str().unwrap()).unwrap();
    assert!(bool::from(any_matches(keys, &parts, &[claim])));

    let file = json!({"sign": [vector.0["sign"]], "event": {}});
    let files = [("kie.toml".to_owned(), toml::to_string(&file).unwrap())];
    let error = Catalog::load(&files, &Overrides::default()).unwrap_err().to_string();
    assert!(error.contains("`sign.covers_body`") && error.contains("not built yet"), "{error}");
}

#[test]
fn content_creator_signs_raw_bytes_in_any_spelling() {
    let generator = built_in("content-creator", &with_secrets("content-creator", &[SECRET]));
    let bytes = crate::generator::recipe::from_base64(CONTENT_SIGNATURE).unwrap();
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
    let error = rule("base64").bytes("whsec_s%cret").unwrap_err();
    assert!(!error.contains("s%cret"), "{error}");
}
