//! A process of the hub at work on the task: what the launcher and the reconciler remember between their commits.
//!
//! Whatever a hand knows is lost in a crash; what it has committed is in the row. A hand does not look at the clock between
//! its last commit and its request, so that one that was stopped (SIGSTOP) goes on after its lease as if nothing had
//! happened. What the reconciler makes of an answer is told broadly: where the pace or the patience of the real one
//! decides, the hand may do either. The generator is one whose submissions cannot be repeated, nor looked up.

use callback_hub::domain::event::{Claim, Event, Held, Occurrence, Poll};
use callback_hub::domain::plan::{Command, Places, Release, Then};
use callback_hub::domain::task::{Lease, Source, Status, TaskError};
use callback_hub::domain::time::Timestamp;
use uuid::Uuid;

use super::outside::{Job, Word, external_id};
use super::row::{AHEAD, NOW, Row, deadline, pace};
use crate::samples::occurrence;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Hand {
    Idle,
    /// The attempt is committed as being sent, for the first time.
    Sends(u8),
    /// The request is over, or cannot be made (again).
    Sent(u8, Reply),
    /// The task is taken, and the generator can be asked about this attempt of it.
    Asks(u8),
    /// What is to be recorded: there is news, or there is not, or there was nobody to ask.
    Found(Finding),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Finding {
    Word(u8, Word),
    /// The attempt's deadline has passed, and it is not known to have ended.
    Overdue(u8),
    /// The same, but no answer came: there may be one more timeout's patience.
    OverdueInSilence(u8),
    /// To be asked again.
    Nothing,
    /// To be asked again, unless the late window is over.
    NothingLate,
    /// Not to be asked (any more).
    NobodyToAsk,
}

/// What a submission's request may come to, and what the hand learns of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Reply {
    Taken,
    Refused,
    /// There was no connection.
    NotSent,
    /// No answer, or none that says whether the job was taken.
    Unknown,
}

/// The lease of a hand's present work. It works on one thing at a time, so that its leases need no names of their own.
pub(super) fn lease(hand: usize) -> Lease {
    Lease { token: Uuid::from_u128(hand as u128 + 1), until: AHEAD }
}

impl Reply {
    /// What the hand learns, and what has become of the job.
    pub(super) const ALL: [(Self, Job); 5] = [
        (Self::Taken, Job::Runs(0)),
        (Self::Refused, Job::Unknown),
        (Self::NotSent, Job::NeverAsked),
        (Self::Unknown, Job::Runs(0)),
        (Self::Unknown, Job::Unknown),
    ];

    fn command(self, attempt: u8, lease: Uuid) -> Command {
        let event = match self {
            Self::Taken => Event::SubmitAnswered { external_id: Some(external_id(attempt)), unknown: false },
            Self::Unknown => Event::SubmitAnswered { external_id: None, unknown: true },
            Self::Refused => Event::SubmitRefused(TaskError::default()),
            Self::NotSent => return release(lease, Then::SendAt { at: NOW, unsent: true }),
        };
        occur(event, Source::Submit, attempt, Held { lease, poll: None })
    }
}

impl Hand {
    /// After the reconciler has taken the task.
    pub(super) fn looking_at(row: &Row) -> Self {
        if pace().can_ask_about(row.task()) {
            return Self::Asks(row.attempt());
        }
        Self::Found(if row.is_overdue() { Finding::Overdue(row.attempt()) } else { Finding::NobodyToAsk })
    }

    /// After the question about an attempt; what it was asked for is judged by the row as it was taken, and that is the
    /// row as it is, unless the lease was lost.
    pub(super) fn after_asking(attempt: u8, word: Option<Word>, row: &Row) -> Self {
        let overdue = row.attempt() == attempt && row.is_overdue();
        let late = row.task().status() == Status::TimedOut;
        Self::Found(match word {
            Some(word @ Word::Ended(_)) => Finding::Word(attempt, word),
            Some(Word::Reached(_)) if overdue => Finding::Overdue(attempt),
            Some(word @ Word::Reached(_)) if !late => Finding::Word(attempt, word),
            None if overdue => Finding::OverdueInSilence(attempt),
            _ if late => Finding::NothingLate,
            _ => Finding::Nothing,
        })
    }

    /// What it may have the journal do next, which ends its work.
    pub(super) fn commands(self, lease: Uuid) -> Vec<Command> {
        match self {
            Self::Sent(attempt, reply) => vec![reply.command(attempt, lease)],
            Self::Found(finding) => finding.commands(lease),
            Self::Idle | Self::Sends(_) | Self::Asks(_) => Vec::new(),
        }
    }
}

impl Finding {
    fn commands(self, lease: Uuid) -> Vec<Command> {
        match self {
            Self::Word(attempt, word) => {
                let poll = Some(Poll { at: NOW, next: Some(AHEAD) });
                vec![occur(word.event(), Source::Poll, attempt, Held { lease, poll })]
            }
            Self::Overdue(attempt) => vec![time_out(attempt, lease)],
            Self::OverdueInSilence(attempt) => vec![asked(lease, Some(AHEAD)), time_out(attempt, lease)],
            Self::Nothing => vec![asked(lease, Some(AHEAD))],
            Self::NothingLate => vec![asked(lease, Some(AHEAD)), asked(lease, None)],
            Self::NobodyToAsk => vec![asked(lease, None)],
        }
    }
}

fn time_out(attempt: u8, lease: Uuid) -> Command {
    let event = Event::DeadlinePassed { deadline: deadline(u32::from(attempt)) };
    occur(event, Source::Deadline, attempt, Held { lease, poll: None })
}

fn asked(lease: Uuid, next: Option<Timestamp>) -> Command {
    release(lease, Then::Asked(Poll { at: NOW, next }))
}

fn release(lease: Uuid, then: Then) -> Command {
    Command::Release(Release { lease, then })
}

fn occur(event: Event, source: Source, attempt: u8, held: Held) -> Command {
    let claim = Claim { token: Some(u32::from(attempt)), ..Claim::default() };
    command(Occurrence { source, claim, held: Some(held), policy: pace().into(), ..occurrence(event) })
}

pub(super) fn command(occurrence: Occurrence) -> Command {
    Command::Occur { places: Places::of(Uuid::nil(), Uuid::nil()), occurrence: Box::new(occurrence) }
}
