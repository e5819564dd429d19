//! When an answer counts as a yes: `2xx, 404`, or a condition about its body.

use std::fmt;
use std::str::FromStr;

use serde::de::{Deserialize, Deserializer, Error};

use crate::generator::condition::{Condition, Place};
use crate::generator::json::Document;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::generator) enum Approval {
    Statuses(Vec<Statuses>),
    /// Holds only for a 2xx.
    Body(Condition),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::generator) enum Statuses {
    One(u16),
    /// By their first digit.
    Class(u16),
}

impl Approval {
    pub(in crate::generator) fn any_success() -> Self {
        Self::Statuses(vec![Statuses::Class(2)])
    }

    /// What does not count as a failed cancellation: done, no such job (any more), a job that has ended.
    pub(in crate::generator) fn done_or_gone() -> Self {
        Self::Statuses(vec![Statuses::Class(2), Statuses::One(404), Statuses::One(409), Statuses::One(410)])
    }

    /// A body that cannot be read fulfils no condition.
    pub(in crate::generator) fn holds(&self, status: u16, body: &[u8]) -> bool {
        match self {
            Self::Statuses(list) => list.iter().any(|statuses| statuses.holds(status)),
            Self::Body(condition) => status / 100 == 2 && is_met(condition, body),
        }
    }
}

fn is_met(condition: &Condition, body: &[u8]) -> bool {
    let Place::Json(pattern) = &condition.place else { return false };
    Document::parse(body, &[pattern.first.head()]).is_ok_and(|document| condition.holds(&document, None))
}

impl FromStr for Approval {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wanted =
            || format!("may not be `{text}`; it is a list of statuses (`2xx, 404`) or a condition (`json:code in [1, 22]`)");
        if text.contains(':') {
            let condition: Condition = text.parse()?;
            return if matches!(condition.place, Place::Json(_)) { Ok(Self::Body(condition)) } else { Err(wanted()) };
        }
        let statuses: Option<_> = text.split(',').map(|item| Statuses::of(item.trim())).collect();
        statuses.map(Self::Statuses).ok_or_else(wanted)
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

impl<'de> Deserialize<'de> for Approval {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(Error::custom)
    }
}
