//! Whether a callback comes from whom it says. [`verify`] is the only way to a [`Verified`].

use std::borrow::Cow;
use std::sync::Arc;

use subtle::Choice;

use crate::domain::time::Timestamp;

use super::entry::Generator;
use super::json::Document;
use super::mac::{any_equal, any_matches};
use super::raw::RawCallback;
use super::recipe::{Clock, MOST_CLAIMS, Method, Recipe, from_base64};
use super::refusal::{Code, Refusal};
use super::scalar::{Algorithm, Bind, ClockUnit, Encoding, Future, Trust};
use super::source::{ClockSource, Source};
use super::token::{Capability, CapabilityKeys};

/// A callback whose sender is proven as far as its generator's file wants it proven.
#[derive(Clone, Debug)]
pub struct Verified {
    raw: RawCallback,
    generator: Arc<Generator>,
    is_signed: bool,
    token_attempt: Option<u32>,
}

impl Verified {
    #[must_use]
    pub const fn raw(&self) -> &RawCallback {
        &self.raw
    }

    #[must_use]
    pub const fn generator(&self) -> &Arc<Generator> {
        &self.generator
    }

    /// Whether anything proves the sender; not even that is needed of every generator.
    #[must_use]
    pub const fn is_proven(&self) -> bool {
        self.is_signed || self.token_attempt.is_some()
    }

    /// The attempt that the token proves, if there was one.
    #[must_use]
    pub const fn token_attempt(&self) -> Option<u32> {
        self.token_attempt
    }
}

/// # Errors
/// The callback itself, to be kept, and why it is refused: `signature_missing` before `timestamp_out_of_tolerance`
/// before `signature_invalid`.
#[expect(clippy::result_large_err, reason = "a refused callback is handed back whole, as it is kept too")]
pub fn verify(raw: RawCallback, generator: &Arc<Generator>, tokens: &CapabilityKeys) -> Result<Verified, (RawCallback, Refusal)> {
    match prove(&raw, generator, tokens) {
        Ok((is_signed, token_attempt)) => Ok(Verified { raw, generator: Arc::clone(generator), is_signed, token_attempt }),
        Err(refusal) => Err((raw, refusal)),
    }
}

/// Whether a signature holds, and the attempt that a token proves. A signature or token that is there is always checked, needed or not.
fn prove(raw: &RawCallback, generator: &Generator, keys: &CapabilityKeys) -> Result<(bool, Option<u32>), Refusal> {
    let presented: Vec<Presented<'_>> = generator.recipes.iter().filter_map(|recipe| Presented::find(recipe, raw)).collect();
    let tokens: Vec<&str> = raw.parameter("token").collect();
    check_presence(generator, !presented.is_empty(), !tokens.is_empty())?;

    let timely: Vec<&Presented<'_>> = presented.iter().filter(|presented| presented.is_timely(raw.arrived)).collect();
    if timely.is_empty() && !presented.is_empty() {
        let detail = "The signature's timestamp is missing, unreadable, or too far from the time of arrival";
        return Err(Refusal::new(Code::TimestampOutOfTolerance, detail));
    }

    let signed = timely.iter().fold(Choice::from(0), |found, presented| found | presented.holds(raw));
    let token = (!tokens.is_empty()).then(|| token_holds(raw, generator, keys, &tokens));
    if !presented.is_empty() && !bool::from(signed) {
        let detail =
            if generator.has_secret() { "The signature is wrong" } else { "There is no secret to check the signature with" };
        return Err(Refusal::new(Code::SignatureInvalid, detail));
    }
    match token {
        Some((attempt, holds)) if bool::from(holds) => Ok((!presented.is_empty(), Some(attempt))),
        Some(_) => Err(Refusal::new(Code::SignatureInvalid, "The token is wrong for this task, attempt and generator")),
        None => Ok((!presented.is_empty(), None)),
    }
}

/// What is known of a capability token, whatever became of the rest of the callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token {
    Absent,
    /// Good for this attempt.
    Holds(u32),
    Wrong,
}

/// For what is kept of a refused callback, since the token itself is not.
#[must_use]
pub fn token(raw: &RawCallback, generator: &Generator, keys: &CapabilityKeys) -> Token {
    let tokens: Vec<&str> = raw.parameter("token").collect();
    if tokens.is_empty() {
        return Token::Absent;
    }
    let (attempt, holds) = token_holds(raw, generator, keys, &tokens);
    if bool::from(holds) { Token::Holds(attempt) } else { Token::Wrong }
}

fn check_presence(generator: &Generator, signature: bool, token: bool) -> Result<(), Refusal> {
    let (suffices, wanted) = match (generator.bind, generator.trust) {
        (Bind::Token, _) => (signature && token, "both a signature and a token are needed"),
        (Bind::No, Trust::Verify) => (signature, "a signature is needed"),
        (Bind::No, Trust::Token) => (signature || token, "a signature or a token is needed"),
        (Bind::No, Trust::None) => (true, ""),
    };
    if suffices {
        return Ok(());
    }
    let headers = generator.recipes.iter().flat_map(|recipe| &recipe.headers).map(String::as_str).collect::<Vec<_>>().join(", ");
    let place = if headers.is_empty() { String::new() } else { format!("; the signature's header is {headers}") };
    Err(Refusal::new(Code::SignatureMissing, format!("Of this generator {wanted}{place}")))
}

