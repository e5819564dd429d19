//! What the hub believes, held against the generator's own books.

use std::collections::BTreeMap;

use callback_hub::simulator::{End, Entry, Ledger};
use futures_util::stream::{self, StreamExt};
use serde_json::Value;

use super::AT_ONCE;
use crate::harness::App;

pub(super) struct Audited {
    pub ledger: Ledger,
    pub tasks: usize,
    /// Accepted ones.
    pub callbacks: usize,
    /// Tasks by the road of the news.
    pub settled_by: BTreeMap<String, usize>,
}

impl Audited {
    pub(super) fn by(&self, road: &str) -> usize {
        self.settled_by.get(road).copied().unwrap_or(0)
    }
}

/// # Panics
/// If a task has another end than its job, or was told of it more than once, or anything was submitted twice.
pub(super) async fn audit(app: &App, ledger: Ledger) -> Audited {
    assert_eq!(ledger.totals.doubled, 0, "nothing is paid for twice");
    let jobs: BTreeMap<&str, &Entry> = ledger.jobs.iter().filter_map(|job| Some((job.key.as_deref()?, job))).collect();
    assert_eq!(jobs.len(), ledger.jobs.len(), "each job has a key of its own");
    let receipts = pages(app, "/api/callbacks?verdict=accepted").await;
    let mut ends: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for receipt in receipts.iter().filter(|receipt| is_end(receipt) && receipt["outcome"] == "applied") {
        ends.entry(receipt["task_id"].as_str().expect("a task's")).or_default().push(receipt);
    }
    let (mut attempts, mut settled_by) = (0, BTreeMap::<String, usize>::new());
    let tasks = pages(app, "/api/tasks?").await;
    for task in &tasks {
        let id = task["id"].as_str().expect("an id");
        attempts += check(task, &ends.remove(id).unwrap_or_default(), &jobs);
        *settled_by.entry(task["settled_by"].as_str().unwrap_or("nobody").to_owned()).or_default() += 1;
    }
    assert_eq!(attempts, ledger.jobs.len(), "one job an attempt");
    let completed = tasks.iter().filter(|task| task["status"] == "completed");
    stream::iter(completed).for_each_concurrent(AT_ONCE, |task| check_result(app, task)).await;
    let callbacks = receipts.iter().filter(|receipt| receipt["source"] == "callback").count();
    Audited { ledger, tasks: tasks.len(), callbacks, settled_by }
}

/// How many attempts it has; `ends` are those that had an effect.
fn check(task: &Value, ends: &[&Value], jobs: &BTreeMap<&str, &Entry>) -> usize {
    let id = task["id"].as_str().expect("an id");
    let number = |name: &str| task[name].as_u64().expect("a number");
    let last = number("attempt");
    let job = |attempt: u64| jobs.get(format!("{id}-{attempt}").as_str()).unwrap_or_else(|| panic!("no job of {task}"));
    let right = |attempt: u64| job(attempt).end.expect("an end").as_str();
    let mut told: Vec<(u64, &str)> =
        ends.iter().map(|end| (end["attempt"].as_u64().expect("an attempt"), end["event"].as_str().expect("a word"))).collect();
    told.sort_unstable();
    let expected: Vec<(u64, &str)> = (1..=last).map(|attempt| (attempt, right(attempt))).collect();
    assert_eq!(told, expected, "each attempt has its own job's end, once: {task}");
    assert!((1..last).all(|attempt| job(attempt).end == Some(End::Failed)), "only failures are retried: {task}");
    assert_eq!((&task["status"], &task["external_id"]), (&right(last).into(), &job(last).id.as_str().into()), "{task}");
    let used_up = last == 1 + number("max_retries");
    assert!(last <= 1 + number("max_retries") && (task["status"] != "failed" || used_up), "{task}");
    if task["status"] == "failed" {
        assert_eq!(task["error"]["code"], "OUT_OF_MEMORY", "{task}");
    }
    usize::try_from(last).expect("a few")
}

/// Results are not in lists.
async fn check_result(app: &App, task: &Value) {
    let (id, job) = (task["id"].as_str().expect("an id"), task["external_id"].as_str().expect("a job"));
    assert_eq!(app.task(id).await["result"]["file"], format!("{job}.png"), "{task}");
}

fn is_end(receipt: &Value) -> bool {
    ["completed", "failed", "cancelled"].iter().any(|end| receipt["event"] == *end)
}

/// All of a list.
async fn pages(app: &App, path: &str) -> Vec<Value> {
    let mut all = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = app.get(&format!("{path}&limit=200{cursor}")).await.good(200);
        all.extend(page["items"].as_array().expect("a list").iter().cloned());
        let Some(next) = page["next_cursor"].as_str() else { return all };
        cursor = format!("&cursor={next}");
    }
}
