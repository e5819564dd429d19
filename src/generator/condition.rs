//! What may be asked of a body, or of its envelope: `json:code=1`, `json:data[*].id exists`, `header:x-event~job.*`.
//! One language, for the rules about events and for those about answers.

use std::str::FromStr;

use serde_json::value::RawValue;

use super::json::{self, Document, Kind};
use super::raw::RawCallback;
use super::reader::Takes;
use super::source::{Pattern, Source};
use super::vocabulary::Glob;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Condition {
    pub place: Place,
    test: Test,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Json(Pattern),
    /// A header or a query parameter.
    Envelope(Source),
}

/// Of values as texts; of several (`[*]`) one that passes is enough.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Test {
    Exists,
    Absent,
    OneOf(Vec<String>),
    /// Holds also where there is nothing.
    Not(String),
    Like(Glob),
}

impl Condition {
    /// Without an envelope there are no headers and no query.
    pub(super) fn holds(&self, document: &Document<'_>, envelope: Option<&RawCallback>) -> bool {
        match &self.place {
            Place::Json(pattern) => {
                let found = values(document, pattern).into_iter().map(|value| Takes::Scalars.read(value).unwrap_or_default());
                self.test.holds(&found.collect::<Vec<_>>(), pattern.is_plain())
            }
            Place::Envelope(source) => self.test.holds(envelope.and_then(|raw| text(source, raw)).as_slice(), true),
        }
    }
}

impl Condition {
    /// Where in the body it looks.
    pub(super) const fn pattern(&self) -> Option<&Pattern> {
        if let Place::Json(pattern) = &self.place { Some(pattern) } else { None }
    }
}

fn text(source: &Source, raw: &RawCallback) -> Option<String> {
    match source {
        Source::Header(names) => raw.first_header(names).map(|value| String::from_utf8_lossy(value).into_owned()),
        Source::Query(name) => raw.parameter(name).next().map(ToOwned::to_owned),
        Source::Json(_) => None,
    }
}

/// Of each list at most the first ten thousand.
fn values<'a>(document: &Document<'a>, pattern: &Pattern) -> Vec<&'a RawValue> {
    const MOST: usize = 10_000;
    let first: Vec<&RawValue> = document.find(&pattern.first).value().into_iter().collect();
    pattern.each.iter().fold(first, |lists, steps| {
        let lists = lists.into_iter().filter(|list| json::kind(list) == Kind::Array);
        let elements = lists.flat_map(|list| json::first_elements(list, MOST));
        elements.filter_map(|element| json::walk(element, steps).value()).collect()
    })
}

impl Test {
    /// `plain`: there can be no more than one.
    fn holds(&self, found: &[String], plain: bool) -> bool {
        match self {
            Self::Exists => !found.is_empty(),
            Self::Absent => found.is_empty(),
            Self::OneOf(list) => found.iter().any(|text| list.contains(text)),
            Self::Not(word) => found.iter().any(|text| text != word) || plain && found.is_empty(),
            Self::Like(glob) => found.iter().any(|text| glob.matches(text)),
        }
    }
}

impl FromStr for Condition {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wanted = || {
            format!(
                "may not be `{text}`; a condition is `SOURCE exists`, `SOURCE absent`, `SOURCE=a`, `SOURCE!=a`, \
                 `SOURCE in [a, b]` or `SOURCE~a*`, of `json:a.b[*].c`, `header:NAME` or `query:NAME`"
            )
        };
        let (source, test) = split(text.trim()).ok_or_else(wanted)?;
        let place = match source.split_once(':') {
            Some(("json", path)) if !path.is_empty() => Place::Json(path.parse()?),
            Some(("header" | "query", _)) => Place::Envelope(source.parse()?),
            _ => return Err(wanted()),
        };
        Ok(Self { place, test })
    }
}

/// At the first operator.
fn split(text: &str) -> Option<(&str, Test)> {
    const OPERATORS: [&str; 4] = ["!=", "=", "~", " in "];
    if let Some((at, operator)) = OPERATORS.iter().filter_map(|operator| Some((text.find(operator)?, *operator))).min() {
        let (source, value) = (text[..at].trim_end(), text[at + operator.len()..].trim());
        let test = match operator {
            " in " => Test::OneOf(value.strip_prefix('[')?.strip_suffix(']')?.split(',').map(bare).collect()),
            "~" => Test::Like(bare(value).parse().ok()?),
            _ if value.starts_with('=') => return None,
            "=" => Test::OneOf(vec![bare(value)]),
            _ => Test::Not(bare(value)),
        };
        return Some((source, test));
    }
    let (source, word) = text.rsplit_once(' ')?;
    let test = match word {
        "exists" => Test::Exists,
        "absent" => Test::Absent,
        _ => return None,
    };
    Some((source.trim_end(), test))
}

/// A value without its quotes.
fn bare(text: &str) -> String {
    text.trim().trim_matches(['"', '\'']).to_owned()
}
