//! Faults under load, with an audit afterwards.

mod audit;
mod blackhole;
mod books;
pub(crate) mod chance;
mod client;
mod crowd;
mod disk;
mod expanding;
mod files;
mod graceful;
mod history;
mod kill;
mod load;
mod mail;
mod outage;
mod rolling;
mod stopped;
mod strace;
mod sync;
