//! What subscribers verify with accepts every attempt for the time at which it is made, ten minutes after the event, too.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use callback_hub::clock::Clock;
use rstest::rstest;
use serde_json::{Value, json};

use crate::harness::app::Extra;
use crate::harness::subscriber::Told;
use crate::harness::{App, Database, Kind, Say, Subscriber};
use crate::webhooks::is_signed;

const SETTINGS: [(&str, &str); 2] =
    [("DELIVERY_ALLOWED_NETWORKS", "private"), ("SECRETS_KEY", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=")];
/// Verifiers mind five minutes.
const TEN_MINUTES: u64 = 600;
/// A delay may be a tenth longer.
const LATER: Duration = Duration::from_secs(TEN_MINUTES + TEN_MINUTES / 10);

#[rstest]
#[tokio::test]
async fn a_retry_ten_minutes_later_is_signed_for_its_own_time(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let now = Clock::System.now();
    let extra = Extra { settings: &SETTINGS, clock: Some(Clock::manual(now.minus(LATER))), ..Extra::default() };
    let (app, subscriber) = (App::with(&Arc::new(Database::fresh(kind).await), extra).await, Subscriber::start().await);
    let wish = json!({"url": subscriber.url("/"), "events": ["task.completed"], "retry_delays": [TEN_MINUTES]});
    let webhook = app.post("/api/webhooks", &wish).await.good(201);
    let secret = webhook["secret"].as_str().expect("one that the hub has made");
    for (task, answers) in [("at-once", 200), ("later", 500)] {
        subscriber.say("/", [Say::Status(answers)]);
        app.created(&json!({"id": task})).await;
        let completed = json!({"event": "completed", "result": {"title": "Überschrift 标题 😀", "of": task}});
        app.callback(task, &completed).send().await.good(200);
        app.work_off().await;
    }
    app.later(Duration::from_secs(TEN_MINUTES - 1)).await;
    assert_eq!(subscriber.told("/").len(), 2, "it is not time yet");
    app.later(LATER - Duration::from_secs(TEN_MINUTES - 1)).await;
    let told = subscriber.told("/");
    let [at_once, first, again] = told.as_slice() else { panic!("three requests: {told:?}") };

    assert_eq!(first.body, again.body);
    assert_eq!(first.header("webhook-id"), again.header("webhook-id"));
    assert_ne!(first.header("webhook-id"), at_once.header("webhook-id"));
    assert!(told.iter().all(|told| is_signed(told, secret)));
    let stamps = [first, again].map(|told| told.header("webhook-timestamp").parse::<i64>().expect("seconds"));
    assert_eq!(stamps, [now.minus(LATER).secs(), now.secs()]);

    verify(&[sample(at_once, secret, true), sample(first, secret, true), sample(again, secret, false)]);
    app.stop().await;
}

/// As the programs in `tests/signers` want it.
fn sample(told: &Told, secret: &str, is_old: bool) -> Value {
    let body = std::str::from_utf8(&told.body).expect("UTF-8");
    json!({"secret": secret, "headers": told.headers, "body": body, "old": is_old})
}

/// By the packages that others wrote, where `tests/run` has installed them: `cargo test` alone does not need them.
fn verify(samples: &[Value]) {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let programs = [
        ("python3", "verifier.py", tests.join(".venv/filled")),
        ("node", "verifier.mjs", tests.join("signers/node_modules/.filled")),
    ];
    let lines: String = samples.iter().map(|sample| format!("{sample}\n")).collect();
    for (program, script, installed) in programs {
        if !installed.exists() {
            eprintln!("{script} is left out: tests/run installs what it needs");
            continue;
        }
        let mut command = Command::new(program);
        command.arg(tests.join("signers").join(script)).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut verifier = command.spawn().expect("it starts");
        verifier.stdin.take().expect("its input").write_all(lines.as_bytes()).expect("it reads");
        let ended = verifier.wait_with_output().expect("it ends");
        let said = String::from_utf8_lossy(&ended.stdout);
        assert!(ended.status.success() && said.contains("accept all 1"), "{said}{}", String::from_utf8_lossy(&ended.stderr));
    }
}
