//! The generator that misbehaves, over real sockets: what its clients see, and whom it calls.

mod calls;
mod contract;
mod outage;
mod requests;
mod stage;
