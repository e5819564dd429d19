//! The real binary: by SIGHUP and by itself, with its log and its figures.

use std::cell::Cell;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use rstest::rstest;
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::RwLock;

use super::{NEW, OLD};
use crate::harness::callback::{SIGNATURE, hmac};
use crate::harness::process::{API_KEY, Process};
use crate::harness::{Database, Kind};

/// What the harness would set, and these tests have in files.
const UNSET: [(&str, &str); 4] =
    [("CALLBACK_SECRET_KEY", ""), ("CALLBACK_SECRET_KEY_FILE", "secret"), ("LOG_LEVEL", ""), ("SERVER_PORT", "")];
const FILE: &str = "[server]\nport = 0\n[log]\nlevel = \"warn\"\n";

struct Hub {
    process: Process,
    client: reqwest::Client,
    _database: Database,
}

impl Hub {
    /// With task `t`.
    async fn start(kind: Kind) -> Self {
        let folder: TempDir = tempfile::tempdir().expect("a temporary folder");
        for (name, text) in [("secret", OLD), ("callback-hub.toml", FILE)] {
            std::fs::write(folder.path().join(name), text).expect("a file");
        }
        let database = Database::fresh(kind).await;
        let process = Process::within(folder, &database.url, &UNSET, &[]).await;
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let hub = Self { process, client, _database: database };
        let request = hub.client.post(hub.at("/api/tasks")).bearer_auth(API_KEY).body(json!({"id": "t"}).to_string());
        assert_eq!(request.send().await.expect("an answer").status(), 201);
        hub
    }

    fn at(&self, path: &str) -> String {
        format!("http://{}{path}", self.process.address)
    }

    async fn status(&self, secret: &str) -> u16 {
        let body = json!({"event": "progress", "progress": {"percentage": 5}}).to_string();
        let signature = format!("sha256={}", hex::encode(hmac(secret, body.as_bytes())));
        let request = self.client.post(self.at("/callback/t")).header(SIGNATURE, signature).body(body);
        request.send().await.expect("an answer").status().as_u16()
    }

    async fn has_figure(&self, line: &str) -> bool {
        let text = self.client.get(self.at("/metrics")).send().await.expect("an answer").text().await.expect("a text");
        text.lines().any(|found| found == line)
    }

    async fn until(&self, what: &str, mut is_so: impl AsyncFnMut() -> bool) {
        let asking = async {
            while !is_so().await {
                tokio::task::yield_now().await;
            }
        };
        let asked = tokio::time::timeout(Duration::from_secs(30), asking).await;
        asked.unwrap_or_else(|_| panic!("not in time: {what}; the log: {}", self.process.log()));
    }

    fn hang_up(&self) {
        kill(self.process.pid(), Signal::SIGHUP).expect("the hub runs");
    }

    async fn end(mut self) {
        self.process.terminate();
        assert!(self.process.ended().await.success());
    }
}

#[rstest]
#[tokio::test]
async fn a_new_secret_counts_by_itself_and_on_a_hangup(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let hub = Hub::start(kind).await;
    assert_eq!((hub.status(OLD).await, hub.status(NEW).await), (200, 401));
    hub.process.write("secret", &format!("{NEW},{OLD}"));
    hub.until("both are taken", async || hub.status(NEW).await == 200).await;
    assert_eq!(hub.status(OLD).await, 200, "an overlap");
    hub.process.write("secret", NEW);
    hub.hang_up();
    hub.until("the old one is refused", async || hub.status(OLD).await == 401).await;
    assert_eq!(hub.status(NEW).await, 200);
    assert!(hub.has_figure("callback_hub_settings_refused 0").await);
    hub.end().await;
}

