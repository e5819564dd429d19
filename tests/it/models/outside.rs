//! What the hub does not decide: what becomes of the jobs at the generator, and of its callbacks on their way.

use callback_hub::domain::event::{Claim, Event, Occurrence};
use callback_hub::domain::fingerprint::{Fingerprint, Seen};
use callback_hub::domain::task::ExternalId;

use crate::samples::{completed, external, failed, occurrence, progress};

/// An attempt as the generator knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Job {
    NeverAsked,
    /// It was asked, and does not know of it: the request was lost on its way, or refused.
    Unknown,
    /// At this stage, counted from 0.
    Runs(u8),
    Ended(End),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum End {
    Completed,
    Failed,
    Cancelled,
}

/// What a callback says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Word {
    Reached(u8),
    Ended(End),
}

/// A callback on its way. It stays there when it is delivered, so that it may come again at any time; it may get lost too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Message {
    pub attempt: u8,
    pub word: Word,
    /// It has had its effect.
    pub counted: bool,
}

impl Job {
    /// What may become of it, and the callback that says so.
    pub(super) fn moves(self, stages: u8) -> Vec<(Self, Word)> {
        let Self::Runs(stage) = self else { return Vec::new() };
        let ends = [End::Completed, End::Failed, End::Cancelled].map(|end| (Self::Ended(end), Word::Ended(end)));
        let further = (stage < stages).then(|| (Self::Runs(stage + 1), Word::Reached(stage + 1)));
        ends.into_iter().chain(further).collect()
    }

    /// What a status request would find.
    pub(super) fn word(self) -> Option<Word> {
        match self {
            Self::NeverAsked | Self::Unknown => None,
            Self::Runs(stage) => Some(Word::Reached(stage)),
            Self::Ended(end) => Some(Word::Ended(end)),
        }
    }
}

impl Word {
    pub(super) fn event(self) -> Event {
        match self {
            Self::Reached(stage) => progress(Some(f64::from(stage) * 10.0)),
            Self::Ended(End::Completed) => completed(),
            Self::Ended(End::Failed) => failed(true),
            Self::Ended(End::Cancelled) => Event::Cancelled,
        }
    }

    fn fingerprint(self) -> Fingerprint {
        let number = match self {
            Self::Reached(stage) => stage,
            Self::Ended(end) => 100 + end as u8,
        };
        Fingerprint([number; 16])
    }
}

impl Message {
    /// The callback URL proves the attempt, the body names the generator's own id.
    pub(super) fn occurrence(&self) -> Occurrence {
        let named = Some(external_id(self.attempt).as_str().to_owned());
        let claim = Claim { token: Some(u32::from(self.attempt)), named, query: None, may_adopt: true };
        Occurrence {
            claim,
            policy: super::row::pace().into(),
            fingerprint: Some(self.word.fingerprint()),
            ..occurrence(self.word.event())
        }
    }

    pub(super) fn seen(&self) -> Seen {
        Seen { fingerprint: self.word.fingerprint(), attempt: u32::from(self.attempt) }
    }
}

pub(super) fn external_id(attempt: u8) -> ExternalId {
    external(&format!("x{attempt}"))
}
