//! The polling fallback: tasks that are due are asked about, and the answers enter through the door that callbacks use.
//!
//! Each answer is recorded when it is here, not when the slowest of its step is; the journal makes one transaction of
//! those that come together.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::future::join_all;
use tokio::sync::broadcast;
use uuid::Uuid;

use super::breakers::Breakers;
use super::figures::{Figures, Finding};
use super::slots::Slots;
use super::verdict::{Case, Duty, Tidings, Verdict};
use super::{Means, Texts, chance, learnt};
use crate::cadence::Step;
use crate::domain::breaker::Permit;
use crate::domain::decide::Transition;
use crate::domain::event::{Event, Held, Occurrence, Policy, Poll};
use crate::domain::item::{Answer, Recorded, Then};
use crate::domain::task::{Lease, Source, Task, TaskId};
use crate::domain::time::Timestamp;
use crate::generator::entry::Generator;
use crate::generator::outgoing::GoneAs;
use crate::generator::reply::{Heard, ResultReply, StatusReply, Trouble, TroubleKind};
use crate::generator::request::Request;
use crate::store::{Entry, Origin, StoreError};
use crate::telemetry::metrics::RESCUED;

/// Rows that need no request, in one step.
const WITHOUT_ASKING: u64 = 256;
/// Findings that a slow listener may lag behind.
const FINDINGS: usize = 1024;

/// Asks generators about tasks whose callbacks are overdue. Cheap to clone.
#[derive(Clone)]
pub struct Reconciler(Arc<Shared>);

struct Shared {
    means: Means,
    breakers: Breakers,
    slots: Slots,
    figures: Figures,
    findings: broadcast::Sender<(TaskId, Finding)>,
}

/// A step's work for one generator.
struct Round<'a> {
    generator: Option<&'a Arc<Generator>>,
    policy: Arc<Policy>,
    lease: Lease,
    now: Timestamp,
    permit: Permit,
    papers: HashMap<Uuid, Vec<u8>>,
}

/// What was learnt, and the bytes that said it.
struct Learnt {
    tidings: Tidings,
    found: Finding,
    asked_at: Timestamp,
}

impl Reconciler {
    #[must_use]
    pub fn new(means: Means) -> Self {
        let (findings, _) = broadcast::channel(FINDINGS);
        let (breakers, slots, figures) = (Breakers::of("poll"), Slots::default(), Figures::default());
        Self(Arc::new(Shared { means, breakers, slots, figures, findings }))
    }

    #[must_use]
    pub fn figures(&self) -> &Figures {
        &self.0.figures
    }

    /// What questions brought, as it is recorded: a hint to look, no more.
    #[must_use]
    pub fn findings(&self) -> broadcast::Receiver<(TaskId, Finding)> {
        self.0.findings.subscribe()
    }

    /// Looks at what is due.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn step(&self) -> Result<Step, StoreError> {
        let names = self.0.means.store.due_generators(self.0.means.clock.now()).await?;
        let rounds = join_all(names.iter().map(|name| self.0.round(name))).await;
        rounds.into_iter().sum()
    }
}

impl Shared {
    async fn round(&self, name: &str) -> Result<Step, StoreError> {
        let Means { store, terms, clock, .. } = &self.means;
        let (now, catalog) = (clock.now(), terms.catalog());
        let generator = catalog.find(name);
        let policy = generator.map_or_else(|| terms.policy_of_nobody(), |generator| terms.policy(generator));
        let lease = self.means.lease(terms.poll().timeout, generator.map(Arc::as_ref));
        let permit = self.breakers.permit(name, now);
        let at_once = match permit {
            _ if !policy.can_ask => WITHOUT_ASKING,
            Permit::Freely => u64::from(terms.poll().concurrency),
            Permit::Probe => 1,
            Permit::NotBefore(_) => WITHOUT_ASKING,
        };
        let slots = self.slots.reserve(name, at_once);
        let free = slots.count();
        if free == 0 {
            return Ok(Step::default());
        }
        let tasks = store.claim_due(name, lease, now, free).await?;
        let count = tasks.len() as u64;
        slots.keep(count);
        let resubmits = generator.is_some_and(|generator| generator.is_asked_by_resubmission());
        let of_task = |task: &Task| [task.documents.params, task.attempt().answer, task.documents.input.filter(|_| resubmits)];
        let wanted = tasks.iter().flat_map(of_task).flatten();
        // without them a request may be impossible, and that is found out one by one
        let papers = store.payloads(wanted.collect()).await.unwrap_or_default();
        let round = Round { generator, policy, lease, now, permit, papers };
        let pursuits = tasks.iter().map(async |task| {
            self.pursue(task, &round).await;
            slots.give_back(1);
            if count == free {
                // others may wait for this slot, and the rest of the step for a slow answer
                self.means.journal.chores().ask.send_replace(());
            }
        });
        join_all(pursuits).await;
        Ok(Step { handled: count, more: count == free })
    }

