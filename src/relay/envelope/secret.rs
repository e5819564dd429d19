//! Secrets of webhooks: making one, and what a given one stands for.

use base64::Engine;
use base64::alphabet;
use base64::engine::general_purpose::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// As Standard Webhooks mark them.
const PREFIX: &str = "whsec_";
/// In bytes.
const LONGEST: usize = 1024;
/// Halves of a key pair.
const PAIRS: [&str; 2] = ["whsk_", "whpk_"];

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretFault {
    #[error("must not be empty")]
    Empty,
    #[error("must be at most {LONGEST} bytes")]
    TooLong,
    #[error("must be base64 after `whsec_`")]
    NotBase64,
    #[error("must be a secret that both sides share, not half of a key pair")]
    Pair,
}

/// A secret that nobody else has.
///
/// # Panics
/// If the system has no randomness.
#[must_use]
pub fn make_secret() -> String {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).expect("the system has randomness");
    format!("{PREFIX}{}", STANDARD.encode(bytes))
}

/// # Errors
/// If nothing can be signed with it.
pub fn refuse_secret(secret: &str) -> Result<(), SecretFault> {
    if PAIRS.iter().any(|prefix| secret.starts_with(prefix)) {
        return Err(SecretFault::Pair);
    }
    if secret.len() > LONGEST {
        return Err(SecretFault::TooLong);
    }
    if secret.trim().is_empty() { Err(SecretFault::Empty) } else { decoded(secret).map(|_| ()) }
}

/// The key of a Standard Webhooks' secret.
pub(super) fn decoded(secret: &str) -> Result<Vec<u8>, SecretFault> {
    const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let key = match secret.strip_prefix(PREFIX) {
        None => secret.as_bytes().to_vec(),
        Some(text) => {
            let alphabet = if text.contains(['-', '_']) { &alphabet::URL_SAFE } else { &alphabet::STANDARD };
            GeneralPurpose::new(alphabet, LENIENT).decode(text).map_err(|_| SecretFault::NotBase64)?
        }
    };
    if key.is_empty() { Err(SecretFault::Empty) } else { Ok(key) }
}
