//! Texts with gaps: `{base_url}/v1/{model}/status/{remote_id}`.

use std::fmt;

use reqwest::Url;

use super::values::Values;
use crate::generator::request::Unsendable;
use crate::generator::source::Pointer;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::generator) struct Filling(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Slot(Slot),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::generator) enum Slot {
    RemoteId,
    TaskId,
    Attempt,
    CallbackUrl,
    Token,
    BaseUrl,
    ApiKey,
    /// Its name, and what it is where a task does not say it.
    Param(String, Option<String>),
    Input(Pointer),
}

/// Which names stand for something.
#[derive(Clone, Copy, Debug)]
pub(in crate::generator) struct Known<'a> {
    /// Names, or `name=value` for one that a task need not say.
    pub params: &'a [String],
    /// `{url}` is the callback URL, as in a callback's template.
    pub url: bool,
}

impl Known<'_> {
    fn slot(self, name: &str) -> Option<Slot> {
        let param = |name: &str| {
            let mut known = self.params.iter().map(|known| known.split_once('=').map_or((known.as_str(), None), named));
            known.find(|(known, _)| *known == name).map(|(_, usual)| Slot::Param(name.to_owned(), usual.map(ToOwned::to_owned)))
        };
        match name {
            "remote_id" => Some(Slot::RemoteId),
            "task_id" => Some(Slot::TaskId),
            "attempt" => Some(Slot::Attempt),
            "callback_url" => Some(Slot::CallbackUrl),
            "url" if self.url => Some(Slot::CallbackUrl),
            "token" => Some(Slot::Token),
            "base_url" => Some(Slot::BaseUrl),
            "api_key" => Some(Slot::ApiKey),
            _ => match name.split_once('.') {
                Some(("params", name)) => param(name),
                Some(("input", path)) => path.parse().ok().map(Slot::Input),
                _ => param(name),
            },
        }
    }
}

impl Filling {
    /// # Errors
    /// The name in braces that stands for nothing.
    pub(in crate::generator) fn parse(text: &str, known: Known<'_>) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').ok_or("has a `{` without its `}`")?;
            let slot = known.slot(name).ok_or_else(|| {
                format!(
                    "has `{{{name}}}`, which is neither one of {{remote_id}} {{task_id}} {{attempt}} {{callback_url}} {{token}} \
                     {{base_url}} {{api_key}} {{input.a.b}} nor listed in `params`"
                )
            })?;
            pieces.extend(literal(before));
            pieces.push(Piece::Slot(slot));
            rest = after;
        }
        pieces.extend(literal(rest));
        Ok(Self(pieces))
    }

    /// For texts that may hold braces of their own: what stands for nothing stays as it is.
    pub(in crate::generator) fn lenient(text: &str, known: Known<'_>) -> Self {
        let mut pieces = Vec::new();
        let (mut plain, mut rest) = (String::new(), text);
        while let Some(at) = rest.find('{') {
            plain.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            let found = rest.split_once('}').and_then(|(name, after)| Some((known.slot(name)?, after)));
            let Some((slot, after)) = found else {
                plain.push('{');
                continue;
            };
            pieces.extend(literal(&std::mem::take(&mut plain)));
            pieces.push(Piece::Slot(slot));
            rest = after;
        }
        plain.push_str(rest);
        pieces.extend(literal(&plain));
        Self(pieces)
    }

    pub(in crate::generator) fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.0.iter().filter_map(|piece| if let Piece::Slot(slot) = piece { Some(slot) } else { None })
    }

    pub(in crate::generator) fn has(&self, wanted: &Slot) -> bool {
        self.slots().any(|slot| slot == wanted)
    }

    pub(in crate::generator) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// With something in every gap, to see whether it would be a URL.
    pub(in crate::generator) fn sample(&self) -> String {
        let sample = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Slot(Slot::BaseUrl) => "http://localhost".to_owned(),
            Piece::Slot(_) => "x".to_owned(),
        };
        self.0.iter().map(sample).collect()
    }

    /// What is the same for all jobs, if that is as much as the host at least.
    pub(in crate::generator) fn beginning(&self, base_url: Option<&str>) -> Option<String> {
        let mut beginning = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => beginning.push_str(text),
                Piece::Slot(Slot::BaseUrl) => beginning.push_str(base_url?),
                Piece::Slot(_) => return has_host(&beginning).then_some(beginning),
            }
        }
        Some(beginning)
    }

    /// Whether it only makes sense where a callback URL is sent.
    pub(in crate::generator) fn is_about_callback(&self) -> bool {
        self.slots().any(|slot| matches!(slot, Slot::CallbackUrl | Slot::Token))
    }

    /// None if something that belongs into it is absent.
    pub(in crate::generator) fn text(&self, values: &Values<'_>) -> Option<String> {
        let mut filled = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Slot(slot) => filled.push_str(&values.text(slot)?),
            }
        }
        Some(filled)
    }

    /// As a URL: what is put in is encoded, so that it cannot become another part of it.
    ///
    /// # Errors
    /// What is absent, or would lead elsewhere.
    pub(in crate::generator) fn url(&self, values: &Values<'_>) -> Result<Url, Unsendable> {
        let mut url = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => url.push_str(text),
                Piece::Slot(slot) => {
                    let value = values.text(slot).ok_or_else(|| absent(slot))?;
                    match slot {
                        Slot::BaseUrl => url.push_str(value.trim_end_matches('/')),
                        // names of models have slashes: `owner/model`
                        Slot::Param(..) if is_in_path(&url) => encode(&mut url, &value, true),
                        _ => encode(&mut url, &value, false),
                    }
                }
            }
        }
        if self.slots().next().is_some() && climbs(&url) {
            return Err(self.at_fault("A value in the URL is `.` or `..`, which would lead to another path".to_owned()));
        }
        Url::parse(&url).map_err(|error| self.at_fault(format!("The values do not make a URL: {error}")))
    }

    /// The values are: those of `params`, where there are any.
    fn at_fault(&self, fact: String) -> Unsendable {
        let is_param = |slot: &Slot| matches!(slot, Slot::Param(..));
        if self.slots().any(is_param) { Unsendable::params(fact) } else { Unsendable::input(fact) }
    }
}

