//! When an answer counts as a yes: `2xx, 404`, `json:code in [1, 22]`, `json:code=1`, `json:id exists`.

use std::fmt;
use std::str::FromStr;

use serde::de::{Deserialize, Deserializer, Error};

use crate::generator::json::Document;
use crate::generator::reader::Takes;
use crate::generator::source::Pointer;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::generator) enum Rule {
    Statuses(Vec<Statuses>),
    /// Holds only for a 2xx.
    Value(Pointer, Test),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::generator) enum Statuses {
    One(u16),
    /// By their first digit.
    Class(u16),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::generator) enum Test {
    Exists,
    /// The value as a text.
    OneOf(Vec<String>),
    NoneOf(Vec<String>),
}

impl Rule {
    pub(in crate::generator) fn any_success() -> Self {
        Self::Statuses(vec![Statuses::Class(2)])
    }

    /// What does not count as a failed cancellation: done, no such job (any more), a job that has ended.
    pub(in crate::generator) fn done_or_gone() -> Self {
        Self::Statuses(vec![Statuses::Class(2), Statuses::One(404), Statuses::One(409), Statuses::One(410)])
    }

    /// A body that cannot be read fulfils no rule about a value.
    pub(in crate::generator) fn holds(&self, status: u16, body: &[u8]) -> bool {
        match self {
            Self::Statuses(list) => list.iter().any(|statuses| statuses.holds(status)),
            Self::Value(pointer, test) => status / 100 == 2 && test.holds(text_at(pointer, body)),
        }
    }
}

/// The value as a text; an empty one for what is no scalar.
fn text_at(pointer: &Pointer, body: &[u8]) -> Option<Option<String>> {
    let document = Document::parse(body, &[pointer.head()]).ok()?;
    Some(document.find(pointer).value().map(|value| Takes::Scalars.read(value).unwrap_or_default()))
}

impl Test {
    /// The outer `None`: there is no body to look into.
    fn holds(&self, found: Option<Option<String>>) -> bool {
        let Some(found) = found else { return false };
        match self {
            Self::Exists => found.is_some(),
            Self::OneOf(list) => found.is_some_and(|text| list.contains(&text)),
            Self::NoneOf(list) => !found.is_some_and(|text| list.contains(&text)),
        }
    }
}

impl FromStr for Rule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wanted = || {
            format!("may not be `{text}`; a rule is `2xx, 404`, `json:a in [1, 2]`, `json:a=1`, `json:a!=1` or `json:a exists`")
        };
        let Some(rule) = text.trim().strip_prefix("json:") else {
            let statuses: Option<_> = text.split(',').map(|item| Statuses::of(item.trim())).collect();
            return statuses.map(Self::Statuses).ok_or_else(wanted);
        };
        let (path, test) = if let Some(path) = rule.strip_suffix(" exists") {
            (path, Test::Exists)
        } else if let Some((path, list)) = rule.split_once(" in ") {
            let list = list.trim().strip_prefix('[').and_then(|list| list.strip_suffix(']')).ok_or_else(wanted)?;
            (path, Test::OneOf(list.split(',').map(bare).collect()))
        } else if let Some((path, value)) = rule.split_once("!=") {
            (path, Test::NoneOf(vec![bare(value)]))
        } else {
            let (path, value) = rule.split_once('=').ok_or_else(wanted)?;
            if value.starts_with('=') {
                return Err(wanted());
            }
            (path, Test::OneOf(vec![bare(value)]))
        };
        path.trim().parse().map(|pointer| Self::Value(pointer, test))
    }
}

impl FromStr for Statuses {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::of(text.trim()).ok_or_else(|| format!("may not be `{text}`; it is a status like `404`, or a class like `4xx`"))
    }
}

impl fmt::Display for Statuses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(status) => write!(f, "{status}"),
            Self::Class(class) => write!(f, "{class}xx"),
        }
    }
}

impl Statuses {
    pub(in crate::generator) const fn holds(self, status: u16) -> bool {
        match self {
            Self::One(one) => one == status,
            Self::Class(class) => status / 100 == class,
        }
    }

    fn of(text: &str) -> Option<Self> {
        if let Some(class) = text.strip_suffix("xx") {
            return class.parse().ok().filter(|class| (1..=5).contains(class)).map(Self::Class);
        }
        text.parse().ok().filter(|status| (100..=599).contains(status)).map(Self::One)
    }
}

/// A value without its quotes.
fn bare(text: &str) -> String {
    text.trim().trim_matches(['"', '\'']).to_owned()
}

impl<'de> Deserialize<'de> for Rule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(Error::custom)
    }
}
