//! From bytes to events, as a generator's TOML file says. Pure: no I/O, no clock; time is an argument.
//!
//! ```text
//! RawCallback ──verify──▶ Verified ──decode──▶ Decoded (an Event and whose it is, or a custom event)
//!                 └────────── Refusal ◀───────────┘
//! ```
//!
//! What the hub asks of a generator goes the other way, and what comes back is read likewise:
//!
//! ```text
//! Job ──outgoing──▶ Request ┄┄▶ Heard ──outgoing──▶ SubmitReply, StatusReply, ResultReply …
//! ```
//!
//! [`catalog`] loads the files into [`entry::Generator`]s once; everything that a request needs is parsed by then.
//! `mac.rs` and `signature.rs` are the only files that touch hmac, sha2, subtle and ed25519.

pub mod canonical;
pub mod catalog;
mod clock;
mod condition;
pub mod content;
pub mod doctor;
pub mod entry;
mod example;
pub mod explain;
mod file;
pub mod handshake;
pub mod json;
mod key;
pub mod keyset;
mod lineage;
pub mod mac;
mod meaning;
pub mod mistake;
mod moment;
pub mod needs;
pub mod outgoing;
pub mod payload;
pub mod raw;
mod reader;
mod reading;
mod recipe;
pub mod refusal;
pub mod reply;
pub mod request;
mod rule;
pub mod scalar;
pub mod schema;
pub mod sender;
pub mod signature;
pub mod signing;
pub mod source;
mod template;
pub mod token;
mod vocabulary;
pub mod written;

#[cfg(test)]
mod tests;
