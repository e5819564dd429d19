//! Logs, to standard error: sentences with ids as fields, never bodies, secrets or query strings. And metrics.

pub mod flood;
pub mod metrics;

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::settings::{Log, LogFormat};

/// Call once, before anything is logged.
pub fn init(log: &Log) {
    // what libraries say is of interest when something is wrong
    let filter = EnvFilter::new(format!("warn,callback_hub={}", log.level.as_str()));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    match log.format {
        LogFormat::Pretty => builder.compact().init(),
        LogFormat::Json => builder.json().flatten_event(true).init(),
    }
}
