//! What becomes news: each change of a task's state, what is told about its result, and what its sender calls an event.

use uuid::Uuid;

use super::decide::Transition;
use super::item::Places;
use super::news::{About, News, Topic};
use super::plan::World;
use super::review;
use super::task::{Status, Task, TaskId};
use super::time::Timestamp;
use super::transition::Arrival;

/// A task's state has changed; where that brings a result that is to be published, its content begins.
pub(super) fn tell_transition(world: &mut World, id: &TaskId, transition: Transition, arrival: &Arrival<'_>, places: Places) {
    let Some(topic) = topic(world, id, transition) else { return };
    tell(world, id, topic, arrival.now, Some(places.receipt));
    if let Transition::Complete { .. } = transition {
        review::begin(world, id, arrival, places);
    }
}

fn topic(world: &World, id: &TaskId, transition: Transition) -> Option<Topic> {
    Some(match transition {
        Transition::Submit => Topic::Submitted,
        // what the user's own code submits, it has from now on to submit again
        Transition::NewAttempt => return is(world, id, Status::Submitted).then_some(Topic::Submitted),
        Transition::Progress => Topic::Progress,
        Transition::Complete { .. } => Topic::Completed,
        Transition::Fail => Topic::Failed,
        Transition::TimeOut => Topic::TimedOut,
        Transition::Cancel => Topic::Cancelled,
        Transition::NoteSubmission | Transition::Retry => return None,
    })
}

fn is(world: &World, id: &TaskId, status: Status) -> bool {
    world.tasks.get(id).is_some_and(|task| task.status() == status)
}

/// Once an attempt: its deadline went by, its generator was asked since, and its end is not known.
pub(super) fn tell_overdue(world: &mut World, id: &TaskId, now: Timestamp) {
    let Some(task) = world.tasks.get_mut(id) else { return };
    if is_overdue(task) {
        task.attempt_mut().overdue_at = Some(now);
        tell(world, id, Topic::Overdue, now, None);
    }
}

fn is_overdue(task: &Task) -> bool {
    let attempt = task.attempt();
    let running = matches!(task.status(), Status::Submitted | Status::Processing);
    let asked_since = attempt.deadline_at.is_some_and(|deadline| task.polled_at.is_some_and(|asked| asked >= deadline));
    running && asked_since && attempt.overdue_at.is_none()
}

/// `id` is that of the event, and of the receipt that brought it, if one did.
pub(super) fn tell_custom(world: &mut World, name: &str, task: Option<&TaskId>, at: Timestamp, id: Uuid) {
    let topic = Topic::Custom(name.to_owned());
    match task {
        Some(task) => tell(world, task, topic, at, Some(id)),
        None if world.is_listening => world.news.push(News { topic, at, papers: Some(id), about: None }),
        None => {}
    }
}

/// News counts whether anybody listens or not, so that its numbers tell how much a listener has not heard.
pub(super) fn tell(world: &mut World, id: &TaskId, topic: Topic, at: Timestamp, papers: Option<Uuid>) {
    let Some(task) = world.tasks.get_mut(id) else { return };
    task.news += 1;
    if !world.is_listening && task.webhook.is_none() {
        return;
    }
    let content = matches!(topic, Topic::Approved | Topic::Rejected | Topic::Published)
        .then(|| world.contents.get(id).cloned().map(Box::new))
        .flatten();
    let about = About { sequence: task.news, task: Box::new(task.clone()), content };
    world.news.push(News { topic, at, papers, about: Some(about) });
}
