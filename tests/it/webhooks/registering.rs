//! A webhook is registered, listed and read, and its secrets never come back.

use rstest::rstest;
use serde_json::{Value, json};

use super::{HERE, is_signed, path};
use crate::harness::{App, Kind, Subscriber};

#[rstest]
#[tokio::test]
async fn a_made_secret_is_shown_once_and_signs(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, subscriber) = (App::start(kind, &HERE).await, Subscriber::start().await);
    let made = app.post("/api/webhooks", &json!({"url": subscriber.url("/")})).await.good(201);
    let secret = made["secret"].as_str().expect("a secret").to_owned();
    assert!(secret.starts_with("whsec_"), "{secret}");
    for (member, value) in [
        ("name", json!("")),
        ("events", json!(["*"])),
        ("filter", Value::Null),
        ("headers", json!({})),
        ("auth", Value::Null),
        ("template", Value::Null),
        ("signature", json!("standard")),
        ("retry_delays", Value::Null),
        ("timeout_seconds", Value::Null),
        ("customer_id", Value::Null),
        ("status", json!("active")),
        ("has_secret", json!(true)),
        ("origin", json!("api")),
        ("created_at", json!("2027-01-15T08:00:00Z")),
    ] {
        assert_eq!(made[member], value, "{member}");
    }
    let read = app.get(&path(&made)).await;
    assert!(read.good(200).get("secret").is_none() && !read.text.contains(&secret));
    assert!(!app.get("/api/webhooks").await.text.contains(&secret));

    app.created(&json!({"id": "t"})).await;
    app.callback("t", &json!({"event": "completed", "result": 1})).taken().await;
    app.work_off().await;
    let told = subscriber.told("/");
    assert_eq!((told.len(), told[0].event().as_str()), (1, "task.completed"));
    assert!(is_signed(&told[0], &secret) && !is_signed(&told[0], "another"));
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn everything_that_is_said_is_kept_and_secrets_are_masked(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, subscriber) = (App::start(kind, &HERE).await, Subscriber::start().await);
    let wish = json!({
        "name": "editorial", "url": subscriber.url("/in"), "secret": "canary-of-the-secret", "events": ["task.*"],
        "filter": "data.status == 'completed'", "headers": {"X-Team": "canary-of-a-header"},
        "auth": {"type": "basic", "username": "hub", "password": "canary-of-the-password"},
        "template": {"id": "{{ task_id }}", "all": ["{{ result_json }}", 1.50]}, "signature": "sha256",
        "retry_delays": [1, 2.5], "timeout_seconds": 7, "customer_id": "customer-7", "status": "paused",
    });
    let answers = [app.post("/api/webhooks", &wish).await];
    let made = answers[0].good(201);
    let id = path(&made);
    for member in
        ["name", "url", "events", "filter", "template", "signature", "retry_delays", "timeout_seconds", "customer_id", "status"]
    {
        assert_eq!(made[member], wish[member], "{member}");
    }
    assert_eq!(made["headers"], json!({"X-Team": "***"}));
    assert_eq!(made["auth"], json!({"type": "basic", "username": "hub", "password": "***"}));
    assert!(made["has_secret"] == true && made.get("secret").is_none());
    let more = [
        app.get(&id).await,
        app.get("/api/webhooks").await,
        app.patch(&id, &json!({"status": "active"})).await,
        app.post(&format!("{id}/test"), &json!({})).await,
        app.post(&format!("{id}/rotate-secret"), &json!({"secret": "canary-of-another"})).await,
        app.patch(
            &id,
            &json!({"headers": {"Host": "canary-of-a-host"}, "auth": {"type": "bearer", "token": "canary of", "x": 1}}),
        )
        .await,
    ];
    for answer in answers.iter().chain(&more) {
        assert!(!answer.text.contains("canary"), "{}", answer.text);
    }
    assert_eq!(more[0].good(200), made);
    app.database.execute("SELECT 1").await;
    let sealed = "hub_webhooks WHERE url LIKE '%canary%' OR name LIKE '%canary%' OR template LIKE '%canary%'";
    assert_eq!(app.database.count(sealed).await, 0);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn lists_are_paged_and_narrowed(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &HERE).await;
    for n in 0..5 {
        let customer = if n % 2 == 0 { "even" } else { "odd" };
        let wish = json!({"name": n.to_string(), "url": "https://93.184.215.14/", "signature": "none", "customer_id": customer});
        app.post("/api/webhooks", &wish).await.good(201);
    }
    let names = |items: &[Value]| items.iter().map(|item| item["name"].as_str().expect("a name").to_owned()).collect::<Vec<_>>();
    assert_eq!(names(&app.items("/api/webhooks?customer_id=even").await), ["4", "2", "0"]);
    let first = app.get("/api/webhooks?limit=3").await.good(200);
    let cursor = first["next_cursor"].as_str().expect("a cursor");
    let second = app.get(&format!("/api/webhooks?limit=3&cursor={cursor}")).await.good(200);
    assert_eq!(names(first["items"].as_array().expect("items")), ["4", "3", "2"]);
    assert_eq!(
        (names(second["items"].as_array().expect("items")), &second["next_cursor"]),
        (vec!["1".to_owned(), "0".to_owned()], &Value::Null)
    );

    let newest = path(&app.items("/api/webhooks?limit=1").await[0]);
    app.patch(&newest, &json!({"status": "disabled", "reason": "moved"})).await.good(200);
    assert_eq!(names(&app.items("/api/webhooks?status=disabled").await), ["4"]);
    assert_eq!(app.delete(&newest).await.status, 204);
    assert_eq!(app.items("/api/webhooks").await.len(), 4);
    for request in [app.get(&newest).await, app.delete(&newest).await, app.get("/api/webhooks/nobody").await] {
        assert_eq!(request.problem(), (404, "not_found".to_owned()));
    }
    for query in ["status=deleted", "limit=0", "cursor=x", "customer=even"] {
        assert_eq!(app.get(&format!("/api/webhooks?{query}")).await.problem().0, 422, "{query}");
    }
    app.stop().await;
}