    async fn pursue(&self, task: &Task, round: &Round<'_>) {
        let case = self.case(task, round);
        match (case.duty(), round.generator) {
            (Duty::Ask, Some(generator)) => {
                let Some(learnt) = self.ask(task, generator, round).await else {
                    // the service stops: the next process asks again
                    self.means.release(&task.id, round.lease, Then::AskAt(self.means.clock.now())).await;
                    return;
                };
                let case = Case { now: learnt.asked_at, ..case };
                self.conclude(&case, learnt, round).await;
            }
            (Duty::AskAt(at), _) => drop(self.means.release(&task.id, round.lease, Then::AskAt(at)).await),
            (Duty::TimeOut { deadline }, _) => drop(self.time_out(task, deadline, round).await),
            (Duty::LetBe | Duty::Ask, _) => {
                let poll = Poll { at: round.now, next: None };
                self.means.release(&task.id, round.lease, Then::Asked(poll)).await;
            }
        }
    }

    fn case<'a>(&self, task: &'a Task, round: &'a Round<'_>) -> Case<'a> {
        let terms = &self.means.terms;
        Case {
            task,
            policy: &round.policy,
            pace: terms.pace(round.generator.map(Arc::as_ref)),
            late_window: terms.poll().late_window,
            now: round.now,
            chance: chance(),
        }
    }

    /// None: the service stops before there is an answer.
    async fn ask(&self, task: &Task, generator: &Arc<Generator>, round: &Round<'_>) -> Option<Learnt> {
        let asked_at = self.means.clock.now();
        if let Permit::NotBefore(until) = round.permit {
            return Some(Learnt { tidings: Tidings::LeftAlone(until), found: Finding::LeftAlone, asked_at });
        }
        let question = self.question(task, generator, round);
        let (tidings, found) = self.means.stopping.run_until_cancelled(question).await?;
        self.judge(generator.name().as_str(), &tidings, found);
        Some(Learnt { tidings, found, asked_at })
    }

    /// Two requests, where the result lies elsewhere.
    async fn question(&self, task: &Task, generator: &Generator, round: &Round<'_>) -> (Tidings, Finding) {
        let unaskable = |detail: String| trouble_of(Trouble { kind: TroubleKind::Unreadable, retry_after: None, detail });
        let texts = self.texts(task, generator, round);
        if generator.is_asked_by_resubmission() && texts.input.is_none() && task.documents.input.is_some() {
            // without it another job would be submitted
            return unaskable("the task's input cannot be read".to_owned());
        }
        let job = texts.job(task, task.attempt(), self.means.clock.now());
        let heard = match generator.status_request(&job) {
            Ok(request) => self.make(&request).await,
            Err(unsendable) => return unaskable(unsendable.to_string()),
        };
        match generator.read_status(&heard, &job) {
            StatusReply::Event(polled) => Finding::of(*polled),
            StatusReply::HasResult { request, finished_at } => {
                let heard = self.make(&request).await;
                match generator.read_result(&heard) {
                    ResultReply::Event(mut polled) => {
                        polled.generator_time = polled.generator_time.or(finished_at);
                        Finding::of(*polled)
                    }
                    ResultReply::Gone => (Tidings::ResultGone, Finding::ResultGone),
                    ResultReply::Trouble(trouble) => trouble_of(trouble),
                }
            }
            StatusReply::NotFound => {
                let as_failure = generator.gone_as() == GoneAs::Failed;
                (Tidings::NotFound { as_failure }, Finding::NotFound)
            }
            StatusReply::Trouble(trouble) => trouble_of(trouble),
        }
    }

    /// Whoever is asked by a resubmission is told what the submission told.
    fn texts(&self, task: &Task, generator: &Generator, round: &Round<'_>) -> Texts {
        let terms = &self.means.terms;
        let tells = generator.is_asked_by_resubmission() && terms.is_reachable_by(generator);
        let (token, callback_url) = (Some(terms.token(task)), tells.then(|| terms.callback_url(task)));
        Texts { token, callback_url, ..Texts::of_submitted(task, task.attempt(), &round.papers) }
    }

    async fn make(&self, request: &Request) -> Heard {
        self.means.upstream.make(request, self.means.terms.poll().timeout, self.means.clock.now()).await
    }

    /// What the answer says about the generator as a whole.
    fn judge(&self, name: &str, tidings: &Tidings, found: Finding) {
        self.figures.count(name, found);
        if let Tidings::Event(polled) = tidings
            && let Some(word) = &polled.unknown_word
            && self.figures.count_word(name, word)
        {
            tracing::warn!(generator = name, word, "a word that the generator's file does not map; taken for still running");
        }
        match tidings {
            Tidings::Trouble(trouble) if trouble.kind.is_down() => {
                tracing::info!(
                    generator = name,
                    kind = trouble.kind.as_str(),
                    detail = trouble.detail,
                    "no answer to a status request"
                );
                self.breakers.fail(name, self.means.clock.now(), trouble.retry_after);
            }
            Tidings::LeftAlone(_) => {}
            _ => self.breakers.succeed(name),
        }
    }

    async fn conclude(&self, case: &Case<'_>, learnt: Learnt, round: &Round<'_>) {
        let task = case.task;
        let (body, generator_time) = match &learnt.tidings {
            Tidings::Event(polled) => (Some(polled.body.clone()), polled.generator_time),
            _ => (None, None),
        };
        let recorded = match case.verdict(learnt.tidings) {
            Verdict::Record { event, poll } => {
                let held = Held { lease: round.lease.token, poll: Some(poll) };
                let told = super::learnt(task, event, Source::Poll, round.policy.clone(), round.lease);
                let occurrence = Occurrence { generator_time, held: Some(held), ..told };
                let origin = Origin::without_headers(task.generator.clone(), learnt.asked_at, body);
                self.means.record(Entry::of_event(Some(task.id.clone()), self.means.clock.now(), occurrence, origin)).await
            }
            Verdict::TimeOut { deadline } => self.time_out(task, deadline, round).await,
            Verdict::Release(then) => self.means.release(&task.id, round.lease, then).await,
        };
        if let Some(answer) = recorded {
            count_rescued(task, &answer);
            // nobody listens: nobody waits
            let _ = self.findings.send((task.id.clone(), learnt.found));
        }
    }

    async fn time_out(&self, task: &Task, deadline: Timestamp, round: &Round<'_>) -> Option<Answer> {
        let now = self.means.clock.now();
        let occurrence = learnt(task, Event::DeadlinePassed { deadline }, Source::Deadline, round.policy.clone(), round.lease);
        let origin = Origin::without_headers(task.generator.clone(), now, None);
        self.means.record(Entry::of_event(Some(task.id.clone()), now, occurrence, origin)).await
    }
}

/// Where a callback has told of the end, asking only confirms it.
fn count_rescued(task: &Task, answer: &Answer) {
    if task.told {
        return;
    }
    if let Answer::Recorded(Recorded {
        transition: Some(Transition::Complete { .. } | Transition::Fail | Transition::Cancel),
        ..
    }) = answer
    {
        metrics::counter!(RESCUED, "generator" => task.generator.to_string()).increment(1);
    }
}

fn trouble_of(trouble: Trouble) -> (Tidings, Finding) {
    let found = Finding::Trouble(trouble.kind);
    (Tidings::Trouble(trouble), found)
}
