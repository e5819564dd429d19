//! Generator files change under load: whoever calls rightly does not notice.

use std::net::SocketAddr;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use reqwest::{Client, RequestBuilder};
use rstest::rstest;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::harness::database::{Database, Kind};
use crate::harness::process::{API_KEY, Process};
use crate::harness::signing::{HEADER, signature};

const SENDERS: usize = 6;
const TURNS: usize = 12;
const PATIENCE: Duration = Duration::from_secs(30);
const BROKEN: &str = "trust = \"token\"\n[event]\nstaet = \"json:status\"\n";

const EVENT: &str = "[event]\nstate = \"json:status\"\nresult = \"json:output\"\nmap.completed = \"done\"\n";

/// The same generator each time, in other words.
fn file(turn: usize) -> String {
    format!("trust = \"token\"\nabout = \"turn {turn}\"\n{EVENT}")
}

/// A task, the result that its generator has sent, and the receipt that was told.
struct Taken {
    task: String,
    result: Value,
    receipt: String,
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn no_callback_is_refused_while_generator_files_change(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let database = Database::fresh(kind).await;
    let hub = Process::with(&database.url, &[], &[("one", &file(0))]).await;
    let (done, until_done) = watch::channel(false);
    let (taken, mut growing) = watch::channel(0_usize);
    let mut senders = JoinSet::new();
    for name in 0..SENDERS {
        senders.spawn(send_until(until_done.clone(), hub.address, name, taken.clone()));
    }
    let client = client();
    for turn in 1..=TURNS {
        let goal = *growing.borrow() + 10;
        // each third time somebody makes a mistake in one file, and mends it; each time there are more files
        if turn % 3 == 0 {
            hub.write_generator("two", BROKEN);
            let names_it = |list: &Value| list["refused"]["fault"].as_str().is_some_and(|fault| fault.starts_with("two.toml:3"));
            read_again(&hub, &client, names_it).await;
        }
        hub.write_generator("two", &file(turn));
        hub.write_generator("one", &file(turn));
        hub.write_generator(&format!("more-{turn}"), &file(turn));
        let about = format!("turn {turn}");
        read_again(&hub, &client, |list| list["refused"].is_null() && describes(list, "one", &about)).await;
        let grown = timeout(PATIENCE, growing.wait_for(|count| *count >= goal)).await;
        grown.unwrap_or_else(|_| panic!("the hub takes nothing any more: {}", hub.log())).expect("the senders go on");
    }
    done.send_replace(true);
    let all: Vec<Taken> = senders.join_all().await.into_iter().flatten().collect();
    println!("{kind:?}: {} callbacks while generator files changed {TURNS} times", all.len());
    for Taken { task, result, receipt } in all {
        let found = get(&hub, &client, &format!("/api/tasks/{task}")).await;
        assert_eq!((&found["status"], &found["result"]), (&json!("completed"), &result), "{task}");
        let receipts = get(&hub, &client, &format!("/api/tasks/{task}/callbacks")).await;
        let receipts: Vec<&Value> = receipts["items"].as_array().expect("a list").iter().map(|found| &found["id"]).collect();
        assert_eq!(receipts, [&json!(receipt)], "{task}");
    }
}

fn client() -> Client {
    Client::builder().no_proxy().pool_idle_timeout(Duration::from_secs(1)).timeout(PATIENCE).build().expect("an HTTP client")
}

async fn answered(request: RequestBuilder, status: u16) -> Value {
    let answer = request.send().await.expect("an answer");
    let (found, text) = (answer.status(), answer.text().await.expect("a body"));
    assert_eq!(found.as_u16(), status, "{text}");
    serde_json::from_str(&text).expect("JSON")
}

async fn get(hub: &Process, client: &Client, path: &str) -> Value {
    answered(client.get(format!("http://{}{path}", hub.address)).bearer_auth(API_KEY), 200).await
}

/// Has the files read, and waits until the list of generators says so.
async fn read_again(hub: &Process, client: &Client, says: impl Fn(&Value) -> bool) {
    kill(hub.pid(), Signal::SIGHUP).expect("the hub runs");
    let asking = async {
        while !says(&get(hub, client, "/api/generators").await) {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, asking).await.unwrap_or_else(|_| panic!("the files are not read in time: {}", hub.log()));
}

fn describes(list: &Value, name: &str, about: &str) -> bool {
    list["items"].as_array().is_some_and(|items| items.iter().any(|item| item["name"] == name && item["about"] == about))
}

/// Tasks of the generator whose file changes, and of one that has no file there, in turn: each is created, and called back.
async fn send_until(done: watch::Receiver<bool>, hub: SocketAddr, name: usize, taken: watch::Sender<usize>) -> Vec<Taken> {
    let (client, mut all) = (client(), Vec::new());
    while !*done.borrow() {
        let number = all.len();
        let (generator, body) = if number % 2 == 0 {
            ("one", json!({"status": "done", "output": number}))
        } else {
            ("default", json!({"event": "completed", "result": number}))
        };
        let (wanted, body) = (json!({"id": format!("{name}-{number}"), "generator": generator}), body.to_string());
        let request = client.post(format!("http://{hub}/api/tasks")).bearer_auth(API_KEY).body(wanted.to_string());
        let task = answered(request, 201).await;
        let url = task["callback_url"].as_str().expect("a URL");
        let path = url.find("/callback").map(|at| &url[at..]).expect("a path");
        let mut request = client.post(format!("http://{hub}{path}"));
        if generator == "default" {
            request = request.header(HEADER, signature(body.as_bytes()));
        }
        let answer = answered(request.body(body), 200).await;
        assert_eq!((&answer["outcome"], &answer["status"]), (&json!("applied"), &json!("completed")), "{answer}");
        let text = |answer: &Value, name: &str| answer[name].as_str().expect("a text").to_owned();
        all.push(Taken { task: text(&task, "id"), result: json!(number), receipt: text(&answer, "callback_id") });
        taken.send_modify(|count| *count += 1);
    }
    all
}
