//! Where variations are tried: each is made into a signature, and compared with everything that may be the sender's.

use bytes::Bytes;

use super::contents::{Content, contents};
use super::reading::{Reading, readings};
use super::secrets::{self, MOST_OWN};
use super::token;
use super::variation::{Label, Variation};
use super::{Patient, moment};
use crate::generator::key::KeyRule;
use crate::generator::mac::{KeyedMac, PublicKey, any_verifies, sha256};
use crate::generator::recipe::{Method, PublicKeys, Recipe};
use crate::generator::scalar::Algorithm;
use crate::generator::signature::is_signed_by;
use crate::generator::template::Template;

/// Everything by which a signature differs from the expected; nothing, if it is as expected.
pub(super) type Explanation = Vec<Label>;

pub(super) struct Bench<'a> {
    patient: &'a Patient<'a>,
    /// Bytes that may still be hashed.
    left: usize,
    /// Goes on after the first explanation.
    is_thorough: bool,
    pub found: Vec<Explanation>,
}

/// What a trial costs beside its bytes.
const TRIAL: usize = 512;
/// A check of a public key's signature, in bytes that could be hashed meanwhile.
const CHECK: usize = 16 << 10;
const ALGORITHMS: [Algorithm; 3] = [Algorithm::Sha1, Algorithm::Sha256, Algorithm::Sha512];

impl<'a> Bench<'a> {
    pub(super) const fn new(patient: &'a Patient<'a>, is_thorough: bool) -> Self {
        Self { patient, left: patient.effort, is_thorough, found: Vec::new() }
    }

    /// Tries everything, the expected first.
    pub(super) fn work(&mut self) {
        let generator = self.patient.generator;
        for recipe in &generator.recipes {
            self.examine(recipe);
        }
        if self.found.is_empty() {
            self.other_generators();
        }
    }

    fn examine(&mut self, recipe: &Recipe) {
        let readings = readings(recipe, self.patient.raw);
        match &recipe.method {
            Method::Token { .. } => {
                let found = token::explained(recipe, self.patient);
                self.found.extend(found);
                self.signed_instead(&readings);
            }
            _ if readings.is_empty() || self.is_done() => {}
            Method::Mac { algorithm, content, key, .. } => self.macs(recipe, (*algorithm, content, key), &readings),
            Method::Signature { content, keys, .. } => self.signatures(recipe, content, keys, &readings),
        }
    }

    fn macs(&mut self, recipe: &Recipe, (algorithm, template, rule): (Algorithm, &Template, &KeyRule), readings: &[Reading]) {
        let Patient { raw, generator, catalog, .. } = *self.patient;
        let timestamp = moment::sent(recipe, raw);
        let keys: Vec<Vec<u8>> = generator.secrets().filter_map(|secret| rule.bytes(secret).ok()).take(MOST_OWN).collect();
        let expected = template.fill(raw, timestamp.as_deref());
        if let Some(expected) = &expected {
            for key in &keys {
                self.mac(None, algorithm, key, &expected.parts, readings);
            }
            for key in secrets::own(rule, generator) {
                self.mac(Some(&key.label), algorithm, &key.bytes, &expected.parts, readings);
            }
            for other in ALGORITHMS.into_iter().filter(|other| *other != algorithm) {
                let label = Label::about(Variation::OtherAlgorithm, other.as_str());
                keys.iter().for_each(|key| self.mac(Some(&label), other, key, &expected.parts, readings));
            }
            self.plain_hashes(&keys, &expected.parts, readings);
        }
        for Content { parts, label } in self.contents(template, timestamp.as_deref()) {
            keys.iter().for_each(|key| self.mac(Some(&label), algorithm, key, &parts, readings));
        }
        // last, for they may be many
        if let Some(expected) = expected {
            for key in secrets::of_others(rule, generator, catalog) {
                self.mac(Some(&key.label), algorithm, &key.bytes, &expected.parts, readings);
            }
        }
    }

    fn signatures(&mut self, recipe: &Recipe, template: &Template, keys: &PublicKeys, readings: &[Reading]) {
        let Patient { raw, generator, catalog, published, .. } = *self.patient;
        let timestamp = moment::sent(recipe, raw);
        let keys = keys.known(published).unwrap_or_default();
        if let Some(expected) = template.fill(raw, timestamp.as_deref()) {
            self.verifies(None, &keys, &expected.parts, readings);
            for other in catalog.iter().filter(|other| other.name() != generator.name()) {
                for recipe in &other.recipes {
                    let Method::Signature { keys, .. } = &recipe.method else { continue };
                    let label = Label::about(Variation::OtherGeneratorsSecret, other.name().as_str());
                    let theirs = keys.known(published).unwrap_or_default();
                    self.verifies(Some(&label), &theirs, &expected.parts, readings);
                }
            }
        }
        for Content { parts, label } in self.contents(template, timestamp.as_deref()) {
            self.verifies(Some(&label), &keys, &parts, readings);
        }
    }

