//! Hints for the loops: what was just written may have made something due. A hint that is missed costs a period, no more.

use tokio::sync::watch;

use crate::domain::decide::Transition;
use crate::domain::event::{Event, Outcome};
use crate::domain::plan::{Answer, Command};
use crate::store::Entry;

/// One bell for each loop.
#[derive(Debug, Default)]
pub struct Chores {
    /// A task waits to be submitted, or a slot has become free.
    pub submit: watch::Sender<()>,
    /// A generator should be asked.
    pub ask: watch::Sender<()>,
    /// An attempt may have to be stopped.
    pub cancel: watch::Sender<()>,
}

impl Chores {
    pub(super) fn announce(&self, entry: &Entry, answer: &Answer) {
        match (&entry.item.command, answer) {
            (Command::Create(_), Answer::Created) => self.submit.send_replace(()),
            (Command::Occur { occurrence, .. }, Answer::Recorded(recorded)) => {
                match (recorded.outcome, recorded.transition) {
                    (Outcome::Hint, _) => self.ask.send_replace(()),
                    (_, Some(Transition::Progress | Transition::Submit | Transition::NoteSubmission) | None) => {}
                    (_, Some(_)) => self.submit.send_replace(()),
                }
                if matches!(occurrence.event, Event::OperatorCancel) {
                    self.cancel.send_replace(());
                }
            }
            _ => {}
        }
    }
}
