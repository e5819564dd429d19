//! What is set here overrides the generators' files, so these sections know what was set. The methods know the defaults
//! for where neither says anything.

use std::num::NonZeroU32;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::super::values::written::{optional, optional_list};

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Task {
    #[serde(with = "optional")]
    pub timeout: Option<Duration>,
    /// Attempts after the first; without it the generator decides.
    pub max_retries: Option<u32>,
    #[serde(with = "optional_list")]
    pub retry_delays: Option<Vec<Duration>>,
    pub auto_approve: Option<bool>,
    /// Attempts sent and not ended, per generator; 0 is no limit; without it the generator decides.
    pub max_concurrent: Option<u32>,
}

impl Task {
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.timeout.unwrap_or(Duration::from_secs(1_800))
    }

    /// The last one repeats.
    #[must_use]
    pub fn retry_delays(&self) -> Vec<Duration> {
        self.retry_delays.clone().unwrap_or_else(|| [30, 60, 120].map(Duration::from_secs).to_vec())
    }

    #[must_use]
    pub fn auto_approve(&self) -> bool {
        self.auto_approve.unwrap_or(true)
    }

    pub(in crate::settings) fn with_defaults(&self) -> Self {
        Self {
            timeout: Some(self.timeout()),
            retry_delays: Some(self.retry_delays()),
            auto_approve: Some(self.auto_approve()),
            ..self.clone()
        }
    }
}

/// The polling fallback.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Poll {
    pub enabled: Option<bool>,
    #[serde(with = "optional")]
    pub interval: Option<Duration>,
    #[serde(with = "optional")]
    pub first_after: Option<Duration>,
    #[serde(with = "optional")]
    pub max_interval: Option<Duration>,
    /// Requests at once, per generator.
    pub concurrency: Option<NonZeroU32>,
    /// Of one request.
    #[serde(with = "optional")]
    pub timeout: Option<Duration>,
    /// How long a generator is still asked about a task that timed out.
    #[serde(with = "optional")]
    pub late_window: Option<Duration>,
}

impl Poll {
    #[must_use]
    pub fn enabled(&self) -> bool {
        self.enabled.unwrap_or(true)
    }

    #[must_use]
    pub fn interval(&self) -> Duration {
        self.interval.unwrap_or(Duration::from_secs(30))
    }

    #[must_use]
    pub fn first_after(&self) -> Duration {
        self.first_after.unwrap_or(Duration::from_secs(60))
    }

    #[must_use]
    pub fn max_interval(&self) -> Duration {
        self.max_interval.unwrap_or(Duration::from_secs(600))
    }

    #[must_use]
    pub fn concurrency(&self) -> NonZeroU32 {
        self.concurrency.unwrap_or(const { NonZeroU32::new(8).expect("not zero") })
    }

    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.timeout.unwrap_or(Duration::from_secs(10))
    }

    #[must_use]
    pub fn late_window(&self) -> Duration {
        self.late_window.unwrap_or(Duration::from_secs(86_400))
    }

    pub(in crate::settings) fn with_defaults(&self) -> Self {
        Self {
            enabled: Some(self.enabled()),
            interval: Some(self.interval()),
            first_after: Some(self.first_after()),
            max_interval: Some(self.max_interval()),
            concurrency: Some(self.concurrency()),
            timeout: Some(self.timeout()),
            late_window: Some(self.late_window()),
        }
    }
}
