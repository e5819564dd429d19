//! Where nothing may go: refused when it is registered, refused when it is sent to, and counted both times.

use std::time::Duration;

use callback_hub::clock::Clock;
use callback_hub::store::{Registration, Store, migrate};
use rstest::rstest;
use serde_json::{Value, json};

use crate::harness::process::{API_KEY, Process};
use crate::harness::webhooks::webhook;
use crate::harness::{Database, Kind};

/// This machine, its network and its credentials, in the spellings of those who hope that one of them gets through.
const REFUSED: [&str; 18] = [
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0177.0.0.1/",
    "http://127.1/",
    "http://127.0.0.1:8080/",
    "http://0.0.0.0/",
    "http://0/",
    "http://[::]/",
    "http://[::1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:169.254.169.254]/",
    "http://localhost/",
    "http://localhost./",
    "http://10.0.0.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://hooks.example@127.0.0.1/",
    "http://127.0.0.1@hooks.example/",
    "http://hooks.example:80@[::1]/",
];

#[rstest]
#[tokio::test]
async fn a_destination_that_is_not_allowed_is_refused_and_counted(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let database = Database::fresh(kind).await;
    migrate(&database.url).await.expect("it has its tables");
    // as if they had come in when more was allowed
    let store = Store::connect(&database.url, 2).await.expect("the database is there");
    let registered = REFUSED.map(|url| Registration { webhook: webhook(url.to_owned()), credentials: None });
    store.register(&registered, Clock::System.now()).await.expect("they can be registered");
    store.close().await;
    let mut hub = Process::start(&database.url).await;
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let base = format!("http://{}", hub.address);
    let post = async |path: &str, body: Value| {
        let request = client.post(format!("{base}{path}")).bearer_auth(API_KEY).body(body.to_string());
        let answer = request.send().await.expect("an answer");
        (answer.status().as_u16(), answer.text().await.expect("a text"))
    };
    let counted = async |line: String| {
        let text = client.get(format!("{base}/metrics")).send().await.expect("an answer").text().await.expect("a text");
        text.lines().any(|found| found == line)
    };
    assert!(counted("callback_hub_webhooks_forbidden_total 0".to_owned()).await, "it is there from the start");
    for url in REFUSED {
        let (status, text) = post("/api/webhooks", json!({"url": url, "signature": "none"})).await;
        assert!(status == 422 && text.contains("\"url\""), "{url}: {status} {text}");
    }
    assert!(counted(format!("callback_hub_webhooks_forbidden_total {}", REFUSED.len())).await);

    let (status, text) = post("/api/events", json!({"event": "order.shipped", "data": {}})).await;
    assert_eq!(status, 202, "{text}");
    let sent = async {
        while !counted(format!("callback_hub_deliveries_forbidden_total {}", REFUSED.len())).await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), sent).await.expect("every refusal is counted");
    hub.terminate();
    assert!(hub.ended().await.success());
    let dead = database.count("hub_deliveries WHERE status = 'dead' AND attempts = 1").await;
    assert_eq!(usize::try_from(dead), Ok(REFUSED.len()), "none is tried again");
}