#[rstest]
#[tokio::test]
async fn secrets_turn_under_load_and_no_good_callback_is_refused(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let hub = Hub::start(kind).await;
    // whoever sends holds on to the secret until he has his answer: so long it has to count
    let (secret, sent, done) = (RwLock::new(OLD.to_owned()), Cell::new(0), Cell::new(false));
    let send = async || {
        while !done.get() {
            let secret = secret.read().await;
            assert_eq!(hub.status(&secret).await, 200, "callback {}", sent.get());
            sent.set(sent.get() + 1);
        }
    };
    let turn = async {
        for number in 1..=6 {
            let (before, next) = (secret.read().await.clone(), format!("{NEW} number {number}"));
            let goal = sent.get() + 20;
            hub.process.write("secret", &format!("{next},{before}"));
            hub.hang_up();
            hub.until("both are taken", async || hub.status(&next).await == 200).await;
            secret.write().await.clone_from(&next);
            hub.process.write("secret", &next);
            hub.hang_up();
            hub.until("the one before is refused", async || hub.status(&before).await == 401).await;
            hub.until("callbacks are taken", async || sent.get() >= goal).await;
        }
        done.set(true);
    };
    tokio::join!(turn, send(), send(), send(), send());
    hub.end().await;
}

#[rstest]
#[tokio::test]
async fn a_broken_file_is_refused_in_the_log_and_in_the_figures(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let hub = Hub::start(kind).await;
    assert!(hub.has_figure("callback_hub_settings_reloads_total{outcome=\"refused\"} 0").await, "there from the start");
    hub.process.write("secret", NEW);
    let broken = "[callback]\nmax_bdoy = 5\n[delivery]\nsecret = \"canary-of-a-secret\"\n";
    hub.process.write("callback-hub.toml", &format!("{FILE}{broken}"));
    hub.hang_up();
    hub.until("it is refused", async || hub.has_figure("callback_hub_settings_refused 1").await).await;
    assert_eq!((hub.status(OLD).await, hub.status(NEW).await), (200, 401), "the old ones stay");
    let log = hub.process.log();
    assert!(log.contains("are refused") && log.contains("callback.max_bdoy"), "{log}");
    assert!(!log.contains("canary") && !log.contains(NEW) && !log.contains(OLD), "{log}");

    hub.process.write("callback-hub.toml", FILE);
    hub.until("it is mended", async || hub.has_figure("callback_hub_settings_refused 0").await).await;
    assert_eq!((hub.status(OLD).await, hub.status(NEW).await), (401, 200));
    hub.end().await;
}

#[rstest]
#[tokio::test]
async fn the_log_has_another_level_from_now_on(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let hub = Hub::start(kind).await;
    let refusals = || hub.process.log().matches("callback refused").count();
    let send = async || assert_eq!(hub.status(NEW).await, 401);
    send().await;
    assert_eq!(refusals(), 0, "at level warn nobody is told");
    hub.process.write("callback-hub.toml", &FILE.replace("warn", "info"));
    hub.until("refusals are told", async || {
        send().await;
        refusals() > 0
    })
    .await;
    hub.process.write("callback-hub.toml", FILE);
    let taken = "callback_hub_settings_reloads_total{outcome=\"taken\"} 2";
    hub.until("the second reading is taken", async || hub.has_figure(taken).await).await;
    let before = refusals();
    send().await;
    assert_eq!(refusals(), before, "they are not any more");
    hub.end().await;
}

#[rstest]
#[tokio::test]
async fn what_waits_for_a_start_is_told(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let hub = Hub::start(kind).await;
    let changed = FILE.replace("port = 0", "port = 1");
    hub.process.write("callback-hub.toml", &changed);
    let told = async |sentence: &str| hub.process.log().contains(sentence);
    hub.until("it is told", async || told("SERVER_PORT has changed and is taken up at the next start").await).await;
    hub.process.write("callback-hub.toml", &format!("{changed}[retention]\ndeliveries = \"1d\"\n"));
    let both = "RETENTION_DELIVERIES, SERVER_PORT have changed and are taken up at the next start";
    hub.until("both are told", async || told(both).await).await;
    let page = hub.client.get(hub.at("/api/generators")).bearer_auth(API_KEY).send().await.expect("an answer");
    assert_eq!(page.status(), 200, "it listens where it did");
    hub.end().await;
}
