//! Callback Hub: the receiver for external generators' callbacks.

pub mod clock;
pub mod domain;
pub mod generator;
pub mod journal;
pub mod lifecycle;
pub mod settings;
pub mod store;
