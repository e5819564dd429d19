//! What a generator's words mean, and the patterns they are matched by.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use super::scalar::{Otherwise, choice};

choice!(
    /// What a word, or a rule, says about a task; `started`: progress without a percent; `event`: no task's business.
    Meaning {
        Completed = "completed",
        Failed = "failed",
        Cancelled = "cancelled",
        Progress = "progress",
        Started = "started",
        NotOfInterest = "ignore",
        Custom = "event",
    }
);

impl Meaning {
    #[must_use]
    pub const fn is_about_tasks(self) -> bool {
        !matches!(self, Self::NotOfInterest | Self::Custom)
    }
}

#[derive(Clone, Debug)]
pub(super) struct Vocabulary {
    pub words: Vec<(Glob, Meaning)>,
    pub otherwise: Otherwise,
}

impl Vocabulary {
    /// `None`: the word is refused. An exact word goes before any pattern.
    #[must_use]
    pub(super) fn meaning(&self, word: &str) -> Option<Meaning> {
        self.known_meaning(word).or(match self.otherwise {
            Otherwise::Refuse => None,
            Otherwise::Ignore => Some(Meaning::NotOfInterest),
            Otherwise::Progress => Some(Meaning::Progress),
            Otherwise::Completed => Some(Meaning::Completed),
            Otherwise::Event => Some(Meaning::Custom),
        })
    }

    /// Of a word that is mapped.
    #[must_use]
    pub(super) fn known_meaning(&self, word: &str) -> Option<Meaning> {
        let exact = self.words.iter().find(|(glob, _)| glob.0 == word);
        let known = exact.or_else(|| self.words.iter().find(|(glob, _)| glob.matches(word)));
        known.map(|(_, meaning)| *meaning)
    }

    /// What a body without any word means; `None`: it lacks one.
    #[must_use]
    pub(super) const fn silence(&self) -> Option<Meaning> {
        match self.otherwise {
            Otherwise::Refuse | Otherwise::Ignore | Otherwise::Event => None,
            Otherwise::Progress => Some(Meaning::Progress),
            Otherwise::Completed => Some(Meaning::Completed),
        }
    }

    /// Whether any word says something about a task.
    #[must_use]
    pub(super) fn speaks_of_tasks(&self) -> bool {
        matches!(self.otherwise, Otherwise::Progress | Otherwise::Completed)
            || self.words.iter().any(|(_, meaning)| meaning.is_about_tasks())
    }

    /// Whether any word says that a job is completed.
    #[must_use]
    pub(super) fn knows_an_end(&self) -> bool {
        self.words.iter().any(|(_, meaning)| *meaning == Meaning::Completed)
    }

    #[must_use]
    pub(super) fn known(&self) -> String {
        self.words.iter().map(|(glob, _)| glob.0.as_str()).collect::<Vec<_>>().join(", ")
    }
}

/// A text in which `*` stands for anything, also nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Glob(String);

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Glob {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl Glob {
    #[must_use]
    pub(super) fn matches(&self, text: &str) -> bool {
        let Some((first, rest)) = self.0.split_once('*') else { return self.0 == text };
        let Some(mut text) = text.strip_prefix(first) else { return false };
        let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
        for part in middle.split('*').filter(|part| !part.is_empty()) {
            let Some(at) = text.find(part) else { return false };
            text = &text[at + part.len()..];
        }
        text.ends_with(last)
    }
}