    fn contents(&mut self, template: &Template, timestamp: Option<&str>) -> Vec<Content> {
        // spelling a body in all ways takes about as long as hashing it this often
        const SPELLINGS: usize = 32;
        let raw = self.patient.raw;
        let affordable = !self.is_done() && self.afford(raw.body.len().saturating_mul(SPELLINGS));
        if affordable { contents(template, raw, timestamp) } else { Vec::new() }
    }

    /// The secret is in the hash, and no key of it.
    fn plain_hashes(&mut self, keys: &[Vec<u8>], parts: &[Bytes], readings: &[Reading]) {
        let content: Vec<&[u8]> = parts.iter().map(AsRef::as_ref).collect();
        let alone = [("the content", content.clone())];
        let with = keys.iter().flat_map(|key| {
            let (before, after) = ([&[&key[..]], &content[..]].concat(), [&content[..], &[&key[..]]].concat());
            [("secret and content", before), ("content and secret", after)]
        });
        for (what, hashed) in alone.into_iter().chain(with) {
            let cost = hashed.iter().map(|part| part.len()).sum();
            if !self.is_done() && self.afford(cost) {
                self.compare(Some(&Label::about(Variation::PlainHash, what)), &sha256(hashed), readings);
            }
        }
    }

    fn signed_instead(&mut self, readings: &[Reading]) {
        let Patient { raw, generator, .. } = *self.patient;
        for secret in generator.secrets().take(MOST_OWN) {
            let (label, body) = (Label::plain(Variation::SignedInstead), raw.body.clone());
            self.mac(Some(&label), Algorithm::Sha256, secret.as_bytes(), &[body], readings);
        }
    }

    /// Last of all: perhaps it was never meant for this one.
    fn other_generators(&mut self) {
        let Patient { raw, generator, catalog, published, .. } = *self.patient;
        for other in catalog.iter().filter(|other| other.name() != generator.name()) {
            let is_known = other.has_secret() || other.jwks_url().is_some();
            let cost = raw.body.len().saturating_mul(other.recipes.len());
            if is_known && !self.is_done() && self.afford(cost) && is_signed_by(raw, other, published) {
                self.found.push(vec![Label::about(Variation::OtherGenerator, other.name().as_str())]);
            }
        }
    }

    fn mac(&mut self, label: Option<&Label>, algorithm: Algorithm, key: &[u8], parts: &[Bytes], readings: &[Reading]) {
        if !self.is_done() && self.afford(parts.iter().map(Bytes::len).sum()) {
            let content: Vec<&[u8]> = parts.iter().map(AsRef::as_ref).collect();
            self.compare(label, &KeyedMac::new(algorithm, key).tag(&content), readings);
        }
    }

    fn verifies(&mut self, label: Option<&Label>, keys: &[PublicKey], parts: &[Bytes], readings: &[Reading]) {
        let content: Vec<&[u8]> = parts.iter().map(AsRef::as_ref).collect();
        let length: usize = parts.iter().map(Bytes::len).sum();
        for reading in readings.iter().filter(|reading| reading.bytes.len() == 64) {
            let cost = keys.len().saturating_mul(CHECK + length);
            if !self.is_done() && self.afford(cost) && any_verifies(keys, &content, std::slice::from_ref(&reading.bytes)).into() {
                self.found.push(reading.labels.iter().chain(label).cloned().collect());
            }
        }
    }

    fn compare(&mut self, label: Option<&Label>, signature: &[u8], readings: &[Reading]) {
        if let Some(reading) = readings.iter().find(|reading| reading.bytes == signature) {
            self.found.push(reading.labels.iter().chain(label).cloned().collect());
        }
    }

    fn is_done(&self) -> bool {
        !self.is_thorough && !self.found.is_empty()
    }

    fn afford(&mut self, bytes: usize) -> bool {
        let left = self.left.checked_sub(bytes.saturating_add(TRIAL));
        self.left = left.unwrap_or(self.left);
        left.is_some()
    }
}
