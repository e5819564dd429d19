//! Signs as a generator would: for clients of ours that stand in for one.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use crate::domain::task::TaskId;
use crate::domain::time::Timestamp;

use super::clock::Clock;
use super::entry::Generator;
use super::key::is_private;
use super::mac::{KeyedMac, sha256, signed};
use super::raw::RawCallback;
use super::recipe::{Method, Recipe};
use super::scalar::Encoding;
use super::source::{ClockSource, Source};
use super::template::Part;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotSign {
    #[error("The generator's file has no [[sign]] section")]
    NoScheme,
    #[error("The secret {0}")]
    Secret(String),
    #[error("The signature covers something that the request does not have")]
    Content,
    #[error("The timestamp is a part of the body, where it cannot be set")]
    Timestamp,
}

/// The headers that make a good callback of a body, by the first way of proof that the generator's file names. Ids that
/// the signature covers are made from the task and the body.
///
/// # Errors
/// What keeps the body from being signed.
pub fn sign(
    generator: &Generator,
    secret: &str,
    task: &TaskId,
    body: &[u8],
    now: Timestamp,
) -> Result<Vec<(String, String)>, CannotSign> {
    let recipe = generator.recipes.iter().find(|recipe| recipe.is_signed_with(secret)).ok_or(CannotSign::NoScheme)?;
    let header = recipe.headers.first().cloned().unwrap_or_default();
    if let Method::Token { strip, .. } = &recipe.method {
        return Ok(vec![(header, format!("{strip}{secret}"))]);
    }
    let content = recipe.method.content().ok_or(CannotSign::NoScheme)?;
    let timestamp = recipe.clock.as_ref().map(|clock| clock.text(now));
    let mut headers = minted(content.parts(), task, body);
    if let Some(name) = recipe.clock.as_ref().map(clock_header).transpose()?.flatten() {
        headers.retain(|(minted, _)| *minted != name);
        headers.push((name, timestamp.clone().unwrap_or_default()));
    }
    let raw = unsent(task, &headers, body, now);
    let filled = content.fill(&raw, timestamp.as_deref()).ok_or(CannotSign::Content)?;
    let claim = recipe.method.claim(secret, &filled.parts())?;
    headers.push((header, recipe.written(&claim, timestamp.as_deref())));
    Ok(headers)
}

impl Method {
    /// The signature as text.
    fn claim(&self, secret: &str, parts: &[&[u8]]) -> Result<String, CannotSign> {
        let (encoding, bytes) = match self {
            Self::Mac { algorithm, encoding, key, .. } => {
                let key = key.bytes(secret).map_err(CannotSign::Secret)?;
                (encoding, KeyedMac::new(*algorithm, &key).tag(parts))
            }
            Self::Signature { encoding, key, .. } => {
                let signature = key.private_key(secret).and_then(|key| signed(&key, parts));
                (encoding, signature.ok_or_else(|| CannotSign::Secret("is no private Ed25519 key".to_owned()))?)
            }
            Self::Token { .. } => return Err(CannotSign::NoScheme),
        };
        Ok(if *encoding == Some(Encoding::Base64) { STANDARD.encode(bytes) } else { hex::encode(bytes) })
    }
}

/// A name for each header that is signed, made from what is sent.
fn minted(parts: &[Part], task: &TaskId, body: &[u8]) -> Vec<(String, String)> {
    let digest = hex::encode(sha256([task.as_str().as_bytes(), b"\0", body]));
    let names = parts.iter().filter_map(|part| if let Part::Header(names) = part { names.first() } else { None });
    names.map(|name| (name.clone(), format!("msg_{}", &digest[..24]))).collect()
}

fn clock_header(clock: &Clock) -> Result<Option<String>, CannotSign> {
    match &clock.source {
        ClockSource::Element(_) => Ok(None),
        ClockSource::Elsewhere(Source::Header(names)) => Ok(names.first().cloned()),
        ClockSource::Elsewhere(_) => Err(CannotSign::Timestamp),
    }
}

fn unsent(task: &TaskId, headers: &[(String, String)], body: &[u8], now: Timestamp) -> RawCallback {
    RawCallback {
        task: Some(task.clone()),
        headers: headers.iter().map(|(name, value)| (name.clone(), value.clone().into_bytes())).collect(),
        query: Vec::new(),
        body: Bytes::copy_from_slice(body),
        arrived: now,
        url: String::new(),
    }
}

impl Recipe {
    /// A private key says which scheme it is for; any other secret is for the first.
    fn is_signed_with(&self, secret: &str) -> bool {
        !is_private(secret) || matches!(self.method, Method::Signature { .. })
    }

    /// The header's value as the generator would write it.
    fn written(&self, claim: &str, timestamp: Option<&str>) -> String {
        let Some((sep, name)) = &self.field else { return claim.to_owned() };
        let signature = format!("{name}{sep}{claim}");
        match (self.clock.as_ref().map(|clock| &clock.source), timestamp) {
            (Some(ClockSource::Element(key)), Some(timestamp)) => {
                format!("{key}{sep}{timestamp}{}{signature}", self.item_sep.as_deref().unwrap_or(","))
            }
            _ => signature,
        }
    }
}
