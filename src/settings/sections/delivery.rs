use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::super::values::written::{destinations, list, one, optional};
use super::super::values::{AllowedNetwork, Secret};

/// How events are passed on to webhooks.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Delivery {
    #[serde(with = "one")]
    pub timeout: Duration,
    /// After the last one the delivery is dead.
    #[serde(with = "list")]
    pub retry_delays: Vec<Duration>,
    pub concurrency: NonZeroU32,
    /// Private destinations that are allowed nevertheless.
    #[serde(with = "destinations")]
    pub allowed_networks: Vec<AllowedNetwork>,
    /// A JSON file of webhooks.
    #[serde(with = "optional")]
    pub webhooks_file: Option<PathBuf>,
    /// Signs for webhooks of single tasks that have no secret of their own.
    #[serde(with = "optional")]
    pub secret: Option<Secret>,
}

impl Default for Delivery {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(30),
            retry_delays: [10, 30, 90, 600, 3_600, 14_400, 43_200].map(Duration::from_secs).to_vec(),
            concurrency: const { NonZeroU32::new(32).expect("not zero") },
            allowed_networks: Vec::new(),
            webhooks_file: None,
            secret: None,
        }
    }
}
