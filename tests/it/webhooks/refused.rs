//! What is wrong with a webhook is named by field, and nothing of it is kept.

use std::collections::HashMap;

use rstest::rstest;
use serde_json::{Value, json};

use super::{HERE, path};
use crate::harness::{App, Kind};

/// A body without a URL gets one that is good.
fn cases() -> Vec<(Value, &'static str)> {
    let many = |n: usize| (0..n).map(|n| format!("e{n}")).collect::<Vec<_>>();
    vec![
        (json!({"url": null}), "url"),
        (json!({"url": 5}), "url"),
        (json!({"url": "no url"}), "url"),
        (json!({"url": ""}), "url"),
        (json!({"url": "ftp://example.com/"}), "url"),
        (json!({"url": "file:///etc/passwd"}), "url"),
        (json!({"url": "https://user:hush@example.com/"}), "url"),
        (json!({"url": "http://169.254.169.254/latest"}), "url"),
        (json!({"url": "http://metadata.google.internal/"}), "url"),
        (json!({"url": "http://example.com:25/"}), "url"),
        (json!({"url": "http://example.com/\u{0}"}), "url"),
        (json!({"url": format!("http://example.com/{}", "a".repeat(2048))}), "url"),
        (json!({"name": "a".repeat(201)}), "name"),
        (json!({"name": "a\u{0}"}), "name"),
        (json!({"events": []}), "events"),
        (json!({"events": "task.*"}), "events"),
        (json!({"events": ["task.*", ""]}), "events[1]"),
        (json!({"events": many(101)}), "events"),
        (json!({"events": many(10_000)}), "events"),
        (json!({"events": ["a".repeat(257)]}), "events[0]"),
        (json!({"filter": ""}), "filter"),
        (json!({"filter": "true or ".repeat(1000)}), "filter"),
        (json!({"filter": "data.status =="}), "filter"),
        (json!({"filter": "nothing.like.that"}), "filter"),
        (json!({"filter": "data.a == '\u{0}'"}), "filter"),
        (json!({"template": {"a": "{{ nobody }}"}}), "template"),
        (json!({"template": {"a": "{{ task_id"}}), "template"),
        (json!({"headers": {"Host": "a"}}), "headers.Host"),
        (json!({"headers": {"content-length": "0"}}), "headers.content-length"),
        (json!({"headers": {"Transfer-Encoding": "chunked"}}), "headers.Transfer-Encoding"),
        (json!({"headers": {"webhook-id": "a"}}), "headers.webhook-id"),
        (json!({"headers": {"": "a"}}), "headers."),
        (json!({"headers": {"x\r\nx-evil": "a"}}), "headers.x\r\nx-evil"),
        (json!({"headers": {"x-team": "zwölf"}}), "headers.x-team"),
        (json!({"headers": {"x-team": "a".repeat(8193)}}), "headers.x-team"),
        (json!({"headers": (0..33).map(|n| (format!("x-{n}"), "a")).collect::<HashMap<_, _>>()}), "headers"),
        (json!({"headers": {"a b": "a"}}), "headers.a b"),
        (json!({"headers": {"X-Webhook-Signature": "a"}}), "headers.X-Webhook-Signature"),
        (json!({"headers": {"x-team": "a\r\nx-evil: 1"}}), "headers.x-team"),
        (json!({"headers": {"x-team": 1}}), "headers"),
        (json!({"headers": {"Authorization": "a"}, "auth": {"type": "bearer", "token": "t"}}), "headers.Authorization"),
        (json!({"auth": {"type": "digest"}}), "auth"),
        (json!({"auth": {"type": "bearer"}}), "auth"),
        (json!({"auth": {"type": "bearer", "token": "a\r\nx-evil: 1"}}), "auth.token"),
        (json!({"auth": {"type": "basic", "username": "a", "password": "c".repeat(2049)}}), "auth.password"),
        (json!({"auth": {"type": "basic", "username": "a", "password": "c", "token": "d"}}), "auth"),
        (json!({"auth": {"type": "api_key", "key_name": "x-a\r\nx-evil", "key_value": "c"}}), "auth.key_name"),
        (json!({"auth": {"type": "api_key", "key_name": "webhook-signature", "key_value": "c"}}), "auth.key_name"),
        (json!({"auth": {"type": "basic", "username": "a:b", "password": "c"}}), "auth.username"),
        (json!({"auth": {"type": "api_key", "key_name": "Host", "key_value": "c"}}), "auth.key_name"),
        (json!({"signature": "md5"}), "signature"),
        (json!({"secret": ""}), "secret"),
        (json!({"secret": "whsec_!"}), "secret"),
        (json!({"secret": "a".repeat(1025)}), "secret"),
        (json!({"secret": "whsk_AAAA"}), "secret"),
        (json!({"retry_delays": [-1]}), "retry_delays"),
        (json!({"retry_delays": [1e308]}), "retry_delays"),
        (json!({"retry_delays": {"0": 1}}), "retry_delays"),
        (json!({"retry_delays": ["10s"]}), "retry_delays"),
        (json!({"retry_delays": [604_801]}), "retry_delays"),
        (json!({"retry_delays": vec![1; 21]}), "retry_delays"),
        (json!({"timeout_seconds": 0}), "timeout_seconds"),
        (json!({"timeout_seconds": 121}), "timeout_seconds"),
        (json!({"timeout_seconds": 1e-10}), "timeout_seconds"),
        (json!({"timeout_seconds": 1e308}), "timeout_seconds"),
        (json!({"customer_id": "a\r\nb"}), "customer_id"),
        (json!({"customer_id": "ü".repeat(201)}), "customer_id"),
        (json!({"timeout_seconds": "10"}), "timeout_seconds"),
        (json!({"events": ["task.\u{0}*"]}), "events"),
        (json!({"template": {"a\u{0}": 1}}), "template"),
        (json!({"template": "{{ task_id }}\u{0}"}), "template"),
        (json!({"headers": {"x-team": "a\u{0}"}}), "headers"),
        (json!({"auth": {"type": "bearer", "token": "a\u{0}"}}), "auth"),
        (json!({"secret": "a\u{0}b"}), "secret"),
        (json!({"customer_id": ""}), "customer_id"),
        (json!({"customer_id": "a\u{0}"}), "customer_id"),
        (json!({"status": "deleted"}), "status"),
        (json!({"evnets": ["*"]}), "evnets"),
        (json!({"id": "a"}), "id"),
    ]
}

