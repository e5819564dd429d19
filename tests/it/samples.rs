//! Tasks, occurrences and worlds to start a test from.

use std::sync::Arc;
use std::time::Duration;

use callback_hub::domain::event::{Claim, Event, Failure, Found, Held, Occurrence, Policy, Poll, Report};
use callback_hub::domain::fingerprint::Fingerprint;
use callback_hub::domain::plan::{Answer, Command, Item, NewTask, Places, World, plan};
use callback_hub::domain::task::{
    Attempt, Documents, ExternalId, GeneratorName, Lease, ResultAt, Settlement, Source, State, Status, Submitter, Task,
    TaskError, TaskId,
};
use callback_hub::domain::time::Timestamp;
use uuid::Uuid;

pub(crate) const TIMEOUT: Duration = Duration::from_secs(1_800);
pub(crate) const FIRST_POLL_AFTER: Duration = Duration::from_secs(60);
pub(crate) const LATE_POLL_AFTER: Duration = Duration::from_secs(600);
/// Who acts for a leased sample.
pub(crate) const LEASE: Uuid = Uuid::from_u128(0x1EA5E);
/// The deadline that the samples' attempts have.
pub(crate) const DEADLINE: Timestamp = Timestamp::from_secs(9_000);
/// When things happen to a sample.
pub(crate) const NOW: Timestamp = Timestamp::from_secs(10_000);

pub(crate) fn task_id(text: &str) -> TaskId {
    TaskId::parse(text).expect("a task id")
}

pub(crate) fn external(text: &str) -> ExternalId {
    ExternalId::parse(text).expect("an external id")
}

pub(crate) fn generator(text: &str) -> GeneratorName {
    GeneratorName::parse(text).expect("a generator's name")
}

pub(crate) fn policy() -> Policy {
    Policy {
        asks_by_resubmission: false,
        can_ask: true,
        needs_external_id: true,
        can_cancel: true,
        resubmit_on_timeout: false,
        parks: false,
        retry_delays: [30, 60, 120].map(Duration::from_secs).into(),
        first_poll_after: FIRST_POLL_AFTER,
        late_poll_after: LATE_POLL_AFTER,
        result_ttl: None,
        content: None,
    }
}

pub(crate) fn new_task(submitter: Submitter) -> NewTask {
    NewTask {
        generator: generator("default"),
        submitter,
        max_retries: 3,
        timeout: TIMEOUT,
        priority: 5,
        external_id: None,
        documents: Documents::default(),
        request_digest: [1; 32],
        idempotency: None,
        auto_approve: true,
        webhook: None,
        policy: Arc::new(policy()),
    }
}

pub(crate) fn creation(id: &str, at: Timestamp, new: NewTask) -> Item {
    Item { task: Some(task_id(id)), at, command: Command::Create(Box::new(new)) }
}

/// A task that the hub submits, with the given number of attempts; all have the same deadline, none a time of submission.
pub(crate) fn task(status: Status, attempts: u32) -> Task {
    let mut world = World::default();
    assert_eq!(step(&mut world, creation("t", Timestamp::EPOCH, new_task(Submitter::Hub))), Answer::Created);
    let mut task = world.tasks.remove(&task_id("t")).expect("was created");
    task.attempts = (1..=attempts).map(|number| Attempt { deadline_at: Some(DEADLINE), ..Attempt::new(number) }).collect();
    task.state = state(status);
    task
}

fn state(status: Status) -> State {
    let settled = Settlement { at: Timestamp::from_secs(9_500), by: Source::Poll, finished_at: None };
    match status {
        Status::Pending => State::Pending { not_before: Timestamp::EPOCH },
        Status::Submitted => State::Submitted,
        Status::Processing => State::Processing,
        Status::Completed => {
            State::Completed { settled, result: ResultAt { payload: Uuid::from_u128(7), span: 1..9 }, late: false }
        }
        Status::Failed => State::Failed { settled, error: TaskError::default() },
        Status::TimedOut => State::TimedOut { settled },
        Status::Cancelled => State::Cancelled { settled },
    }
}

/// An event on the road that it usually takes, about the current attempt unless a claim says otherwise.
pub(crate) fn occurrence(event: Event) -> Occurrence {
    let source = match event {
        Event::SubmitAnswered { .. } | Event::SubmitRefused(_) => Source::Submit,
        Event::DeadlinePassed { .. } => Source::Deadline,
        Event::OperatorCancel | Event::OperatorRetry => Source::Operator,
        _ => Source::Callback,
    };
    Occurrence {
        event,
        source,
        generator: (source != Source::Operator).then(|| generator("default")),
        claim: Claim::default(),
        policy: Arc::new(policy()),
        fingerprint: None,
        replayed: false,
        generator_time: None,
        held: None,
    }
}

/// The task while somebody asks about it.
pub(crate) fn leased(task: &Task) -> Task {
    Task { lease: Some(Lease { token: LEASE, until: NOW.plus(Duration::from_secs(30)) }), ..task.clone() }
}

/// What the asker brings, and when he would ask again.
pub(crate) fn answered(event: Event, next: Timestamp) -> Occurrence {
    let poll = Poll { at: NOW, next: Some(next) };
    Occurrence { source: Source::Poll, held: Some(Held { lease: LEASE, poll: Some(poll) }), ..occurrence(event) }
}

pub(crate) fn submit_answered(external_id: Option<&str>) -> Event {
    Event::SubmitAnswered { external_id: external_id.map(external), unknown: false }
}

pub(crate) fn progress(percent: Option<f64>) -> Event {
    Event::Progress(Report { percent, ..Report::default() })
}

pub(crate) fn completed() -> Event {
    Event::Completed(Some(Found::InBody(10..20)))
}

pub(crate) fn failed(retryable: bool) -> Event {
    Event::Failed(Failure { error: TaskError::default(), retryable })
}

pub(crate) fn fingerprint(text: &str) -> Fingerprint {
    let mut bytes = [0; 16];
    bytes[..text.len()].copy_from_slice(text.as_bytes());
    Fingerprint(bytes)
}

pub(crate) fn happening(id: &str, at: Timestamp, occurrence: Occurrence) -> Item {
    let receipt = Uuid::from_u128(0xCA11_BAC4);
    Item {
        task: Some(task_id(id)),
        at,
        command: Command::Occur { places: Places::of(receipt, receipt), occurrence: Box::new(occurrence) },
    }
}

pub(crate) fn step(world: &mut World, item: Item) -> Answer {
    plan(world, &[item]).pop().expect("one item, one answer")
}

/// What the journal's door says to an event about this one task at `NOW`, and the task afterwards.
pub(crate) fn meet(task: &Task, occurrence: Occurrence) -> (Answer, Task) {
    meet_at(task, occurrence, NOW)
}

pub(crate) fn meet_at(task: &Task, occurrence: Occurrence, at: Timestamp) -> (Answer, Task) {
    let mut world = World { tasks: [(task.id.clone(), task.clone())].into(), ..World::default() };
    let answer = step(&mut world, happening(task.id.as_str(), at, occurrence));
    (answer, world.tasks.remove(&task.id).expect("tasks do not vanish"))
}
