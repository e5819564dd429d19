use serde::{Deserialize, Serialize};

use super::super::values::written::secrets;
use super::super::values::{EncryptionKey, Secret};

/// The management API.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Api {
    /// Any of these opens it, beside those in the database.
    #[serde(with = "secrets")]
    pub keys: Vec<Secret>,
}

/// What protects the secrets that the hub keeps for others.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Secrets {
    /// The first one encrypts and mints, all decrypt and verify.
    #[serde(with = "secrets")]
    pub key: Vec<EncryptionKey>,
}
