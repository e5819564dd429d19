//! A generator that loses, doubles, delays, reorders and forges its callbacks, answers with errors and goes down: every task
//! comes to the end that the generator's own books know, once, and nothing is paid for twice.
//!
//! The generator is another process and keeps its own time; the hub's clock is moved by hand.

mod audit;

use std::sync::Arc;
use std::time::Duration;

use callback_hub::clock::Clock;
use callback_hub::domain::time::Timestamp;
use callback_hub::simulator::Summary;
use futures_util::stream::{self, StreamExt};
use rstest::rstest;
use serde_json::{Value, json};
use tokio::time::timeout;

use self::audit::{Audited, audit};
use super::SECOND;
use crate::chaos::chance::Chance;
use crate::harness::app::Extra;
use crate::harness::simulated::Simulated;
use crate::harness::{App, Database, Kind, SECRET, START};

/// Of real time, for anything that is waited for.
const PATIENCE: Duration = Duration::from_secs(120);
/// Requests to the hub at the same time.
const AT_ONCE: usize = 32;

/// Many ways to end, and the same seed every time.
const SEED: u64 = 7;
const ENDS: [&str; 4] = ["--failures", "0.2", "--cancellations", "0.1"];

/// `LOST_TASKS` says how many; the long grade wants more of them.
fn many() -> usize {
    std::env::var("LOST_TASKS").map_or(200, |tasks| tasks.parse().expect("LOST_TASKS is a number"))
}

struct Stage {
    app: App,
    generator: Simulated,
    tasks: usize,
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_single_callback_a_thousand_tasks_reach_their_ends(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut stage = Stage::set(kind, Chance::of_this_run().next(), &["--pace", "1ms", "--lose", "1", "--forgeries", "0"]).await;
    stage.create(1000).await;
    stage.settle().await;
    let (audited, summary) = stage.end().await;
    assert_eq!((summary.sent, audited.by("poll"), audited.by("callback")), (0, 1000, 0), "{summary}");
    assert_eq!(audited.ledger.totals.repeated, 0, "each attempt was submitted once");
}

#[rstest]
#[case::a_known_seed(SEED, 100)]
#[case::another_seed(Chance::of_this_run().next(), many())]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callbacks_that_are_lost_doubled_reordered_forged_and_late_bring_no_wrong_end(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
    #[case] seed: u64,
    #[case] tasks: usize,
) {
    let faults = ["--lose", "0.3", "--duplicates", "0.3", "--reorders", "0.3", "--forgeries", "0.1", "--delay", "1s"];
    let mut stage = Stage::set(kind, seed, &[&["--pace", "20ms"][..], &faults].concat()).await;
    stage.create(tasks).await;
    stage.settle().await;
    let (audited, summary) = stage.end().await;
    assert!(audited.by("poll") > 0 && audited.by("callback") > 0, "both roads were taken");
    assert!(summary.lost > 0 && summary.duplicates > 0 && !summary.refused.is_empty(), "faults of each kind: {summary}");
}

