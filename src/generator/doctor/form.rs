//! What can be told of a signature that no variation explains.

use super::contents::LONGEST_REWRITTEN;
use super::reading::{Reading, readings};
use super::variation::{Check, Variation};
use super::{Finding, Patient};
use crate::generator::key::from_base64;
use crate::generator::recipe::{Method, Recipe};
use crate::generator::scalar::{Encoding, Trust};

/// Parts of the names of headers that may carry a signature.
const TELLING: [&str; 4] = ["sign", "hmac", "digest", "auth"];
/// Header names that are shown.
const MOST_SHOWN: usize = 3;
const LONGEST_SHOWN: usize = 64;

/// Nothing is there that could be the proof.
pub(super) fn missing(patient: &Patient<'_>) -> Finding {
    let generator = patient.generator;
    let expected: Vec<&str> = generator.recipes.iter().flat_map(|recipe| &recipe.headers).map(String::as_str).collect();
    let is_signed = generator.recipes.iter().any(|recipe| recipe.presented(patient.raw).is_some());
    if is_signed || generator.trust() == Trust::Token {
        let or = if is_signed || !generator.has_secret() { "" } else { ", and no signature" };
        let detail = format!("There is no `token` in the URL{or}: the callback URL must be used as it was handed out");
        return Finding::fact(Check::Token, detail);
    }
    let mut expected = expected;
    expected.dedup();
    let similar = patient.raw.headers.iter().map(|(name, _)| name.to_ascii_lowercase());
    let similar: Vec<String> = similar
        .filter(|name| TELLING.iter().any(|part| name.contains(part)) && !expected.contains(&name.as_str()))
        .take(MOST_SHOWN)
        .map(|name| name.chars().take(LONGEST_SHOWN).collect())
        .collect();
    let similar = match similar.as_slice() {
        [] => "no other header looks like one".to_owned(),
        names => format!("{} came, and nothing that was tried makes a right signature of it", names.join(", ")),
    };
    Finding::fact(Check::Header, format!("There is no header {}; {similar}", expected.join(" or ")))
}

/// Something is there, and is not right.
pub(super) fn wrong(patient: &Patient<'_>) -> Finding {
    let generator = patient.generator;
    if !generator.has_secret() && generator.jwks_url().is_none() {
        let name = generator.name().as_str();
        let setting = match name {
            "default" => "CALLBACK_SECRET_KEY".to_owned(),
            _ => format!("GENERATOR_{}_SECRET", name.to_ascii_uppercase().replace('-', "_")),
        };
        return Finding::fact(Check::Secret, format!("There is no secret to check the signature with: {setting} is not set"));
    }
    let presented = generator.recipes.iter().filter_map(|recipe| Some((recipe, recipe.presented(patient.raw)?)));
    let mut presented = presented.collect::<Vec<_>>().into_iter();
    let Some((recipe, values)) = presented.next() else { return signature(patient) };
    // another header's value is nothing to go by where nothing proves it to be the signature
    let is_here = |reading: &Reading| reading.labels.iter().all(|label| label.variation != Variation::OtherHeader);
    let readings = readings(recipe, patient.raw);
    let nearest = readings.iter().find(|reading| is_here(reading) && has_length(recipe, reading.bytes.len()));
    match nearest {
        Some(reading) if reading.labels.is_empty() => signature(patient),
        Some(reading) => Finding::of(&reading.labels),
        None => malformed(recipe, &values).unwrap_or_else(|| signature(patient)),
    }
}

fn signature(patient: &Patient<'_>) -> Finding {
    let detail = if patient.body_is_whole {
        "The signature looks as it should, and nothing that was tried explains it: mostly another secret was used, or other \
         bytes were signed than sent"
    } else {
        "The signature looks as it should; only the beginning of the body was kept, which is too little to find out more"
    };
    let mut finding = Finding::fact(Check::Signature, detail);
    if patient.body_is_whole && patient.raw.body.len() > LONGEST_REWRITTEN {
        let most = LONGEST_REWRITTEN >> 10;
        finding.tell(&format!("Bodies of more than {most} KiB are not tried as other programs would have written them"));
    }
    finding
}

fn has_length(recipe: &Recipe, length: usize) -> bool {
    expected_length(recipe).is_none_or(|expected| expected == length)
}

/// In bytes.
const fn expected_length(recipe: &Recipe) -> Option<usize> {
    match &recipe.method {
        Method::Mac { algorithm, .. } => Some(algorithm.digest_len()),
        Method::Signature { .. } => Some(64),
        Method::Token { .. } => None,
    }
}

/// Not even the form is right.
fn malformed(recipe: &Recipe, values: &[&[u8]]) -> Option<Finding> {
    let expected = expected_length(recipe)?;
    let texts: Option<Vec<&str>> =
        values.iter().map(|value| std::str::from_utf8(value).ok().filter(|text| text.is_ascii())).collect();
    let Some(texts) = texts else {
        return Some(Finding::fact(Check::Encoding, "The signature's header holds characters that no signature has"));
    };
    let claims: Vec<&str> = texts.iter().flat_map(|text| recipe.items(text)).filter_map(|item| recipe.claim(item)).collect();
    let Some(claim) = claims.first() else {
        let (sep, name) = recipe.field.as_ref()?;
        return Some(Finding::fact(Check::Prefix, format!("There is no `{name}{sep}…` in the signature's header")));
    };
    let bare = claim.split_once('=').filter(|(name, _)| name.starts_with("sha")).map_or(*claim, |(_, rest)| rest);
    let (bytes, wanted) = match encoding(recipe) {
        Some(Encoding::Hex) => (hex::decode(bare).ok(), "hex"),
        Some(Encoding::Base64) => (from_base64(bare), "base64"),
        None => (hex::decode(bare).ok().or_else(|| from_base64(bare)), "hex or base64"),
    };
    Some(match bytes.map(|bytes| bytes.len()) {
        None => Finding::fact(Check::Encoding, format!("The signature is not {wanted}")),
        Some(0) => Finding::fact(Check::Length, "The signature is empty"),
        Some(length) => {
            let told = match length {
                20 => ", as SHA-1 has",
                32 => ", as SHA-256 has",
                64 => ", as SHA-512 and Ed25519 have",
                _ => "",
            };
            Finding::fact(Check::Length, format!("The signature has {length} bytes{told}, and {expected} are expected"))
        }
    })
}

const fn encoding(recipe: &Recipe) -> Option<Encoding> {
    match &recipe.method {
        Method::Mac { encoding, .. } | Method::Signature { encoding, .. } => *encoding,
        Method::Token { .. } => None,
    }
}
