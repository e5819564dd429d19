//! What must hold for every step of the journal's door. A step that breaks a law leaves its name in the state.

use callback_hub::domain::event::{Event, Occurrence, Outcome};
use callback_hub::domain::plan::{Answer, Command, Recorded};
use callback_hub::domain::task::{Source, Status, Task};

use super::row::{NOW, Row};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Law {
    SettledStaysSettled,
    OneEffectPerEvent,
    OlderAttemptsOnlyBringResults,
    AttemptsAreBounded,
    ProgressNeverFalls,
    AnAttemptIsSentOnce,
    NothingIsRecordedAfterTheLease,
}

/// A step of the door, and whether an operator has asked for a new attempt before.
pub(super) struct Step<'a> {
    pub before: &'a Row,
    pub command: &'a Command,
    pub answer: &'a Answer,
    pub after: &'a Row,
    /// Including this one.
    pub operator_retries: u8,
}

impl Step<'_> {
    pub(super) fn broken(&self) -> Option<Law> {
        let laws = [
            (Law::SettledStaysSettled, self.keeps_the_end()),
            (Law::OlderAttemptsOnlyBringResults, self.keeps_attempts_apart()),
            (Law::AttemptsAreBounded, self.keeps_count()),
            (Law::ProgressNeverFalls, self.keeps_progress()),
            (Law::NothingIsRecordedAfterTheLease, self.keeps_to_the_lease()),
        ];
        laws.into_iter().find(|(_, kept)| !kept).map(|(law, _)| law)
    }

    fn before(&self) -> &Task {
        self.before.task()
    }

    fn after(&self) -> &Task {
        self.after.task()
    }

    fn occurrence(&self) -> Option<&Occurrence> {
        match self.command {
            Command::Occur { occurrence, .. } => Some(occurrence),
            _ => None,
        }
    }

    /// But for the truth about a presumption, and an operator's retry.
    fn keeps_the_end(&self) -> bool {
        let (before, after) = (self.before().status(), self.after().status());
        if !before.is_settled() || self.before().state == self.after().state {
            return true;
        }
        match (before, self.occurrence().map(|occurrence| &occurrence.event), after) {
            (Status::TimedOut, Some(Event::Completed(_)), Status::Completed)
            | (Status::TimedOut, Some(Event::Failed(_)), Status::Failed)
            | (Status::TimedOut, Some(Event::Cancelled), Status::Cancelled) => true,
            (_, Some(Event::OperatorRetry), Status::Pending) => before != Status::Completed,
            _ => false,
        }
    }

    /// Whatever the road: an attempt that the task has left moves the task only by its result.
    fn keeps_attempts_apart(&self) -> bool {
        let Some(occurrence) = self.occurrence().filter(|occurrence| occurrence.source != Source::Operator) else { return true };
        let older = occurrence.claim.token.is_some_and(|attempt| attempt < self.before().attempt().number);
        !older || matches!(occurrence.event, Event::Completed(_)) || self.before().state == self.after().state
    }

    fn keeps_count(&self) -> bool {
        self.after().attempt().number <= 1 + self.before().max_retries + u32::from(self.operator_retries)
    }

    fn keeps_progress(&self) -> bool {
        let same = self.before().attempt().number == self.after().attempt().number;
        !same || self.after().status().is_settled() || self.before().progress.percent <= self.after().progress.percent
    }

    /// That a job was taken, and under which id, may still be said.
    fn keeps_to_the_lease(&self) -> bool {
        let lease = match self.command {
            Command::Occur { occurrence, .. } => occurrence.held.map(|held| held.lease),
            Command::Release(release) => Some(release.lease),
            _ => None,
        };
        let held = lease.is_none_or(|token| self.before().lease.is_some_and(|lease| lease.is_held_by(token, NOW)));
        let taken =
            self.occurrence().is_some_and(|occurrence| matches!(occurrence.event, Event::SubmitAnswered { unknown: false, .. }));
        held || taken || matches!(self.answer, Answer::Refused(_)) && self.before == self.after
    }
}

pub(super) fn is_applied(answer: &Answer) -> bool {
    matches!(answer, Answer::Recorded(Recorded { outcome: Outcome::Applied, .. }))
}
