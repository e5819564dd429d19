//! Traces for an OpenTelemetry collector, in a binary that was built with the feature `otel`: a span for each callback, and one
//! for each attempt to bring a webhook what it told. They hold ids and outcomes, as the log does, and nothing else. Spans are
//! made by hand and not of the log's: what is logged, and from which level on, is a matter of its own.
//!
//! Without the feature everything here is nothing, and costs nothing.

#[cfg(not(feature = "otel"))]
mod absent;
#[cfg(feature = "otel")]
mod exported;

#[cfg(not(feature = "otel"))]
pub use absent::{Span, Traces};
#[cfg(feature = "otel")]
pub use exported::{Span, Traces};

/// Of a span: its trace's id, its own, and flags, as `traceparent` has them.
pub type Place = (u128, u64, u8);

/// Names of attributes.
pub mod names {
    pub const GENERATOR: &str = "callback_hub.generator";
    pub const TASK: &str = "callback_hub.task";
    pub const EVENT: &str = "callback_hub.event";
    /// What became of it.
    pub const OUTCOME: &str = "callback_hub.outcome";
    /// Of a batch.
    pub const ITEMS: &str = "callback_hub.items";
    pub const WEBHOOK: &str = "callback_hub.webhook";
    pub const DELIVERY: &str = "callback_hub.delivery";
    /// From 1.
    pub const ATTEMPT: &str = "callback_hub.attempt";
    pub const STATUS: &str = "http.response.status_code";
    pub const ERROR: &str = "error.type";
}

/// Either one says where the collector is; the SDK would else look for it on this machine.
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];

/// Whether the environment wants traces to be sent.
fn are_wanted() -> bool {
    let says = |name: &str, word: &str| std::env::var(name).is_ok_and(|value| value.eq_ignore_ascii_case(word));
    let is_off = says("OTEL_SDK_DISABLED", "true") || says("OTEL_TRACES_EXPORTER", "none");
    !is_off && ENDPOINTS.iter().any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}
