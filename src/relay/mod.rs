//! Brings deliveries to the webhooks that they are for.
//!
//! A destination is somebody else's word: the [`guard`] says where a request may go, and its answer is what the connection
//! is made with. The [`envelope`] is what a request carries besides its body: signatures, credentials, headers. The
//! [`courier`] makes one request and tells what was heard; what follows from it, `domain::delivery` says. The [`sender`]
//! takes what is due, as much as its [`lanes`] bear, and the [`recorder`] writes down how it went.

pub mod courier;
pub mod envelope;
pub mod guard;
mod journey;
pub mod lanes;
pub mod recorder;
mod round;
pub mod sender;
mod trail;
mod trial;
mod unread;

pub use trial::Test;

/// From 0 to 1.
fn chance() -> f64 {
    let mut bytes = [0; 4];
    // without randomness everybody comes at the same time, which is a pity and no more
    let _ = getrandom::fill(&mut bytes);
    f64::from(u32::from_be_bytes(bytes)) / f64::from(u32::MAX)
}
