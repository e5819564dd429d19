//! Secrets at rest: what the hub must be able to read again, and nobody who only has the database.
//!
//! Each sealed value says which key it needs and opens only in the row that it was sealed for. The setting's bytes are
//! never used as they are: other keys are derived from the same ones.

use std::fmt;

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::domain::webhook::Credentials;

/// The keys of `SECRETS_KEY`: the first one seals, all of them open.
#[derive(Clone)]
pub struct Vault(Vec<Key>);

#[derive(Clone)]
struct Key {
    id: KeyId,
    cipher: XChaCha20Poly1305,
}

type KeyId = [u8; 4];

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("SECRETS_KEY is not set: credentials are stored encrypted only, with 32 bytes in base64 (`openssl rand -base64 32`)")]
pub struct NoKey;

/// Why a sealed value stays closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    #[error("The stored credentials are encrypted, and SECRETS_KEY is not set")]
    NoKey,
    #[error("The stored credentials are encrypted with a key that is no longer in SECRETS_KEY")]
    UnknownKey,
    #[error("The stored credentials are damaged, or belong to another row")]
    Damaged,
}

/// Before the ciphertext come this byte, the key's id and the nonce.
const VERSION: u8 = 1;
const HEAD: usize = 1 + size_of::<KeyId>();
const NONCE: usize = 24;

const KEY_LABEL: &str = "callback-hub secrets at rest v1";
const ID_LABEL: &[u8] = b"callback-hub name of a key at rest v1";
const WEBHOOKS: &str = "hub_webhooks";

impl Vault {
    #[must_use]
    pub fn new(keys: impl IntoIterator<Item = [u8; 32]>) -> Self {
        Self(keys.into_iter().map(|key| Key::derive(&key)).collect())
    }

    #[must_use]
    pub fn has_key(&self) -> bool {
        !self.0.is_empty()
    }

    /// # Errors
    /// Without a key.
    ///
    /// # Panics
    /// If the system has no randomness.
    pub fn seal(&self, table: &str, row: Uuid, plain: &[u8]) -> Result<Vec<u8>, NoKey> {
        let key = self.0.first().ok_or(NoKey)?;
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce).expect("the system has randomness");
        let head = key.head();
        let payload = Payload { msg: plain, aad: &place(&head, table, row) };
        let ciphertext = key.cipher.encrypt(&XNonce::from(nonce), payload).expect("secrets are shorter than 256 GiB");
        Ok([&head[..], &nonce, &ciphertext].concat())
    }

    /// # Errors
    /// If it was not sealed for this row, with one of these keys.
    pub fn open(&self, table: &str, row: Uuid, sealed: &[u8]) -> Result<Vec<u8>, VaultError> {
        if !self.has_key() {
            return Err(VaultError::NoKey);
        }
        let (head, rest) = sealed.split_first_chunk::<HEAD>().ok_or(VaultError::Damaged)?;
        let (nonce, ciphertext) = rest.split_first_chunk::<NONCE>().ok_or(VaultError::Damaged)?;
        if head[0] != VERSION {
            return Err(VaultError::Damaged);
        }
        let key = self.0.iter().find(|key| key.head() == *head).ok_or(VaultError::UnknownKey)?;
        let payload = Payload { msg: ciphertext, aad: &place(head, table, row) };
        key.cipher.decrypt(&XNonce::from(*nonce), payload).map_err(|_| VaultError::Damaged)
    }

    /// Whether it was sealed with the key that seals now.
    #[must_use]
    pub fn is_newest(&self, sealed: &[u8]) -> bool {
        self.0.first().is_some_and(|key| sealed.starts_with(&key.head()))
    }

    /// # Errors
    /// Without a key.
    pub fn seal_credentials(&self, webhook: Uuid, credentials: &Credentials) -> Result<Vec<u8>, NoKey> {
        let text = serde_json::to_vec(credentials).expect("credentials are texts");
        self.seal(WEBHOOKS, webhook, &text)
    }

    /// # Errors
    /// If they were not sealed for this webhook, with one of these keys.
    pub fn open_credentials(&self, webhook: Uuid, sealed: &[u8]) -> Result<Credentials, VaultError> {
        let text = self.open(WEBHOOKS, webhook, sealed)?;
        serde_json::from_slice(&text).map_err(|_| VaultError::Damaged)
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Vault({} keys)", self.0.len())
    }
}

