//! Webhooks hear how a content fares.

use rstest::rstest;
use serde_json::{Value, json};

use super::{REVIEWED, creator, text};
use crate::harness::webhooks::webhook;
use crate::harness::{Kind, Subscriber};

const HERE: (&str, &str) = ("DELIVERY_ALLOWED_NETWORKS", "private");

#[rstest]
#[tokio::test]
async fn they_hear_of_it_in_order(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, subscriber) = (creator(kind, &[HERE]).await, Subscriber::start().await);
    app.register(webhook(subscriber.url("/"))).await;
    let content = app.article("a", json!({})).await;
    let lent = app.claim(json!({})).await.remove(0);
    app.say(&lent, "published", json!({})).await.good(200);
    app.work_off().await;
    assert_eq!(subscriber.events("/"), ["task.completed", "content.approved", "content.published"]);
    let told: Vec<Value> = subscriber.told("/").iter().map(|told| told.json()).collect();
    let data = &told[2]["data"];
    assert_eq!((&data["task_id"], &data["content_id"]), (&json!("a"), &content["id"]));
    for member in ["title", "content", "html", "images", "cover_image", "word_count", "fields"] {
        assert_eq!(data[member], content[member], "{member}");
    }
    let words = |letter: &Value| letter["data"]["publish_status"].clone();
    assert_eq!((words(&told[1]), words(&told[2])), (json!("pooled"), json!("published")));
    assert_eq!(told.iter().map(|letter| letter["metadata"]["sequence"].clone()).collect::<Vec<_>>(), [1, 2, 3]);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn an_edit_and_a_decision_are_told_as_they_were(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, subscriber) = (creator(kind, &[HERE, REVIEWED]).await, Subscriber::start().await);
    app.register(webhook(subscriber.url("/"))).await;
    let content = app.article("a", json!({})).await;
    app.decide(&content, "reject", json!({"note": "no"})).await.good(200);
    app.patch(&format!("/api/contents/{}", text(&content["id"])), &json!({"title": "Mended"})).await.good(200);
    app.decide(&content, "approve", json!({})).await.good(200);
    app.work_off().await;
    assert_eq!(subscriber.events("/"), ["task.completed", "content.rejected", "content.approved"]);
    let told: Vec<Value> = subscriber.told("/").iter().map(|told| told.json()["data"].clone()).collect();
    assert_eq!(
        (&told[1]["review_status"], &told[1]["review_note"], &told[1]["title"]),
        (&json!("rejected"), &json!("no"), &content["title"])
    );
    assert_eq!((&told[2]["review_status"], &told[2]["title"]), (&json!("approved"), &json!("Mended")));
    app.stop().await;
}
