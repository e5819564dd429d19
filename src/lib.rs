//! Callback Hub: the receiver for external generators' callbacks.

pub mod domain;
pub mod generator;
