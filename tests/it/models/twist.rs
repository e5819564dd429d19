//! Rules broken on purpose: each wraps the real step and alters one decision, to see that the checker notices.

use callback_hub::domain::event::{Claim, Event, Occurrence};
use callback_hub::domain::plan::{Answer, Command};
use callback_hub::domain::task::{State, Status};

use super::row::Row;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Twist {
    AcceptsFailuresOfCompleted,
    IgnoresFingerprints,
    TakesEveryEventForTheCurrentAttempt,
    RetriesForEver,
    ForgetsProgress,
    /// The mark that an attempt is being sent is not looked at.
    ForgetsThatItSends,
    DoesNotCompareLeases,
    IgnoresDeadlines,
}

impl Twist {
    pub(super) fn meet(self, row: &Row, command: &Command) -> (Answer, Row) {
        let Command::Occur { places, occurrence } = command else { return row.meet(command.clone()) };
        let max_retries = row.task().max_retries;
        let (row, occurrence) = self.altered(row, Occurrence::clone(occurrence));
        let command = Command::Occur { places: *places, occurrence: occurrence.into() };
        let (answer, after) = row.meet(command);
        (answer, after.changed(|task| task.max_retries = max_retries))
    }

    fn altered(self, row: &Row, occurrence: Occurrence) -> (Row, Occurrence) {
        let failed = matches!(occurrence.event, Event::Failed(_));
        match self {
            Self::AcceptsFailuresOfCompleted if failed && row.task().status() == Status::Completed => {
                (row.changed(|task| task.state = State::Processing), occurrence)
            }
            Self::IgnoresFingerprints => (row.clone(), Occurrence { fingerprint: None, ..occurrence }),
            Self::TakesEveryEventForTheCurrentAttempt => (row.clone(), Occurrence { claim: Claim::default(), ..occurrence }),
            Self::RetriesForEver => (row.changed(|task| task.max_retries = 99), occurrence),
            Self::ForgetsProgress => (row.changed(|task| task.progress.percent = None), occurrence),
            Self::DoesNotCompareLeases => (row.clone(), Occurrence { held: None, ..occurrence }),
            Self::IgnoresDeadlines if matches!(occurrence.event, Event::DeadlinePassed { .. }) => {
                (row.clone(), Occurrence { event: Event::NotOfInterest, ..occurrence })
            }
            _ => (row.clone(), occurrence),
        }
    }
}
