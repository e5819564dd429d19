//! Secrets that are sent as they are, and the tokens of callback URLs.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::Patient;
use super::bench::Explanation;
use super::reading::spellings;
use super::variation::{Label, Variation};
use crate::generator::recipe::Recipe;
use crate::generator::token::Capability;

/// Attempts whose tokens are tried.
const MOST_ATTEMPTS: u32 = 16;
/// A whole token's characters.
const TOKEN_LENGTH: usize = 43;

/// What the secret that was sent is.
pub(super) fn explained(recipe: &Recipe, patient: &Patient<'_>) -> Vec<Explanation> {
    let Patient { raw, generator, catalog, .. } = *patient;
    let others = catalog.iter().filter(|other| other.name() != generator.name());
    let others: Vec<(&str, &str)> =
        others.flat_map(|other| other.secrets().map(|secret| (other.name().as_str(), secret))).collect();
    let mut found: Vec<Explanation> = Vec::new();
    for spelling in spellings(recipe, raw) {
        let text = spelling.text;
        let own = generator.secrets().find_map(|secret| as_own(secret, text));
        let other = || {
            let (name, _) = others.iter().find(|(_, secret)| *secret == text)?;
            Some(Some(Label::about(Variation::OtherGeneratorsSecret, name)))
        };
        if let Some(label) = own.or_else(other) {
            found.push(spelling.labels.into_iter().chain(label).collect());
        }
    }
    found.sort_by_key(Vec::len);
    found.truncate(1);
    found
}

/// None: it is not the secret, however it is taken.
fn as_own(secret: &str, text: &str) -> Option<Option<Label>> {
    let trimmed = secret.trim_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\''));
    match text {
        _ if text == secret => Some(None),
        _ if text == trimmed => Some(Some(Label::plain(Variation::SecretTrimmed))),
        _ if text == STANDARD.encode(secret) => Some(Some(Label::plain(Variation::SecretEncoded))),
        _ => None,
    }
}

/// What is wrong with the URL's token, as far as that can be told.
pub(super) fn fault(patient: &Patient<'_>) -> Option<Label> {
    let (raw, keys) = (patient.raw, patient.capabilities?);
    let (task, token) = (raw.task.as_ref()?, raw.parameter("token").next()?);
    let named = raw.parameter("attempt").next().map_or(Some(1), |attempt| attempt.parse().ok());
    let proves = |attempt: u32, generator| bool::from(keys.proves(Capability { task, attempt, generator }, token));
    if let Some(attempt) = (1..=MOST_ATTEMPTS).find(|&attempt| proves(attempt, patient.generator.name())) {
        return (Some(attempt) != named).then(|| Label::about(Variation::TokenOfOtherAttempt, &attempt.to_string()));
    }
    let others = patient.catalog.iter().map(|other| other.name());
    let other = others.filter(|other| *other != patient.generator.name()).find(|other| proves(named.unwrap_or(1), other));
    let damaged = || {
        let length = token.chars().count();
        (length != TOKEN_LENGTH).then(|| Label::about(Variation::TokenDamaged, &length.to_string()))
    };
    other.map(|other| Label::about(Variation::TokenOfOtherGenerator, other.as_str())).or_else(damaged)
}
