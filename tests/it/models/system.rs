//! Everything together as a state machine: the row, the hub's hands, the generator, the network, an operator, and time.

use callback_hub::domain::event::{Event, Occurrence};
use callback_hub::domain::lease::{take, take_to_send};
use callback_hub::domain::plan::Command;
use callback_hub::domain::task::{Status, Task};
use stateright::{Model, Property};

use super::hand::{Hand, Reply, command, lease};
use super::laws::{Law, Step, is_applied};
use super::outside::{Job, Message, Word};
use super::row::{MAX_RETRIES, NOW, Row, pace};
use super::twist::Twist;
use crate::samples::occurrence;

/// All attempts that there can be: the first, the retries, and the operator's one.
pub(super) const ATTEMPTS: usize = 2 + MAX_RETRIES as usize;

/// What the model is bounded by.
#[derive(Clone, Copy, Debug)]
pub(super) struct System {
    /// Processes; each does one thing at a time, as launcher or as reconciler.
    pub hands: usize,
    /// Callbacks on their way at once. Those that find no room are lost.
    pub messages: usize,
    /// What progress can be told, above none.
    pub stages: u8,
    /// At most [`MAX_RETRIES`].
    pub max_retries: u32,
    pub operator_retries: u8,
    /// The rule that is broken on purpose.
    pub twist: Option<Twist>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Situation {
    pub row: Row,
    pub jobs: [Job; ATTEMPTS],
    pub network: Vec<Message>,
    pub hands: Vec<Hand>,
    /// Wishes for a new attempt that were granted.
    pub operator_retries: u8,
    pub broken: Option<Law>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// The launcher takes the task: it is committed as being sent.
    TakeToSend(usize),
    Send(usize, Reply, Job),
    /// The reconciler takes the task.
    TakeToAsk(usize),
    Ask(usize),
    AskInVain(usize),
    /// What the hand knows reaches the journal, in one of the ways that it may.
    Record(usize, usize),
    /// What is not committed is lost.
    Crash(usize),
    LeaseEnds,
    DeadlinePasses,
    /// The generator goes on with an attempt.
    Work(usize, Job, Word),
    Deliver(Message),
    Lose(Message),
    OperatorCancels,
    OperatorRetries,
}

impl Model for System {
    type State = Situation;
    type Action = Action;

    fn init_states(&self) -> Vec<Situation> {
        let hands = vec![Hand::Idle; self.hands];
        let jobs = [Job::NeverAsked; ATTEMPTS];
        vec![Situation {
            row: Row::created(self.max_retries),
            jobs,
            network: Vec::new(),
            hands,
            operator_retries: 0,
            broken: None,
        }]
    }

    fn actions(&self, now: &Situation, actions: &mut Vec<Action>) {
        if now.broken.is_some() {
            return;
        }
        for (index, hand) in now.hands.iter().enumerate() {
            hand_actions(*hand, index, now, actions);
        }
        for (index, job) in now.jobs.iter().enumerate() {
            actions.extend(job.moves(self.stages).into_iter().map(|(job, word)| Action::Work(index, job, word)));
        }
        actions.extend(now.network.iter().flat_map(|message| [Action::Deliver(*message), Action::Lose(*message)]));
        actions.extend([Action::LeaseEnds, Action::DeadlinePasses]);
        let status = now.row.task().status();
        if !status.is_settled() {
            actions.push(Action::OperatorCancels);
        } else if status != Status::Completed && now.operator_retries < self.operator_retries {
            actions.push(Action::OperatorRetries);
        }
    }

