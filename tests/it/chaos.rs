//! Faults under load, with an audit afterwards.

mod audit;
mod books;
pub(crate) mod chance;
mod client;
mod graceful;
mod history;
mod kill;
mod load;
mod mail;
mod outage;
mod strace;
mod sync;
