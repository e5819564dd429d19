//! One way in which a generator proves itself, ready to be used: the `[[sign]]` section together with the secrets.

use std::net::IpAddr;
use std::time::Duration;

use super::clock::Clock;
use super::file::SignFile;
use super::key::KeyRule;
use super::mac::{KeyedMac, PublicKey, sha256};
use super::raw::RawCallback;
use super::scalar::{Algorithm, Encoding, KeyForm, Scheme};
use super::source::{ClockSource, Source};
use super::template::Template;

#[derive(Debug)]
pub(super) struct Recipe {
    /// The first that is there carries the signature.
    pub headers: Vec<String>,
    pub item_sep: Option<String>,
    /// Separator and name of the items that count.
    pub field: Option<(String, String)>,
    pub method: Method,
    pub clock: Option<Clock>,
}

#[derive(Debug)]
pub(super) enum Method {
    Mac {
        algorithm: Algorithm,
        /// `None`: whichever of the two it is.
        encoding: Option<Encoding>,
        content: Template,
        key: KeyRule,
        keys: Vec<KeyedMac>,
    },
    /// Ed25519, by private keys that only the generator has.
    Signature { encoding: Option<Encoding>, content: Template, key: KeyRule, keys: PublicKeys },
    /// The secret itself, after what is stripped.
    Token { strip: String, secrets: Vec<[u8; 32]> },
}

#[derive(Debug)]
pub(super) enum PublicKeys {
    /// The settings' own, which take the place of published ones.
    Fixed(Vec<PublicKey>),
    /// Those that are published at this URL.
    Published(String),
}

/// The key at fault and what is wrong with it.
pub(super) type Fault = (&'static str, String);

/// Claims beyond this many are not looked at.
pub(super) const MOST_CLAIMS: usize = 16;

impl Recipe {
    /// None for a scheme that proves nothing.
    ///
    /// # Errors
    /// The key at fault and what is wrong with it.
    pub(super) fn prepare(file: &SignFile, secrets: &[String], tolerance: Duration) -> Result<Option<Self>, Fault> {
        if file.scheme == Scheme::None {
            return Ok(None);
        }
        if file.header.0.is_empty() {
            return Err(("header", "must say which header carries the proof".to_owned()));
        }
        let clock = Clock::prepare(file, tolerance);
        let in_header = clock.as_ref().is_some_and(|clock| matches!(clock.source, ClockSource::Element(_)));
        if in_header && (file.item_sep.is_none() || file.field.is_none()) {
            let fact = "is one of several items of the header: `item_sep`, `field_sep` and `field` say how to tell them apart";
            return Err(("ts", fact.to_owned()));
        }
        let method = match file.scheme {
            Scheme::Token => token(file, secrets)?,
            Scheme::Ed25519 => signature(file, secrets, clock.is_some())?,
            Scheme::Hmac | Scheme::None => hmac(file, secrets, clock.is_some())?,
        };
        let headers = file.header.0.iter().map(|name| name.to_ascii_lowercase()).collect();
        Ok(Some(Self { headers, item_sep: file.item_sep.clone(), field: field(file)?, method, clock }))
    }

    /// Whether the time that it is judged by is covered by nothing.
    pub(super) fn leaves_out_its_time(&self) -> bool {
        let Some(clock) = &self.clock else { return false };
        let in_body = matches!(clock.source, ClockSource::Elsewhere(Source::Json(_)));
        self.method.content().is_some_and(|content| !(content.has_timestamp() || in_body && content.covers_body()))
    }

    /// The values of the header that carries the proof.
    pub(super) fn presented<'a>(&'a self, raw: &'a RawCallback) -> Option<Vec<&'a [u8]>> {
        self.headers.iter().map(|name| raw.header(name).collect::<Vec<_>>()).find(|values| !values.is_empty())
    }

    /// The items of a header value.
    pub(super) fn items<'a>(&self, value: &'a str) -> Vec<&'a str> {
        match self.item_sep.as_deref() {
            // senders that list with spaces are read so that tabs and doubled spaces do no harm
            Some(sep) if sep.trim().is_empty() => value.split_ascii_whitespace().collect(),
            Some(sep) => value.split(sep).map(str::trim).collect(),
            None => vec![value.trim()],
        }
    }

    /// The text of the item's signature, if the item is one that counts.
    pub(super) fn claim<'a>(&self, item: &'a str) -> Option<&'a str> {
        let Some((sep, name)) = &self.field else { return Some(item) };
        item.split_once(sep.as_str()).filter(|(field, _)| field.trim() == name).map(|(_, claim)| claim.trim())
    }

    /// The value of another element of the header, e.g. its `t`.
    pub(super) fn element<'a>(&self, value: &'a str, key: &str) -> Option<&'a str> {
        let (sep, _) = self.field.as_ref()?;
        let pairs = self.items(value).into_iter().filter_map(|item| item.split_once(sep.as_str()));
        pairs.into_iter().find(|(field, _)| field.trim() == key).map(|(_, value)| value)
    }
}

