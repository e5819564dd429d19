//! `callback-hub tasks`, `callbacks`, `deliveries`, `webhooks` and `receive`: what operators do from a terminal.

use std::process::Stdio;

use rstest::rstest;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::commands::run;
use crate::harness::subscriber::Subscriber;
use crate::harness::{App, Kind, Say};

/// What a command says that is pointed to the app; it must end well.
async fn said(app: &App, arguments: &[&str]) -> String {
    let (code, said, told) = run(arguments, &[("CALLBACK_HUB_URL", &app.base)]).await;
    assert_eq!(code, Some(0), "{arguments:?}: {told}");
    said
}

async fn document(app: &App, arguments: &[&str]) -> Value {
    let arguments: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
    serde_json::from_str(&said(app, &arguments).await).expect("JSON")
}

/// The first words of a table's lines, without its head.
fn first_column(table: &str) -> Vec<&str> {
    table.lines().skip(1).filter_map(|line| line.split_whitespace().next()).collect()
}

#[rstest]
#[tokio::test]
async fn tasks_are_listed_shown_cancelled_and_retried(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    assert_eq!(said(&app, &["tasks", "list"]).await, "none\n");
    for id in ["a", "b", "bb"] {
        app.created(&json!({"id": id})).await;
    }
    let failed = json!({"event": "failed", "error": {"message": "no \u{1b}[31mpaper"}});
    app.callback("a", &failed).taken().await;
    let table = said(&app, &["tasks", "list"]).await;
    assert!(table.starts_with("ID"), "{table}");
    assert_eq!(first_column(&table).len(), 3);
    assert!(table.contains("no \u{fffd}[31mpaper"), "nothing but text reaches the terminal: {table}");
    assert_eq!(first_column(&said(&app, &["tasks", "list", "-q", "b"]).await), ["bb", "b"]);
    assert_eq!(first_column(&said(&app, &["tasks", "list", "--status", "failed"]).await), ["a"]);
    assert_eq!(document(&app, &["tasks", "list", "--limit", "2"]).await["items"].as_array().map(Vec::len), Some(2));

    let shown = said(&app, &["tasks", "show", "a"]).await;
    assert!(shown.contains("status") && shown.contains("failed") && shown.contains("applied"), "{shown}");
    assert_eq!(document(&app, &["tasks", "show", "a"]).await["callbacks"][0]["event"], "failed");
    assert_eq!(document(&app, &["tasks", "retry", "a"]).await["attempt"], 2);
    assert_eq!(document(&app, &["tasks", "cancel", "b"]).await["status"], "cancelled");
    assert_eq!(app.status("b").await, "cancelled");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_task_is_watched_to_its_end(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    for (id, end, code) in [("good", json!({"event": "completed", "result": 1}), 0), ("bad", json!({"event": "failed"}), 1)] {
        app.created(&json!({"id": id})).await;
        let mut watching = start(&["tasks", "watch", id, "--json"], &app);
        let mut lines = BufReader::new(watching.stdout.take().expect("its output")).lines();
        let mut next = async || -> Value {
            let line = lines.next_line().await.expect("its output").expect("a line");
            serde_json::from_str(&line).expect("JSON")
        };
        assert_eq!(next().await["event"], "current");
        app.callback(id, &json!({"event": "progress", "progress": {"percentage": 40}})).taken().await;
        assert_eq!(next().await["task"]["progress"]["percent"], 40.0);
        app.callback(id, &end).taken().await;
        assert_eq!(next().await["event"], end["event"]);
        assert_eq!(watching.wait().await.expect("it ends").code(), Some(code));
    }
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn callbacks_are_listed_shown_and_replayed(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    app.created(&json!({"id": "t"})).await;
    app.callback("t", &json!({"event": "progress"})).taken().await;
    let forged = app.client.post(format!("{}/callback/t", app.base)).body("{}").header("x-webhook-signature", "00");
    assert_eq!(app.send(forged).await.problem().0, 401);
    let refused = app.rejections(1).await;
    let listed = document(&app, &["callbacks", "list", "--rejected"]).await;
    assert_eq!(listed["items"][0]["id"], refused[0]["id"]);
    let table = said(&app, &["callbacks", "list"]).await;
    assert!(table.contains("signature_invalid") && table.contains("applied"), "{table}");
    let id = refused[0]["id"].as_str().expect("an id");
    assert!(said(&app, &["callbacks", "show", id]).await.contains("signature_invalid"));
    let (code, _, told) = run(&["callbacks", "replay", id, "--url", &app.base], &[]).await;
    assert!(code == Some(1) && told.contains("cannot be replayed"), "{code:?} {told}");
    let accepted = app.items("/api/callbacks?verdict=accepted").await;
    let id = accepted[0]["id"].as_str().expect("an id");
    assert_eq!(document(&app, &["callbacks", "replay", id]).await["task_id"], "t");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn webhooks_are_made_and_their_dead_letters_retried(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[("DELIVERY_ALLOWED_NETWORKS", "private"), ("SECRETS_KEY", KEY)]).await;
    let subscriber = Subscriber::start().await;
    let made = document(
        &app,
        &["webhooks", "create", "--to", &subscriber.url("/"), "--events", "task.completed,a", "--signature", "none"],
    )
    .await;
    let id = made["id"].as_str().expect("an id").to_owned();
    assert_eq!(document(&app, &["webhooks", "show", &id]).await["events"], json!(["task.completed", "a"]));
    assert!(said(&app, &["webhooks", "list"]).await.contains("task.completed,a"));
    assert_eq!(document(&app, &["webhooks", "pause", &id]).await["status"], "paused");
    assert_eq!(document(&app, &["webhooks", "resume", &id]).await["status"], "active");
    assert_eq!(document(&app, &["webhooks", "test", &id]).await["success"], true);

    subscriber.always("/", Say::Status(404));
    let (code, _, told) = run(&["webhooks", "test", &id, "--url", &app.base], &[]).await;
    assert!(code == Some(1) && told.contains("did not take it"), "{code:?} {told}");
    for _ in 0..3 {
        app.post("/api/events", &json!({"event": "a", "data": 1})).await.good(202);
    }
    app.work_off().await;
    let dead = document(&app, &["deliveries", "list", "--status", "dead"]).await["items"].as_array().cloned().expect("a list");
    assert_eq!(dead.len(), 3);
    let first = dead[0]["id"].as_str().expect("an id");
    assert!(said(&app, &["deliveries", "show", first]).await.contains("404"));
    let (code, _, told) = run(&["deliveries", "retry", "--url", &app.base], &[]).await;
    assert!(code == Some(2) && told.contains("--all"), "{code:?} {told}");
    for nobody in [".", "..", ""] {
        let (code, _, told) = run(&["deliveries", "retry", nobody, "--url", &app.base], &[]).await;
        assert!(code == Some(2) && told.contains("nobody's id"), "{nobody}: {code:?} {told}");
    }
    assert_eq!(said(&app, &["deliveries", "retry", "--event", "a", "--dry-run"]).await, "3 would be retried\n");
    assert_eq!(document(&app, &["deliveries", "retry", first]).await["status"], "pending");
    assert_eq!(said(&app, &["deliveries", "retry", "--all"]).await, "2 retried\n");
    assert_eq!(said(&app, &["webhooks", "delete", &id]).await, format!("{id} deleted\n"));
    app.stop().await;
}

#[tokio::test]
async fn whoever_is_refused_or_finds_nobody_is_told_what_to_do() {
    let app = App::start(Kind::Sqlite, &[("API_KEYS", "a key of these tests")]).await;
    let base = app.base.clone();
    let listing = ["tasks", "list", "--url", base.as_str()];
    let (code, _, told) = run(&listing, &[]).await;
    assert!(code == Some(1) && told.contains("CALLBACK_HUB_KEY"), "{code:?} {told}");
    let (code, said, told) = run(&listing, &[("CALLBACK_HUB_KEY", "a key of these tests")]).await;
    assert_eq!((code, said.as_str(), told.as_str()), (Some(0), "none\n", ""));
    let wrong = ["tasks", "list", "--status", "done", "--url", &app.base, "--key", "a key of these tests"];
    let (code, _, told) = run(&wrong, &[]).await;
    assert!(code == Some(2) && told.contains("status"), "{code:?} {told}");
    app.stop().await;
    let (code, _, told) = run(&listing, &[]).await;
    assert!(code == Some(1) && told.contains("cannot be reached"), "{code:?} {told}");
    let (code, _, told) = run(&["tasks", "list", "--url", "ftp://user:hush@host"], &[]).await;
    assert!(code == Some(2) && told.contains("http://") && !told.contains("hush"), "{code:?} {told}");
}

#[rstest]
#[case("standard")]
#[case("sha256")]
#[case("idp")]
#[tokio::test]
async fn a_subscriber_of_the_command_line_verifies_what_it_is_sent(#[case] signature: &str) {
    let app = App::in_real_time(Kind::Sqlite, &[("DELIVERY_ALLOWED_NETWORKS", "private"), ("SECRETS_KEY", KEY)]).await;
    for (secret, verified) in [("a secret that both of them know", true), ("another one that nobody knows", false)] {
        let mut receiving = start(&["receive", "--port", "0", "--count", "2", "--json", "--secret", secret], &app);
        let mut complaints = BufReader::new(receiving.stderr.take().expect("its complaints")).lines();
        let line = complaints.next_line().await.expect("its complaints").expect("where it listens");
        let url = line.split_whitespace().find(|word| word.starts_with("http://")).expect("an address").to_owned();
        let wanted = json!({"url": url, "events": ["a"], "signature": signature, "secret": "a secret that both of them know"});
        let id = app.post("/api/webhooks", &wanted).await.good(201)["id"].as_str().expect("an id").to_owned();
        for data in 0..2 {
            app.post("/api/events", &json!({"event": "a", "data": data})).await.good(202);
        }
        app.work_off().await;
        let mut text = String::new();
        receiving.stdout.take().expect("its output").read_to_string(&mut text).await.expect("text");
        assert_eq!(receiving.wait().await.expect("it ends").code(), Some(0));
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        assert_eq!(lines.len(), 2, "{text}");
        for line in &lines {
            assert_eq!(
                (&line["verified"], &line["body"]["event"], &line["again"]),
                (&json!(verified), &json!("a"), &json!(false))
            );
            assert_eq!(line["answered"], if verified { 200 } else { 401 });
        }
        assert_eq!(app.delete(&format!("/api/webhooks/{id}")).await.status, 204);
    }
    app.stop().await;
}

/// 32 bytes that seal the webhooks' secrets.
const KEY: &str = "c2VhbHMgdGhlIHNlY3JldHMgb2YgdGhlc2UgdGVzdHM=";

#[rstest]
#[case("bash", "complete ")]
#[case("zsh", "#compdef callback-hub")]
#[case("fish", "complete -c callback-hub")]
#[tokio::test]
async fn shells_learn_to_complete(#[case] shell: &str, #[case] beginning: &str) {
    let (code, said, told) = run(&["completions", shell], &[]).await;
    assert_eq!((code, told.as_str()), (Some(0), ""));
    assert!(said.contains(beginning) && said.contains("deliveries"), "{said}");
}

fn start(arguments: &[&str], app: &App) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_callback-hub"));
    command.args(arguments).env_clear().env("CALLBACK_HUB_URL", &app.base).kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the hub's binary")
}
