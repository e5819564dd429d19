//! An operator wants a delivery to be tried once more.

use rstest::rstest;
use serde_json::{Value, json};

use super::{complete, deliveries, only, progress, publish, start, states, webhook};
use crate::harness::{App, Kind, Say};

async fn retry(app: &App, delivery: &Value) -> crate::harness::Answer {
    app.post(&format!("/api/deliveries/{}/retry", delivery["id"].as_str().expect("an id")), &json!({})).await
}

#[rstest]
#[tokio::test]
async fn a_dead_one_has_its_whole_schedule_before_it(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, subscriber) = start(kind).await;
    subscriber.say("/", [Say::Status(404), Say::Status(500), Say::Status(500)]);
    webhook(&app, subscriber.url("/"), json!({"retry_delays": [10]})).await;
    publish(&app, "a").await;
    app.work_off().await;
    let dead = only(&app).await;
    assert_eq!(dead["status"], "dead");

    let due = retry(&app, &dead).await.good(200);
    assert_eq!((&due["status"], &due["attempts"], &due["last_error"]), (&json!("pending"), &json!(0), &Value::Null));
    assert_eq!(due["next_attempt_at"], app.clock.now().to_string());
    app.work_off().await;
    assert_eq!((subscriber.told("/").len(), states(&app).await), (2, vec!["a pending".to_owned()]));
    // it need not wait for its next attempt
    retry(&app, &dead).await.good(200);
    app.work_off().await;
    assert_eq!((subscriber.told("/").len(), states(&app).await), (3, vec!["a dead".to_owned()]));

    retry(&app, &dead).await.good(200);
    app.work_off().await;
    let delivered = only(&app).await;
    assert_eq!((&delivered["status"], &delivered["attempts"]), (&json!("delivered"), &json!(1)));
    assert!(delivered["delivered_at"].is_string());
    assert_eq!(delivered["log"].as_array().map(Vec::len), Some(4), "the log goes on");
    retry(&app, &dead).await.good(200);
    app.work_off().await;
    let told = subscriber.told("/");
    assert_eq!(told.len(), 5, "a delivered one, too");
    assert!(told.iter().all(|again| again.body == told[0].body && again.header("webhook-id") == dead["id"]));
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn what_cannot_be_retried_says_why(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, subscriber) = start(kind).await;
    let id = webhook(&app, subscriber.url("/"), json!({})).await;
    app.created(&json!({"id": "t"})).await;
    progress(&app, "t", 10).await;
    progress(&app, "t", 20).await;
    app.work_off().await;
    let superseded = deliveries(&app, "&status=superseded").await;
    assert_eq!(retry(&app, &superseded[0]).await.problem(), (409, "conflict".to_owned()));
    let delivered = deliveries(&app, "&status=delivered").await;
    app.patch(&format!("/api/webhooks/{id}"), &json!({"status": "disabled"})).await.good(200);
    let answer = retry(&app, &delivered[0]).await;
    assert!(answer.text.contains("disabled"), "{}", answer.text);
    assert_eq!(app.delete(&format!("/api/webhooks/{id}")).await.status, 204);
    let answer = retry(&app, &delivered[0]).await;
    assert!(answer.text.contains("deleted"), "{}", answer.text);
    assert_eq!(answer.problem(), (409, "conflict".to_owned()));
    for unknown in ["01981c2f-7d1b-7cc0-9f2e-3a6b5e1f0a42", "nothing"] {
        let answer = app.post(&format!("/api/deliveries/{unknown}/retry"), &json!({})).await;
        assert_eq!(answer.problem(), (404, "not_found".to_owned()));
        assert_eq!(app.get(&format!("/api/deliveries/{unknown}")).await.problem(), (404, "not_found".to_owned()));
    }
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn an_operators_retry_does_not_wait_for_the_breaker(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, subscriber) = start(kind).await;
    subscriber.always("/", Say::Status(500));
    webhook(&app, subscriber.url("/"), json!({"retry_delays": []})).await;
    super::publish_many(&app, "a", 10).await;
    app.work_off().await;
    subscriber.always("/", Say::Status(200));
    let dead = deliveries(&app, "&status=dead").await;
    assert_eq!(dead.len(), 10);
    retry(&app, &dead[0]).await.good(200);
    app.work_off().await;
    assert_eq!(subscriber.told("/").len(), 11);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_tasks_dead_ones_are_retried_together(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, subscriber) = start(kind).await;
    subscriber.say("/", [Say::Status(404), Say::Status(404)]);
    webhook(&app, subscriber.url("/"), json!({})).await;
    for id in ["t", "u"] {
        app.created(&json!({"id": id})).await;
        complete(&app, id).await;
    }
    app.work_off().await;
    let counted = app.post("/api/tasks/t/retry-push", &json!({"dry_run": true})).await.good(200);
    assert_eq!((&counted["retried"], &counted["dry_run"]), (&json!(1), &json!(true)));
    assert_eq!(app.post("/api/tasks/t/retry-push", &json!({"status": "dead"})).await.fields(), ["status"]);
    let retried = app.post("/api/tasks/t/retry-push", &json!({})).await.good(200);
    assert_eq!((&retried["matched"], &retried["retried"]), (&json!(1), &json!(1)));
    app.work_off().await;
    let of = async |task: &str| app.items(&format!("/api/tasks/{task}/deliveries")).await[0]["status"].clone();
    assert_eq!((of("t").await, of("u").await), (json!("delivered"), json!("dead")));
    for path in ["/api/tasks/nobody/retry-push"] {
        assert_eq!(app.post(path, &json!({})).await.problem(), (404, "unknown_task".to_owned()));
    }
    assert_eq!(app.get("/api/tasks/nobody/deliveries").await.problem(), (404, "unknown_task".to_owned()));
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn what_would_be_sent_is_shown_before_it_is(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, subscriber) = start(kind).await;
    webhook(&app, subscriber.url("/"), json!({"template": {"what": "{{event}}"}})).await;
    publish(&app, "a").await;
    let before = only(&app).await;
    assert_eq!(before["body"], r#"{"what":"a"}"#);
    app.work_off().await;
    assert_eq!(only(&app).await["body"], before["body"]);
    assert_eq!(subscriber.told("/")[0].body, before["body"].as_str().expect("a text"));
    app.stop().await;
}
