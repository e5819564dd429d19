//! Where in a request a signature may stand, and how it may be spelled. Each reading says how it differs from the expected.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

use super::variation::{Label, Variation};
use crate::generator::raw::RawCallback;
use crate::generator::recipe::{MOST_CLAIMS, Method, Recipe};
use crate::generator::scalar::Encoding;

/// What a digest's or a signature's bytes may have been sent as.
pub(super) struct Reading {
    pub bytes: Vec<u8>,
    /// Empty: as the generator's file says.
    pub labels: Vec<Label>,
}

/// A text that may be a signature's.
pub(super) struct Spelling<'a> {
    pub text: &'a str,
    pub labels: Vec<Label>,
}

const MOST_HEADERS: usize = 64;
const LONGEST_VALUE: usize = 4096;
/// Of a header, beside those that count.
const MOST_ITEMS: usize = 8;
const MOST_READINGS: usize = 128;
/// Of SHA-1, SHA-256 and of SHA-512 and Ed25519, in bytes.
const LENGTHS: [usize; 3] = [20, 32, 64];

/// All readings that have the length of a signature; those that are nearest to the expected come first.
pub(super) fn readings(recipe: &Recipe, raw: &RawCallback) -> Vec<Reading> {
    let mut readings: Vec<Reading> = Vec::new();
    for spelling in spellings(recipe, raw) {
        for (bytes, encoding) in decoded(spelling.text, expected_encoding(recipe)) {
            if LENGTHS.contains(&bytes.len()) && readings.len() < MOST_READINGS {
                let labels = spelling.labels.iter().cloned().chain(encoding.map(Label::plain)).collect();
                readings.push(Reading { bytes, labels });
            }
        }
    }
    // of the same bytes only the nearest reading counts
    readings.sort_by_key(|reading| reading.labels.len());
    let mut known: Vec<Vec<u8>> = Vec::new();
    readings.retain(|reading| {
        let is_new = !known.contains(&reading.bytes);
        if is_new {
            known.push(reading.bytes.clone());
        }
        is_new
    });
    readings
}

/// Everything in the headers that may be a signature's text.
pub(super) fn spellings<'a>(recipe: &Recipe, raw: &'a RawCallback) -> Vec<Spelling<'a>> {
    let expected = recipe.headers.iter().find(|name| raw.header(name).next().is_some());
    let values = raw.headers.iter().take(MOST_HEADERS).filter_map(|(name, value)| {
        let text = std::str::from_utf8(value).ok()?;
        (text.len() <= LONGEST_VALUE && text.is_ascii()).then_some((name, text))
    });
    let each = values.flat_map(|(name, value)| {
        let is_expected = expected.is_some_and(|expected| expected.eq_ignore_ascii_case(name));
        let origin = (!is_expected).then(|| Label::about(Variation::OtherHeader, &name.to_ascii_lowercase()));
        of_value(recipe, value).into_iter().map(move |spelling| Spelling {
            labels: origin.iter().cloned().chain(spelling.labels).collect(),
            text: spelling.text,
        })
    });
    each.collect()
}

fn of_value<'a>(recipe: &Recipe, value: &'a str) -> Vec<Spelling<'a>> {
    let (value, quoted) = unquoted(value.trim());
    // what counts as a claim where the check looks for it, and beside that whatever else there is
    let claims = recipe.items(value).into_iter().filter(|item| recipe.claim(item).is_some()).take(MOST_CLAIMS);
    let others = recipe.items(value).into_iter().chain(value.split([',', ' ', ';'])).take(MOST_ITEMS);
    let items = claims.chain(others);
    let mut found = Vec::new();
    for (item, is_whole) in items.map(|item| (item, item == value)).chain([(value, true)]) {
        let (item, item_quoted) = unquoted(item.trim());
        let quotes = (quoted || item_quoted).then(|| Label::plain(Variation::Quoted));
        let is_listed = is_whole || recipe.item_sep.is_some();
        if is_listed {
            found.push(Spelling { text: item, labels: quotes.iter().cloned().chain(of_prefix(recipe, "")).collect() });
        }
        if let Some((prefix, rest)) = prefixed(item) {
            let (rest, rest_quoted) = unquoted(rest.trim());
            let quotes = quotes.clone().or_else(|| rest_quoted.then(|| Label::plain(Variation::Quoted)));
            found.push(Spelling { text: rest, labels: quotes.into_iter().chain(of_prefix(recipe, prefix)).collect() });
        }
    }
    found
}

/// `v1=`, `sha256=`, `v1,`, `Bearer ` and what follows.
fn prefixed(item: &str) -> Option<(&str, &str)> {
    const LONGEST: usize = 16;
    let at = item.bytes().position(|byte| !byte.is_ascii_alphanumeric() && !matches!(byte, b'-' | b'_'))?;
    let is_mark = matches!(item.as_bytes()[at], b'=' | b',' | b':' | b' ');
    // what ends with its mark is padded base64
    (is_mark && (1..=LONGEST).contains(&at)).then(|| item.split_at(at + 1)).filter(|(_, rest)| !rest.trim_matches('=').is_empty())
}

fn of_prefix(recipe: &Recipe, found: &str) -> Option<Label> {
    let expected = match (&recipe.field, &recipe.method) {
        (Some((sep, name)), _) => format!("{name}{sep}"),
        (None, Method::Token { strip, .. }) => strip.clone(),
        (None, Method::Mac { algorithm, .. }) if found.strip_suffix('=') == Some(algorithm.as_str()) => return None,
        (None, _) => String::new(),
    };
    match (expected.as_str(), found) {
        (expected, found) if expected == found => None,
        (expected, "") => Some(Label::about(Variation::PrefixMissing, expected)),
        (_, found) => Some(Label::about(Variation::PrefixUnexpected, found)),
    }
}

fn unquoted(text: &str) -> (&str, bool) {
    let inside = ['"', '\''].into_iter().find_map(|mark| text.strip_prefix(mark)?.strip_suffix(mark));
    inside.map_or((text, false), |inside| (inside, true))
}

const fn expected_encoding(recipe: &Recipe) -> Option<Encoding> {
    match &recipe.method {
        Method::Mac { encoding, .. } | Method::Signature { encoding, .. } => *encoding,
        Method::Token { .. } => None,
    }
}

/// All that a text may stand for, with what is unexpected about that.
fn decoded(text: &str, expected: Option<Encoding>) -> Vec<(Vec<u8>, Option<Variation>)> {
    let mut found = Vec::new();
    if let Ok(bytes) = hex::decode(text) {
        found.push((bytes, (expected == Some(Encoding::Base64)).then_some(Variation::Hex)));
    }
    let unless_expected = |variation| (expected == Some(Encoding::Hex)).then_some(variation);
    let is_url_safe = text.contains(['-', '_']);
    let plain = if is_url_safe { URL_SAFE.decode(text).or_else(|_| URL_SAFE_NO_PAD.decode(text)) } else { standard(text) };
    if let Ok(bytes) = plain {
        if let Ok(digest) = hex::decode(&bytes) {
            found.push((digest, Some(Variation::Base64OfHex)));
        }
        found.push((bytes, unless_expected(if is_url_safe { Variation::Base64Url } else { Variation::Base64 })));
    }
    found
}

fn standard(text: &str) -> Result<Vec<u8>, base64::DecodeError> {
    STANDARD.decode(text).or_else(|_| STANDARD_NO_PAD.decode(text))
}
