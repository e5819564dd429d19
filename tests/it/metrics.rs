//! `GET /metrics`, of the real binary: a process has one recorder.

use rstest::rstest;
use serde_json::json;

use crate::harness::generator::{Generator, Reply};
use crate::harness::process::Process;
use crate::harness::{App, Database, Kind};

#[rstest]
#[tokio::test]
async fn figures_are_there_from_the_start_and_count(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let database = Database::fresh(kind).await;
    let server = Generator::start().await;
    server.want("GET /keys", [Reply::Json(200, json!({"keys": []}))]);
    let keyed = format!(
        "[[sign]]\nscheme = \"ed25519\"\nheader = \"x-signature\"\nkey = \"jwks\"\njwks = \"{}/keys\"\n[event]\n",
        server.base
    );
    let mut hub = Process::with(&database.url, &[], &[("keyed", &keyed)]).await;
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let metrics = async || {
        let answer = client.get(format!("http://{}/metrics", hub.address)).send().await.expect("an answer");
        assert_eq!(answer.status(), 200, "on loopback it needs no key");
        assert!(answer.headers()["content-type"].to_str().expect("ASCII").starts_with("text/plain"));
        answer.text().await.expect("a text")
    };
    let first = metrics().await;
    for line in [
        "callback_hub_callbacks_total{generator=\"default\",event=\"completed\",outcome=\"applied\"} 0",
        "callback_hub_webhooks_file_reloads_total{outcome=\"refused\"} 0",
        "callback_hub_webhooks_file_refused 0",
        "callback_hub_tasks_rescued_total{generator=\"default\"} 0",
        "callback_hub_tasks_overdue{generator=\"content-creator\"} 0",
        "callback_hub_deliveries_pending 0",
        "callback_hub_deliveries_dead 0",
        "callback_hub_counts_age_seconds 0",
        "callback_hub_key_fetches_total{generator=\"keyed\",outcome=\"fetched\"} 0",
    ] {
        assert!(first.lines().any(|found| found == line), "{line} in {first}");
    }
    let refused = client.post(format!("http://{}/callback/nobody", hub.address)).body("{}").send().await.expect("an answer");
    assert_eq!(refused.status(), 401);
    let waiting = client.post(format!("http://{}/callback/nobody?generator=keyed", hub.address)).header("x-signature", "00");
    assert_eq!(waiting.body("{}").send().await.expect("an answer").status(), 503, "its keys are not known");
    let fetched = async || {
        while !metrics().await.contains("callback_hub_key_fetches_total{generator=\"keyed\",outcome=\"failed\"} 1") {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), fetched()).await.expect("the failed attempt is counted");
    let created = client.post(format!("http://{}/api/tasks", hub.address)).bearer_auth(crate::harness::process::API_KEY);
    assert_eq!(created.body(json!({"id": "t"}).to_string()).send().await.expect("an answer").status(), 201);
    let then = metrics().await;
    for stage in ["receive", "verify", "all"] {
        // the one without a proof, and the one whose keys are not known
        let line = format!("callback_hub_callback_seconds_count{{stage=\"{stage}\"}} 2");
        assert!(then.contains(&line), "{line} in {then}");
    }
    assert!(then.contains("callback_hub_callbacks_rejected_total{generator=\"default\",code=\"signature_missing\"} 1"), "{then}");
    assert!(then.contains("callback_hub_journal_batch_entries_bucket{le=\"1\"} 1"), "histograms have buckets: {then}");
    hub.terminate();
    assert!(hub.ended().await.success());
}

#[rstest]
#[tokio::test]
async fn elsewhere_than_on_loopback_they_need_a_key(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let settings =
        [("SERVER_HOST", "0.0.0.0"), ("API_KEYS", "a-key-of-sixteen-or-more"), ("CALLBACK_BASE_URL", "http://hub.example")];
    let app = App::start(kind, &settings).await;
    let url = format!("http://127.0.0.1:{}/metrics", app.address.port());
    let without = app.send(app.client.get(&url)).await;
    assert_eq!(without.problem(), (401, "unauthorized".to_owned()));
    let with = app.send(app.client.get(&url).bearer_auth("a-key-of-sixteen-or-more")).await;
    assert_eq!(with.problem(), (404, "not_found".to_owned()), "and this process has no recorder");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn beside_an_open_listener_for_generators_they_need_none_on_loopback(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let settings = [
        ("SERVER_HOST", "0.0.0.0"),
        ("SERVER_ADMIN_PORT", "0"),
        ("API_KEYS", "a-key-of-sixteen-or-more"),
        ("CALLBACK_BASE_URL", "http://hub.example"),
    ];
    let app = App::in_real_time(kind, &settings).await;
    let metrics = app.send(app.client.get(format!("http://{}/metrics", app.admin))).await;
    assert_eq!(metrics.problem(), (404, "not_found".to_owned()), "this process has no recorder");
    let stats = app.send(app.client.get(format!("http://{}/api/stats", app.admin))).await;
    assert_eq!(stats.problem(), (401, "unauthorized".to_owned()));
    app.stop().await;
}

/// Names of ours in a text, without the suffixes of histograms.
fn names(text: &str) -> std::collections::BTreeSet<&str> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let ours = words.filter(|word| word.starts_with("callback_hub_") || word.starts_with("process_"));
    ours.map(|word| ["_bucket", "_sum", "_count"].into_iter().find_map(|end| word.strip_suffix(end)).unwrap_or(word)).collect()
}

#[rstest]
#[tokio::test]
async fn every_family_is_there_from_the_start_and_dashboard_and_alerts_know_no_other(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let database = Database::fresh(kind).await;
    let mut hub = Process::start(&database.url).await;
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let metrics = client.get(format!("http://{}/metrics", hub.address)).send().await.expect("an answer").text().await;
    let metrics = metrics.expect("a text");
    let shown: String = metrics.lines().filter(|line| !line.starts_with('#')).flat_map(|line| [line, "\n"]).collect();
    let exported = names(&shown);
    for family in callback_hub::telemetry::metrics::FAMILIES {
        assert!(exported.contains(family.name), "{} is not there from the start", family.name);
    }
    for file in ["deploy/grafana.json", "deploy/alerts.yaml"] {
        let text = std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).expect(file);
        let used = names(&text);
        assert!(used.len() > 10, "{file}: {used:?}");
        for name in used {
            assert!(exported.contains(name), "{file} speaks of {name}, and the hub does not");
        }
    }
    hub.terminate();
    assert!(hub.ended().await.success());
}

/// Whoever watches the hub must see that, and everything else.
#[rstest]
#[tokio::test]
async fn figures_are_shown_while_the_database_is_away(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let database = Database::fresh(kind).await;
    let mut hub = Process::start(&database.url).await;
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let until = async |up: &str| {
        let looking = async {
            loop {
                let answer = client.get(format!("http://{}/metrics", hub.address)).send().await.expect("an answer");
                assert_eq!(answer.status(), 200);
                let text = answer.text().await.expect("a text");
                assert!(text.contains("callback_hub_build_info"), "{text}");
                if text.lines().any(|line| line == format!("callback_hub_database_up {up}")) {
                    return;
                }
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(40), looking).await.expect(up);
    };
    until("1").await;
    let hold = database.take_away().await;
    until("0").await;
    database.give_back(hold).await;
    until("1").await;
    hub.terminate();
    assert!(hub.ended().await.success());
}