#[rstest]
#[case::and_callbacks_help(Chance::of_this_run().next(), "0.5")]
#[case::and_nobody_calls(SEED, "1")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_that_come_and_go_bring_no_wrong_end(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
    #[case] seed: u64,
    #[case] lose: &str,
) {
    let mut stage = Stage::set(kind, seed, &["--pace", "1ms", "--errors", "0.2", "--lose", lose]).await;
    stage.create(120).await;
    stage.settle().await;
    let polls = stage.app.get("/api/stats").await.good(200)["polls"]["simulator"].clone();
    for found in ["throttled", "server_error", "not_found"] {
        assert!(polls[found].as_u64() > Some(0), "{found}: {polls}");
    }
    let (audited, _) = stage.end().await;
    if lose == "1" {
        assert!(audited.ledger.totals.repeated > 0, "some submissions were answered with 500 and yet taken");
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_generator_that_goes_down_and_comes_back_brings_no_wrong_end(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let faults = ["--pace", "100ms", "--down-after", "4s", "--down-for", "2s"];
    let mut stage = Stage::set(kind, Chance::of_this_run().next(), &faults).await;
    for is_down in [true, false] {
        timeout(PATIENCE, stage.busy_until(is_down)).await.expect("the outage comes and goes");
        stage.create(20).await;
        stage.app.later(SECOND).await;
    }
    stage.settle().await;
    let polls = stage.app.get("/api/stats").await.good(200)["polls"]["simulator"].clone();
    assert!(polls["unreachable"].as_u64() > Some(0), "it was asked in vain: {polls}");
    let (audited, summary) = stage.end().await;
    assert!(summary.lost > 0 && audited.by("poll") > 0, "callbacks were lost by the outage: {summary}");
    assert_eq!(audited.ledger.totals.repeated, 0, "an outage is no reason to submit twice");
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_real_time_the_loops_find_the_ends_by_themselves(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let faults = ["--lose", "0.33", "--delay", "1s", "--errors", "0.05"];
    let mut stage = Stage::with_clock(Clock::System, kind, Chance::of_this_run().next(), &faults).await;
    stage.create(many() / 5).await;
    let mut ticks = tokio::time::interval(SECOND / 10);
    let settling = async {
        while stage.open().await > 0 {
            ticks.tick().await;
        }
    };
    timeout(PATIENCE, settling).await.expect("all tasks end in time");
    let (audited, _) = stage.end().await;
    assert!(audited.by("poll") > 0 && audited.by("callback") > 0, "both roads were taken");
}

impl Stage {
    async fn set(kind: Kind, seed: u64, arguments: &[&str]) -> Self {
        Self::with_clock(Clock::manual(Timestamp::from_secs(START)), kind, seed, arguments).await
    }

    /// The loops run by themselves if it is the system's.
    async fn with_clock(clock: Clock, kind: Kind, seed: u64, arguments: &[&str]) -> Self {
        println!("simulate --seed {seed}");
        let database = Arc::new(Database::fresh(kind).await);
        let generator = Simulated::start(SECRET, seed, &[&ENDS[..], arguments].concat()).await;
        let settings = [
            ("GENERATOR_SIMULATOR_BASE_URL", generator.url.as_str()),
            ("GENERATOR_SIMULATOR_SECRET", SECRET),
            ("POLL_CONCURRENCY", "64"),
            // deadlines are not what is tested here
            ("TASK_TIMEOUT", "1d"),
            ("TASK_RETRY_DELAYS", "1s"),
        ];
        let app = App::with(
            &database,
            Extra { settings: &settings, loops_run: matches!(clock, Clock::System), clock: Some(clock), ..Extra::default() },
        )
        .await;
        Self { app, generator, tasks: 0 }
    }

    /// More tasks, of which some may be retried, and some not.
    async fn create(&mut self, tasks: usize) {
        let app = &self.app;
        let numbers = self.tasks..self.tasks + tasks;
        let wanted = numbers.map(|n| json!({"id": format!("t-{n}"), "generator": "simulator", "max_retries": n % 3}));
        stream::iter(wanted).for_each_concurrent(AT_ONCE, async |task: Value| drop(app.created(&task).await)).await;
        self.tasks += tasks;
    }

    /// New tasks keep coming, so that some are before, some within, and some after an outage.
    async fn busy_until(&mut self, is_down: bool) {
        while self.generator.is_down().await != is_down {
            self.create(1).await;
            self.app.later(SECOND).await;
        }
    }

    /// Lets time pass until all tasks have ended.
    async fn settle(&self) {
        let settling = async {
            self.app.work_off().await;
            while self.open().await > 0 {
                self.app.later(2 * SECOND).await;
            }
        };
        let settled = timeout(PATIENCE, settling).await;
        assert!(settled.is_ok(), "{} tasks have not ended", self.open().await);
    }

    async fn open(&self) -> u64 {
        let tasks = self.app.get("/api/stats").await.good(200)["tasks"].clone();
        ["pending", "submitted", "processing"].iter().filter_map(|status| tasks[status].as_u64()).sum()
    }

    /// Hears the last callbacks, ends both, and holds what one knows against what the other knows.
    async fn end(self) -> (Audited, Summary) {
        self.generator.played().await;
        if !matches!(self.app.clock, Clock::System) {
            self.app.clock.advance(600 * SECOND);
        }
        assert_eq!(self.app.work_off().await, 0, "nothing is left to do");
        let audited = audit(&self.app, self.generator.ledger().await).await;
        let summary = self.generator.ended().await;
        println!("{} attempts, {:?}; {summary}", audited.ledger.jobs.len(), audited.settled_by);
        assert_eq!(audited.tasks, self.tasks);
        assert_eq!(summary.forgeries_taken, 0);
        assert!(summary.refused.keys().all(|code| code == "signature_invalid"), "only forgeries are refused: {summary}");
        if summary.repeated == 0 {
            let taken = summary.sent - summary.refused.values().sum::<u64>();
            assert_eq!(audited.callbacks as u64, taken, "every callback that was taken is accounted for");
        }
        self.app.stop().await;
        (audited, summary)
    }
}
