//! Logs, to standard error: sentences with ids as fields, never bodies, secrets or query strings. And metrics, and traces.

pub mod flood;
pub mod metrics;
pub mod traces;

use std::io::IsTerminal;

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Registry, fmt, reload};

use crate::settings::{Log, LogFormat, LogLevel};

/// How much is logged; it may become another while the process runs. Cheap to clone.
#[derive(Clone)]
pub struct Verbosity(reload::Handle<EnvFilter, Registry>);

impl Verbosity {
    pub fn change(&self, level: LogLevel) {
        if let Err(error) = self.0.reload(filter(level)) {
            tracing::warn!(%error, "the log keeps its level");
        }
    }
}

/// Call once, before anything is logged.
pub fn init(log: &Log) -> Verbosity {
    let (filter, handle) = reload::Layer::new(filter(log.level));
    let (registry, is_terminal) = (tracing_subscriber::registry().with(filter), std::io::stderr().is_terminal());
    let lines = fmt::layer().with_target(false).with_ansi(is_terminal).with_writer(std::io::stderr);
    match log.format {
        LogFormat::Pretty => registry.with(lines.compact()).init(),
        LogFormat::Json => registry.with(lines.json().flatten_event(true)).init(),
    }
    Verbosity(handle)
}

fn filter(level: LogLevel) -> EnvFilter {
    // what libraries say is of interest when something is wrong
    EnvFilter::new(format!("warn,callback_hub={}", level.as_str()))
}
