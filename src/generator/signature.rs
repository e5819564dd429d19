//! Whether a callback comes from whom it says. [`verify`] is the only way to a [`Verified`].

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use subtle::Choice;

use crate::domain::time::Timestamp;

use super::entry::Generator;
use super::key::from_base64;
use super::keyset::PublishedKeys;
use super::mac::{PublicKey, any_equal, any_matches, any_verifies};
use super::raw::RawCallback;
use super::recipe::{MOST_CLAIMS, Method, PublicKeys, Recipe};
use super::refusal::{Code, Refusal};
use super::scalar::{Algorithm, Bind, Encoding, Trust};
use super::token::{Capability, CapabilityKeys};

/// A callback whose sender is proven as far as its generator's file wants it proven.
#[derive(Clone, Debug)]
pub struct Verified {
    raw: RawCallback,
    generator: Arc<Generator>,
    is_signed: bool,
    token: Token,
}

impl Verified {
    /// As it came, but for the body where another spelling of it was signed: then that is the body, for the bytes that were
    /// sent are proven by nothing.
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
        self.is_signed || matches!(self.token, Token::Holds(_) | Token::HoldsForAll)
    }

    /// Whether a signature proves the sender.
    #[must_use]
    pub const fn is_signed(&self) -> bool {
        self.is_signed
    }

    /// What its token proves, if there was one.
    #[must_use]
    pub const fn token(&self) -> Token {
        self.token
    }

    /// The attempt that the token proves, if there was one that does.
    #[must_use]
    pub const fn token_attempt(&self) -> Option<u32> {
        match self.token {
            Token::Holds(attempt) => Some(attempt),
            _ => None,
        }
    }

    /// Nothing but a URL that is the same for all tasks speaks for it: its word is only a reason to ask the generator.
    #[must_use]
    pub const fn is_hearsay(&self) -> bool {
        !self.is_signed && matches!(self.token, Token::HoldsForAll)
    }
}

/// # Errors
/// The callback itself, to be kept, and why it is refused: `signature_missing` before `timestamp_out_of_tolerance`
/// before `signature_invalid`; `unavailable` where only keys that nobody has fetched yet could tell.
#[expect(clippy::result_large_err, reason = "a refused callback is handed back whole, as it is kept too")]
pub fn verify(
    raw: RawCallback,
    generator: &Arc<Generator>,
    tokens: &CapabilityKeys,
    published: &PublishedKeys,
) -> Result<Verified, (RawCallback, Refusal)> {
    match prove(&raw, generator, tokens, published) {
        Ok(Proof { is_signed, token, rewritten }) => {
            let raw = RawCallback { body: rewritten.unwrap_or_else(|| raw.body.clone()), ..raw };
            Ok(Verified { raw, generator: Arc::clone(generator), is_signed, token })
        }
        Err(refusal) => Err((raw, refusal)),
    }
}

struct Proof {
    is_signed: bool,
    token: Token,
    /// The body that was signed, where that is not the one that was sent.
    rewritten: Option<Bytes>,
}

/// A signature or token that is there is always checked, needed or not.
fn prove(raw: &RawCallback, generator: &Generator, keys: &CapabilityKeys, published: &PublishedKeys) -> Result<Proof, Refusal> {
    let presented: Vec<Presented<'_>> = generator.recipes.iter().filter_map(|recipe| Presented::find(recipe, raw)).collect();
    let tokens: Vec<&str> = raw.parameter("token").collect();
    check_presence(generator, !presented.is_empty(), !tokens.is_empty())?;

    let timely: Vec<&Presented<'_>> = presented.iter().filter(|presented| presented.is_timely(raw.arrived)).collect();
    if timely.is_empty() && !presented.is_empty() {
        let detail = "The signature's timestamp is missing, unreadable, or too far from the time of arrival";
        return Err(Refusal::new(Code::TimestampOutOfTolerance, detail));
    }

    let findings: Vec<Finding> = timely.iter().map(|presented| presented.check(raw, published)).collect();
    for (presented, finding) in timely.iter().zip(&findings) {
        presented.recipe.method.want_keys(finding, published);
    }
    let token = check_token(raw, generator, keys, &tokens);
    let is_token_wrong = token == Token::Wrong;
    let lacks_keys = findings.iter().any(|finding| finding.lacks_keys);
    // all have been checked; which of them held is no secret
    let good = findings.into_iter().find(|finding| bool::from(finding.holds));
    match good {
        None if !presented.is_empty() => Err(unsigned(generator, lacks_keys && !is_token_wrong)),
        _ if is_token_wrong => {
            let what = if raw.task.is_some() { "task, attempt and generator" } else { "generator" };
            Err(Refusal::new(Code::SignatureInvalid, format!("The token is wrong for this {what}")))
        }
        good => Ok(Proof { is_signed: good.is_some(), token, rewritten: good.and_then(|finding| finding.rewritten) }),
    }
}

fn unsigned(generator: &Generator, lacks_keys: bool) -> Refusal {
    match (lacks_keys, generator.has_secret() || generator.jwks_url().is_some()) {
        (true, _) => Refusal::new(Code::Unavailable, "The generator's public keys are not known yet"),
        (false, true) => Refusal::new(Code::SignatureInvalid, "The signature is wrong"),
        (false, false) => Refusal::new(Code::SignatureInvalid, "There is no secret to check the signature with"),
    }
}

/// Whether a signature of this generator is there that is timely and right, whatever else its file wants.
#[must_use]
pub(super) fn is_signed_by(raw: &RawCallback, generator: &Generator, published: &PublishedKeys) -> bool {
    let presented = generator.recipes.iter().filter_map(|recipe| Presented::find(recipe, raw));
    let findings =
        presented.filter(|presented| presented.is_timely(raw.arrived)).map(|presented| presented.check(raw, published));
    findings.fold(false, |holds, finding| holds | bool::from(finding.holds))
}

