//! Processes that share one PostgreSQL and one generator, in real time: who asks, and who takes over.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use super::{generators, settings};
use crate::harness::generator::{Generator, Reply};
use crate::harness::process::{API_KEY, Process};
use crate::harness::{Database, Kind};

/// More than a lease, a period of the loops and a slow machine need.
const PATIENCE: Duration = Duration::from_secs(60);
/// Less than what is left of a lease of two requests and ten seconds that was taken a moment ago.
const NOT_BEFORE: Duration = Duration::from_secs(10);

const OURS: &str = "FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'callback-hub'";

/// A hub that can be asked, and told from others by the name that it knows the generator under.
struct Hub {
    process: Process,
    client: reqwest::Client,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_due_row_is_asked_about_once_whoever_asks() {
    let (database, generator) = (Database::fresh(Kind::Postgres).await, Generator::start().await);
    let [one, two] = both(&database, &generator, "10s").await;
    generator.close_to("GET").await;
    tasks(&one, &generator, 40, &json!({"status": "queued"})).await;
    until(async || ["127.0.0.1", "localhost"].iter().all(|host| !asked_by(&generator, host).is_empty())).await;
    generator.open();
    until(async || one.count("processing").await == 40).await;
    for job in 0..40 {
        assert_eq!(generator.count(&format!("GET /jobs/job-{job:02}")), 1, "job-{job:02}");
    }
    for hub in [one, two] {
        hub.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_killed_in_the_middle_is_followed_after_the_lease() {
    let (database, generator) = (Database::fresh(Kind::Postgres).await, Generator::start().await);
    let [one, two] = both(&database, &generator, "1s").await;
    generator.close_to("GET").await;
    tasks(&one, &generator, 24, &json!({"status": "done", "result": "a.png"})).await;
    until(async || generator.count("GET") > 0).await;
    let is_one = !asked_by(&generator, "127.0.0.1").is_empty();
    let (victim, dead, survivor, alive) =
        if is_one { (one, "127.0.0.1", two, "localhost") } else { (two, "localhost", one, "127.0.0.1") };
    victim.process.kill().await;
    let killed = Instant::now();
    generator.open();
    let orphans = asked_by(&generator, dead);
    assert!(!orphans.is_empty() && orphans.values().all(|times| *times == 1), "{orphans:?}");

    // eight at a time: no more can be leased to the dead
    until(async || asked_by(&generator, alive).len() >= 24 - 8).await;
    assert!(orphans.keys().all(|job| !asked_by(&generator, alive).contains_key(job)), "they are leased to the dead");
    until(async || survivor.count("completed").await == 24).await;
    assert!(killed.elapsed() >= NOT_BEFORE, "the lease was waited for: {:?}", killed.elapsed());
    let asked = asked_by(&generator, alive);
    assert!(asked.len() == 24 && asked.values().all(|times| *times == 1), "each was asked about once: {asked:?}");
    for job in 0..24 {
        assert_eq!(survivor.history(&format!("t-{job:02}")).await, ["poll completed applied"]);
    }
    println!("{} of 24 rows were taken over {:?} after the kill", orphans.len(), killed.elapsed());
    survivor.end().await;
}

/// One of its requests hangs, the answer to another has come and waits to be written, when it is stopped.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_stopped_past_the_lease_changes_nothing_any_more() {
    let (database, generator) = (Database::fresh(Kind::Postgres).await, Generator::start().await);
    let mut stopped = Hub::start(&database, &generator, "127.0.0.1", "2s").await;
    generator.close_to("GET").await;
    for (id, name) in [("answered", "hosted"), ("hanging", "secure")] {
        generator.add(id, &json!({"status": "done", "result": "of the one that was stopped"}));
        stopped.create(&json!({"id": id, "generator": name, "external_id": id})).await;
    }
    generator.want("GET /jobs/hanging", [Reply::Never]);
    until(async || generator.count("GET") == 2).await;
    let (hold, aside) = (database.hold().await, database.connect().await);
    generator.open();
    until(async || number(&aside, &format!("SELECT COUNT(*) AS n {OURS} AND wait_event_type = 'Lock'")).await > 0).await;
    stopped.process.suspend();
    number(&aside, &format!("SELECT COUNT(pg_terminate_backend(pid)) AS n {OURS}")).await;
    hold.release().await;

    for id in ["answered", "hanging"] {
        generator.set(id, &json!({"result": "of the other"}));
    }
    let other = Hub::start(&database, &generator, "localhost", "2s").await;
    let begun = Instant::now();
    until(async || other.count("completed").await == 2).await;
    println!("taken over {:?} after the other one's start", begun.elapsed());
    let before = other.everything().await;
    stopped.process.resume();
    stopped.process.terminate();
    assert!(stopped.process.ended().await.success(), "{}", stopped.process.log());
    assert!(!stopped.process.log().contains("could not be recorded"), "it got as far as to try: {}", stopped.process.log());
    assert_eq!(other.everything().await, before);
    for id in ["answered", "hanging"] {
        assert_eq!(other.history(id).await, ["poll completed applied"]);
        assert_eq!(other.ask(&format!("tasks/{id}")).await["result"], "of the other");
        assert_eq!(generator.count(&format!("GET /jobs/{id}")), 2);
    }
    aside.close().await.expect("a connection closes");
    other.end().await;
}

async fn both(database: &Database, generator: &Generator, timeout: &str) -> [Hub; 2] {
    let hubs = join_all(["127.0.0.1", "localhost"].map(|host| Hub::start(database, generator, host, timeout))).await;
    hubs.try_into().unwrap_or_else(|_| panic!("two hubs"))
}

/// Tasks of jobs that are there already, and stand so: `t-00` of `job-00` and so on.
async fn tasks(hub: &Hub, generator: &Generator, tasks: usize, state: &Value) {
    for number in 0..tasks {
        generator.add(&format!("job-{number:02}"), state);
    }
    let wanted =
        |number: usize| json!({"id": format!("t-{number:02}"), "generator": "hosted", "external_id": format!("job-{number:02}")});
    let wanted: Vec<Value> = (0..tasks).map(wanted).collect();
    join_all(wanted.iter().map(|task| hub.create(task))).await;
}

/// How often each job was asked about by the hub that knows the generator under this name.
fn asked_by(generator: &Generator, host: &str) -> BTreeMap<String, usize> {
    let mut times = BTreeMap::new();
    for asked in generator.asked("GET") {
        if asked.headers["host"].starts_with(host) {
            *times.entry(asked.target).or_default() += 1;
        }
    }
    times
}

async fn until(mut ask: impl AsyncFnMut() -> bool) {
    let mut ticks = tokio::time::interval(Duration::from_millis(5));
    let asking = timeout(PATIENCE, async {
        while !ask().await {
            ticks.tick().await;
        }
    });
    asking.await.expect("it becomes true within a minute");
}

/// What a query calls `n`.
async fn number(connection: &DatabaseConnection, query: &str) -> i64 {
    let statement = Statement::from_string(connection.get_database_backend(), query);
    let row = connection.query_one_raw(statement).await.expect(query).expect("a row");
    row.try_get("", "n").expect("a number")
}

impl Hub {
    /// One question a task, soon; another one only after an hour.
    async fn start(database: &Database, generator: &Generator, host: &str, timeout: &str) -> Self {
        let (files, base) = (generators(), generator.base.replace("127.0.0.1", host));
        let own = settings(&base);
        let polls = [("POLL_FIRST_AFTER", "1s"), ("POLL_INTERVAL", "1h"), ("POLL_MAX_INTERVAL", "1h"), ("POLL_TIMEOUT", timeout)];
        let settings: Vec<(&str, &str)> = own.iter().map(|(name, value)| (&**name, &**value)).chain(polls).collect();
        let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
        let process = Process::with(&database.url, &settings, &files).await;
        let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().expect("a client");
        Self { process, client }
    }

    async fn create(&self, task: &Value) {
        let request = self.client.post(format!("http://{}/api/tasks", self.process.address)).bearer_auth(API_KEY).json(task);
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), 201, "{task}");
    }

    async fn ask(&self, path: &str) -> Value {
        let request = self.client.get(format!("http://{}/api/{path}", self.process.address)).bearer_auth(API_KEY);
        let answer = request.send().await.expect("an answer");
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.json().await.expect("JSON")
    }

    /// Tasks in a state.
    async fn count(&self, status: &str) -> u64 {
        self.ask("stats").await["tasks"][status].as_u64().expect("a number")
    }

    /// All tasks and receipts.
    async fn everything(&self) -> [Value; 2] {
        [self.ask("tasks?limit=200").await, self.ask("callbacks?limit=200").await]
    }

    /// Source, event and outcome of a task's receipts.
    async fn history(&self, task: &str) -> Vec<String> {
        let list = self.ask(&format!("tasks/{task}/callbacks")).await;
        let words =
            |item: &Value| ["source", "event", "outcome"].map(|name| item[name].as_str().unwrap_or("-").to_owned()).join(" ");
        list["items"].as_array().expect("a list").iter().map(words).collect()
    }

    async fn end(mut self) {
        self.process.terminate();
        assert!(self.process.ended().await.success(), "{}", self.process.log());
        assert_eq!(self.process.log(), "", "it has nothing to complain about");
    }
}
