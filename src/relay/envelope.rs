//! What a request carries besides its body: what proves that it comes from the hub, and what its subscriber wants to see.
//!
//! The bytes that are signed are the bytes that are sent; time and signature are each attempt's own.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::domain::time::Timestamp;
use crate::domain::webhook::{Auth, Credentials, Signature};

pub use self::fault::{Fault, faults, refuse_auth, refuse_headers};
use self::secret::SecretFault;
pub use self::secret::{make_secret, refuse_secret};
pub(super) use self::veil::{masked, veiled};

mod fault;
mod secret;
mod veil;

/// The headers of one attempt; what a registration adds comes first, and gives way to what the hub says itself.
///
/// # Errors
/// If it is to be signed and cannot be: nothing is ever sent unsigned for that.
pub fn headers(
    signature: Signature,
    credentials: &Credentials,
    id: &str,
    at: Timestamp,
    body: &[u8],
) -> Result<Vec<(String, String)>, Unsigned> {
    // whatever the signature: who is told twice can tell by it
    let name = std::iter::once(named("webhook-id", id));
    let own = name.chain(proof(signature, credentials, id, at, body)?).chain(credentials.auth.iter().map(authorization));
    let own: Vec<(String, String)> = own.collect();
    let is_own = |name: &str| own.iter().any(|(own, _)| own.eq_ignore_ascii_case(name));
    let added = credentials.headers.iter().filter(|(name, _)| !is_own(name));
    let added = added.map(|(name, value)| (name.to_ascii_lowercase(), value.clone()));
    Ok(added.chain(own.iter().cloned()).collect())
}

/// Why a delivery cannot be signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsigned {
    #[error("The webhook's deliveries are to be signed, and it has no secret")]
    NoSecret,
    #[error("The webhook's secret {0}")]
    BadSecret(SecretFault),
}

fn proof(
    signature: Signature,
    credentials: &Credentials,
    id: &str,
    at: Timestamp,
    body: &[u8],
) -> Result<Vec<(String, String)>, Unsigned> {
    if signature == Signature::None {
        return Ok(Vec::new());
    }
    let secret = credentials.secret.as_deref().ok_or(Unsigned::NoSecret)?;
    let before: Vec<&str> = credentials.promised(at).map(|previous| previous.secret.as_str()).collect();
    // a header that can show one signature shows the one that every receiver still knows
    let known = before.last().copied().unwrap_or(secret);
    let seconds = at.secs().to_string();
    Ok(match signature {
        Signature::Standard => {
            let content = [id.as_bytes(), b".", seconds.as_bytes(), b".", body];
            let sign = |secret| Ok(format!("v1,{}", STANDARD.encode(tag(&secret::decoded(secret)?, &content))));
            let signatures: Result<Vec<String>, SecretFault> = std::iter::once(secret).chain(before).map(sign).collect();
            let signatures = signatures.map_err(Unsigned::BadSecret)?.join(" ");
            vec![named("webhook-timestamp", &seconds), named("webhook-signature", &signatures)]
        }
        Signature::Sha256 => vec![named("x-webhook-signature", &digest(known, body)?)],
        Signature::Idp => vec![named("x-idp-timestamp", &seconds), named("x-idp-signature", &digest(known, body)?)],
        Signature::None => Vec::new(),
    })
}

fn authorization(auth: &Auth) -> (String, String) {
    match auth {
        Auth::Basic { username, password } => {
            named("authorization", &format!("Basic {}", STANDARD.encode(format!("{username}:{password}"))))
        }
        Auth::Bearer { token } => named("authorization", &format!("Bearer {token}")),
        Auth::ApiKey { key_name, key_value } => (key_name.to_ascii_lowercase(), key_value.clone()),
    }
}

fn digest(secret: &str, body: &[u8]) -> Result<String, Unsigned> {
    if secret.is_empty() {
        return Err(Unsigned::NoSecret);
    }
    Ok(format!("sha256={}", hex::encode(tag(secret.as_bytes(), &[body]))))
}

fn tag(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

fn named(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

#[cfg(test)]
mod tests;
