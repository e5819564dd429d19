//! A parked callback survives the process that parked it, and the one that was about to apply it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Client;
use rstest::rstest;
use serde_json::{Value, json};

use super::{generators, progress, settings};
use crate::harness::process::{API_KEY, Process};
use crate::harness::signing::{HEADER, SECRET, signature};
use crate::harness::{Database, Kind};

const PATIENCE: Duration = Duration::from_secs(60);
const JOBS: usize = 60;

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_loses_nothing_that_was_parked(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (database, client) = (Database::fresh(kind).await, Client::builder().no_proxy().build().expect("a client"));
    let jobs: Vec<String> = (0..JOBS).map(|job| format!("gen-{job:02}")).collect();
    let mut told: BTreeMap<&str, Value> = BTreeMap::new();
    // killed while they are parked: whoever heard nothing comes again
    for round in 1..=3 {
        let hub = start(&database).await;
        let (address, answered) = (hub.address, AtomicUsize::new(told.len()));
        let open: Vec<&str> = jobs.iter().map(String::as_str).filter(|job| !told.contains_key(job)).collect();
        let telling = join_all(open.iter().map(|job| tell(&client, address, job, &answered)));
        let killing = async {
            until(async || answered.load(Ordering::SeqCst) >= round * JOBS / 4).await;
            hub.kill().await;
        };
        let (answers, ()) = tokio::join!(telling, killing);
        told.extend(open.into_iter().zip(answers).filter_map(|(job, answer)| Some((job, answer?))));
    }
    let hub = start(&database).await;
    let address = hub.address;
    assert!(
        database.count("hub_parked").await >= i64::try_from(told.len()).expect("few"),
        "all that were acknowledged are there"
    );
    for job in &jobs {
        let answer = tell(&client, address, job, &AtomicUsize::new(0)).await.expect("an answer");
        let outcome = answer["outcome"].as_str().expect("an outcome");
        assert!(outcome == "duplicate" || outcome == "parked" && !told.contains_key(job.as_str()), "{job}: {answer}");
        told.entry(job).or_insert(answer);
    }
    assert_eq!(database.count("hub_parked").await, i64::try_from(JOBS).expect("few"));

    // killed while they are applied
    let creating = join_all(jobs.iter().map(|job| create(&client, address, job)));
    let (_, ()) = tokio::join!(creating, async {
        until(async || database.count("hub_tasks").await > 10).await;
        hub.kill().await;
    });
    let mut hub = start(&database).await;
    join_all(jobs.iter().map(|job| create(&client, hub.address, job))).await;
    until(async || ask(&client, hub.address, "stats").await["parked"] == 0).await;
    for job in &jobs {
        let task = ask(&client, hub.address, &format!("tasks/t-{job}")).await;
        assert_eq!(task["progress"]["percent"], 5.0, "{task}");
        let receipts = ask(&client, hub.address, &format!("tasks/t-{job}/callbacks")).await;
        let receipts = receipts["items"].as_array().expect("a list");
        assert_eq!(receipts.len(), 1, "{job} was applied once");
        let id = &told[job.as_str()]["callback_id"];
        let known = &receipts[0]["id"] == id || told[job.as_str()]["outcome"] == "duplicate";
        assert!(known, "{job} keeps the id that was told: {receipts:?}, {id}");
    }
    hub.terminate();
    assert!(hub.ended().await.success(), "{}", hub.log());
    assert_eq!(hub.log(), "", "it has nothing to complain about");
}

async fn start(database: &Database) -> Process {
    let (files, own) = (generators(), settings("http://127.0.0.1:1"));
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let secret = [("GENERATOR_ACCOUNT_SECRET", SECRET)];
    let settings: Vec<(&str, &str)> = own.iter().map(|(name, value)| (&**name, &**value)).chain(secret).collect();
    Process::with(&database.url, &settings, &files).await
}

/// None: no answer came.
async fn tell(client: &Client, address: SocketAddr, job: &str, answered: &AtomicUsize) -> Option<Value> {
    let body = progress(job, 5).to_string();
    let request = client.post(format!("http://{address}/hooks/account"));
    let answer = request.header(HEADER, signature(body.as_bytes())).body(body).send().await.ok()?;
    assert_eq!(answer.status(), 200);
    let answer = answer.json().await.ok()?;
    answered.fetch_add(1, Ordering::SeqCst);
    Some(answer)
}

/// Whether or not an answer comes.
async fn create(client: &Client, address: SocketAddr, job: &str) {
    let task = json!({"id": format!("t-{job}"), "generator": "account", "external_id": job});
    let request = client.post(format!("http://{address}/api/tasks")).bearer_auth(API_KEY).json(&task);
    if let Ok(answer) = request.send().await {
        assert!([200, 201].contains(&answer.status().as_u16()), "{}", answer.status());
    }
}

async fn ask(client: &Client, address: SocketAddr, path: &str) -> Value {
    let request = client.get(format!("http://{address}/api/{path}")).bearer_auth(API_KEY);
    request.send().await.expect("an answer").json().await.expect("JSON")
}

async fn until(mut ask: impl AsyncFnMut() -> bool) {
    let mut ticks = tokio::time::interval(Duration::from_millis(5));
    let asking = tokio::time::timeout(PATIENCE, async {
        while !ask().await {
            ticks.tick().await;
        }
    });
    asking.await.expect("it becomes true within a minute");
}
