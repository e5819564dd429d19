//! `simulate` and `demo`, as people run them: the real program, real processes, real sockets.

mod process;
mod serving;
mod stubborn;

use std::collections::BTreeMap;

use callback_hub::simulator::{Announced, Fault, Line, Sent, Summary};
use rstest::rstest;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::harness::database::{Database, Kind};
use process::{Ended, Hub, program, run};

/// What a simulation has told.
struct Told {
    announced: Vec<Announced>,
    sent: Vec<Sent>,
    summary: Summary,
}

#[rstest]
#[case(Kind::Sqlite)]
#[case(Kind::Postgres)]
#[tokio::test]
async fn simulated_tasks_reach_their_right_ends_and_both_sides_count_alike(#[case] kind: Kind) {
    let database = Database::fresh(kind).await;
    let hub = Hub::start(&database, &[]).await;
    let ended = hub.simulate(&["--tasks", "16", "--seed", "7", "--pace", "5ms", "--forgeries", "0.3", "--failures", "0.3"]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.complaints);
    let Told { announced, sent, summary } = told(&ended);

    assert_eq!(announced.len(), 16);
    for Announced { task, end, .. } in &announced {
        let task = hub.ask(&format!("tasks/{task}")).await;
        assert_eq!(task["status"], end.as_str(), "{task}");
    }

    let [ignored, refused] = [&summary.ignored, &summary.refused].map(|counts| counts.values().sum::<u64>());
    assert_eq!(summary.sent, summary.applied + summary.duplicates + ignored + refused);
    assert_eq!(summary.sent, sent.len() as u64);
    let stats = hub.ask("stats").await;
    let counted = serde_json::json!({"applied": summary.applied, "duplicate": summary.duplicates, "ignored": ignored});
    assert_eq!(stats["callbacks"]["accepted"], counted);
    assert_eq!(stats["callbacks"]["rejected"], serde_json::json!(summary.refused));
    let forged = sent.iter().filter(|sent| sent.fault.is_some_and(Fault::is_forgery)).count();
    assert_eq!(summary.refused, BTreeMap::from([("signature_invalid".to_owned(), forged as u64)]));
    assert!(forged > 0 && summary.duplicates > 0 && ignored > 0, "faults of each kind: {summary:?}");
}

#[tokio::test]
async fn the_same_seed_sends_the_same_events() {
    let database = Database::fresh(Kind::Sqlite).await;
    let hub = Hub::start(&database, &[]).await;
    let mut events = Vec::new();
    for (name, seed) in [("one", "7"), ("two", "7"), ("three", "8")] {
        let ended = hub.simulate(&["--tasks", "6", "--seed", seed, "--name", name, "--pace", "2ms"]).await;
        assert_eq!(ended.code, Some(0), "{}", ended.complaints);
        let mut sent: Vec<_> = told(&ended).sent.into_iter().map(|sent| event(&sent)).collect();
        sent.sort();
        events.push(sent);
    }
    assert_eq!(events[0], events[1]);
    assert_ne!(events[0], events[2]);
}

#[tokio::test]
async fn a_simulator_with_the_wrong_secret_fails_and_changes_nothing() {
    let database = Database::fresh(Kind::Sqlite).await;
    let hub = Hub::start(&database, &[]).await;
    let wrong = ["--tasks", "2", "--seed", "7", "--name", "wrong", "--pace", "0", "--secret", "another secret altogether"];
    let ended = hub.simulate(&wrong).await;
    assert_eq!(ended.code, Some(1), "{}", ended.complaints);
    let summary = told(&ended).summary;
    assert_eq!((summary.ended, summary.applied, summary.refused["signature_invalid"]), (0, 0, summary.sent));
    for task in ["tasks/wrong-01", "tasks/wrong-02"] {
        assert_eq!(hub.ask(task).await["status"], "submitted");
    }
}

#[tokio::test]
async fn a_simulator_without_a_secret_is_wrong_usage() {
    let ended = run(program(&[]).args(["simulate", "--hub", "http://127.0.0.1:1"])).await;
    assert_eq!(ended.code, Some(2), "{}", ended.complaints);
    assert!(ended.complaints.contains("no secret is known"), "{}", ended.complaints);
}

#[tokio::test]
async fn a_callback_that_meets_503_is_sent_again() {
    let database = Database::fresh(Kind::Sqlite).await;
    let stubborn = stubborn::Proxy::start().await;
    let hub = Hub::start(&database, &[("CALLBACK_BASE_URL", &stubborn.url)]).await;
    stubborn.stand_before(&hub.url);
    let faultless = ["--duplicates", "0", "--reorders", "0", "--forgeries", "0", "--pace", "1ms", "--seed", "7", "--tasks", "3"];
    let ended = hub.simulate(&faultless).await;
    assert_eq!(ended.code, Some(0), "{}", ended.complaints);
    let Told { sent, summary, .. } = told(&ended);
    assert!(sent.iter().all(|sent| sent.tries == 2), "{sent:?}");
    assert_eq!((summary.applied, summary.repeated), (summary.sent, summary.sent));
}

