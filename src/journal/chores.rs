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
    /// A parked callback's task may be known by now.
    pub unpark: watch::Sender<()>,
    /// Webhooks have something to hear.
    pub deliver: watch::Sender<()>,
    /// Something was written that others may want to see.
    pub written: watch::Sender<()>,
    /// The journal has written enough for the log to be brought into the database.
    pub checkpoint: watch::Sender<()>,
}

impl Chores {
    pub(super) fn announce(&self, entry: &Entry, answer: &Answer) {
        if may_be_awaited(entry, answer) {
            self.unpark.send_replace(());
        }
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

/// Whether a task has become known by an id.
fn may_be_awaited(entry: &Entry, answer: &Answer) -> bool {
    match (&entry.item.command, answer) {
        (Command::Create(_), Answer::Created) => true,
        (Command::Patch(patch), Answer::Patched) => patch.external_id.is_some(),
        (Command::Occur { occurrence, .. }, Answer::Recorded(recorded)) => {
            let answered = matches!(&occurrence.event, Event::SubmitAnswered { external_id: Some(_), .. });
            let named = occurrence.claim.named.as_deref().filter(|_| occurrence.claim.may_adopt);
            answered || named.is_some_and(|named| named != recorded.task.as_str())
        }
        _ => false,
    }
}
