//! A generator that is not one: it takes jobs over HTTP, pretends to work on them, and calls the hub back, signing what it
//! sends and misbehaving as real generators do.
//!
//! A [`Script`] says, before anything is sent, what a job will send and how its task must end: [`plan`] is pure, and the
//! same seed gives the same script. A [`Server`] takes jobs and carries their scripts out, with the [`Faults`] of its
//! [`Temper`]; [`drive`] gives a hub tasks for it, and looks how they end. [`play`] does without the server: it plays own
//! code, which creates tasks, and their generator at once. All tell of each step as a [`Line`].

mod body;
mod client;
mod desk;
mod drive;
mod faults;
mod job;
mod jobs;
mod line;
mod play;
mod random;
mod script;
mod server;
mod summary;

pub use client::{Hub, Lost, Sender};
pub use desk::{Desk, Tell};
pub use drive::{Errand, Finished, drive};
pub use faults::{Faults, Outage, Temper};
pub use job::Counts;
pub use jobs::{Entry, Ledger, Totals};
pub use line::{Announced, Answer, Line, Sent, Settled, Taken, Unsent};
pub use play::{Show, play};
pub use script::{End, Fault, News, Odds, Script, Sending, plan};
pub use server::Server;
pub use summary::Summary;
