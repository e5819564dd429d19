//! Which attempts the generator should be told to stop, once their task has settled without them.

use super::event::Event;
use super::task::{Attempt, Task};
use super::transition::Arrival;

/// Numbers of the attempts that may still run although nobody waits for them.
///
/// An attempt that is presumed dead is not stopped for that: it may still bring its result.
pub(super) fn attempts_in_vain<'a>(task: &'a Task, arrival: &Arrival<'_>) -> impl Iterator<Item = u32> + use<'a> {
    let settled = task.status().is_settled() && arrival.occurrence.policy.can_cancel;
    let (meant, all) = (arrival.attempt, matches!(arrival.occurrence.event, Event::OperatorCancel));
    let may_run = |attempt: &&Attempt| attempt.was_sent() && !attempt.over;
    let vain = task.attempts.iter().filter(may_run).map(|attempt| attempt.number);
    vain.filter(move |number| settled && (all || *number != meant))
}
