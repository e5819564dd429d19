//! What else a secret may have been taken for.

use super::variation::{Label, Variation};
use crate::generator::catalog::Catalog;
use crate::generator::entry::Generator;
use crate::generator::key::{KeyRule, from_base64};
use crate::generator::scalar::KeyForm;

/// Bytes of a key, and what is unexpected about them.
pub(super) struct Key {
    pub bytes: Vec<u8>,
    pub label: Label,
}

/// Secrets of one generator.
pub(super) const MOST_OWN: usize = 4;
/// Secrets of all others.
const MOST_OTHERS: usize = 64;
/// As shared secrets are marked, whatever the generator's file says about it.
const SHARED: &str = "whsec_";

/// The generator's own secrets, taken in other ways.
pub(super) fn own(rule: &KeyRule, generator: &Generator) -> Vec<Key> {
    let mut keys = Vec::new();
    for secret in generator.secrets().take(MOST_OWN) {
        let bare = bare(rule, secret);
        if rule.form != KeyForm::Utf8 {
            keys.extend([secret, bare].map(|text| key(text.as_bytes(), Label::plain(Variation::SecretAsText))));
        }
        let bytes = [("base64", from_base64(bare)), ("hex", hex::decode(bare).ok())];
        let found = bytes.into_iter().filter_map(|(word, bytes)| Some((word, bytes?)));
        keys.extend(found.map(|(word, bytes)| key(&bytes, Label::about(Variation::SecretDecoded, word))));
        for (before, after, what) in [
            ("", "\n", "a line break"),
            ("", "\r\n", "a line break"),
            ("", " ", "blanks"),
            (" ", "", "blanks"),
            ("\"", "\"", "quotation marks"),
            ("'", "'", "quotation marks"),
        ] {
            let padded = format!("{before}{secret}{after}");
            keys.push(key(padded.as_bytes(), Label::about(Variation::SecretPadded, what)));
        }
        let trimmed = secret.trim_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\''));
        keys.push(key(trimmed.as_bytes(), Label::plain(Variation::SecretTrimmed)));
    }
    let all: Vec<&str> = generator.secrets().take(MOST_OWN).collect();
    for whole in [all.join(","), all.join(", ")] {
        let label = Label::about(Variation::SecretSplit, &all.len().to_string());
        keys.extend(rule.bytes(&whole).ok().map(|bytes| key(&bytes, label)));
    }
    keys.push(key(b"", Label::plain(Variation::SecretEmpty)));
    let expected: Vec<Vec<u8>> = generator.secrets().filter_map(|secret| rule.bytes(secret).ok()).collect();
    without(keys, &expected)
}

/// The secrets of all other generators, taken as this one's are.
pub(super) fn of_others(rule: &KeyRule, generator: &Generator, catalog: &Catalog) -> Vec<Key> {
    let own: Vec<&str> = generator.secrets().collect();
    let others = catalog.iter().filter(|other| other.name() != generator.name());
    let secrets = others.flat_map(|other| other.secrets().map(|secret| (other.name().as_str(), secret)));
    let keys = secrets.filter(|(_, secret)| !own.contains(secret)).take(MOST_OTHERS).flat_map(|(name, secret)| {
        let as_ours = rule.bytes(secret).ok().map(|bytes| (name, bytes));
        as_ours.into_iter().chain([(name, secret.as_bytes().to_vec())])
    });
    let keys = keys.map(|(name, bytes)| key(&bytes, Label::about(Variation::OtherGeneratorsSecret, name)));
    without(keys.collect(), &[])
}

fn bare<'a>(rule: &KeyRule, secret: &'a str) -> &'a str {
    let prefix = Some(rule.prefix.as_str()).filter(|prefix| !prefix.is_empty());
    prefix.and_then(|prefix| secret.strip_prefix(prefix)).or_else(|| secret.strip_prefix(SHARED)).unwrap_or(secret)
}

fn key(bytes: &[u8], label: Label) -> Key {
    Key { bytes: bytes.to_vec(), label }
}

/// Each of them once, and none of these.
fn without(mut keys: Vec<Key>, expected: &[Vec<u8>]) -> Vec<Key> {
    let mut known = expected.to_vec();
    keys.retain(|key| {
        let is_new = !known.contains(&key.bytes);
        if is_new {
            known.push(key.bytes.clone());
        }
        is_new
    });
    keys
}
