//! Keyed hashes and their comparison, and the signatures of public keys. This file and `signature.rs` are the only ones
//! that touch hmac, sha2, subtle and ed25519.

use std::fmt;

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};
pub use subtle::Choice;
use subtle::ConstantTimeEq;

use super::scalar::Algorithm;

/// An HMAC that has taken in its key and is cloned for each message.
#[derive(Clone)]
pub struct KeyedMac(Keyed);

#[derive(Clone)]
enum Keyed {
    Sha256(Hmac<Sha256>),
    Sha1(Hmac<Sha1>),
    Sha512(Hmac<Sha512>),
}

impl KeyedMac {
    /// # Panics
    /// Never: HMAC takes keys of any length.
    #[must_use]
    pub fn new(algorithm: Algorithm, key: &[u8]) -> Self {
        const ANY_LENGTH: &str = "HMAC takes keys of any length";
        Self(match algorithm {
            Algorithm::Sha256 => Keyed::Sha256(Hmac::new_from_slice(key).expect(ANY_LENGTH)),
            Algorithm::Sha1 => Keyed::Sha1(Hmac::new_from_slice(key).expect(ANY_LENGTH)),
            Algorithm::Sha512 => Keyed::Sha512(Hmac::new_from_slice(key).expect(ANY_LENGTH)),
        })
    }

    #[must_use]
    pub fn tag(&self, parts: &[&[u8]]) -> Vec<u8> {
        match &self.0 {
            Keyed::Sha256(keyed) => tag(keyed, parts),
            Keyed::Sha1(keyed) => tag(keyed, parts),
            Keyed::Sha512(keyed) => tag(keyed, parts),
        }
    }
}

impl fmt::Debug for KeyedMac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyedMac(…)")
    }
}

fn tag<M: Mac + Clone>(keyed: &M, parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = keyed.clone();
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().to_vec()
}

/// Whether any claimed tag is right under any secret. Every pair is compared, in constant time; nothing stops early.
#[must_use]
pub fn any_matches(secrets: &[KeyedMac], content_parts: &[&[u8]], claimed: &[Vec<u8>]) -> Choice {
    let mut found = Choice::from(0);
    for secret in secrets {
        let right = secret.tag(content_parts);
        for claim in claimed {
            found |= right.as_slice().ct_eq(claim);
        }
    }
    found
}

/// The same for secrets that are sent as they are; digests are compared, so that not even lengths can be told.
#[must_use]
pub fn any_equal(secrets: &[[u8; 32]], claimed: &[Vec<u8>]) -> Choice {
    let mut found = Choice::from(0);
    for claim in claimed {
        let digest = sha256([&claim[..]]);
        for secret in secrets {
            found |= secret.ct_eq(&digest);
        }
    }
    found
}

#[must_use]
pub fn sha256<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> [u8; 32] {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part);
    }
    digest.finalize().into()
}

/// A key for one purpose, derived by HKDF-SHA256.
///
/// # Panics
/// Never: 32 bytes are within what HKDF-SHA256 can give.
#[must_use]
pub fn derived(key: &[u8], label: &str) -> KeyedMac {
    let mut purpose = [0; 32];
    hkdf::Hkdf::<Sha256>::new(None, key).expand(label.as_bytes(), &mut purpose).expect("32 bytes are within HKDF's reach");
    KeyedMac::new(Algorithm::Sha256, &purpose)
}

/// An Ed25519 key that can only verify.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// None for bytes that are no key, or one of the few under which a signature proves nothing.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Option<Self> {
        let key = VerifyingKey::from_bytes(bytes.try_into().ok()?).ok()?;
        (!key.is_weak()).then_some(Self(key))
    }
}

/// Whether any claimed signature is right under any key. Every pair is tried; nothing stops early.
#[must_use]
pub fn any_verifies(keys: &[PublicKey], content_parts: &[&[u8]], claimed: &[Vec<u8>]) -> Choice {
    let content = content_parts.concat();
    let mut found = Choice::from(0);
    for claim in claimed.iter().filter_map(|claim| Signature::from_slice(claim).ok()) {
        for PublicKey(key) in keys {
            found |= Choice::from(u8::from(key.verify_strict(&content, &claim).is_ok()));
        }
    }
    found
}

/// Signs with an Ed25519 key: its seed, which the public key may follow. None for bytes that are no such key.
#[must_use]
pub fn signed(private_key: &[u8], content_parts: &[&[u8]]) -> Option<Vec<u8>> {
    let key = match private_key.len() {
        64 => SigningKey::from_keypair_bytes(private_key.try_into().ok()?).ok()?,
        _ => SigningKey::from_bytes(private_key.try_into().ok()?),
    };
    Some(key.sign(&content_parts.concat()).to_bytes().to_vec())
}
