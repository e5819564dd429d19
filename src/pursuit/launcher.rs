//! Pending tasks are handed to their generators: committed as *sending* first, then sent, then what came of it recorded.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;

use super::breakers::Breakers;
use super::slots::Slots;
use super::{Means, Texts, chance, learnt};
use crate::cadence::Step;
use crate::domain::breaker::Permit;
use crate::domain::event::Event;
use crate::domain::item::Then;
use crate::domain::schedule::Pace;
use crate::domain::task::{Lease, Source, TaskError};
use crate::domain::time::Timestamp;
use crate::generator::entry::Generator;
use crate::generator::reply::{Heard, LookupReply, Silence, SubmitReply};
use crate::generator::request::Job;
use crate::store::{Entry, Order, Origin, StoreError, Taken, Want};

/// Submissions at once, per generator.
const AT_ONCE: u64 = 8;
/// Before something that could not be sent is tried again.
const PAUSES: Pace = Pace { interval: Duration::from_secs(5), growth: 1.0, max: Duration::from_secs(5) };
/// Of one request. Longer than a poll's: some generators do a part of the work before they answer. Shorter than what the
/// service waits for at its end.
const TIMEOUT: Duration = Duration::from_secs(20);

pub struct Launcher {
    means: Means,
    breakers: Breakers,
    slots: Slots,
}

/// One submission.
struct Mission<'a> {
    taken: &'a Taken,
    generator: &'a Generator,
    lease: Lease,
    texts: Texts,
}

/// What is to be recorded about it.
enum Course {
    Answered {
        event: Event,
        body: Option<Bytes>,
    },
    /// `unsent`: surely nothing of this attempt was sent.
    Later {
        unsent: bool,
        wish: Option<Duration>,
    },
}

impl Launcher {
    #[must_use]
    pub fn new(means: Means) -> Self {
        Self { means, breakers: Breakers::of("submit"), slots: Slots::default() }
    }