fn good() -> Value {
    json!({"url": "https://93.184.215.14/hooks"})
}

fn with(mut body: Value, more: &Value) -> Value {
    let members = more.as_object().expect("an object").clone();
    body.as_object_mut().expect("an object").extend(members);
    body
}

#[rstest]
#[tokio::test]
async fn each_fault_is_named_and_nothing_is_saved(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &HERE).await;
    let kept = app.post("/api/webhooks", &good()).await.good(201);
    for (more, field) in cases() {
        let body = with(good(), &more);
        let answer = app.post("/api/webhooks", &body).await;
        assert_eq!(answer.problem(), (422, "invalid_request".to_owned()), "{more}");
        assert_eq!(answer.fields(), [field], "{more}: {}", answer.text);
        assert!(!answer.text.contains("hush"), "{}", answer.text);
        let answer = app.patch(&path(&kept), &more).await;
        assert_eq!((answer.status, answer.fields().as_slice()), (422, [field.to_owned()].as_slice()), "{more}: {}", answer.text);
    }
    assert_eq!(app.database.count("hub_webhooks").await, 1);
    let read = app.get(&path(&kept)).await.good(200);
    assert!(kept["updated_at"] == read["updated_at"] && kept["url"] == read["url"]);
    let all = json!({"url": "ftp://example.com", "events": [], "timeout_seconds": "x", "nmae": 1});
    assert_eq!(app.post("/api/webhooks", &all).await.fields(), ["timeout_seconds", "events", "url", "nmae"]);
    assert_eq!(app.post("/api/webhooks", &json!({})).await.about("url"), "is missing");
    assert_eq!(app.post("/api/webhooks", &json!([])).await.problem().0, 400);
    app.stop().await;
}

#[rstest]
#[case("http://127.0.0.1:9999/")]
#[case("http://localhost:9999/")]
#[case("http://2130706433/")]
#[case("http://0x7f.1/")]
#[case("http://[::1]/")]
#[case("http://[::ffff:10.0.0.1]/")]
#[case("http://10.1.2.3/")]
#[case("http://192.168.0.1/")]
#[tokio::test]
async fn private_destinations_need_the_setting(#[case] url: &str) {
    let settings = [("SECRETS_KEY", super::KEY)];
    let app = App::start(Kind::Sqlite, &settings).await;
    let kept = app.post("/api/webhooks", &good()).await.good(201);
    for answer in [app.post("/api/webhooks", &json!({"url": url})).await, app.patch(&path(&kept), &json!({"url": url})).await] {
        assert_eq!(answer.problem(), (422, "invalid_request".to_owned()));
        assert!(answer.about("url").contains("DELIVERY_ALLOWED_NETWORKS"), "{}", answer.text);
    }
    assert_eq!(app.database.count("hub_webhooks").await, 1);
    app.stop().await;
}

#[rstest]
#[case(json!({}), "secret")]
#[case(json!({"secret": "mine"}), "secret")]
#[case(json!({"signature": "none", "auth": {"type": "bearer", "token": "t"}}), "auth")]
#[case(json!({"signature": "none", "headers": {"x-team": "a"}}), "headers")]
#[tokio::test]
async fn credentials_need_a_key_to_be_kept_with(#[case] more: Value, #[case] field: &str) {
    let app = App::start(Kind::Sqlite, &[]).await;
    let answer = app.post("/api/webhooks", &with(good(), &more)).await;
    assert_eq!(answer.problem(), (422, "invalid_request".to_owned()));
    assert!(answer.about(field).contains("SECRETS_KEY"), "{}", answer.text);
    assert_eq!(app.database.count("hub_webhooks").await, 0);
    app.post("/api/webhooks", &with(good(), &json!({"signature": "none"}))).await.good(201);
    app.stop().await;
}
