//! Generated histories: a few tasks, few names and few fingerprints, so that everything meets everything.

use std::sync::Arc;
use std::time::Duration;

use callback_hub::domain::custom::Custom;
use callback_hub::domain::event::{Claim, Event, Failure, Found, Occurrence, Policy, Report};
use callback_hub::domain::fingerprint::Fingerprint;
use callback_hub::domain::parked::{Awaited, Reread, Visit};
use callback_hub::domain::plan::{Command, IdempotencyKey, Item, NewTask, Patch, Places, World};
use callback_hub::domain::task::{ExternalId, Source, Submitter, TaskError};
use callback_hub::domain::time::Timestamp;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use uuid::Uuid;

use crate::samples::{self, DEADLINE, creation, external, generator, new_task, step, task_id};

/// The first two belong to one generator, the third to another.
const TASKS: [&str; 3] = ["t0", "t1", "t2"];
const UNNAMED: usize = 4;

#[derive(Clone, Debug)]
pub(super) struct History {
    creations: Vec<Item>,
    pub(super) items: Vec<Item>,
}

impl History {
    pub(super) fn start(&self) -> World {
        let mut world = World::default();
        for creation in &self.creations {
            step(&mut world, creation.clone());
        }
        world
    }
}

/// An item whose deadline is still to be found out.
type Wish = (usize, i64, Command);

/// Up to 120 items, enough for fingerprints to spill.
pub(super) fn history() -> impl Strategy<Value = History> {
    (vec(new(), TASKS.len()), vec(wish(), 1..120)).prop_map(|(news, wishes)| {
        let creations = TASKS.iter().zip(news).enumerate().map(|(index, (id, new))| {
            let of = generator(if index == 2 { "other" } else { "default" });
            creation(id, Timestamp::EPOCH, NewTask { generator: of, ..new })
        });
        let mut history = History { creations: creations.collect(), items: Vec::new() };
        history.items = items(history.start(), wishes);
        history
    })
}

/// Deadline events saw the deadline that the row has at that moment, unless they saw an odd one.
fn items(mut world: World, wishes: Vec<Wish>) -> Vec<Item> {
    let mut now = Timestamp::EPOCH;
    let mut items = Vec::new();
    for (number, (index, pause, mut command)) in (1..).zip(wishes) {
        now = now.plus(Duration::from_secs(pause.unsigned_abs()));
        let mut task = (index != UNNAMED).then(|| task_id(TASKS.get(index).copied().unwrap_or("nobody")));
        if let Command::Publish { receipt, .. } = &mut command {
            *receipt = Uuid::from_u128(number);
        }
        if let Command::Visit { places, visit } = &mut command {
            // one that waits, if any does
            let waits = world.parked.iter().nth(index % world.parked.len().max(1));
            if let Some((parked, waiting)) = waits {
                places.receipt = *parked;
                visit.due_at = waiting.due_at;
                task = if let Awaited::Task(task) = &waiting.awaits { Some(task.clone()) } else { None };
            }
        }
        if let Command::Occur { places, occurrence } = &mut command {
            places.receipt = Uuid::from_u128(number);
            // a name that others adopt as their generator's id would mean them from then on
            if let (None, Some("t0")) = (&task, occurrence.claim.named.as_deref()) {
                occurrence.claim.named = Some("t1".to_owned());
            }
            let known = task.as_ref().and_then(|task| world.tasks.get(task));
            let seen = known.and_then(|task| task.attempt().deadline_at);
            if let (Event::DeadlinePassed { deadline }, Some(seen)) = (&mut occurrence.event, seen) {
                *deadline = if *deadline == DEADLINE { seen } else { *deadline };
            }
        }
        let item = Item { task, at: now, command };
        step(&mut world, item.clone());
        items.push(item);
    }
    items
}

fn new() -> impl Strategy<Value = NewTask> {
    (prop_oneof![3 => Just(Submitter::Hub), 1 => Just(Submitter::OwnCode)], 0..4_u32, 1..3_u8, option::weighted(0.3, 0..3_u8))
        .prop_map(|(submitter, max_retries, digest, key)| NewTask {
            max_retries,
            request_digest: [digest; 32],
            idempotency: key.map(|key| IdempotencyKey { owner: "alice".to_owned(), key: key.to_string() }),
            ..new_task(submitter)
        })
}

const PLACES: Places = Places { receipt: Uuid::nil(), result: Uuid::from_u128(1), document: Uuid::from_u128(2), bare: false };

