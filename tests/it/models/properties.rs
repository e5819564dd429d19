//! What is asked of every situation, and what the model must be rich enough to show.

use callback_hub::domain::task::{State, Status};
use stateright::Property;

use super::hand::Hand;
use super::laws::Law;
use super::outside::{End, Job};
use super::row::pace;
use super::system::{Situation, System};

macro_rules! kept {
    ($law:expr, $name:literal) => {
        always($name, |_: &System, now: &Situation| now.broken != Some($law))
    };
}

pub(super) fn of(system: &System) -> Vec<Property<System>> {
    let mut asked = laws();
    asked.extend([
        sometimes("completed by polling alone", |_, now| now.status() == Status::Completed && now.network.is_empty()),
        sometimes("completed late", |_, now| matches!(now.row.task().state, State::Completed { late: true, .. })),
        sometimes("taken, and nobody knows", |_, now| now.row.task().submit_unknown && now.job() == Job::Runs(0)),
        sometimes("somebody goes on after his lease", |_, now| now.is_late_at_work()),
        sometimes("all attempts used up", |system, now| now.row.attempt() == system.attempts() && now.is_settled()),
    ]);
    if system.operator_retries > 0 && system.messages > 0 {
        asked.push(sometimes("completed by an older attempt", |_, now| {
            now.status() == Status::Completed && matches!(now.job(), Job::Runs(_))
        }));
    }
    asked
}

fn laws() -> Vec<Property<System>> {
    vec![
        kept!(Law::SettledStaysSettled, "settled stays settled"),
        kept!(Law::OneEffectPerEvent, "one effect per event"),
        kept!(Law::OlderAttemptsOnlyBringResults, "an older attempt only brings a result"),
        kept!(Law::AttemptsAreBounded, "attempts are bounded"),
        kept!(Law::ProgressNeverFalls, "progress never falls within an attempt"),
        kept!(Law::AnAttemptIsSentOnce, "an attempt is sent once"),
        kept!(Law::NothingIsRecordedAfterTheLease, "nothing is recorded after the lease"),
        always("what was sent is known to be", |_, now| now.knows_what_was_sent()),
        always("an answered submission is not unknown", |_, now| now.knows_what_was_answered()),
    ]
}

type Condition = fn(&System, &Situation) -> bool;

fn always(name: &'static str, condition: Condition) -> Property<System> {
    Property::always(name, condition)
}

fn sometimes(name: &'static str, condition: Condition) -> Property<System> {
    Property::sometimes(name, condition)
}

impl Situation {
    pub(super) fn status(&self) -> Status {
        self.row.task().status()
    }

    pub(super) fn is_settled(&self) -> bool {
        self.status().is_settled()
    }

    /// The current attempt at the generator.
    pub(super) fn job(&self) -> Job {
        self.jobs[usize::from(self.row.attempt()) - 1]
    }

    fn knows_what_was_sent(&self) -> bool {
        self.job() == Job::NeverAsked || self.row.task().attempt().was_sent()
    }

    fn knows_what_was_answered(&self) -> bool {
        let task = self.row.task();
        self.is_settled() || !task.submit_unknown || task.attempt().answer.is_none()
    }

    /// The generator has the result, and the hub can ask for it.
    pub(super) fn is_completed_upstream(&self) -> bool {
        let running = matches!(self.status(), Status::Submitted | Status::Processing);
        running && self.job() == Job::Ended(End::Completed) && pace().can_ask_about(self.row.task())
    }

    fn is_late_at_work(&self) -> bool {
        self.hands.iter().any(|hand| *hand != Hand::Idle) && self.row.task().lease.is_none()
    }
}
