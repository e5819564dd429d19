use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::Text;

/// 32 bytes that encrypt stored credentials and derive callback tokens. Does not print.
#[derive(Clone)]
pub struct EncryptionKey([u8; 32]);

impl EncryptionKey {
    #[must_use]
    pub const fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for EncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Text for EncryptionKey {
    fn read(text: &str) -> Result<Self, String> {
        let text = text.trim_end_matches('=');
        let bytes = STANDARD_NO_PAD.decode(text).or_else(|_| URL_SAFE_NO_PAD.decode(text));
        let key = bytes.ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        key.map(Self).ok_or_else(|| "must be 32 bytes in base64, as `openssl rand -base64 32` prints them".to_owned())
    }

    fn show(&self) -> String {
        "***".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_32_bytes_in_either_base64() {
        for text in ["__________________________________________8=", "//////////////////////////////////////////8"] {
            assert_eq!(EncryptionKey::read(text).unwrap().expose(), &[0xff; 32], "{text}");
        }
        for text in ["", "c2hvcnQ=", "not base64 at all, but as long as a key would be"] {
            assert!(EncryptionKey::read(text).is_err(), "{text}");
        }
    }
}
