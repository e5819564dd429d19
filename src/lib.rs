//! Callback Hub: the receiver for external generators' callbacks.

pub mod app;
pub mod cli;
pub mod clock;
pub mod domain;
pub mod generator;
pub mod http;
pub mod journal;
pub mod lifecycle;
pub mod rejections;
pub mod settings;
pub mod simulator;
pub mod store;
pub mod telemetry;
