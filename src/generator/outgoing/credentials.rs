//! How the hub shows its key to a generator: as it is, or by a token that it signs anew for each request.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::json;

use super::words::Auth;
use crate::domain::time::Timestamp;
use crate::generator::entry::Secret;
use crate::generator::mac::KeyedMac;
use crate::generator::scalar::Algorithm;

#[derive(Debug)]
pub(super) enum Credentials {
    /// Name and value.
    Header(String, Secret),
    /// A JSON web token, signed with the second half of the key in the name of the first.
    Token { access: String, key: Box<KeyedMac> },
}

/// Of a token, in seconds.
const LIFE: i64 = 1_800;
/// By how much the generator's clock may be behind.
const LENIENCE: i64 = 5;

impl Credentials {
    /// # Errors
    /// What is wrong with the key.
    pub(super) fn prepare(auth: &Auth, api_key: &str) -> Result<Option<Self>, &'static str> {
        let authorization = |value: String| Ok(Some(Self::Header("authorization".to_owned(), Secret(value))));
        match auth {
            Auth::None | Auth::Inherited => Ok(None),
            Auth::Bearer => authorization(format!("Bearer {api_key}")),
            Auth::Basic => {
                let pair = if api_key.contains(':') { api_key.to_owned() } else { format!("{api_key}:") };
                authorization(format!("Basic {}", STANDARD.encode(pair)))
            }
            Auth::Header(name) => Ok(Some(Self::Header(name.clone(), Secret(api_key.to_owned())))),
            Auth::Token => {
                let halves = api_key.split_once(':').filter(|(access, secret)| !access.is_empty() && !secret.is_empty());
                let (access, secret) = halves.ok_or("must be `access:secret`: the two halves of its key")?;
                let key = Box::new(KeyedMac::new(Algorithm::Sha256, secret.as_bytes()));
                Ok(Some(Self::Token { access: access.to_owned(), key }))
            }
        }
    }

    /// Name and value of the header, at this time.
    pub(super) fn header(&self, now: Timestamp) -> (String, String) {
        match self {
            Self::Header(name, value) => (name.clone(), value.0.clone()),
            Self::Token { access, key } => ("authorization".to_owned(), format!("Bearer {}", token(access, key, now))),
        }
    }
}

fn token(access: &str, key: &KeyedMac, now: Timestamp) -> String {
    let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let head = part(json!({"alg": "HS256", "typ": "JWT"}));
    let claims = part(json!({"iss": access, "exp": now.secs() + LIFE, "nbf": now.secs() - LENIENCE}));
    let signed = format!("{head}.{claims}");
    let tag = URL_SAFE_NO_PAD.encode(key.tag(&[signed.as_bytes()]));
    format!("{signed}.{tag}")
}
