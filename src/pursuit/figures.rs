//! What questions brought, counted per generator since the start of the process.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::verdict::Tidings;
use crate::domain::event::Event;
use crate::generator::reply::{Polled, TroubleKind};
use crate::telemetry::metrics::POLLS;

/// What one question brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Finding {
    Completed,
    /// "Completed", and nothing where the result should be.
    WithoutResult,
    Failed,
    Cancelled,
    Running,
    /// A word that the generator's file does not map; taken for "still running".
    UnknownWord,
    NotFound,
    ResultGone,
    Trouble(TroubleKind),
    /// It was not asked, since it does not answer anybody.
    LeftAlone,
}

impl Finding {
    /// All but those that are some trouble.
    const OWN: [Self; 9] = [
        Self::Completed,
        Self::WithoutResult,
        Self::Failed,
        Self::Cancelled,
        Self::Running,
        Self::UnknownWord,
        Self::NotFound,
        Self::ResultGone,
        Self::LeftAlone,
    ];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::WithoutResult => "without_result",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Running => "running",
            Self::UnknownWord => "unknown_word",
            Self::NotFound => "not_found",
            Self::ResultGone => "result_gone",
            Self::Trouble(kind) => kind.as_str(),
            Self::LeftAlone => "left_alone",
        }
    }

    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::OWN.into_iter().chain(TroubleKind::ALL.into_iter().map(Self::Trouble)).find(|found| found.as_str() == word)
    }

    fn word(polled: &Polled) -> Self {
        match &polled.event {
            Event::Completed(Some(_)) => Self::Completed,
            Event::Completed(None) => Self::WithoutResult,
            Event::Failed(_) => Self::Failed,
            Event::Cancelled => Self::Cancelled,
            _ if polled.unknown_word.is_some() => Self::UnknownWord,
            _ => Self::Running,
        }
    }

    pub(super) fn of(polled: Polled) -> (Tidings, Self) {
        let found = Self::word(&polled);
        (Tidings::Event(Box::new(polled)), found)
    }
}

/// Unknown words of one generator beyond so many are only counted as such.
const MOST_WORDS: usize = 32;

#[derive(Debug, Default)]
pub struct Figures(Mutex<BTreeMap<String, PollFigures>>);

/// Of one generator.
#[derive(Clone, Debug, Default)]
pub struct PollFigures {
    /// By [word](Finding::as_str).
    pub found: BTreeMap<&'static str, u64>,
    /// The words that its file does not map.
    pub unknown_words: BTreeMap<String, u64>,
}

impl Figures {
    pub(super) fn count(&self, generator: &str, found: Finding) {
        metrics::counter!(POLLS, "generator" => generator.to_owned(), "found" => found.as_str()).increment(1);
        self.change(generator, |figures| *figures.found.entry(found.as_str()).or_default() += 1);
    }

    /// True: it was not heard before.
    pub(super) fn count_word(&self, generator: &str, word: &str) -> bool {
        self.change(generator, |figures| {
            if let Some(count) = figures.unknown_words.get_mut(word) {
                *count += 1;
                return false;
            }
            let room = figures.unknown_words.len() < MOST_WORDS;
            if room {
                figures.unknown_words.insert(word.to_owned(), 1);
            }
            room
        })
    }

    /// By generator.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<String, PollFigures> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change<T>(&self, generator: &str, change: impl FnOnce(&mut PollFigures) -> T) -> T {
        change(self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(generator.to_owned()).or_default())
    }
}
