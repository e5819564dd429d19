//! What a signature covers: literal text and parts of the request, e.g. `{header:webhook-id}.{ts}.{body}`.

use std::str::FromStr;

use bytes::Bytes;

use super::canonical::{Form, rewritten};
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
    /// The body spelled in another way than it was sent.
    Rewritten(Spelling),
    Url,
}

/// How a body that was signed is made of the one that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spelling {
    /// Re-serialised.
    Json(Form),
    /// Without every CR and LF, wherever they stand.
    OneLine,
}

/// What was signed.
pub(super) struct Content {
    /// To be hashed one after the other; the body is not copied.
    pub parts: Vec<Bytes>,
    /// The body as it was signed, where that is not the body as it was sent.
    pub rewritten: Option<Bytes>,
}

impl Template {
    #[must_use]
    pub(super) fn covers_body(&self) -> bool {
        self.0.iter().any(|part| matches!(part, Part::Body | Part::BodyDigest | Part::Rewritten(_)))
    }

    #[must_use]
    pub(super) fn has_timestamp(&self) -> bool {
        self.0.contains(&Part::Timestamp)
    }

    pub(super) fn parts(&self) -> &[Part] {
        &self.0
    }

    /// Of the same parts, but for some that are changed.
    pub(super) const fn of(parts: Vec<Part>) -> Self {
        Self(parts)
    }

    fn spelling(&self) -> Option<Spelling> {
        self.0.iter().find_map(|part| if let Part::Rewritten(spelling) = part { Some(*spelling) } else { None })
    }

    /// None if something that was signed is not there, or the body is none that can be re-serialised.
    #[must_use]
    pub(super) fn fill(&self, raw: &RawCallback, timestamp: Option<&str>) -> Option<Content> {
        let heads: Vec<&str> = self.0.iter().filter_map(Part::head).collect();
        let document = if heads.is_empty() { None } else { Some(Document::parse(&raw.body, &heads).ok()?) };
        let rewritten = match self.spelling() {
            Some(spelling) => Some(spelling.of(&raw.body)?),
            None => None,
        };
        let source = Filled { raw, timestamp, document, rewritten: rewritten.as_ref() };
        let parts = self.0.iter().map(|part| source.part(part)).collect::<Option<_>>()?;
        Some(Content { parts, rewritten })
    }
}

impl Spelling {
    /// None: the body is none that can be spelled so.
    fn of(self, body: &Bytes) -> Option<Bytes> {
        match self {
            Self::Json(form) => rewritten(body, form).map(Bytes::from),
            Self::OneLine => Some(one_line(body)),
        }
    }
}

/// A body that is one line already is not copied.
pub(super) fn one_line(body: &Bytes) -> Bytes {
    let is_break = |byte: &u8| matches!(byte, b'\r' | b'\n');
    if body.iter().any(is_break) { body.iter().copied().filter(|byte| !is_break(byte)).collect() } else { body.clone() }
}

impl Content {
    pub(super) fn parts(&self) -> Vec<&[u8]> {
        self.parts.iter().map(AsRef::as_ref).collect()
    }
}

impl Part {
    fn head(&self) -> Option<&str> {
        if let Self::Json(pointer) = self { Some(pointer.head()) } else { None }
    }
}

/// What a template is filled from.
struct Filled<'a> {
    raw: &'a RawCallback,
    timestamp: Option<&'a str>,
    document: Option<Document<'a>>,
    rewritten: Option<&'a Bytes>,
}

impl Filled<'_> {
    fn part(&self, part: &Part) -> Option<Bytes> {
        let body = &self.raw.body;
        match part {
            Part::Text(text) => Some(Bytes::copy_from_slice(text.as_bytes())),
            Part::Body => Some(body.clone()),
            Part::BodyDigest => Some(hex::encode(mac::sha256([&body[..]])).into()),
            Part::Timestamp => self.timestamp.map(|text| Bytes::copy_from_slice(text.as_bytes())),
            Part::Header(names) => self.raw.first_header(names).map(Bytes::copy_from_slice),
            Part::Json(pointer) => {
                let value = self.document.as_ref()?.find(pointer).value()?;
                Some(json::string(value).map_or_else(|| Bytes::copy_from_slice(value.get().as_bytes()), Bytes::from))
            }
            Part::Rewritten(_) => self.rewritten.cloned(),
            Part::Url => Some(Bytes::copy_from_slice(self.raw.url.as_bytes())),
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
        one_spelling(&parts)?;
        Ok(Self(parts))
    }
}

/// The decoder reads what was signed, and that must be one text.
fn one_spelling(parts: &[Part]) -> Result<(), String> {
    let mut spellings = parts.iter().filter_map(|part| if let Part::Rewritten(spelling) = part { Some(spelling) } else { None });
    let first = spellings.next();
    if spellings.all(|spelling| Some(spelling) == first) { Ok(()) } else { Err("spells the body in two ways".to_owned()) }
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
            ("body_without_line_breaks", _) => Ok(Self::Rewritten(Spelling::OneLine)),
            ("ts", _) => Ok(Self::Timestamp),
            ("url", _) => Ok(Self::Url),
            (_, Some(("header", names))) if !names.is_empty() => Ok(Self::Header(header_names(names))),
            (_, Some(("json", form))) if form.contains(',') => form.parse().map(Spelling::Json).map(Self::Rewritten),
            (_, Some(("json", path))) => path.parse().map(Self::Json),
            _ => Err(format!(
                "has `{{{name}}}`; known parts are {{body}} {{body_sha256}} {{body_without_line_breaks}} {{ts}} {{header:NAME}} \
                 {{json:a.b}} {{json:sorted,compact,ascii}} {{url}}"
            )),
        }
    }
}
