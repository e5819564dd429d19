use std::time::Duration;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::super::values::written::{addresses, one, optional, secrets, unless_off};
use super::super::values::{BaseUrl, ByteSize, RateLimit, Secret};

/// How callbacks are received.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Callback {
    pub enabled: bool,
    /// As set; [`Settings::callback_base_url`](crate::settings::Settings::callback_base_url) knows the default.
    #[serde(with = "optional")]
    pub base_url: Option<BaseUrl>,
    /// Of generator `default`; several while they are rotated.
    #[serde(with = "secrets")]
    pub secret_key: Vec<Secret>,
    pub require_signature: bool,
    /// Within this a callback is answered.
    #[serde(with = "one")]
    pub timeout: Duration,
    /// How far a signed timestamp may be off, in either direction.
    #[serde(with = "one")]
    pub tolerance: Duration,
    #[serde(with = "one")]
    pub max_body: ByteSize,
    /// Of all connections together; one client address has a quarter of it.
    #[serde(with = "one")]
    pub max_buffered: ByteSize,
    /// Empty admits every address.
    #[serde(with = "addresses")]
    pub allowed_ips: Vec<IpNet>,
    /// Per client address.
    #[serde(with = "unless_off")]
    pub rate_limit: Option<RateLimit>,
}

impl Default for Callback {
    fn default() -> Self {
        Self {
            enabled: true,
            base_url: None,
            secret_key: Vec::new(),
            require_signature: true,
            timeout: Duration::from_secs(8),
            tolerance: Duration::from_secs(300),
            max_body: ByteSize::mebibytes(16),
            max_buffered: ByteSize::mebibytes(64),
            allowed_ips: Vec::new(),
            rate_limit: None,
        }
    }
}