impl Key {
    fn derive(setting: &[u8; 32]) -> Self {
        let mut key = [0; 32];
        let derivation = hkdf::Hkdf::<Sha256>::new(None, setting);
        derivation.expand(KEY_LABEL.as_bytes(), &mut key).expect("32 bytes are within HKDF's reach");
        let digest = Sha256::new().chain_update(ID_LABEL).chain_update(key).finalize();
        let [a, b, c, d, ..] = <[u8; 32]>::from(digest);
        Self { id: [a, b, c, d], cipher: XChaCha20Poly1305::new(&key.into()) }
    }

    fn head(&self) -> [u8; HEAD] {
        let [a, b, c, d] = self.id;
        [VERSION, a, b, c, d]
    }
}

/// Where a value belongs. The table's name goes in with its length, so that no two places have the same bytes.
fn place(head: &[u8; HEAD], table: &str, row: Uuid) -> Vec<u8> {
    let length = u32::try_from(table.len()).unwrap_or(u32::MAX).to_be_bytes();
    [&head[..], &length, table.as_bytes(), row.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;
    use crate::domain::webhook::{Auth, Previous};

    const TABLE: &str = "hub_things";
    const ROW: Uuid = Uuid::from_u128(7);
    const OLD: [u8; 32] = [1; 32];
    const NEW: [u8; 32] = [2; 32];

    #[test]
    fn what_was_sealed_opens_in_its_row_only() {
        let vault = Vault::new([OLD]);
        let sealed = vault.seal(TABLE, ROW, b"secret").unwrap();
        assert_eq!(vault.open(TABLE, ROW, &sealed).unwrap(), b"secret");
        assert_eq!(vault.open(TABLE, Uuid::nil(), &sealed), Err(VaultError::Damaged));
        assert_eq!(vault.open("hub_others", ROW, &sealed), Err(VaultError::Damaged));
        assert_eq!(Vault::new([NEW]).open(TABLE, ROW, &sealed), Err(VaultError::UnknownKey));
        assert_eq!(Vault::new([]).open(TABLE, ROW, &sealed), Err(VaultError::NoKey));
    }

    #[test]
    fn a_changed_byte_or_length_is_noticed() {
        let vault = Vault::new([OLD]);
        let sealed = vault.seal(TABLE, ROW, b"secret").unwrap();
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(vault.open(TABLE, ROW, &changed).is_err(), "byte {at}");
            assert!(vault.open(TABLE, ROW, &sealed[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn while_keys_rotate_the_first_one_seals_and_all_open() {
        let (before, rotating) = (Vault::new([OLD]), Vault::new([NEW, OLD]));
        let old = before.seal(TABLE, ROW, b"secret").unwrap();
        let new = rotating.seal(TABLE, ROW, b"secret").unwrap();
        for sealed in [&old, &new] {
            assert_eq!(rotating.open(TABLE, ROW, sealed).unwrap(), b"secret");
        }
        assert!(!rotating.is_newest(&old) && rotating.is_newest(&new) && before.is_newest(&old));
        assert_eq!(before.open(TABLE, ROW, &new), Err(VaultError::UnknownKey));
        assert!(!Vault::new([]).is_newest(&new));
    }

    #[test]
    fn without_a_key_nothing_is_sealed_and_the_setting_is_named() {
        let vault = Vault::new([]);
        assert!(!vault.has_key());
        assert!(vault.seal(TABLE, ROW, b"secret").unwrap_err().to_string().contains("SECRETS_KEY"));
    }

    #[test]
    fn the_same_secret_never_looks_the_same_and_keys_do_not_show() {
        let vault = Vault::new([OLD]);
        let [first, second] = [(); 2].map(|()| vault.seal(TABLE, ROW, b"secret").unwrap());
        assert_ne!(first, second);
        assert!(!first.windows(4).any(|window| window == &OLD[..4]));
        assert_eq!(format!("{vault:?}"), "Vault(1 keys)");
    }

    #[test]
    fn credentials_come_back_as_they_were() {
        let vault = Vault::new([OLD]);
        let credentials = Credentials {
            secret: Some("whsec_c2VjcmV0".to_owned()),
            previous: Some(Previous { secret: "before".to_owned(), until: Timestamp::from_secs(5) }),
            older: vec![Previous { secret: "long before".to_owned(), until: Timestamp::from_secs(9) }],
            headers: [("x-team".to_owned(), "a".to_owned())].into(),
            auth: Some(Auth::Bearer { token: "t".to_owned() }),
        };
        let sealed = vault.seal_credentials(ROW, &credentials).unwrap();
        assert!(vault.open_credentials(ROW, &sealed).unwrap() == credentials);
        assert!(vault.open_credentials(Uuid::nil(), &sealed).is_err());
    }
}
