//! From bytes to events, as a generator's TOML file says. Pure: no I/O, no clock; time is an argument.
//!
//! ```text
//! RawCallback ──verify──▶ Verified ──decode──▶ Decoded (an Event, and whose it is)
//!                 └────────── Refusal ◀───────────┘
//! ```
//!
//! [`catalog`] loads the files into [`entry::Generator`]s once; everything that a request needs is parsed by then.
//! `mac.rs` and `signature.rs` are the only files that touch hmac, sha2 and subtle.

pub mod catalog;
pub mod entry;
mod file;
pub mod json;
pub mod mac;
mod meaning;
pub mod mistake;
mod moment;
pub mod payload;
pub mod raw;
mod reader;
mod recipe;
pub mod refusal;
pub mod scalar;
pub mod signature;
pub mod signing;
pub mod source;
mod template;
pub mod token;
mod vocabulary;

#[cfg(test)]
mod tests;
