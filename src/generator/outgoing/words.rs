//! The small values of the sections about requests.

use std::str::FromStr;

use serde::de::{Deserialize, Deserializer, Error};

use crate::generator::scalar::choice;
use crate::generator::source::{Pointer, Segment};

choice!(Verb { Get = "GET", Post = "POST", Put = "PUT", Patch = "PATCH", Delete = "DELETE" });
choice!(
    /// How a body is written.
    Form { Json = "json", Pairs = "form", Parts = "multipart" }
);
choice!(
    /// How a generator is asked.
    Mode { Request = "request", Resubmit = "resubmit" }
);
choice!(
    /// What it means that a generator knows no such job.
    GoneAs { Failed = "failed", Unknown = "unknown" }
);

macro_rules! from_text {
    ($($name:ident),+) => {$(
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(Error::custom)
            }
        }
    )+};
}

from_text!(Auth, Place, Key);

/// How the hub's key is shown to the generator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::generator) enum Auth {
    /// Nothing is said: as in `[submit]`.
    Inherited,
    None,
    Bearer,
    /// The key is `user:password`.
    Basic,
    Header(String),
    /// By a JSON web token; the key is `access:secret`.
    Token,
}

impl FromStr for Auth {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.strip_prefix("header:")) {
            ("", _) => Ok(Self::Inherited),
            ("none", _) => Ok(Self::None),
            ("bearer", _) => Ok(Self::Bearer),
            ("basic", _) => Ok(Self::Basic),
            ("jwt-hs256", _) => Ok(Self::Token),
            (_, Some(name)) if is_header_name(name) => Ok(Self::Header(name.to_ascii_lowercase())),
            _ => Err(format!("may not be `{text}`; known are `bearer`, `basic`, `header:NAME`, `jwt-hs256`, `none`")),
        }
    }
}

/// Where in a submission the callback URL goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::generator) enum Place {
    /// Nowhere by itself: the generator has one URL for the whole account, or the file uses `{callback_url}`.
    Nowhere,
    Json(Vec<String>),
    Query(String),
    Form(String),
    /// As base64 of the JSON that `callback_template` makes.
    QueryJson(String),
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wanted =
            || format!("may not be `{text}`; known are `json:a.b`, `query:NAME`, `form:NAME`, `query-b64json:NAME`, `account`");
        if matches!(text, "" | "account") {
            return Ok(Self::Nowhere);
        }
        let (kind, name) = text.split_once(':').filter(|(_, name)| !name.is_empty()).ok_or_else(wanted)?;
        match kind {
            "json" => keys(name).map(Self::Json),
            "query" => Ok(Self::Query(name.to_owned())),
            "form" => Ok(Self::Form(name.to_owned())),
            "query-b64json" => Ok(Self::QueryJson(name.to_owned())),
            _ => Err(wanted()),
        }
    }
}

fn keys(path: &str) -> Result<Vec<String>, String> {
    let pointer: Pointer = path.parse()?;
    let key = |segment: &Segment| match segment {
        Segment::Key(key) => Ok(key.clone()),
        Segment::Index(_) => Err(format!("holds `{path}`: for a list the whole of it is written as `callback_template`")),
    };
    pointer.segments().iter().map(key).collect()
}

/// The header that tells a generator that a submission is one that it may have had before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::generator) struct Key(pub Option<String>);

impl FromStr for Key {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix("header:") {
            None if text.is_empty() => Ok(Self(None)),
            Some(name) if is_header_name(name) => Ok(Self(Some(name.to_ascii_lowercase()))),
            _ => Err(format!("may not be `{text}`; it is a header: `header:Idempotency-Key`")),
        }
    }
}

pub(in crate::generator) fn is_header_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}
