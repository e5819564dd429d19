//! What follows from a generator's answer, or its silence, for a task that was asked about. Pure.

use std::time::Duration;

use crate::domain::event::{Event, Failure, Policy, Poll, Report};
use crate::domain::item::Then;
use crate::domain::schedule::{Pace, soonest};
use crate::domain::task::{Status, Task, TaskError};
use crate::domain::time::Timestamp;
use crate::generator::reply::{Polled, Trouble};

/// After a submission a generator may not know its own job yet.
const NOT_YET: Duration = Duration::from_secs(120);

/// What is to be done about a task that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Duty {
    Ask,
    /// Something was heard of it lately.
    AskAt(Timestamp),
    /// Its time is up, and there is nobody to ask.
    TimeOut {
        deadline: Timestamp,
    },
    /// Nothing more is expected.
    LetBe,
}

/// Everything that a verdict rests on besides the answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Case<'a> {
    pub task: &'a Task,
    pub policy: &'a Policy,
    pub pace: Pace,
    pub late_window: Duration,
    /// When the task was taken to be asked about.
    pub now: Timestamp,
    /// From 0 to 1.
    pub chance: f64,
}

/// What a generator said, as far as it can be told without a task.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Tidings {
    Event(Box<Polled>),
    NotFound {
        as_failure: bool,
    },
    /// The job is completed, and its result is not there (any more).
    ResultGone,
    Trouble(Trouble),
    /// It was left alone until then, since it does not answer anybody.
    LeftAlone(Timestamp),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Verdict {
    Record { event: Event, poll: Poll },
    TimeOut { deadline: Timestamp },
    Release(Then),
}

impl Case<'_> {
    pub(super) fn duty(&self) -> Duty {
        let task = self.task;
        if !self.policy.can_ask_about(task) {
            return self.overdue().map_or(Duty::LetBe, |deadline| Duty::TimeOut { deadline });
        }
        if task.status() == Status::TimedOut {
            return if self.now > self.end_of_interest() && !task.hinted { Duty::LetBe } else { Duty::Ask };
        }
        if self.overdue().is_some() || task.hinted {
            return Duty::Ask;
        }
        let interval = self.pace.interval(task.polls);
        let heard = task.progress.updated_at.filter(|heard| Some(*heard) > task.polled_at);
        match heard.map(|heard| heard.plus(interval)).filter(|next| *next > self.now) {
            Some(next) => Duty::AskAt(soonest(Some(next), task.attempt().deadline_at).unwrap_or(next)),
            None => Duty::Ask,
        }
    }

    pub(super) fn verdict(&self, tidings: Tidings) -> Verdict {
        match tidings {
            Tidings::Event(polled) if polled.unknown_word.is_some() => self.still_running(),
            Tidings::Event(polled) => self.heard(polled.event),
            Tidings::NotFound { .. } if self.is_fresh() => self.still_running(),
            Tidings::NotFound { .. } if self.is_expired() => self.settle(Event::Completed(None)),
            Tidings::NotFound { as_failure: true } => self.settle(Event::Failed(unknown_job())),
            Tidings::ResultGone if self.is_expired() => self.settle(Event::Completed(None)),
            Tidings::NotFound { .. } | Tidings::ResultGone => self.no_answer(None),
            Tidings::Trouble(trouble) => self.no_answer(trouble.retry_after.map(|wish| self.now.plus(wish))),
            Tidings::LeftAlone(until) => self.no_answer(Some(until)),
        }
    }

    fn heard(&self, event: Event) -> Verdict {
        match event {
            Event::Progress(report) if self.is_running() && self.overdue().is_none() && self.is_news(&report) => {
                Verdict::Record { event: Event::Progress(report), poll: self.poll(self.regular()) }
            }
            Event::Progress(_) | Event::NotOfInterest | Event::Hint => self.still_running(),
            event => self.settle(event),
        }
    }

    /// "Completed" without a result may come back several times before it counts.
    fn settle(&self, event: Event) -> Verdict {
        let soon = self.pace.next(self.now, self.task.empty_answers, self.chance);
        Verdict::Record { event, poll: self.poll(Some(soon)) }
    }

    fn still_running(&self) -> Verdict {
        match self.overdue() {
            Some(deadline) => Verdict::TimeOut { deadline },
            None => Verdict::Release(Then::Asked(self.poll(self.regular()))),
        }
    }

    /// A generator that is silent at the deadline gets one more timeout before the task is presumed dead.
    fn no_answer(&self, not_before: Option<Timestamp>) -> Verdict {
        let patience = self.overdue().map(|deadline| (deadline, deadline.plus(self.task.timeout)));
        if let Some((deadline, _)) = patience.filter(|(_, end)| *end <= self.now) {
            return Verdict::TimeOut { deadline };
        }
        let next = self.regular().map(|next| not_before.map_or(next, |wanted| next.max(wanted)));
        let next = patience.map_or(next, |(_, end)| soonest(next, Some(end)));
        Verdict::Release(Then::Asked(self.poll(next)))
    }

    fn poll(&self, next: Option<Timestamp>) -> Poll {
        Poll { at: self.now, next }
    }

    /// The next question in the ordinary course of things.
    fn regular(&self) -> Option<Timestamp> {
        if self.task.status() == Status::TimedOut {
            let late = Pace { interval: self.pace.max, ..self.pace }.next(self.now, 0, self.chance);
            return Some(late).filter(|late| *late <= self.end_of_interest());
        }
        Some(self.pace.next(self.now, self.task.polls, self.chance))
    }

    fn is_running(&self) -> bool {
        matches!(self.task.status(), Status::Submitted | Status::Processing)
    }

    /// The deadline, if it has passed.
    fn overdue(&self) -> Option<Timestamp> {
        self.task.attempt().deadline_at.filter(|deadline| self.is_running() && *deadline <= self.now)
    }

    fn end_of_interest(&self) -> Timestamp {
        let settled = self.task.state.settlement().map_or(self.now, |settled| settled.at);
        settled.plus(self.late_window)
    }

    fn is_fresh(&self) -> bool {
        self.submitted_at().is_none_or(|submitted| self.now < submitted.plus(NOT_YET))
    }

    /// Whether the generator may have thrown a result away.
    fn is_expired(&self) -> bool {
        let ttl = self.policy.result_ttl.zip(self.submitted_at());
        ttl.is_some_and(|(ttl, submitted)| submitted.plus(ttl) < self.now)
    }

    fn submitted_at(&self) -> Option<Timestamp> {
        self.task.attempt().submitted_at
    }

    fn is_news(&self, report: &Report) -> bool {
        let known = &self.task.progress;
        let differs = |new: &Option<String>, old: &Option<String>| new.is_some() && new != old;
        self.task.status() == Status::Submitted
            || report.percent.is_some_and(|percent| known.percent.is_none_or(|known| percent > known))
            || differs(&report.stage, &known.stage)
            || differs(&report.message, &known.message)
    }
}

fn unknown_job() -> Failure {
    let error = TaskError::new("NOT_FOUND", TaskError::KIND, "The generator no longer knows the job");
    Failure { error, retryable: false }
}
