//! A task is erased while somebody is being told about it.

use rstest::rstest;
use serde_json::json;

use super::{complete, deliveries, start, webhook};
use crate::harness::{Kind, Say};

#[rstest]
#[tokio::test]
async fn what_is_on_its_way_leaves_nothing_behind(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, subscriber) = start(kind).await;
    subscriber.always("/", Say::Never);
    let id = webhook(&app, subscriber.url("/"), json!({})).await;
    app.created(&json!({"id": "t"})).await;
    complete(&app, "t").await;
    let delivery = deliveries(&app, "").await.remove(0);
    let path = format!("/api/deliveries/{}", delivery["id"].as_str().expect("an id"));
    let erasing = async {
        app.until(async || !subscriber.told("/").is_empty()).await;
        assert_eq!(app.delete("/api/tasks/t").await.status, 204);
        assert_eq!(app.get(&path).await.problem(), (404, "not_found".to_owned()));
        assert_eq!(app.post(&format!("{path}/retry"), &json!({})).await.problem(), (404, "not_found".to_owned()));
        // its end is the answer
        drop(subscriber);
    };
    futures_util::future::join(app.work_off(), erasing).await;
    assert!(deliveries(&app, "").await.is_empty(), "and how it fared is written nowhere");
    assert_eq!(app.database.count("hub_payloads").await, 0);
    assert_eq!(app.post("/api/tasks/t/retry-push", &json!({})).await.good(200)["matched"], 0);
    app.post(&format!("/api/webhooks/{id}/test"), &json!({})).await.good(200);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn what_waits_goes_with_its_task_and_nobody_else_s(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, subscriber) = start(kind).await;
    subscriber.always("/", Say::Status(500));
    webhook(&app, subscriber.url("/"), json!({})).await;
    for task in ["t", "u"] {
        app.created(&json!({"id": task})).await;
        complete(&app, task).await;
    }
    app.work_off().await;
    assert_eq!(app.delete("/api/tasks/t").await.status, 204);
    subscriber.always("/", Say::Status(200));
    let before = subscriber.told("/").len();
    app.later(super::secs(12)).await;
    let told: Vec<_> = subscriber.told("/").iter().skip(before).map(|told| told.json()["data"]["task_id"].clone()).collect();
    assert_eq!(told, ["u"]);
    app.stop().await;
}
