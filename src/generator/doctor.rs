//! Why a callback's proof does not hold: the check at which it failed, and the likely cause.
//!
//! What senders do otherwise than expected is a [`Variation`]. Each is tried: would the signature hold if the secret had been
//! decoded, if the body had been signed as Python spells it, if its header were another? What is found is for operators,
//! never for the sender, whom it would help to forge; and it names no secret, though it may name whose it is.
//!
//! Work is bounded by the bytes that may be hashed. Nothing here takes care to be constant in time: the callback has been
//! refused already.

use super::catalog::Catalog;
use super::entry::Generator;
use super::keyset::PublishedKeys;
use super::raw::RawCallback;
use super::refusal::{Code, Refusal};
use super::signature::{Token, token as token_of};
use super::token::CapabilityKeys;

mod bench;
mod contents;
mod form;
mod moment;
mod reading;
mod secrets;
mod token;
mod variation;

use bench::{Bench, Explanation};
use variation::Label;
pub use variation::{Check, Variation};

/// A callback that was refused, and who might have signed it.
#[derive(Clone, Copy)]
pub struct Patient<'a> {
    pub raw: &'a RawCallback,
    /// Whether the body is all that was sent; else nothing can be said about what it was signed with.
    pub body_is_whole: bool,
    pub generator: &'a Generator,
    pub catalog: &'a Catalog,
    pub published: &'a PublishedKeys,
    /// None: tokens are not looked at.
    pub capabilities: Option<&'a CapabilityKeys>,
    /// Bytes that may be hashed.
    pub effort: usize,
}

/// For callbacks of strangers, of which there may be many.
pub const LITTLE_EFFORT: usize = 16 << 20;
/// For operators, who wait for it.
pub const GREAT_EFFORT: usize = 256 << 20;

/// What a refused callback failed at. As JSON it is the same wherever it is shown.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    pub check: Check,
    /// The likely causes, all of which apply together; none: nothing that was tried explains it.
    pub causes: Vec<Variation>,
    /// Whether that was tried out: but for these, the signature would have held.
    #[serde(rename = "certain")]
    pub is_certain: bool,
    /// Sentences for people.
    pub detail: String,
}

/// None: it was not its proof that the callback was refused for.
#[must_use]
pub fn diagnose(patient: &Patient<'_>, refusal: &Refusal) -> Option<Finding> {
    match refusal.code {
        Code::TimestampOutOfTolerance => Some(untimely(patient)),
        Code::SignatureMissing | Code::SignatureInvalid => Some(unproven(patient, refusal)),
        Code::Unavailable => {
            let detail = "The generator's public keys were never fetched: without them no signature can be checked";
            Some(Finding::fact(Check::Keys, detail))
        }
        _ => None,
    }
}

fn untimely(patient: &Patient<'_>) -> Finding {
    let recipes = &patient.generator.recipes;
    let fault = recipes.iter().filter(|recipe| recipe.presented(patient.raw).is_some());
    let fault = fault.filter_map(|recipe| moment::fault(recipe, patient.raw)).next();
    let Some(fault) = fault else { return Finding::fact(Check::Timestamp, "The timestamp is not what it should be") };
    // a timestamp of the wrong kind may be signed all the same
    let found = explanation(patient);
    let mut finding = Finding { is_certain: found.is_some(), ..Finding::of(std::slice::from_ref(&fault)) };
    match found {
        Some(labels) if labels.is_empty() => finding.tell("The signature itself is right"),
        Some(labels) => finding.add(&labels),
        None => {}
    }
    finding
}

fn unproven(patient: &Patient<'_>, refusal: &Refusal) -> Finding {
    if let Some(finding) = wrong_token(patient) {
        return finding;
    }
    match explanation(patient) {
        Some(labels) if !labels.is_empty() => Finding { is_certain: true, ..Finding::of(&labels) },
        _ if refusal.code == Code::SignatureMissing => form::missing(patient),
        _ => form::wrong(patient),
    }
}

/// Where it is the token that fails, and not a signature beside it.
fn wrong_token(patient: &Patient<'_>) -> Option<Finding> {
    let (raw, generator) = (patient.raw, patient.generator);
    if token_of(raw, generator, patient.capabilities?) != Token::Wrong {
        return None;
    }
    let is_signed = generator.recipes.iter().any(|recipe| recipe.presented(raw).is_some());
    let is_right = || super::signature::is_signed_by(raw, generator, patient.published);
    if is_signed && !is_right() {
        return None;
    }
    let detail = "The token in the URL is wrong, and no other attempt's or generator's";
    Some(token::fault(patient).map_or_else(
        || Finding::fact(Check::Token, detail),
        |fault| Finding { is_certain: fault.variation != Variation::TokenDamaged, ..Finding::of(&[fault]) },
    ))
}

/// The first one that is found.
fn explanation(patient: &Patient<'_>) -> Option<Explanation> {
    let mut bench = Bench::new(patient, false);
    if patient.body_is_whole {
        bench.work();
    }
    bench.found.into_iter().next()
}

/// All that there are, for tests that none of them can be taken for another.
#[cfg(test)]
pub(super) fn explanations(patient: &Patient<'_>) -> Vec<Vec<Variation>> {
    let mut bench = Bench::new(patient, true);
    bench.work();
    bench.found.iter().map(|labels| labels.iter().map(|label| label.variation).collect()).collect()
}

impl Finding {
    fn of(labels: &[Label]) -> Self {
        let check = labels.first().map_or(Check::Signature, |label| label.variation.check());
        let mut finding = Self::fact(check, "");
        finding.add(labels);
        finding
    }

    fn fact(check: Check, detail: impl Into<String>) -> Self {
        Self { check, causes: Vec::new(), is_certain: false, detail: detail.into() }
    }

    fn add(&mut self, labels: &[Label]) {
        for label in labels {
            self.causes.push(label.variation);
            self.tell(&label.sentence());
        }
    }

    fn tell(&mut self, sentence: &str) {
        if !self.detail.is_empty() {
            self.detail.push_str(". ");
        }
        self.detail.push_str(sentence);
    }
}
