//! What the fuzz targets try with whatever they are given: strangers' bytes and anybody's files. Each ends, without a panic,
//! and without having believed anything. The suite runs them, too, with what it makes up.

use std::sync::{Arc, OnceLock};

use callback_hub::domain::task::{GeneratorName, TaskId};
use callback_hub::domain::time::Timestamp;
use callback_hub::generator::canonical::{Form, rewritten};
use callback_hub::generator::catalog::{Catalog, CatalogError, GeneratorOverrides, Overrides};
use callback_hub::generator::entry::Generator;
use callback_hub::generator::keyset::PublishedKeys;
use callback_hub::generator::payload;
use callback_hub::generator::raw::RawCallback;
use callback_hub::generator::refusal::Refusal;
use callback_hub::generator::signature::{self, Verified};
use callback_hub::generator::source::Pointer;
use callback_hub::generator::token::{Capability, CapabilityKeys};

/// Names of headers, of which a byte picks one.
const HEADERS: [&str; 12] = [
    "webhook-signature",
    "webhook-id",
    "webhook-timestamp",
    "svix-signature",
    "stripe-signature",
    "x-webhook-signature",
    "x-hub-signature-256",
    "x-slack-signature",
    "x-slack-request-timestamp",
    "x-signature",
    "x-time",
    "authorization",
];
const FORMS: [&str; 8] = [
    "kept,compact,ascii",
    "kept,compact,utf8",
    "kept,spaced,ascii",
    "kept,spaced,utf8",
    "sorted,compact,ascii",
    "sorted,compact,utf8",
    "sorted,spaced,ascii",
    "sorted,spaced,utf8",
];
/// Every kind of proof at once, each with a secret; and everything that a body may be asked for.
const FILES: [(&str, &str); 3] = [
    (
        "macs",
        r#"
[[sign]]
scheme = "hmac"
header = ["webhook-signature", "svix-signature"]
item_sep = " "
field_sep = ","
field = "v1"
content = "{header:webhook-id|x-time}.{ts}.{body}"
ts = "header:webhook-timestamp"
[[sign]]
scheme = "hmac"
alg = "sha512"
header = "stripe-signature"
item_sep = ","
field_sep = "="
field = "v1"
content = "{ts}.{json:sorted,compact,ascii}"
ts = "sig:t"
[[sign]]
scheme = "hmac"
alg = "sha1"
header = "x-signature"
content = "{json:a.b[0]}{url}{body_sha256}{json:kept,spaced,utf8}"
ts = "json:a.t"
[[sign]]
scheme = "token"
header = "authorization"
strip = "Bearer "
[event]
"#,
    ),
    (
        "keys",
        r#"
[[sign]]
scheme = "ed25519"
header = "x-signature"
item_sep = " "
field_sep = ","
field = "v1a"
content = "{header:webhook-id}\n{ts}\n{body_sha256}"
ts = "header:x-time"
[[sign]]
scheme = "ed25519"
header = "x-webhook-signature"
content = "{ts}.{body_without_line_breaks}"
ts = "header:x-time"
[event]
"#,
    ),
    (
        "curious",
        r#"
trust = "token"
[event]
strict = true
default = "progress"
task = ["json:data.id", "json:id", "header:webhook-id"]
id = ["json:event.id", "header:x-time"]
at = ["json:at", "json:data.at"]
state = ["json:data.status", "json:type", "json:event"]
progress = ["json:progress", "json:data.progress"]
scale = "percent"
stage = ["json:stage", "json:a[0].b[1]"]
message = "json:message"
result = ["json:data.output[0]", "json:result"]
error = ["json:data.error", "json:error"]
[event.map]
completed = ["*.completed", "done"]
failed = ["failed", "*.failed"]
cancelled = ["cancelled"]
ignore = ["noise.*"]
"#,
    ),
];
const PUBLIC: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
const NOW: i64 = 1_770_552_000;

/// Nothing that is made up is believed, by whichever generator's rules.
pub fn verify(headers: &[(u8, Vec<u8>)], body: &[u8]) {
    for generator in generators() {
        let named = headers.iter().map(|(name, value)| (HEADERS[usize::from(*name) % HEADERS.len()].to_owned(), value.clone()));
        let raw = RawCallback { headers: named.collect(), ..raw(body) };
        assert!(proof(raw, generator).is_err(), "{} believes it", generator.name());
    }
}

/// Whatever the body of a proven callback is, it is an event or refused.
pub fn decode(body: &[u8]) {
    for generator in generators() {
        let token = keys().mint(Capability { task: &task(), attempt: 1, generator: generator.name() });
        let raw = RawCallback { query: vec![("token".to_owned(), token)], ..raw(body) };
        if let Ok(verified) = proof(raw, generator) {
            let _ = payload::decode(&verified);
        }
    }
}

