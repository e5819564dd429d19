//! One way in which a generator proves itself, ready to be used: the `[[sign]]` section together with the secrets.

use std::time::Duration;

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::file::SignFile;
use super::mac::{KeyedMac, sha256};
use super::raw::RawCallback;
use super::scalar::{Algorithm, ClockUnit, Encoding, Future, KeyForm, Scheme};
use super::source::ClockSource;
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
    /// The secret itself, after what is stripped.
    Token { strip: String, secrets: Vec<[u8; 32]> },
}

/// When a signature was made, and how far off that may be.
#[derive(Debug)]
pub(super) struct Clock {
    pub source: ClockSource,
    pub unit: ClockUnit,
    pub tolerance: Duration,
    pub future: Future,
}

#[derive(Debug)]
pub(super) struct KeyRule {
    form: KeyForm,
    prefix: String,
}

/// Claims beyond this many are not looked at.
pub(super) const MOST_CLAIMS: usize = 16;

impl Recipe {
    /// None for a scheme that proves nothing.
    ///
    /// # Errors
    /// The key at fault and what is wrong with it.
    pub(super) fn prepare(
        file: &SignFile,
        secrets: &[String],
        tolerance: Duration,
    ) -> Result<Option<Self>, (&'static str, String)> {
        if file.scheme == Scheme::None {
            return Ok(None);
        }
        if file.header.0.is_empty() {
            return Err(("header", "must say which header carries the proof".to_owned()));
        }
        let clock = clock(file, tolerance);
        let method = if file.scheme == Scheme::Token { token(file, secrets)? } else { hmac(file, secrets, clock.is_some())? };
        let headers = file.header.0.iter().map(|name| name.to_ascii_lowercase()).collect();
        Ok(Some(Self { headers, item_sep: file.item_sep.clone(), field: field(file)?, method, clock }))
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

impl KeyRule {
    /// # Errors
    /// What is wrong with the secret, without a letter of it.
    pub(super) fn bytes(&self, secret: &str) -> Result<Vec<u8>, String> {
        let bare = Some(self.prefix.as_str()).filter(|prefix| !prefix.is_empty()).and_then(|prefix| secret.strip_prefix(prefix));
        match (self.form, bare) {
            (KeyForm::Utf8, _) | (KeyForm::Prefixed, None) => Ok(secret.as_bytes().to_vec()),
            (KeyForm::Base64 | KeyForm::Prefixed, bare) => {
                let text = bare.unwrap_or(secret);
                from_base64(text).ok_or_else(|| {
                    format!(
                        "is not base64{}",
                        if self.prefix.is_empty() { String::new() } else { format!(" after `{}`", self.prefix) }
                    )
                })
            }
        }
    }
}

/// Base64 in either alphabet, padded or not.
#[must_use]
pub(super) fn from_base64(text: &str) -> Option<Vec<u8>> {
    const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let alphabet = if text.contains(['-', '_']) { &URL_SAFE } else { &STANDARD };
    GeneralPurpose::new(alphabet, LENIENT).decode(text.trim()).ok()
}

fn clock(file: &SignFile, tolerance: Duration) -> Option<Clock> {
    let source = file.ts.clone()?;
    let tolerance = file.tolerance.map_or(tolerance, |period| period.0);
    let future = file.future.unwrap_or(Future::Within(tolerance));
    Some(Clock { source, unit: file.ts_unit.unwrap_or(ClockUnit::Seconds), tolerance, future })
}

fn token(file: &SignFile, secrets: &[String]) -> Result<Method, (&'static str, String)> {
    let foreign = [("content", file.content.is_some()), ("alg", file.alg.is_some()), ("ts", file.ts.is_some())];
    if let Some((key, _)) = foreign.into_iter().find(|(_, is_there)| *is_there) {
        return Err((key, "says nothing where the secret itself is sent (`scheme = \"token\"`)".to_owned()));
    }
    let secrets = secrets.iter().map(|secret| sha256([secret.as_bytes()])).collect();
    Ok(Method::Token { strip: file.strip.clone(), secrets })
}

fn hmac(file: &SignFile, secrets: &[String], has_clock: bool) -> Result<Method, (&'static str, String)> {
    let content = file.content.as_deref().unwrap_or("{body}").parse::<Template>().map_err(|fact| ("content", fact))?;
    if content.has_timestamp() && !has_clock {
        return Err(("content", "has `{ts}`, and no `ts` says where the timestamp is".to_owned()));
    }
    let key = KeyRule { form: file.key.unwrap_or(KeyForm::Utf8), prefix: file.key_prefix.clone() };
    let algorithm = file.alg.unwrap_or(Algorithm::Sha256);
    let mac = |secret: &String| key.bytes(secret).map(|bytes| KeyedMac::new(algorithm, &bytes));
    let keys = secrets.iter().map(mac).collect::<Result<_, _>>().map_err(|fact| ("secret", fact))?;
    Ok(Method::Mac { algorithm, encoding: file.encoding, content, key, keys })
}

fn field(file: &SignFile) -> Result<Option<(String, String)>, (&'static str, String)> {
    match (&file.field_sep, &file.field) {
        (Some(sep), Some(name)) => Ok(Some((sep.clone(), name.clone()))),
        (None, None) => Ok(None),
        (Some(_), None) => Err(("field_sep", "needs `field`: the name of the items that count".to_owned())),
        (None, Some(_)) => Err(("field", "needs `field_sep`: what stands between name and value".to_owned())),
    }
}