    fn next_state(&self, last: &Situation, action: Action) -> Option<Situation> {
        let mut next = last.clone();
        match action {
            Action::TakeToSend(hand) => self.take_to_send(&mut next, hand),
            Action::Send(hand, reply, job) => send(&mut next, hand, reply, job),
            Action::TakeToAsk(hand) => {
                next.hands[hand] = Hand::looking_at(&next.row);
                next.row = next.row.changed(|task| take(task, lease(hand)));
            }
            Action::Ask(hand) => ask(&mut next, hand, true),
            Action::AskInVain(hand) => ask(&mut next, hand, false),
            Action::Record(hand, choice) => {
                let command = next.hands[hand].commands(lease(hand).token).swap_remove(choice);
                next.hands[hand] = Hand::Idle;
                self.enter(&mut next, &command);
            }
            Action::Crash(hand) => next.hands[hand] = Hand::Idle,
            Action::LeaseEnds => next.row = next.row.after_the_lease()?,
            Action::DeadlinePasses => next.row = next.row.after_the_deadline()?,
            Action::Work(index, job, word) => self.go_on(&mut next, index, job, word),
            Action::Deliver(message) => self.deliver(&mut next, message),
            Action::Lose(message) => next.network.retain(|other| *other != message),
            Action::OperatorCancels => {
                self.enter(&mut next, &command(operator(Event::OperatorCancel)));
            }
            Action::OperatorRetries => {
                next.operator_retries += 1;
                self.enter(&mut next, &command(operator(Event::OperatorRetry)));
            }
        }
        next.forget(self.stages);
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        super::properties::of(self)
    }
}

fn hand_actions(hand: Hand, index: usize, now: &Situation, actions: &mut Vec<Action>) {
    match hand {
        Hand::Idle if now.row.is_to_be_sent() => return actions.push(Action::TakeToSend(index)),
        Hand::Idle if now.row.is_due() => return actions.push(Action::TakeToAsk(index)),
        Hand::Idle => return,
        Hand::Sends(_) => actions.extend(Reply::ALL.map(|(reply, job)| Action::Send(index, reply, job))),
        Hand::Asks(_) => actions.extend([Action::Ask(index), Action::AskInVain(index)]),
        Hand::Sent(..) | Hand::Found(_) => {
            let choices = hand.commands(lease(index).token).len();
            actions.extend((0..choices).map(|choice| Action::Record(index, choice)));
        }
    }
    actions.push(Action::Crash(index));
}

/// A request to the generator, which may have been asked for the same attempt before.
fn send(next: &mut Situation, hand: usize, reply: Reply, job: Job) {
    let Hand::Sends(attempt) = next.hands[hand] else { return };
    next.hands[hand] = Hand::Sent(attempt, reply);
    let known = &mut next.jobs[usize::from(attempt) - 1];
    if reply != Reply::NotSent {
        next.broken = (*known != Job::NeverAsked).then_some(Law::AnAttemptIsSentOnce);
        *known = job;
    }
}

fn ask(next: &mut Situation, hand: usize, answered: bool) {
    let Hand::Asks(attempt) = next.hands[hand] else { return };
    let word = next.jobs[usize::from(attempt) - 1].word().filter(|_| answered);
    next.hands[hand] = Hand::after_asking(attempt, word, &next.row);
}

fn operator(event: Event) -> Occurrence {
    Occurrence { policy: pace().into(), ..occurrence(event) }
}

impl Situation {
    /// What nothing can depend on any more is the same everywhere: it keeps the model small.
    fn forget(&mut self, stages: u8) {
        self.network.sort_unstable();
        let (current, status) = (self.row.attempt(), self.row.task().status());
        let interesting = !status.is_settled() || status == Status::TimedOut;
        for (attempt, job) in (1..=current).zip(&mut self.jobs) {
            let asked_about = attempt == current && interesting;
            let may_be_sent = *job == Job::NeverAsked && (attempt == current || self.hands.contains(&Hand::Sends(attempt)));
            match job {
                _ if asked_about || may_be_sent => {}
                // whatever it says from now on but its end, it might have said before
                Job::Runs(stage) => *stage = stages,
                other => *other = Job::Unknown,
            }
        }
        let spoken_of = |attempt: u8| {
            matches!(self.jobs[usize::from(attempt) - 1], Job::Runs(_))
                || self.network.iter().any(|message| message.attempt == attempt)
                || self.hands.iter().any(|hand| matches!(hand, Hand::Sends(sent) | Hand::Sent(sent, _) if *sent == attempt))
        };
        self.row = self.row.remembering(self.network.iter().map(Message::seen), spoken_of);
    }
}

impl System {
    pub(super) fn attempts(&self) -> u8 {
        1 + u8::try_from(self.max_retries).expect("few retries") + self.operator_retries
    }

    fn take_to_send(&self, next: &mut Situation, hand: usize) {
        let mut first = false;
        next.row = next.row.changed(|task: &mut Task| first = take_to_send(task, lease(hand), NOW));
        let attempt = next.row.attempt();
        let first = first || self.twist == Some(Twist::ForgetsThatItSends);
        // what may have been sent before is never sent again
        next.hands[hand] = if first { Hand::Sends(attempt) } else { Hand::Sent(attempt, Reply::Unknown) };
    }

    fn go_on(&self, next: &mut Situation, index: usize, job: Job, word: Word) {
        next.jobs[index] = job;
        if next.network.len() < self.messages {
            let attempt = u8::try_from(index + 1).expect("few attempts");
            next.network.push(Message { attempt, word, counted: false });
        }
    }

    fn deliver(&self, next: &mut Situation, message: Message) {
        let applied = self.enter(next, &command(message.occurrence()));
        if applied && message.counted {
            next.broken = next.broken.or(Some(Law::OneEffectPerEvent));
        }
        for other in next.network.iter_mut().filter(|other| **other == message) {
            other.counted |= applied;
        }
    }

    /// Through the journal's door. True: it was applied.
    fn enter(&self, next: &mut Situation, command: &Command) -> bool {
        let before = next.row.clone();
        let (answer, after) = match self.twist {
            None => before.meet(command.clone()),
            Some(twist) => twist.meet(&before, command),
        };
        let step = Step { before: &before, command, answer: &answer, after: &after, operator_retries: next.operator_retries };
        next.broken = next.broken.or(step.broken());
        next.row = after;
        is_applied(&answer)
    }
}