impl Method {
    /// What is signed; none where nothing is.
    pub(super) const fn content(&self) -> Option<&Template> {
        match self {
            Self::Mac { content, .. } | Self::Signature { content, .. } => Some(content),
            Self::Token { .. } => None,
        }
    }
}

fn token(file: &SignFile, secrets: &[String]) -> Result<Method, Fault> {
    let foreign = [
        ("content", file.content.is_some()),
        ("alg", file.alg.is_some()),
        ("ts", file.ts.is_some()),
        ("jwks", file.jwks.is_some()),
    ];
    if let Some((key, _)) = foreign.into_iter().find(|(_, is_there)| *is_there) {
        return Err((key, "says nothing where the secret itself is sent (`scheme = \"token\"`)".to_owned()));
    }
    if secrets.iter().any(|secret| secret.trim().is_empty()) {
        return Err(("secret", "is empty".to_owned()));
    }
    let secrets = secrets.iter().map(|secret| sha256([secret.as_bytes()])).collect();
    Ok(Method::Token { strip: file.strip.clone(), secrets })
}

fn hmac(file: &SignFile, secrets: &[String], has_clock: bool) -> Result<Method, Fault> {
    if file.key == Some(KeyForm::Jwks) || file.jwks.is_some() {
        return Err(("jwks", "holds public keys, which make no HMAC: `scheme = \"ed25519\"`".to_owned()));
    }
    let content = content(file, has_clock)?;
    let key = KeyRule { form: file.key.unwrap_or(KeyForm::Utf8), prefix: file.key_prefix.clone() };
    let algorithm = file.alg.unwrap_or(Algorithm::Sha256);
    let mac = |secret: &String| key.bytes(secret).map(|bytes| KeyedMac::new(algorithm, &bytes));
    let keys = secrets.iter().map(mac).collect::<Result<_, _>>().map_err(|fact| ("secret", fact))?;
    Ok(Method::Mac { algorithm, encoding: file.encoding, content, key, keys })
}

fn signature(file: &SignFile, secrets: &[String], has_clock: bool) -> Result<Method, Fault> {
    if file.alg.is_some() {
        return Err(("alg", "says nothing for Ed25519, which has a hash of its own".to_owned()));
    }
    if !matches!(file.key, None | Some(KeyForm::Base64 | KeyForm::Jwks)) {
        return Err(("key", "may be \"base64\" or \"jwks\" for Ed25519".to_owned()));
    }
    let content = content(file, has_clock)?;
    let key = KeyRule { form: file.key.unwrap_or(KeyForm::Base64), prefix: file.key_prefix.clone() };
    let fixed = secrets.iter().map(|secret| key.public_keys(secret)).collect::<Result<Vec<_>, _>>();
    let fixed = fixed.map_err(|fact| ("secret", fact))?.concat();
    let keys = match published_at(file)? {
        Some(url) if fixed.is_empty() => PublicKeys::Published(url),
        _ => PublicKeys::Fixed(fixed),
    };
    Ok(Method::Signature { encoding: file.encoding, content, key, keys })
}

/// Where the generator publishes its keys. Whoever can change them on their way here could sign.
fn published_at(file: &SignFile) -> Result<Option<String>, Fault> {
    let Some(text) = &file.jwks else { return Ok(None) };
    if file.key != Some(KeyForm::Jwks) {
        return Err(("jwks", "needs `key = \"jwks\"`".to_owned()));
    }
    let url = text.parse::<reqwest::Url>().ok();
    let is_safe = |url: &reqwest::Url| url.scheme() == "https" || url.scheme() == "http" && url.host_str().is_some_and(is_near);
    match url.filter(is_safe) {
        Some(_) => Ok(Some(text.clone())),
        None => Err(("jwks", "must be a URL that begins with https://".to_owned())),
    }
}

/// On this machine or in its own network.
fn is_near(host: &str) -> bool {
    match host.trim_matches(['[', ']']).parse() {
        Ok(IpAddr::V4(address)) => address.is_loopback() || address.is_private(),
        Ok(IpAddr::V6(address)) => address.is_loopback() || address.is_unique_local(),
        Err(_) => host == "localhost",
    }
}

fn content(file: &SignFile, has_clock: bool) -> Result<Template, Fault> {
    let content = file.content.as_deref().unwrap_or("{body}").parse::<Template>().map_err(|fact| ("content", fact))?;
    if content.has_timestamp() && !has_clock {
        return Err(("content", "has `{ts}`, and no `ts` says where the timestamp is".to_owned()));
    }
    Ok(content)
}

fn field(file: &SignFile) -> Result<Option<(String, String)>, Fault> {
    match (&file.field_sep, &file.field) {
        (Some(sep), Some(name)) => Ok(Some((sep.clone(), name.clone()))),
        (None, None) => Ok(None),
        (Some(_), None) => Err(("field_sep", "needs `field`: the name of the items that count".to_owned())),
        (None, Some(_)) => Err(("field", "needs `field_sep`: what stands between name and value".to_owned())),
    }
}
