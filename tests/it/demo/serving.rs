//! `simulate --listen`: a generator as a process of its own.

use std::time::Duration;

use callback_hub::simulator::{Ledger, Line};
use reqwest::Response;
use rstest::rstest;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout};

use super::process::{Hub, SECRET, client, interrupt, program, run};
use crate::harness::database::{Database, Kind};

/// Killed when dropped.
struct Generator {
    url: String,
    process: Child,
    out: Lines<BufReader<ChildStdout>>,
}

impl Generator {
    async fn start(arguments: &[&str]) -> Self {
        let mut program = program(&[("CALLBACK_SECRET_KEY", SECRET)]);
        program.args(["simulate", "--json", "--listen", "127.0.0.1:0", "--generator", "default"]);
        program.args(["--seed", "7", "--pace", "1ms"]).args(arguments);
        let mut process = program.current_dir(std::env::temp_dir()).spawn().expect("the program starts");
        let mut out = BufReader::new(process.stdout.take().expect("a pipe")).lines();
        let Line::Ready { url } = line(&mut out).await.expect("its first line") else { panic!("it is ready") };
        Self { url, process, out }
    }

    async fn submit(&self, key: &str, callback_url: &Value) -> Response {
        let job = json!({"prompt": "a lighthouse", "callback_url": callback_url});
        let request = client().post(format!("{}/jobs", self.url)).header("idempotency-key", key).json(&job);
        request.send().await.expect("an answer")
    }

    async fn ledger(&self) -> Ledger {
        let answer = client().get(format!("{}/jobs", self.url)).send().await.expect("an answer");
        answer.json().await.expect("a ledger")
    }

    /// What it has told until its end, after Ctrl-C.
    async fn interrupted(mut self) -> (Option<i32>, Vec<Line>) {
        interrupt(&self.process);
        let mut told = Vec::new();
        while let Some(line) = line(&mut self.out).await {
            told.push(line);
        }
        (self.process.wait().await.expect("it ends").code(), told)
    }
}

async fn line(out: &mut Lines<BufReader<ChildStdout>>) -> Option<Line> {
    let text = out.next_line().await.expect("a pipe")?;
    Some(serde_json::from_str(&text).unwrap_or_else(|error| panic!("{text}: {error}")))
}

#[rstest]
#[case(Kind::Sqlite)]
#[case(Kind::Postgres)]
#[tokio::test]
async fn tasks_of_own_code_that_submits_reach_the_ends_that_the_generator_knows(#[case] kind: Kind) {
    let database = Database::fresh(kind).await;
    let hub = Hub::start(&database, &[("TASK_MAX_RETRIES", "0")]).await;
    let generator = Generator::start(&["--failures", "0.3", "--cancellations", "0.3", "--delay", "5ms"]).await;
    for number in 0..8 {
        let task = format!("own-{number}");
        let created = hub.create(&json!({"id": task})).await;
        assert_eq!(generator.submit(&task, &created["callback_url"]).await.status(), 202);
    }
    for job in generator.ledger().await.jobs {
        let task = job.key.expect("the task");
        let settled = hub.ask(&format!("tasks/{task}?wait=30")).await;
        assert_eq!(settled["status"].as_str(), job.end.map(|end| end.as_str()), "{task}");
        // nobody but its callbacks has told the hub the job's id
        assert_eq!(settled["external_id"].as_str(), Some(job.id.as_str()));
    }
    let (code, told) = generator.interrupted().await;
    assert_eq!(code, Some(0));
    let Some(Line::Summary(summary)) = told.last() else { panic!("{told:?}") };
    assert_eq!((summary.seed, summary.tasks, summary.ended, summary.forgeries_taken), (7, 8, 8, 0));
    assert!(summary.refused.keys().all(|code| code == "signature_invalid"), "{summary:?}");
}

#[tokio::test]
async fn faults_that_are_asked_for_come_and_are_counted_at_the_end() {
    let generator = Generator::start(&["--lose", "1", "--hang", "1", "--forgeries", "0"]).await;
    let nobody = json!("http://127.0.0.1:1/callback/one");
    assert_eq!(generator.submit("one", &nobody).await.status(), 202);
    let lost = async { while generator.ledger().await.jobs[0].counts.lost < 3 {} };
    tokio::time::timeout(Duration::from_secs(20), lost).await.expect("callbacks are lost within 20 seconds");
    assert_eq!(generator.ledger().await.jobs[0].end, None);
    let (code, told) = generator.interrupted().await;
    assert_eq!(code, Some(0));
    let Some(Line::Summary(summary)) = told.last() else { panic!("{told:?}") };
    assert_eq!((summary.tasks, summary.ended, summary.sent, summary.unanswered), (1, 0, 0, 0));
    assert!(summary.lost >= 3);
}

#[tokio::test]
async fn the_faults_of_a_generator_without_endpoints_are_wrong_usage() {
    for wrong in [["--lose", "0.5"].as_slice(), &["--listen", "127.0.0.1:0", "--down-after", "1s"], &["--lose", "2"]] {
        let ended = run(program(&[("CALLBACK_SECRET_KEY", SECRET)]).arg("simulate").args(wrong)).await;
        assert_eq!(ended.code, Some(2), "{wrong:?}: {}", ended.complaints);
    }
}

#[tokio::test]
async fn an_address_that_is_taken_is_told() {
    let generator = Generator::start(&[]).await;
    let address = generator.url.trim_start_matches("http://");
    let ended = run(program(&[("GENERATOR_SIMULATOR_SECRET", SECRET)]).args(["simulate", "--listen", address])).await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.complaints.contains(&format!("cannot listen on {address}")), "{}", ended.complaints);
}
