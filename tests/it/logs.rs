//! What is logged, and what must never be.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rstest::rstest;
use serde_json::{Value, json};

use crate::harness::process::{API_KEY, Process};
use crate::harness::signing::{HEADER, SECRET, signature};
use crate::harness::{Database, Kind, Subscriber};

#[rstest]
#[tokio::test]
async fn under_a_flood_lines_are_left_out_and_counted(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let database = Database::fresh(kind).await;
    let mut hub = Process::with(&database.url, &[("LOG_LEVEL", "info"), ("LOG_FORMAT", "json")], &[]).await;
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let send = async || {
        let refused = client.post(format!("http://{}/callback/t", hub.address)).body("{}").send().await.expect("an answer");
        assert_eq!(refused.status(), 401);
    };
    let mut sent = 0;
    let flooding = async {
        // until a line tells how many were left out before it, and all are accounted for
        loop {
            futures_util::future::join_all((0..40).map(|_| send())).await;
            sent += 40;
            let (written, left_out) = refusals(&hub.log());
            if left_out > 0 && written + left_out == sent {
                return;
            }
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), flooding).await.expect("the flood is told of");
    hub.terminate();
    assert!(hub.ended().await.success());
}

/// How many refusals a log tells of, and how many it says were left out.
fn refusals(log: &str) -> (u64, u64) {
    let lines: Vec<Value> = log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let refused: Vec<&Value> = lines.iter().filter(|line| line["message"] == "callback refused").collect();
    assert!(refused.iter().all(|line| line["code"] == "signature_missing"), "{refused:?}");
    (refused.len() as u64, refused.iter().filter_map(|line| line["left_out"].as_u64()).sum())
}

/// Each secret that the hub is told has a word in it that appears nowhere else.
const CANARY: &str = "canary";

#[rstest]
#[tokio::test]
async fn no_secret_is_in_a_log_a_metric_a_page_or_an_answer(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (database, subscriber) = (Database::fresh(kind).await, Subscriber::start().await);
    let settings = [
        ("LOG_LEVEL", "trace"),
        ("DELIVERY_ALLOWED_NETWORKS", "private"),
        ("DELIVERY_SECRET", "canary-of-the-deliveries-1234567"),
        ("GENERATOR_REPLICATE_API_KEY", "canary-of-the-api-key"),
        ("GENERATOR_SIMULATOR_SECRET", "canary-of-the-simulator-12345678"),
        ("GENERATOR_SIMULATOR_BASE_URL", "http://127.0.0.1:39999"),
        ("API_KEYS", "an-api-key-of-the-tests,canary-of-the-keys"),
        ("SECRETS_KEY", &STANDARD.encode("canary-of-the-encryption-1234567")),
    ];
    let mut hub = Process::with(&database.url, &settings, &[]).await;
    let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
    let at = |path: &str| format!("http://{}{path}", hub.address);
    let text = async |request: reqwest::RequestBuilder| {
        request.bearer_auth(API_KEY).send().await.expect("an answer").text().await.expect("a text")
    };
    let post = async |path: &str, body: Value| text(client.post(at(path)).body(body.to_string())).await;

    let mut said = vec![
        post(
            "/api/webhooks",
            json!({"url": subscriber.url("/hook"), "events": ["*"], "secret": "canary-of-a-webhook-123456789012",
            "auth": {"type": "bearer", "token": "canary-of-the-token"}, "headers": {"x-own": "canary-of-the-header"}}),
        )
        .await,
        post("/api/tasks", json!({"generator": "simulator", "id": "s"})).await,
        post("/api/events", json!({"event": "order.paid", "data": {}})).await,
    ];
    let task: Value = serde_json::from_str(&post("/api/tasks", json!({"id": "t"})).await).expect("a task");
    let url = task["callback_url"].as_str().expect("a URL").to_owned();
    let token = url.split("token=").nth(1).expect("a token").split('&').next().expect("a value").to_owned();
    let body = json!({"event": "progress", "progress": {"percentage": 5}}).to_string();
    said.push(text(client.post(&url).header(HEADER, signature(body.as_bytes())).body(body.clone())).await);
    said.push(text(client.post(&url).header(HEADER, "00").body(body)).await);
    for path in [
        "/metrics",
        "/api/tasks/s",
        "/api/tasks",
        "/api/callbacks",
        "/api/webhooks",
        "/api/deliveries",
        "/api/generators",
        "/api/stats",
        "/console",
        "/console/tasks",
        "/console/callbacks",
        "/console/generators",
        "/console/webhooks",
        "/console/deliveries",
        "/console/settings",
    ] {
        said.push(text(client.get(at(path))).await);
    }
    for answer in &said {
        assert!(!answer.contains(CANARY), "{answer}");
        assert!(!answer.contains(&token) && !answer.contains(SECRET), "{answer}");
    }
    hub.terminate();
    assert!(hub.ended().await.success());
    let log = hub.log();
    assert!(log.contains("callback taken"), "{log}");
    assert!(!log.contains(CANARY) && !log.contains(&token) && !log.contains("token="), "{log}");
}
