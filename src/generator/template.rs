//! What a signature covers: literal text and parts of the request, e.g. `{header:webhook-id}.{ts}.{body}`.

use std::borrow::Cow;
use std::str::FromStr;

use super::json::{self, Document};
use super::mac;
use super::raw::RawCallback;
use super::source::{Pointer, header_names};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Text(String),
    Body,
    /// The body's SHA-256 in lower-case hex.
    BodyDigest,
    /// The timestamp's text as it was sent.
    Timestamp,
    Header(Vec<String>),
    Json(Pointer),
    Url,
}

impl Template {
    #[must_use]
    pub(super) fn covers_body(&self) -> bool {
        self.0.iter().any(|part| matches!(part, Part::Body | Part::BodyDigest))
    }

    #[must_use]
    pub(super) fn has_timestamp(&self) -> bool {
        self.0.contains(&Part::Timestamp)
    }

    pub(super) fn parts(&self) -> &[Part] {
        &self.0
    }

    /// The signed bytes in pieces, the body uncopied; none if something that was signed is not there.
    #[must_use]
    pub(super) fn fill<'a>(&'a self, raw: &'a RawCallback, timestamp: Option<&'a str>) -> Option<Vec<Cow<'a, [u8]>>> {
        let heads: Vec<&str> = self.0.iter().filter_map(Part::head).collect();
        let document = if heads.is_empty() { None } else { Some(Document::parse(&raw.body, &heads).ok()?) };
        self.0.iter().map(|part| part.fill(raw, timestamp, document.as_ref())).collect()
    }
}

impl Part {
    fn head(&self) -> Option<&str> {
        if let Self::Json(pointer) = self { Some(pointer.head()) } else { None }
    }

    fn fill<'a>(
        &'a self,
        raw: &'a RawCallback,
        timestamp: Option<&'a str>,
        document: Option<&Document<'a>>,
    ) -> Option<Cow<'a, [u8]>> {
        match self {
            Self::Text(text) => Some(Cow::Borrowed(text.as_bytes())),
            Self::Body => Some(Cow::Borrowed(&raw.body)),
            Self::BodyDigest => Some(Cow::Owned(hex::encode(mac::sha256([&raw.body[..]])).into_bytes())),
            Self::Timestamp => timestamp.map(|text| Cow::Borrowed(text.as_bytes())),
            Self::Header(names) => raw.first_header(names).map(Cow::Borrowed),
            Self::Json(pointer) => {
                let value = document?.find(pointer).value()?;
                Some(json::string(value).map_or(Cow::Borrowed(value.get().as_bytes()), |text| Cow::Owned(text.into_bytes())))
            }
            Self::Url => Some(Cow::Borrowed(raw.url.as_bytes())),
        }
    }
}

impl FromStr for Template {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').ok_or("has a `{` without its `}`")?;
            parts.extend(literal(before));
            parts.push(name.parse()?);
            rest = after;
        }
        parts.extend(literal(rest));
        Ok(Self(parts))
    }
}

fn literal(text: &str) -> Option<Part> {
    (!text.is_empty()).then(|| Part::Text(text.to_owned()))
}

impl FromStr for Part {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match (name, name.split_once(':')) {
            ("body", _) => Ok(Self::Body),
            ("body_sha256", _) => Ok(Self::BodyDigest),
            ("ts", _) => Ok(Self::Timestamp),
            ("url", _) => Ok(Self::Url),
            (_, Some(("header", names))) if !names.is_empty() => Ok(Self::Header(header_names(names))),
            (_, Some(("json", form))) if form.contains(',') => {
                Err(format!("has `{{{name}}}`: re-serialisation is not built yet"))
            }
            (_, Some(("json", path))) => path.parse().map(Self::Json),
            _ => Err(format!(
                "has `{{{name}}}`; known parts are {{body}} {{body_sha256}} {{ts}} {{header:NAME}} {{json:a.b}} {{url}}"
            )),
        }
    }
}