fn wish() -> impl Strategy<Value = Wish> {
    let command = prop_oneof![
        30 => occurrence().prop_map(|occurrence| Command::Occur {
            places: PLACES,
            occurrence: Box::new(occurrence),
        }),
        2 => (option::of(external_id()), option::of(1..=10_u8)).prop_map(|(external_id, priority)| {
            Command::Patch(Patch { external_id, metadata: None, priority, policy: Arc::new(samples::policy()) })
        }),
        1 => Just(Command::Erase),
        2 => (0..8_u8).prop_map(|byte| Command::Publish { receipt: Uuid::nil(), custom: Box::new(custom(byte)) }),
        6 => prop_oneof![
            8 => occurrence().prop_map(|occurrence| Reread::Event(Box::new(occurrence))),
            1 => (0..8_u8).prop_map(|byte| Reread::Custom(Box::new(custom(byte)))),
            1 => Just(Reread::Unreadable),
        ].prop_map(|reread| Command::Visit {
            places: PLACES,
            visit: Visit { reread, due_at: Timestamp::EPOCH },
        }),
        1 => (new(), option::of(external_id())).prop_map(|(new, external_id)| Command::Create(Box::new(NewTask { external_id, ..new }))),
    ];
    // most of it happens to one task; the fourth index is nobody, the fifth leaves it to the event
    let pauses = prop_oneof![20 => 0..100_i64, 1 => Just(90_000)];
    (prop_oneof![6 => Just(0), 3 => Just(1_usize), 2 => Just(2), 1 => Just(3), 3 => Just(UNNAMED)], pauses, command)
}

fn custom(byte: u8) -> Custom {
    Custom {
        generator: generator("default"),
        name: "customer.created".to_owned(),
        data: Found::InBody(0..2),
        data_payload: Uuid::from_u128(1),
        fingerprint: (byte > 0).then_some(Fingerprint([byte; 16])),
    }
}

fn occurrence() -> impl Strategy<Value = Occurrence> {
    let told = (event(), any::<bool>(), claim(), policy());
    let marks = (option::weighted(0.8, 0..48_u8), option::of(0..2_000_i64), prop_oneof![9 => Just(true), 1 => Just(false)]);
    (told, marks).prop_map(|((event, polled, claim, policy), (fingerprint, time, right_generator))| {
        let usual = samples::occurrence(event);
        let operator = usual.source == Source::Operator;
        Occurrence {
            source: if polled && usual.source == Source::Callback { Source::Poll } else { usual.source },
            generator: usual
                .generator
                .filter(|_| right_generator)
                .or_else(|| (!operator && !right_generator).then(|| generator("other"))),
            claim: if operator { Claim::default() } else { claim },
            policy: Arc::new(policy),
            fingerprint: fingerprint.filter(|_| !operator).map(|byte| Fingerprint([byte; 16])),
            replayed: false,
            generator_time: time.map(Timestamp::from_secs),
            held: None,
            event: usual.event,
        }
    })
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (option::of(external_id()), any::<bool>()).prop_map(|(external_id, unknown)| Event::SubmitAnswered { external_id, unknown }),
        1 => Just(Event::SubmitRefused(TaskError::default())),
        8 => option::of(0..=100_u8).prop_map(|percent| {
            Event::Progress(Report { percent: percent.map(f64::from), ..Report::default() })
        }),
        1 => option::of(Just(Found::InBody(0..2))).prop_map(Event::Completed),
        5 => any::<bool>().prop_map(|retryable| Event::Failed(Failure { error: TaskError::default(), retryable })),
        1 => Just(Event::Cancelled),
        4 => prop_oneof![3 => Just(DEADLINE), 1 => Just(Timestamp::EPOCH)].prop_map(|deadline| Event::DeadlinePassed { deadline }),
        2 => Just(Event::Hint),
        1 => Just(Event::NotOfInterest),
        1 => Just(Event::OperatorCancel),
        4 => Just(Event::OperatorRetry),
    ]
}

fn claim() -> impl Strategy<Value = Claim> {
    let number = || option::weighted(0.25, 1..4_u32);
    let named = prop_oneof![
        6 => Just(None),
        1 => Just(Some("t0".to_owned())),
        3 => external_id().prop_map(|id| Some(id.as_str().to_owned())),
    ];
    (number(), named, number(), any::<bool>()).prop_map(|(token, named, query, may_adopt)| Claim {
        token,
        named,
        query,
        may_adopt,
    })
}

fn external_id() -> impl Strategy<Value = ExternalId> {
    (0..8_u8).prop_map(|number| external(&format!("ext-{number}")))
}

fn policy() -> impl Strategy<Value = Policy> {
    (any::<bool>(), any::<bool>(), any::<bool>(), option::of(0..500_u64)).prop_map(
        |(can_ask, resubmit_on_timeout, parks, ttl)| Policy {
            can_ask,
            resubmit_on_timeout,
            parks,
            result_ttl: ttl.map(Duration::from_secs),
            ..samples::policy()
        },
    )
}