/// What is written anew stays so when it is written anew again, and is not much longer than it was.
pub fn canonical(body: &[u8]) {
    for form in FORMS {
        let form: Form = form.parse().expect("a form");
        let Some(once) = rewritten(body, form) else { continue };
        // a number like 1e300 is written out by nobody, and `\u` is the longest way to write a letter
        assert!(once.len() <= 12 * body.len() + 24, "{} bytes became {}", body.len(), once.len());
        assert_eq!(rewritten(&once, form).as_ref(), Some(&once));
    }
}

/// What a file's author may write into a template, a path, a source, a pattern or a condition.
pub fn words(text: &str, body: &[u8]) {
    if let Ok(pointer) = text.parse::<Pointer>() {
        assert_eq!(pointer.to_string().parse(), Ok(pointer));
    }
    let word = serde_json::to_string(text).expect("a text is JSON").replace('\u{7f}', "\\u007f");
    let sign = "[[sign]]\nscheme = \"hmac\"\nheader = \"x-signature\"";
    for file in [
        format!("{sign}\ncontent = {word}\n[event]\n"),
        format!("{sign}\nts = {word}\ncontent = \"{{ts}}.{{body}}\"\n[event]\n"),
        format!("{sign}\n[event]\nstate = {word}\nresult = {word}\n"),
        format!("{sign}\n[event]\nstate = \"json:a\"\n[event.map]\ncompleted = [{word}]\n"),
        format!("{sign}\n[event]\nstate = \"json:a\"\n[[event.rule]]\nif = {word}\nthen = \"failed\"\n"),
        format!("{sign}\n[event]\nstate = \"json:a\"\n[submit]\nurl = {word}\nok = \"2xx\"\n"),
        format!("{sign}\n[event]\nstate = \"json:a\"\n[submit]\nurl = \"https://a\"\nok = {word}\ncallback = {word}\n"),
    ] {
        if let Ok(generator) = single(&file) {
            let raw = RawCallback { headers: vec![("x-signature".to_owned(), vec![b'0'; 64])], ..raw(body) };
            assert!(proof(raw, &Arc::new(generator)).is_err(), "{file}");
        }
    }
}

/// A file is read, or refused by its name.
pub fn catalog(text: &str) {
    if let Err(error) = single(text) {
        let told = error.to_string();
        assert!(told.starts_with("x.toml") || told.starts_with("the setting `"), "{told}");
    }
}

fn proof(raw: RawCallback, generator: &Arc<Generator>) -> Result<Verified, Refusal> {
    signature::verify(raw, generator, keys(), &PublishedKeys::default()).map_err(|(_, refusal)| refusal)
}

/// Those of the catalog, without secrets, and those of [`FILES`], each with one.
fn generators() -> impl Iterator<Item = &'static Arc<Generator>> {
    static LOADED: OnceLock<Catalog> = OnceLock::new();
    let files = || FILES.map(|(name, text)| (format!("{name}.toml"), text.to_owned()));
    let load = || Catalog::load(&files(), &secrets(&FILES.map(|(name, _)| name))).unwrap_or_else(|error| panic!("{error}"));
    LOADED.get_or_init(load).iter()
}

fn single(text: &str) -> Result<Generator, CatalogError> {
    Catalog::single(&[("x.toml".to_owned(), text.to_owned())], &secrets(&["x"]))
}

fn secrets(names: &[&str]) -> Overrides {
    let secret = |name: &str| if name == "keys" { PUBLIC } else { "a secret that nobody guesses" };
    let own = |name: &str| GeneratorOverrides { secrets: vec![secret(name).to_owned()], ..GeneratorOverrides::default() };
    let generators = names.iter().map(|name| (GeneratorName::parse(name).expect("a name"), own(name))).collect();
    Overrides { generators, ..Overrides::default() }
}

fn keys() -> &'static CapabilityKeys {
    static KEYS: OnceLock<CapabilityKeys> = OnceLock::new();
    KEYS.get_or_init(|| CapabilityKeys::derive(b"a key of nobody's", []))
}

fn task() -> TaskId {
    TaskId::parse("t-1").expect("an id")
}

fn raw(body: &[u8]) -> RawCallback {
    RawCallback {
        task: Some(task()),
        headers: Vec::new(),
        query: Vec::new(),
        body: body.to_vec().into(),
        arrived: Timestamp::from_secs(NOW),
        url: "https://hub.example/callback/t-1".to_owned(),
    }
}
