//! What `tests/it/callback_cost.rs` counts the instructions of: callbacks on their way from bytes to a plan, by verify →
//! decode → decide → plan. One thread, no runtime, no socket, no database: the count is the same in every run.
//!
//! `callback_cost <kind> <rounds>`: in each round a batch of callbacks of this kind, each of a task of its own, meets tasks
//! that have not heard of them. Says how many callbacks changed their tasks.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use domain::event::{Outcome, Policy};
use domain::plan::{Answer, Command, Item, NewTask, Places, World, plan};
use domain::task::{Documents, GeneratorName, Submitter, TaskId};
use domain::time::Timestamp;
use generator::catalog::{Catalog, GeneratorOverrides, Overrides};
use generator::entry::Generator;
use generator::keyset::PublishedKeys;
use generator::payload::{Decoded, decode};
use generator::raw::RawCallback;
use generator::signature::verify;
use generator::signing::sign;
use generator::token::CapabilityKeys;
use uuid::Uuid;

/// The hub's own two pure rooms, compiled a second time as a part of this program: so they can be optimised as in a release
/// without building every dependency of the hub anew.
#[expect(dead_code, unused_imports, reason = "the hub's source, of which one way through is measured")]
#[path = "../src/domain/mod.rs"]
mod domain;
#[expect(dead_code, unused_imports, reason = "the hub's source, of which one way through is measured")]
#[path = "../src/generator/mod.rs"]
mod generator;

/// Callbacks in one batch: as many as the journal takes at 64 connections.
const BATCH: u128 = 64;
const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

struct Kind {
    name: &'static str,
    generator: &'static str,
    file: &'static str,
    secret: &'static str,
    body: &'static str,
}

const DEFAULT: (&str, &str, &str) =
    ("default", include_str!("../generators/default.toml"), "a secret of a decent length, 32 bytes");
const STANDARD: (&str, &str, &str) =
    ("standard-webhooks", include_str!("../generators/standard-webhooks.toml"), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");

const KINDS: [Kind; 4] = [
    Kind::new(
        "progress",
        DEFAULT,
        r#"{"event":"progress","taskId":"@","event_id":"evt-@-40","timestamp":"2026-02-08T12:00:00.000Z",
            "progress":{"percentage":40,"stage":"rendering","message":"frame 96 of 240"}}"#,
    ),
    Kind::new(
        "completed",
        DEFAULT,
        r#"{"event":"completed","taskId":"@","event_id":"evt-@-end","timestamp":"2026-02-08T12:01:00.000Z",
            "result":{"title":"A day at the sea","summary":"Waves, gulls and a long walk along the shore.","word_count":412,
            "images":[{"url":"https://files.example/@/1.jpg","width":1920,"height":1080,"alt":"waves"},
            {"url":"https://files.example/@/2.jpg","width":1920,"height":1080,"alt":"gulls"}],
            "video":{"url":"https://files.example/@.mp4","seconds":8.5,"frames":204,"codec":"h264","has_sound":true},
            "content":"In the morning the fog lay over the water \u2014 nothing moved.\nThen the first gull cried.",
            "tags":["sea","morning","fog"],"cost":{"credits":12,"currency":null}}}"#,
    ),
    Kind::new(
        "failed",
        DEFAULT,
        r#"{"event":"failed","taskId":"@","event_id":"evt-@-end","timestamp":"2026-02-08T12:01:00.000Z",
            "error":{"code":"NSFW","type":"ContentPolicy","message":"The prompt was refused","details":{"rule":7},"retryable":false}}"#,
    ),
    Kind::new(
        "standard-webhooks",
        STANDARD,
        r#"{"type":"video.completed","timestamp":"2026-02-08T12:01:00.000Z",
            "data":{"taskId":"@","output":{"url":"https://files.example/@.mp4","seconds":8.5,"width":1920,"height":1080}}}"#,
    ),
];

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let found = match &words[..] {
        [name, rounds] => KINDS.iter().find(|kind| kind.name == name).zip(rounds.parse().ok()),
        _ => None,
    };
    let Some((kind, rounds)) = found else {
        eprintln!("callback_cost <{}> <rounds>", KINDS.map(|kind| kind.name).join("|"));
        return ExitCode::from(2);
    };
    match Scene::set(kind) {
        Ok(scene) => {
            println!("{}", (0..rounds).map(|_: u32| scene.play()).sum::<usize>());
            ExitCode::SUCCESS
        }
        Err(fault) => {
            eprintln!("{fault}");
            ExitCode::FAILURE
        }
    }
}

