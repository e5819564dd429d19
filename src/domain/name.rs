//! Names and ids: texts that are checked once, where they come in.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Why a text is not a name of the kind that was wanted; says what would be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotAName(pub &'static str);

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $valid:expr, $says:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// # Errors
            #[doc = $says]
            pub fn parse(text: &str) -> Result<Self, NotAName> {
                let valid: fn(&str) -> bool = $valid;
                if valid(text) { Ok(Self(text.into())) } else { Err(NotAName($says)) }
            }

            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
            }
        }
    };
}

name!(
    /// A task's id. Clients may bring their own.
    TaskId,
    |text| (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._:-".contains(&b)),
    "a task id is 1 to 128 characters of A-Z a-z 0-9 . _ : -"
);

name!(
    /// The name of a generator's TOML file.
    GeneratorName,
    |text| (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'),
    "a generator's name is 1 to 64 characters of a-z 0-9 -"
);

name!(
    /// The id that a generator gave to an attempt; unique per generator.
    ExternalId,
    |text| (1..=256).contains(&text.len()) && !text.chars().any(char::is_control),
    "an external id is 1 to 256 bytes without control characters"
);
