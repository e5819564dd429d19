//! A generator that is not one: it creates tasks, pretends to work on them, and calls the hub back, signing what it sends
//! and misbehaving as real generators do.
//!
//! A [`Script`] says, before anything is sent, what a job will send and how its task must end: [`plan`] is pure, and the
//! same seed gives the same script. [`play`] carries scripts out over HTTP and tells of each step as a [`Line`].

mod body;
mod client;
mod line;
mod play;
mod random;
mod script;

pub use client::{Hub, Lost, Sender};
pub use line::{Announced, Answer, Line, Sent, Summary};
pub use play::{Show, play};
pub use script::{End, Fault, News, Odds, Script, Sending, plan};
