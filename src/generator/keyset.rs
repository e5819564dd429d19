//! The public keys that generators publish (JWKS), as far as they are known. Who fetches them is no business of this room.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use serde_json::Value;

use super::key::from_base64;
use super::mac::PublicKey;

/// The Ed25519 keys of one set; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySet(pub(super) Vec<PublicKey>);

/// Keys beyond this many make a set unusable: each of them costs a check per claimed signature.
const MOST_KEYS: usize = 16;

#[derive(serde::Deserialize)]
struct JwksFile {
    /// Of any kind: what is not ours may look as it likes.
    keys: Vec<Value>,
}

impl KeySet {
    /// Keys of other kinds are passed over.
    ///
    /// # Errors
    /// Why it is of no use, to follow "the set".
    pub fn parse(json: &str) -> Result<Self, String> {
        let json = json.trim_start_matches('\u{feff}');
        let file: JwksFile = serde_json::from_str(json).map_err(|error| format!("cannot be read: {error}"))?;
        let ours = |key: &Value| key["kty"] == "OKP" && key["crv"] == "Ed25519";
        let key = |key: Value| key["x"].as_str().and_then(from_base64).and_then(|bytes| PublicKey::new(&bytes));
        let keys: Vec<PublicKey> = file.keys.into_iter().filter(ours).filter_map(key).collect();
        match keys.len() {
            0 => Err("holds no Ed25519 key".to_owned()),
            1..=MOST_KEYS => Ok(Self(keys)),
            more => Err(format!("holds {more} Ed25519 keys, and at most {MOST_KEYS} are looked at")),
        }
    }
}

/// Sets of keys by the URL that they are published at. A set stays known until a newer one is put in its place.
#[derive(Debug, Default)]
pub struct PublishedKeys {
    known: RwLock<BTreeMap<String, Arc<KeySet>>>,
    wanted: Mutex<BTreeSet<String>>,
}

impl PublishedKeys {
    /// None: it was never fetched.
    #[must_use]
    pub fn at(&self, url: &str) -> Option<Arc<KeySet>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).get(url).map(Arc::clone)
    }

    pub fn put(&self, url: &str, keys: KeySet) {
        self.known.write().unwrap_or_else(PoisonError::into_inner).insert(url.to_owned(), Arc::new(keys));
    }

    /// A signature came that none of the known keys explains: a newer one might. Who fetches keys may take the hint.
    pub(super) fn want(&self, url: &str) {
        let mut wanted = self.wanted();
        // mostly it is there already
        if !wanted.contains(url) {
            wanted.insert(url.to_owned());
        }
    }

    #[must_use]
    pub fn is_wanted(&self, url: &str) -> bool {
        self.wanted().contains(url)
    }

    /// They are being fetched: later hints are about the keys that this brings.
    pub fn no_longer_wanted(&self, url: &str) {
        self.wanted().remove(url);
    }

    fn wanted(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