    /// Submits what is due, as far as slots and generators permit.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn step(&self) -> Result<Step, StoreError> {
        let names = self.means.store.pending_generators(self.means.clock.now()).await?;
        let rounds = join_all(names.iter().map(|name| self.round(name))).await;
        rounds.into_iter().sum()
    }

    async fn round(&self, name: &str) -> Result<Step, StoreError> {
        // tasks of a generator that cannot be submitted to any more wait until it can
        let catalog = self.means.terms.catalog();
        let known = catalog.find(name).filter(|generator| generator.can_submit().is_ok());
        let Some(generator) = known else { return Ok(Step::default()) };
        let now = self.means.clock.now();
        let permit = self.breakers.permit(name, now);
        let at_once = match permit {
            Permit::Freely => AT_ONCE,
            Permit::Probe => 1,
            Permit::NotBefore(_) => 0,
        };
        let slots = self.slots.reserve(name, at_once);
        let free = slots.count();
        if free == 0 {
            return Ok(Step::default());
        }
        let lease = self.means.lease(TIMEOUT, Some(generator));
        let most = self.means.terms.max_concurrent(generator);
        let taken =
            self.means.store.claim_pending(name, lease, now, Want { most: free, running: most, order: order(permit) }).await?;
        let count = taken.len() as u64;
        slots.keep(count);
        let launches = taken.iter().map(async |taken| {
            self.launch(taken, generator, lease).await;
            slots.give_back(1);
            if count == free {
                // others may wait for this slot, and the rest of the step for a slow answer
                self.means.journal.chores().submit.send_replace(());
            }
        });
        join_all(launches).await;
        Ok(Step { handled: count, more: count == free })
    }

    async fn launch(&self, taken: &Taken, generator: &Arc<Generator>, lease: Lease) {
        let reachable = self.means.terms.is_reachable_by(generator);
        let texts = Texts {
            input: taken.input.clone(),
            params: taken.params.clone(),
            callback_url: reachable.then(|| self.means.terms.callback_url(&taken.task)),
            token: Some(self.means.terms.token(&taken.task)),
            submit_answer: None,
        };
        let mission = Mission { taken, generator, lease, texts };
        match self.course(&mission).await {
            Course::Answered { event, body } => self.record(&mission, event, body).await,
            Course::Later { unsent, wish } => {
                let now = self.means.clock.now();
                let at = PAUSES.next(now, 0, chance()).max(now.plus(wish.unwrap_or_default()));
                self.means.release(&taken.task.id, lease, Then::SendAt { at, unsent }).await;
            }
        }
    }

    async fn course(&self, mission: &Mission<'_>) -> Course {
        if !mission.taken.first
            && let Some(course) = self.remember(mission).await
        {
            return course;
        }
        let (reply, body) = self.send(mission).await;
        match reply {
            SubmitReply::Accepted { external_id: None } if mission.generator.needs_external_id() => {
                let (task, generator) = (&mission.taken.task.id, mission.name());
                tracing::warn!(%task, generator, "a submission was answered without an id: the task cannot be asked about");
                self.breakers.succeed(mission.name());
                Course::Answered { event: Event::SubmitAnswered { external_id: None, unknown: true }, body }
            }
            SubmitReply::Accepted { external_id } => {
                self.breakers.succeed(mission.name());
                Course::Answered { event: Event::SubmitAnswered { external_id, unknown: false }, body }
            }
            SubmitReply::Refused(error) => {
                self.breakers.succeed(mission.name());
                Course::Answered { event: Event::SubmitRefused(error), body }
            }
            SubmitReply::NotTaken { retry_after, detail } => {
                self.hold_back(mission, "a task could not be submitted, and waits", &detail, retry_after);
                Course::Later { unsent: mission.taken.first, wish: retry_after }
            }
            SubmitReply::Unknown(detail) => {
                self.hold_back(mission, "it is not known whether the generator took a task", &detail, None);
                if self.may_repeat(mission) { Course::Later { unsent: false, wish: None } } else { Course::unknown() }
            }
        }
    }

    /// Something of this attempt may have been sent before. None: it may be sent again.
    async fn remember(&self, mission: &Mission<'_>) -> Option<Course> {
        if !self.may_repeat(mission) {
            return Some(Course::unknown());
        }
        let request = match mission.generator.lookup_request(&mission.job(self.means.clock.now()))? {
            Ok(request) => request,
            // a question that cannot be put leaves the answer open
            Err(_) => return (!mission.generator.is_repeatable()).then(Course::unknown),
        };
        let heard = self.means.upstream.make(&request, TIMEOUT, self.means.clock.now()).await;
        match mission.generator.read_lookup(&heard) {
            LookupReply::Found(id) => {
                Some(Course::Answered { event: Event::SubmitAnswered { external_id: Some(id), unknown: false }, body: None })
            }
            LookupReply::Absent => None,
            LookupReply::Trouble(trouble) => {
                let fact = "the generator could not be asked whether it has a task";
                self.hold_back(mission, fact, &trouble.detail, trouble.retry_after);
                Some(Course::Later { unsent: false, wish: trouble.retry_after })
            }
        }
    }

    /// Where repeating cannot make a second job, and not for ever.
    fn may_repeat(&self, mission: &Mission<'_>) -> bool {
        let task = &mission.taken.task;
        let since = task.attempt().sending_at.unwrap_or(task.created_at);
        let safe = mission.generator.is_repeatable() || mission.generator.has_lookup();
        safe && self.means.clock.now() < since.plus(task.timeout)
    }

    async fn send(&self, mission: &Mission<'_>) -> (SubmitReply, Option<Bytes>) {
        let now = self.means.clock.now();
        if now > mission.lease.until {
            // somebody else may be at it by now
            return (SubmitReply::NotTaken { retry_after: None, detail: "the lease ended before it was sent".to_owned() }, None);
        }
        match mission.generator.submit_request(&mission.job(self.means.clock.now())) {
            Ok(request) => {
                let heard = tokio::select! {
                    heard = self.means.upstream.make(&request, TIMEOUT, now) => heard,
                    () = self.long_stopped() => Heard::Silence(Silence::Lost("the service had to stop".to_owned())),
                };
                (mission.generator.read_submission(&heard), body(heard))
            }
            Err(unsendable) => {
                let error = TaskError::new("SUBMIT_REFUSED", TaskError::KIND, &unsendable.to_string());
                (SubmitReply::Refused(error), None)
            }
        }
    }

    fn hold_back(&self, mission: &Mission<'_>, fact: &'static str, detail: &str, wish: Option<Duration>) {
        tracing::warn!(task = %mission.taken.task.id, generator = mission.name(), detail, "{fact}");
        self.breakers.fail(mission.name(), self.means.clock.now(), wish);
    }

    /// Commands may take longer than a service that is told to stop can wait for them.
    async fn long_stopped(&self) {
        self.means.stopping.cancelled().await;
        tokio::time::sleep(TIMEOUT).await;
    }

    async fn record(&self, mission: &Mission<'_>, event: Event, body: Option<Bytes>) {
        let (task, now) = (&mission.taken.task, self.means.clock.now());
        let policy = self.means.terms.policy(mission.generator);
        let occurrence = learnt(task, event, Source::Submit, policy, mission.lease);
        let origin = Origin::without_headers(task.generator.clone(), now, body);
        self.means.record(Entry::of_event(Some(task.id.clone()), now, occurrence, origin)).await;
    }
}

impl Course {
    /// It counts as submitted, and is never sent again under this attempt.
    const fn unknown() -> Self {
        Self::Answered { event: Event::SubmitAnswered { external_id: None, unknown: true }, body: None }
    }
}

impl Mission<'_> {
    fn name(&self) -> &str {
        self.generator.name().as_str()
    }

    fn job(&self, now: Timestamp) -> Job<'_> {
        self.texts.job(&self.taken.task, self.taken.task.attempt(), now)
    }
}

/// A probe is not always the most urgent task: that may be the one which the generator does not like.
const fn order(permit: Permit) -> Order {
    match permit {
        Permit::Probe => Order::LongestReady,
        Permit::Freely | Permit::NotBefore(_) => Order::MostUrgent,
    }
}

fn body(heard: Heard) -> Option<Bytes> {
    match heard {
        Heard::Answer { body, .. } | Heard::Output { stdout: body, .. } => Some(body).filter(|body| !body.is_empty()),
        Heard::Silence(_) => None,
    }
}
