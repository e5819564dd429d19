//! Nothing stays of an erased task's content.

use rstest::rstest;
use serde_json::json;

use super::{REVIEWED, creator, detail, text};
use crate::harness::webhooks::webhook;
use crate::harness::{Kind, Subscriber};

#[rstest]
#[tokio::test]
async fn the_content_goes_with_its_task(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind, #[values(true, false)] edited: bool) {
    let subscriber = Subscriber::start().await;
    let app = creator(kind, &[REVIEWED, ("DELIVERY_ALLOWED_NETWORKS", "private")]).await;
    app.register(webhook(subscriber.url("/"))).await;
    let content = app.article("a", json!({})).await;
    let path = format!("/api/contents/{}", text(&content["id"]));
    if edited {
        app.patch(&path, &json!({"title": "Another"})).await.good(200);
    }
    app.decide(&content, "approve", json!({})).await.good(200);
    let lent = app.claim(json!({})).await.remove(0);
    assert_eq!(app.delete("/api/tasks/a").await.status, 204);
    assert_eq!(app.get(&path).await.status, 404);
    assert!(app.items("/api/contents").await.is_empty() && app.pool().await.is_empty());
    for said in ["published", "failed", "extend"] {
        let answer = app.say(&lent, said, json!({})).await;
        assert_eq!(answer.problem(), (404, "not_found".to_owned()));
        assert!(detail(&answer).contains("it was erased with its task"), "{}", answer.text);
    }
    assert_eq!(app.decide(&content, "approve", json!({})).await.status, 404);
    assert_eq!(app.database.count("hub_payloads").await, 0, "nothing is left of it");
    app.stop().await;
}
