//! The kinds of value that a setting may have, each written as one piece of text.

mod database;
mod duration;
mod endpoint;
mod key;
mod network;
mod rate;
mod secret;
mod size;
mod word;
pub(crate) mod written;

pub use database::{DatabaseKind, DatabaseUrl};
pub use duration::duration;
pub use endpoint::{BaseUrl, Host};
pub use key::EncryptionKey;
pub use network::AllowedNetwork;
pub use rate::RateLimit;
pub use secret::Secret;
pub use size::ByteSize;
pub use word::{LogFormat, LogLevel, Migrate};

/// A value that is written as text. The text shown can be read again, but where it would give a secret away.
pub(crate) trait Text: Sized {
    /// A number in the file is refused: what it is read as need not be what was written (`1_000`, `0x10`).
    const QUOTED: bool = false;

    /// An error is the rest of a sentence that begins with the setting's name; it never repeats a secret.
    fn read(text: &str) -> Result<Self, String>;
    fn show(&self) -> String;
}