/// What is known of a capability or ingress token, whatever became of the rest of the callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token {
    Absent,
    /// Good for this attempt.
    Holds(u32),
    /// Good for its generator's shared URL.
    HoldsForAll,
    Wrong,
}

/// For what is kept of a refused callback, since the token itself is not.
#[must_use]
pub fn token(raw: &RawCallback, generator: &Generator, keys: &CapabilityKeys) -> Token {
    let tokens: Vec<&str> = raw.parameter("token").collect();
    check_token(raw, generator, keys, &tokens)
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
fn check_token(raw: &RawCallback, generator: &Generator, keys: &CapabilityKeys, tokens: &[&str]) -> Token {
    let attempts: Vec<&str> = raw.parameter("attempt").collect();
    let attempt = match attempts[..] {
        [] => Some(1),
        [attempt] => attempt.parse().ok(),
        _ => None,
    };
    let (token, holds) = match (tokens, &raw.task, attempt) {
        ([], ..) => return Token::Absent,
        ([token], Some(task), Some(attempt)) => {
            (Token::Holds(attempt), keys.proves(Capability { task, attempt, generator: &generator.name }, token))
        }
        // where no path names a task
        ([token], None, _) if generator.takes_ingress_token() => {
            (Token::HoldsForAll, keys.proves_ingress(&generator.name, token))
        }
        _ => return Token::Wrong,
    };
    if bool::from(holds) { token } else { Token::Wrong }
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
        let timestamp = clock.and_then(|clock| clock.read(recipe, raw, values.as_deref().unwrap_or_default()));
        Some(Self { recipe, values, timestamp })
    }

    fn is_timely(&self, arrived: Timestamp) -> bool {
        let Some(clock) = &self.recipe.clock else { return true };
        self.timestamp.as_deref().is_some_and(|text| clock.allows(text, arrived))
    }

    fn check(&self, raw: &RawCallback, published: &PublishedKeys) -> Finding {
        let claims = self.claims();
        let content = self.recipe.method.content().map(|content| content.fill(raw, self.timestamp.as_deref()));
        match (&self.recipe.method, content) {
            (Method::Token { secrets, .. }, _) => Finding::of(any_equal(secrets, &claims)),
            (Method::Mac { keys, .. }, Some(Some(content))) => {
                Finding { rewritten: content.rewritten.clone(), ..Finding::of(any_matches(keys, &content.parts(), &claims)) }
            }
            (Method::Signature { keys, .. }, Some(Some(content))) => {
                let known = keys.known(published);
                let holds = known.as_ref().map_or(Choice::from(0), |known| any_verifies(known, &content.parts(), &claims));
                Finding { holds, rewritten: content.rewritten, lacks_keys: known.is_none() }
            }
            // something that was signed is not there
            _ => Finding::none(),
        }
    }

    /// What is claimed to be the signature. What cannot be decoded is empty, and as such simply wrong.
    fn claims(&self) -> Vec<Vec<u8>> {
        let values = self.values.iter().flatten();
        let items = values.flat_map(|value| self.recipe.items(value)).filter_map(|item| self.recipe.claim(item));
        items.take(MOST_CLAIMS).map(|claim| self.recipe.method.decoded(claim)).collect()
    }
}

/// What became of a presented signature.
struct Finding {
    holds: Choice,
    rewritten: Option<Bytes>,
    lacks_keys: bool,
}

impl Finding {
    const fn of(holds: Choice) -> Self {
        Self { holds, rewritten: None, lacks_keys: false }
    }

    fn none() -> Self {
        Self::of(Choice::from(0))
    }
}

impl PublicKeys {
    /// None: they were never fetched.
    pub(super) fn known(&self, published: &PublishedKeys) -> Option<Cow<'_, [PublicKey]>> {
        match self {
            Self::Fixed(keys) => Some(Cow::Borrowed(keys)),
            Self::Published(url) => published.at(url).map(|set| Cow::Owned(set.0.clone())),
        }
    }
}

impl Method {
    /// A signature that no known key explains may be one of a newer key.
    fn want_keys(&self, finding: &Finding, published: &PublishedKeys) {
        if let (Self::Signature { keys: PublicKeys::Published(url), .. }, false) = (self, bool::from(finding.holds)) {
            published.want(url);
        }
    }

    fn decoded(&self, claim: &str) -> Vec<u8> {
        match self {
            Self::Token { strip, .. } => claim.strip_prefix(strip.as_str()).unwrap_or_default().as_bytes().to_vec(),
            Self::Mac { algorithm, encoding, .. } => {
                let prefix = claim.strip_prefix(algorithm.as_str()).and_then(|rest| rest.strip_prefix('='));
                decoded(prefix.unwrap_or(claim), *encoding, algorithm.digest_len())
            }
            Self::Signature { encoding, .. } => decoded(claim, *encoding, SIGNATURE_LENGTH),
        }
    }
}

/// `length`: of the decoded claim, in bytes.
fn decoded(claim: &str, encoding: Option<Encoding>, length: usize) -> Vec<u8> {
    let looks_hex = claim.len() == 2 * length;
    let bytes = match encoding {
        Some(Encoding::Hex) => hex::decode(claim).ok(),
        Some(Encoding::Base64) => from_base64(claim),
        None if looks_hex => hex::decode(claim).ok(),
        None => from_base64(claim),
    };
    bytes.unwrap_or_default()
}

/// Of Ed25519, in bytes.
const SIGNATURE_LENGTH: usize = 64;

impl Algorithm {
    pub(super) const fn digest_len(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }
}