#[tokio::test]
async fn the_demo_ends_well_adds_up_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let temporary = folder.path().display().to_string();
    let demo = ["demo", "--tasks", "8", "--seed", "7", "--exit", "--pace", "20ms"];
    let ended = run(program(&[("TMPDIR", &temporary)]).args(demo)).await;
    assert_eq!(ended.code, Some(0), "{}\n{}", ended.text, ended.complaints);
    assert_eq!(ended.complaints, "");
    assert!(ended.text.contains("Every task reached its right end"), "{}", ended.text);

    let count = |name: &str| {
        let line = ended.text.lines().find_map(|line| line.trim().strip_prefix(name)).expect(name);
        line.split_whitespace().next().and_then(|number| number.parse::<u64>().ok()).expect(line)
    };
    let parts = [count("applied"), count("duplicates"), count("ignored"), count("refused"), count("lost")];
    assert_eq!((count("tasks"), count("callbacks")), (8, parts[..4].iter().sum()));
    assert!(count("by poll") > 0 && parts[4] > 0, "some tasks were rescued: {}", ended.text);
    let rows = ended.text.lines().filter(|line| line.trim().starts_with("demo-"));
    let sums = rows.map(row).fold((0, [0; 5]), |(rows, sums), row| (rows + 1, std::array::from_fn(|i| sums[i] + row[i])));
    assert_eq!(sums, (8, parts));
    assert_eq!(folder.path().read_dir().unwrap().count(), 0, "the demo's folder is gone");
}

#[tokio::test]
async fn the_demo_stays_up_to_be_looked_at_until_it_is_told_to_end() {
    let folder = tempfile::tempdir().unwrap();
    let temporary = folder.path().display().to_string();
    let mut program = program(&[("TMPDIR", &temporary)]);
    let mut demo = program.args(["demo", "--tasks", "2", "--seed", "7", "--pace", "1ms"]).spawn().unwrap();
    let mut lines = BufReader::new(demo.stdout.take().unwrap()).lines();
    let mut told = BTreeMap::new();
    while let Some(line) = lines.next_line().await.unwrap() {
        if let Some((name, value)) = line.trim().split_once(":  ") {
            told.insert(name.to_owned(), value.trim().to_owned());
        }
        if line.contains("Ctrl-C ends") {
            break;
        }
    }
    for place in ["Look around", "The API"] {
        let page = process::client().get(&told[place]).send().await.unwrap();
        assert!(page.status().is_success(), "{place}: {}", page.status());
    }
    let tasks = told["The API"].replace("/docs", "/api/tasks");
    let tasks = process::client().get(tasks).bearer_auth(&told["API key"]).send().await.unwrap();
    assert_eq!(tasks.json::<Value>().await.unwrap()["items"].as_array().map(Vec::len), Some(2));

    process::interrupt(&demo);
    assert_eq!(demo.wait().await.unwrap().code(), Some(0));
    assert_eq!(folder.path().read_dir().unwrap().count(), 0, "the demo's folder is gone");
}

#[tokio::test]
async fn a_demo_that_is_interrupted_fails_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let temporary = folder.path().display().to_string();
    let mut program = program(&[("TMPDIR", &temporary)]);
    let mut demo = program.args(["demo", "--tasks", "2", "--seed", "7", "--pace", "1h"]).spawn().unwrap();
    let mut lines = BufReader::new(demo.stdout.take().unwrap()).lines();
    while !lines.next_line().await.unwrap().expect("a title").contains("Callback Hub at") {}
    process::interrupt(&demo);
    assert_eq!(demo.wait().await.unwrap().code(), Some(1));
    assert_eq!(folder.path().read_dir().unwrap().count(), 0, "the demo's folder is gone");
}

fn told(ended: &Ended) -> Told {
    let (mut announced, mut sent, mut summaries) = (Vec::new(), Vec::new(), Vec::new());
    for text in ended.text.lines() {
        match serde_json::from_str(text).expect(text) {
            Line::Task(task) => announced.push(task),
            Line::Sent(line) => sent.push(*line),
            Line::Summary(summary) => summaries.push(summary),
            other => panic!("{other}"),
        }
    }
    assert_eq!(summaries.len(), 1);
    Told { announced, sent, summary: summaries.remove(0) }
}

/// What a seed decides of a sending.
fn event(sent: &Sent) -> (String, u32, String, Option<u32>, String) {
    let job = sent.task.rsplit('-').next().unwrap_or_default().to_owned();
    (job, sent.number, sent.event.clone(), sent.percent, format!("{:?}", sent.fault))
}

/// The numbers of ` demo-01  completed   14 callbacks:  8 applied,  3 duplicates,  1 ignored,  2 refused,  4 lost; …`
fn row(line: &str) -> [u64; 5] {
    let (_, counts) = line.split_once("callbacks:").expect(line);
    let counts: Vec<u64> = counts.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    counts.try_into().expect(line)
}