impl Kind {
    const fn new(name: &'static str, by: (&'static str, &'static str, &'static str), body: &'static str) -> Self {
        let (generator, file, secret) = by;
        Self { name, generator, file, secret, body }
    }
}

/// What is there before the first callback comes.
struct Scene {
    generator: Arc<Generator>,
    keys: CapabilityKeys,
    published: PublishedKeys,
    policy: Arc<Policy>,
    world: World,
    callbacks: Vec<RawCallback>,
}

impl Scene {
    fn set(kind: &Kind) -> Result<Self, String> {
        let name = GeneratorName::parse(kind.generator).map_err(|error| error.to_string())?;
        let own = GeneratorOverrides { secrets: vec![kind.secret.to_owned()], ..GeneratorOverrides::default() };
        let overrides = Overrides { generators: [(name.clone(), own)].into(), ..Overrides::default() };
        let file = (format!("{name}.toml"), kind.file.to_owned());
        let generator = Catalog::single(&[file], &overrides).map_err(|error| error.to_string())?;
        let policy = policy(&generator);
        let mut world = World { is_listening: true, ..World::default() };
        let mut callbacks = Vec::new();
        for number in 0..BATCH {
            let task = TaskId::parse(&format!("video-{number:04}")).map_err(|error| error.to_string())?;
            let _ = plan(&mut world, &[creation(&task, &name, &policy)]);
            callbacks.push(callback(kind, &generator, task)?);
        }
        let keys = CapabilityKeys::derive(b"a key of the hub", []);
        Ok(Self { generator: Arc::new(generator), keys, published: PublishedKeys::default(), policy, world, callbacks })
    }

    /// One batch: how many callbacks changed their tasks. What is known before is copied, as the store does to find out what
    /// has changed.
    fn play(&self) -> usize {
        let numbered = (1..).zip(&self.callbacks);
        let items: Vec<Item> = numbered.filter_map(|(number, raw)| self.item(number, raw.clone())).collect();
        let mut world = self.world.clone();
        let answers = plan(&mut world, &items);
        let is_applied = |answer: &&Answer| matches!(answer, Answer::Recorded(it) if it.outcome == Outcome::Applied);
        answers.iter().filter(is_applied).count()
    }

    fn item(&self, number: u128, raw: RawCallback) -> Option<Item> {
        let verified = verify(raw, &self.generator, &self.keys, &self.published).ok()?;
        let Ok(Decoded::Task(event)) = decode(&verified) else { return None };
        let task = event.task.clone();
        let places = Places::of(Uuid::from_u128(number), Uuid::from_u128(BATCH + number));
        let occurrence = Box::new(event.occurrence(self.policy.clone()));
        Some(Item { task, at: NOW, command: Command::Occur { places, occurrence } })
    }
}

fn callback(kind: &Kind, generator: &Generator, task: TaskId) -> Result<RawCallback, String> {
    let body = kind.body.replace('@', task.as_str()).into_bytes();
    let signed = sign(generator, kind.secret, &task, &body, NOW).map_err(|error| error.to_string())?;
    let usual = [("content-type", "application/json"), ("user-agent", "generator/1.0"), ("host", "hub.example")];
    let usual = usual.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let headers = usual.into_iter().chain(signed).map(|(name, value)| (name, value.into_bytes())).collect();
    let url = format!("https://hub.example/callback/{task}?attempt=1");
    let query = vec![("attempt".to_owned(), "1".to_owned())];
    Ok(RawCallback { task: Some(task), headers, query, body: body.into(), arrived: NOW, url })
}

fn creation(task: &TaskId, generator: &GeneratorName, policy: &Arc<Policy>) -> Item {
    let new = NewTask {
        generator: generator.clone(),
        submitter: Submitter::OwnCode,
        max_retries: 0,
        timeout: Duration::from_secs(3600),
        priority: 5,
        external_id: None,
        documents: Documents::default(),
        request_digest: [0; 32],
        idempotency: None,
        auto_approve: false,
        webhook: None,
        policy: policy.clone(),
    };
    Item { task: Some(task.clone()), at: NOW, command: Command::Create(Box::new(new)) }
}

/// As the hub's own for a generator that cannot be asked.
fn policy(generator: &Generator) -> Arc<Policy> {
    Arc::new(Policy {
        can_ask: false,
        asks_by_resubmission: false,
        needs_external_id: false,
        can_cancel: false,
        resubmit_on_timeout: false,
        parks: false,
        retry_delays: [Duration::from_secs(60)].into(),
        first_poll_after: Duration::from_secs(60),
        late_poll_after: Duration::from_secs(600),
        result_ttl: None,
        content: generator.content(),
    })
}
