//! Senders that want to be answered before they send anything: a challenge, given back.

use std::str::FromStr;

use super::condition::Condition;
use super::entry::Generator;
use super::json::Document;
use super::raw::RawCallback;
use super::reader::{Reader, Takes};
use super::signature::Verified;
use super::source::Source;

/// What is given back, in bytes; a longer challenge is none.
pub const LONGEST_REPLY: usize = 1 << 10;
/// Of the body, in bytes: it is looked into before anything is proven.
const LONGEST_BODY: usize = 64 << 10;

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HandshakeFile {
    pub when: When,
    pub reply: Challenge,
    /// The sender signs it like everything else.
    #[serde(default)]
    pub signed: bool,
}

#[derive(Debug)]
pub(super) struct Handshake {
    when: Condition,
    challenge: Source,
    signed: bool,
}

impl Generator {
    /// What a sender is to be told that does not sign its handshake: nothing is proven, and nothing is kept.
    #[must_use]
    pub fn handshake(&self, raw: &RawCallback) -> Option<String> {
        self.handshake.as_ref().filter(|handshake| !handshake.signed)?.reply(raw)
    }
}

impl Verified {
    /// The same for one that signs it.
    #[must_use]
    pub fn handshake(&self) -> Option<String> {
        self.generator().handshake.as_ref().filter(|handshake| handshake.signed)?.reply(self.raw())
    }
}

impl Handshake {
    pub(super) fn new(file: HandshakeFile) -> Self {
        Self { when: file.when.0, challenge: file.reply.0, signed: file.signed }
    }

    fn reply(&self, raw: &RawCallback) -> Option<String> {
        if raw.body.len() > LONGEST_BODY {
            return None;
        }
        let heads: Vec<&str> = self.heads().collect();
        // without a body there may still be a query
        let document = Document::parse(&raw.body, &heads).or_else(|_| Document::parse(b"{}", &heads)).ok()?;
        if !self.when.holds(&document, Some(raw)) {
            return None;
        }
        let mut reader = Reader { document, envelope: Some(raw), strict: false, errors: Vec::new() };
        reader.text(std::slice::from_ref(&self.challenge), Takes::Scalars).filter(|reply| reply.len() <= LONGEST_REPLY)
    }

    fn heads(&self) -> impl Iterator<Item = &str> {
        let challenge = if let Source::Json(pointer) = &self.challenge { Some(pointer.head()) } else { None };
        self.when.pattern().map(|pattern| pattern.first.head()).into_iter().chain(challenge)
    }
}

/// A condition, or the bare name of what must be there.
#[derive(Debug)]
pub(super) struct When(Condition);

impl FromStr for When {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bare = text.parse::<Source>().is_ok() && !text.contains(['=', '~', ' ']);
        let condition = if bare { format!("{text} exists") } else { text.to_owned() };
        condition.parse().map(Self)
    }
}

#[derive(Debug)]
pub(super) struct Challenge(Source);

impl FromStr for Challenge {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse().map(Self)
    }
}

macro_rules! from_text {
    ($($name:ident),+) => {$(
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )+};
}

from_text!(When, Challenge);
