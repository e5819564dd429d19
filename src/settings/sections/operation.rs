use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::super::values::written::{one, optional};
use super::super::values::{DatabaseUrl, LogFormat, LogLevel, Migrate};

const DAY: Duration = Duration::from_secs(86_400);

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Database {
    #[serde(with = "one")]
    pub url: DatabaseUrl,
    pub max_connections: NonZeroU32,
    #[serde(with = "one")]
    pub migrate: Migrate,
}

impl Default for Database {
    fn default() -> Self {
        let max_connections = const { NonZeroU32::new(10).expect("not zero") };
        Self { url: DatabaseUrl::default(), max_connections, migrate: Migrate::Auto }
    }
}

/// What is set for single generators is asked for with [`generator_overrides`](crate::settings::Settings::generator_overrides).
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Generators {
    /// A folder of files beside the built-in catalog; one of the same name wins.
    #[serde(with = "optional")]
    pub dir: Option<PathBuf>,
}

/// How long what belongs to settled tasks is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Retention {
    /// Counts from the end of their tasks; of no task, from the day on which they came.
    #[serde(with = "one")]
    pub callbacks: Duration,
    #[serde(with = "one")]
    pub deliveries: Duration,
    /// Counts from the task's end.
    #[serde(with = "one")]
    pub bodies: Duration,
    #[serde(with = "one")]
    pub tasks: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        Self { callbacks: 30 * DAY, deliveries: 30 * DAY, bodies: 7 * DAY, tasks: 180 * DAY }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Log {
    #[serde(with = "one")]
    pub format: LogFormat,
    #[serde(with = "one")]
    pub level: LogLevel,
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Pretty, level: LogLevel::Info }
    }
}