const fn named<'a>((name, value): (&'a str, &'a str)) -> (&'a str, Option<&'a str>) {
    (name, Some(value))
}

fn literal(text: &str) -> Option<Piece> {
    (!text.is_empty()).then(|| Piece::Text(text.to_owned()))
}

fn absent(slot: &Slot) -> Unsendable {
    let fact = format!("The URL needs {slot}, and the task has none");
    match slot {
        Slot::Param(..) => Unsendable::params(fact),
        Slot::Input(_) => Unsendable::input(fact),
        _ => Unsendable::generator(fact),
    }
}

/// Whether what comes next belongs to the path of a URL.
fn is_in_path(url: &str) -> bool {
    has_host(url) && !url.contains(['?', '#'])
}

/// Whether the host is all there.
fn has_host(url: &str) -> bool {
    url.split_once("://").is_some_and(|(_, rest)| rest.contains(['/', '?', '#']))
}

/// URL readers take such a step out together with the one before it.
fn climbs(url: &str) -> bool {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    path.split('/').any(|step| matches!(step, "." | ".."))
}

fn encode(url: &mut String, value: &str, keep_slashes: bool) {
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || (keep_slashes && byte == b'/') {
            url.push(char::from(byte));
        } else {
            url.push('%');
            url.push_str(&hex::encode_upper([byte]));
        }
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RemoteId => f.write_str("the generator's own id"),
            Self::TaskId => f.write_str("a task id"),
            Self::Attempt => f.write_str("an attempt"),
            Self::CallbackUrl => f.write_str("a callback URL"),
            Self::Token => f.write_str("a token"),
            Self::BaseUrl => f.write_str("a base URL"),
            Self::ApiKey => f.write_str("an API key"),
            Self::Param(name, _) => write!(f, "`params.{name}`"),
            Self::Input(pointer) => write!(f, "`input.{pointer}`"),
        }
    }
}
