//! Webhooks of a file: registered at the start, changed with it, and by nobody else.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use rstest::rstest;
use serde_json::{Value, json};

use super::{HERE, is_signed, path};
use crate::harness::app::{Extra, refusal};
use crate::harness::process::Process;
use crate::harness::{App, Database, Kind, Subscriber};

struct File {
    path: PathBuf,
    _folder: tempfile::TempDir,
}

impl File {
    fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = Self { path: folder.path().join("webhooks.json"), _folder: folder };
        file.write(text);
        file
    }

    fn write(&self, text: &str) {
        std::fs::write(&self.path, text).expect("a file");
    }

    fn path(&self) -> &str {
        self.path.to_str().expect("UTF-8")
    }
}

async fn start(database: &Arc<Database>, file: &str) -> App {
    let settings = [HERE[0], HERE[1], ("DELIVERY_WEBHOOKS_FILE", file)];
    App::with(database, Extra { settings: &settings, ..Extra::default() }).await
}

#[rstest]
#[tokio::test]
async fn what_the_file_says_is_registered(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let subscriber = Subscriber::start().await;
    let entry = |name: &str, secret: &str| json!({"name": name, "url": subscriber.url("/in"), "events": ["task.completed"], "secret": secret, "headers": {"x-team": "blue"}});
    let file = File::new(&json!({"webhooks": [entry("a", "of a"), entry("b", "of b")]}).to_string());
    let app = start(&Arc::new(Database::fresh(kind).await), file.path()).await;
    let first = app.items("/api/webhooks").await;
    assert_eq!((first.len(), &first[0]["origin"]), (2, &json!("file")));
    app.created(&json!({"id": "t"})).await;
    app.callback("t", &json!({"event": "completed", "result": 1})).taken().await;
    app.work_off().await;
    let told = subscriber.told("/in");
    assert_eq!((told.len(), told[0].header("x-team")), (2, "blue"));
    assert!(["of a", "of b"].iter().all(|secret| told.iter().any(|told| is_signed(told, secret))));

    for answer in [
        app.patch(&path(&first[0]), &json!({"status": "paused"})).await,
        app.post(&format!("{}/rotate-secret", path(&first[0])), &json!({})).await,
        app.delete(&path(&first[0])).await,
    ] {
        assert_eq!(answer.problem(), (409, "conflict".to_owned()));
        assert!(answer.text.contains("DELIVERY_WEBHOOKS_FILE"), "{}", answer.text);
    }
    app.post(&format!("{}/test", path(&first[0])), &json!({})).await.good(200);

    let app = start(&app.stop().await, file.path()).await;
    assert_eq!(app.items("/api/webhooks").await, first, "a restart changes nothing");
    file.write(&json!({"webhooks": [entry("a", "another"), entry("c", "of c")]}).to_string());
    let app = start(&app.stop().await, file.path()).await;
    let names = |items: &[Value]| {
        let mut names: Vec<_> = items.iter().map(|item| item["name"].as_str().expect("a name").to_owned()).collect();
        names.sort();
        names
    };
    let second = app.items("/api/webhooks").await;
    assert_eq!(names(&second), ["a", "c"]);
    assert!(second.iter().any(|item| first.iter().any(|before| before["id"] == item["id"])), "the id stays");
    let database = app.stop().await;
    let app = App::on(&database, &HERE).await;
    assert_eq!(app.items("/api/webhooks").await.len(), 0, "without a file nothing of it is left");
    assert!(app.warnings.iter().any(|warning| warning.contains("DELIVERY_WEBHOOKS_FILE")), "{:?}", app.warnings);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_changed_file_is_taken_up_and_a_broken_one_is_not(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let entry = |name: &str| json!({"name": name, "url": "https://93.184.215.14/", "signature": "none"});
    let file = File::new(&json!({"webhooks": [entry("a")]}).to_string());
    let app = start(&Arc::new(Database::fresh(kind).await), file.path()).await;
    let look = async || {
        // once to see that it has changed, and once that it is not being written any more
        for _ in 0..2 {
            app.loops.reload.step().await.expect("the database answers");
        }
        app.items("/api/webhooks").await.iter().map(|item| item["name"].as_str().expect("a name").to_owned()).collect::<Vec<_>>()
    };
    file.write(&json!({"webhooks": [entry("another")]}).to_string());
    assert_eq!(look().await, ["another"]);
    file.write(r#"{"webhooks": [{"name": "broken"}]}"#);
    assert_eq!(look().await, ["another"], "the ones from before stay");
    let refused = async || app.get("/api/webhooks").await.good(200)["refused"].clone();
    let told = refused().await;
    assert_eq!(told["at"], app.clock.now().to_string());
    assert!(told["fault"].as_str().is_some_and(|fault| fault.contains("webhooks[0].url is missing")), "{told}");
    file.write(&json!({"webhooks": []}).to_string());
    assert!(look().await.is_empty());
    assert_eq!(refused().await, Value::Null);
    app.stop().await;
}

#[tokio::test]
async fn a_running_hub_counts_refused_readings() {
    let (database, file) = (Database::fresh(Kind::Sqlite).await, File::new(r#"{"webhooks": []}"#));
    let mut hub = Process::with(&database.url, &[("DELIVERY_WEBHOOKS_FILE", file.path())], &[]).await;
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let until = async |line: &str| {
        let asking = async {
            loop {
                let answer = client.get(format!("http://{}/metrics", hub.address)).send().await.expect("an answer");
                if answer.text().await.expect("a text").lines().any(|found| found == line) {
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), asking).await.unwrap_or_else(|_| panic!("{line}: {}", hub.log()));
    };
    until("callback_hub_webhooks_file_refused 0").await;
    file.write(r#"{"webhooks": [{}]}"#);
    kill(hub.pid(), Signal::SIGHUP).expect("the hub runs");
    until("callback_hub_webhooks_file_refused 1").await;
    until("callback_hub_webhooks_file_reloads_total{outcome=\"refused\"} 1").await;
    file.write(r#"{"webhooks": [ ]}"#);
    kill(hub.pid(), Signal::SIGHUP).expect("the hub runs");
    until("callback_hub_webhooks_file_refused 0").await;
    hub.terminate();
    assert!(hub.ended().await.success());
}

#[rstest]
#[case("{", "is no JSON, from line 1")]
#[case("[]", "is not a JSON object")]
#[case("{}", "webhooks: is missing")]
#[case(r#"{"webhooks": {}}"#, "webhooks: must be a list")]
#[case(r#"{"webhook": [], "webhooks": []}"#, "webhook: unknown field")]
#[case(r#"{"webhooks": ["hush"]}"#, "webhooks[0]: must be an object")]
#[case(r#"{"webhooks": [{"url": "https://93.184.215.14/", "signature": "none"}, {}]}"#, "webhooks[1].url is missing")]
#[case(r#"{"webhooks": [{"url": "ftp://a", "secret": "hush"}]}"#, "webhooks[0].url is not allowed")]
#[case(
    r#"{"webhooks": [{"url": "https://93.184.215.14/", "evnets": []}]}"#,
    "webhooks[0].evnets: unknown field, did you mean events?"
)]
#[case(r#"{"webhooks": [{"url": "https://93.184.215.14/", "auth": "hush"}]}"#, "webhooks[0].auth: must be")]
#[case(r#"{"webhooks": [{"url": "https://93.184.215.14/"}]}"#, "DELIVERY_SECRET is not set")]
#[case(
    r#"{"webhooks": [{"url": "https://93.184.215.14/", "signature": "none"}, {"url": "https://93.184.215.14/", "signature": "none"}]}"#,
    "webhooks[1] has the url and the name of webhooks[0]"
)]
#[tokio::test]
async fn a_broken_file_refuses_the_start(#[case] text: &str, #[case] says: &str) {
    let (database, file) = (Database::fresh(Kind::Sqlite).await, File::new(text));
    let settings = [HERE[1], ("DELIVERY_WEBHOOKS_FILE", file.path())];
    let told = refusal(&database, Extra { settings: &settings, ..Extra::default() }).await;
    assert!(told.contains(says) && told.contains(file.path()) && told.contains("DELIVERY_WEBHOOKS_FILE"), "{told}");
    assert!(!told.contains("hush"), "{told}");
}

#[tokio::test]
async fn a_file_that_is_not_there_refuses_the_start_before_there_is_a_database() {
    let database = Database::empty(Kind::Sqlite).await;
    let told =
        refusal(&database, Extra { settings: &[("DELIVERY_WEBHOOKS_FILE", "/nowhere/webhooks.json")], ..Extra::default() }).await;
    assert!(told.contains("/nowhere/webhooks.json, which cannot be read"), "{told}");
    assert!(!database.file().expect("a file").exists());
}
