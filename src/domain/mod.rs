//! What the hub knows about tasks, and nothing else: pure values and pure functions.
//!
//! An [`event::Event`] meets a [`task::Task`]; [`decide`](decide::decide) says what that means, [`transition`] carries it
//! out on the value, and [`plan`] does so for a whole batch. No I/O, no clock, no randomness: time is an argument.

pub mod breaker;
mod cancel;
pub mod claim;
pub mod custom;
pub mod decide;
pub mod delivery;
pub mod event;
pub mod figure;
pub mod fingerprint;
mod gazette;
pub mod item;
pub mod lease;
pub mod name;
pub mod news;
pub mod parked;
pub mod plan;
pub mod pulse;
pub mod review;
pub mod role;
pub mod schedule;
pub mod task;
pub mod time;
pub mod trace;
pub mod transition;
pub mod webhook;
