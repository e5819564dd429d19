use std::fmt;

use super::Text;

/// A text that does not print. There is no `==` on purpose: secrets are compared in constant time, elsewhere.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself; to be passed on to what signs or verifies, never to a log or an answer.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Text for Secret {
    const QUOTED: bool = true;

    fn read(text: &str) -> Result<Self, String> {
        if text.is_empty() { Err("must not be empty".to_owned()) } else { Ok(Self::new(text)) }
    }

    fn show(&self) -> String {
        self.to_string()
    }
}
