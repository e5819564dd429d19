//! From the secrets in the settings to keys: which secret is whose, and what its text stands for.

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::keyset::KeySet;
use super::mac::PublicKey;
use super::scalar::{KeyForm, Scheme};

#[derive(Debug)]
pub(super) struct KeyRule {
    pub form: KeyForm,
    pub prefix: String,
}

/// As Standard Webhooks mark the two halves of a key pair, and the secrets that both sides share.
const PUBLIC: &str = "whpk_";
const PRIVATE: &str = "whsk_";
const SHARED: &str = "whsec_";

/// The secrets that are meant for a scheme: in a file that knows both kinds, public keys are for the one and all others
/// for the other.
pub(super) fn meant_for(scheme: Scheme, secrets: &[String], mixed: bool) -> Vec<String> {
    let is_public = |secret: &str| secret.starts_with(PUBLIC) || is_set(secret);
    let is_meant = |secret: &&String| !mixed || is_public(secret) == (scheme == Scheme::Ed25519);
    secrets.iter().filter(is_meant).cloned().collect()
}

fn is_set(secret: &str) -> bool {
    secret.trim_start().starts_with('{')
}

#[must_use]
pub(super) fn is_private(secret: &str) -> bool {
    secret.starts_with(PRIVATE)
}

impl KeyRule {
    /// The bytes of a secret that is shared with the generator.
    ///
    /// # Errors
    /// What is wrong with the secret, without a letter of it.
    pub(super) fn bytes(&self, secret: &str) -> Result<Vec<u8>, String> {
        // what everybody may know proves nothing
        if secret.starts_with(PUBLIC) || is_private(secret) || KeySet::parse(secret).is_ok() {
            return Err("is half of a key pair, and what is needed here is a secret that both sides share".to_owned());
        }
        let bare = Some(self.prefix.as_str()).filter(|prefix| !prefix.is_empty()).and_then(|prefix| secret.strip_prefix(prefix));
        let bytes = match (self.form, bare) {
            (KeyForm::Utf8 | KeyForm::Jwks, _) | (KeyForm::Prefixed, None) => secret.as_bytes().to_vec(),
            (KeyForm::Base64 | KeyForm::Prefixed, bare) => {
                let text = bare.unwrap_or(secret);
                from_base64(text).ok_or_else(|| {
                    format!(
                        "is not base64{}",
                        if self.prefix.is_empty() { String::new() } else { format!(" after `{}`", self.prefix) }
                    )
                })?
            }
        };
        if bytes.is_empty() || secret.trim().is_empty() || secret == SHARED { Err("is empty".to_owned()) } else { Ok(bytes) }
    }

    /// The public keys that a setting holds: one in base64 or hex, or a JWKS.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn public_keys(&self, secret: &str) -> Result<Vec<PublicKey>, String> {
        if is_set(secret) {
            return KeySet::parse(secret).map(|set| set.0).map_err(|fact| format!("is a set of keys that {fact}"));
        }
        if is_private(secret) {
            return Err(format!("is a private key, and what is needed here is the public one (`{PUBLIC}…`)"));
        }
        let bare = secret.strip_prefix(self.prefix.as_str()).unwrap_or(secret);
        let bytes = pair_half(bare.strip_prefix(PUBLIC).unwrap_or(bare));
        let key = bytes.and_then(|bytes| PublicKey::new(&bytes));
        key.map(|key| vec![key]).ok_or_else(|| "is no Ed25519 key: 32 bytes in base64 or hex, or a JWKS".to_owned())
    }

    /// The private key that a client of ours signs with.
    pub(super) fn private_key(&self, secret: &str) -> Option<Vec<u8>> {
        let bare = secret.strip_prefix(self.prefix.as_str()).unwrap_or(secret);
        pair_half(bare.strip_prefix(PRIVATE).unwrap_or(bare))
    }
}

fn pair_half(text: &str) -> Option<Vec<u8>> {
    let is_hex = matches!(text.len(), 64 | 128) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hex { hex::decode(text).ok() } else { from_base64(text) }
}

/// Base64 in either alphabet, padded or not.
#[must_use]
pub(super) fn from_base64(text: &str) -> Option<Vec<u8>> {
    const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let alphabet = if text.contains(['-', '_']) { &URL_SAFE } else { &STANDARD };
    GeneralPurpose::new(alphabet, LENIENT).decode(text.trim()).ok()
}