/// A second token, a task or an attempt that cannot be one: no token can be good.
fn token_holds(raw: &RawCallback, generator: &Generator, keys: &CapabilityKeys, tokens: &[&str]) -> (u32, Choice) {
    let attempts: Vec<&str> = raw.parameter("attempt").collect();
    let attempt = match attempts[..] {
        [] => Some(1),
        [attempt] => attempt.parse().ok(),
        _ => None,
    };
    match (&raw.task, attempt, tokens) {
        (Some(task), Some(attempt), [token]) => {
            (attempt, keys.proves(Capability { task, attempt, generator: &generator.name }, token))
        }
        _ => (0, Choice::from(0)),
    }
}

/// A recipe whose header is there.
struct Presented<'a> {
    recipe: &'a Recipe,
    /// The header's values; none if they cannot be a signature's.
    values: Option<Vec<&'a str>>,
    /// The timestamp as it was sent.
    timestamp: Option<Cow<'a, str>>,
}

impl<'a> Presented<'a> {
    fn find(recipe: &'a Recipe, raw: &'a RawCallback) -> Option<Self> {
        let text = |value: &'a [u8]| std::str::from_utf8(value).ok().filter(|text| text.is_ascii());
        let values: Option<Vec<&str>> = recipe.presented(raw)?.into_iter().map(text).collect();
        let clock = recipe.clock.as_ref();
        let timestamp = clock.and_then(|clock| timestamp(clock, recipe, raw, values.as_deref().unwrap_or_default()));
        Some(Self { recipe, values, timestamp })
    }

    fn is_timely(&self, arrived: Timestamp) -> bool {
        let Some(clock) = &self.recipe.clock else { return true };
        let Some(sent) = self.timestamp.as_deref().and_then(|text| text.trim().parse::<i64>().ok()) else { return false };
        clock.allows(sent, arrived)
    }

    fn holds(&self, raw: &RawCallback) -> Choice {
        let claims = self.claims();
        match &self.recipe.method {
            Method::Token { secrets, .. } => any_equal(secrets, &claims),
            Method::Mac { content, keys, .. } => {
                let Some(filled) = content.fill(raw, self.timestamp.as_deref()) else { return Choice::from(0) };
                let parts: Vec<&[u8]> = filled.iter().map(AsRef::as_ref).collect();
                any_matches(keys, &parts, &claims)
            }
        }
    }

    /// What is claimed to be the signature. What cannot be decoded is empty, and as such simply wrong.
    fn claims(&self) -> Vec<Vec<u8>> {
        let values = self.values.iter().flatten();
        let items = values.flat_map(|value| self.recipe.items(value)).filter_map(|item| self.recipe.claim(item));
        items.take(MOST_CLAIMS).map(|claim| self.recipe.method.decoded(claim)).collect()
    }
}

impl Method {
    fn decoded(&self, claim: &str) -> Vec<u8> {
        match self {
            Self::Token { strip, .. } => claim.strip_prefix(strip.as_str()).unwrap_or_default().as_bytes().to_vec(),
            Self::Mac { algorithm, encoding, .. } => {
                let prefix = claim.strip_prefix(algorithm.as_str()).and_then(|rest| rest.strip_prefix('='));
                let claim = prefix.unwrap_or(claim);
                let looks_hex = claim.len() == 2 * algorithm.digest_len();
                match encoding {
                    Some(Encoding::Hex) => hex::decode(claim).ok(),
                    Some(Encoding::Base64) => from_base64(claim),
                    None if looks_hex => hex::decode(claim).ok(),
                    None => from_base64(claim),
                }
                .unwrap_or_default()
            }
        }
    }
}

impl Algorithm {
    const fn digest_len(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }
}

impl Clock {
    /// In the unit of the timestamp, so that a whole second is not off by the fraction that it leaves out.
    fn allows(&self, sent: i64, arrived: Timestamp) -> bool {
        let (now, per_second) = match self.unit {
            ClockUnit::Seconds => (arrived.secs(), 1),
            ClockUnit::Millis => (arrived.micros().div_euclid(1_000), 1_000),
        };
        let ahead = (i128::from(sent) - i128::from(now)) * 1_000 / per_second;
        let within = |limit: std::time::Duration, off: i128| off <= i128::try_from(limit.as_millis()).unwrap_or(i128::MAX);
        let future = match self.future {
            Future::Any => true,
            Future::Within(limit) => within(limit, ahead),
        };
        future && within(self.tolerance, -ahead)
    }
}

fn timestamp<'a>(clock: &Clock, recipe: &Recipe, raw: &'a RawCallback, values: &[&'a str]) -> Option<Cow<'a, str>> {
    match &clock.source {
        ClockSource::Element(key) => values.iter().find_map(|value| recipe.element(value, key)).map(Cow::Borrowed),
        ClockSource::Elsewhere(Source::Header(names)) => std::str::from_utf8(raw.first_header(names)?).ok().map(Cow::Borrowed),
        ClockSource::Elsewhere(Source::Query(name)) => raw.parameter(name).next().map(Cow::Borrowed),
        ClockSource::Elsewhere(Source::Json(pointer)) => {
            let document = Document::parse(&raw.body, &[pointer.head()]).ok()?;
            let value = document.find(pointer).value()?;
            Some(super::json::string(value).map_or(Cow::Borrowed(value.get()), Cow::Owned))
        }
    }
}
