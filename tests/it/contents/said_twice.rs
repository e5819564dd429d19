//! A publisher that did not hear the answer says it again.

use std::time::Duration;

use rstest::rstest;
use serde_json::json;

use super::{creator, text};
use crate::harness::webhooks::webhook;
use crate::harness::{Kind, Subscriber};

fn lost() -> (u16, String) {
    (409, "lease_lost".to_owned())
}

#[rstest]
#[tokio::test]
async fn that_it_is_published(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, subscriber) = (creator(kind, &[("DELIVERY_ALLOWED_NETWORKS", "private")]).await, Subscriber::start().await);
    app.register(webhook(subscriber.url("/"))).await;
    app.article("a", json!({})).await;
    let lent = app.claim(json!({"lease_seconds": 60})).await.remove(0);
    let first = app.say(&lent, "published", json!({})).await.good(200);
    app.clock.advance(Duration::from_secs(3600));
    assert_eq!(app.say(&lent, "published", json!({})).await.good(200), first, "long after the lease would have ended");
    assert_eq!(app.say(&lent, "failed", json!({})).await.problem(), lost(), "which is something else");
    let other = json!({"lease_token": "0198f2b0-0000-7000-8000-000000000000"});
    assert_eq!(app.post(&format!("/api/pool/{}/published", text(&lent["id"])), &other).await.problem(), lost());
    app.work_off().await;
    assert_eq!(subscriber.events("/").iter().filter(|event| *event == "content.published").count(), 1);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn that_it_could_not_be_published(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = creator(kind, &[]).await;
    app.article("a", json!({})).await;
    let mut lent = app.claim(json!({})).await.remove(0);
    for tries in 1..=3 {
        let first = app.say(&lent, "failed", json!({"error": "no", "retry_after_seconds": 60})).await.good(200);
        let again = app.say(&lent, "failed", json!({"error": "other words", "retry_after_seconds": 600})).await.good(200);
        assert_eq!((&again, &again["tries"]), (&first, &json!(tries)), "no try is burnt, and nothing is put off for longer");
        assert_eq!(app.say(&lent, "published", json!({})).await.problem(), lost());
        app.clock.advance(Duration::from_secs(60));
        if tries < 3 {
            let next = app.claim(json!({})).await.remove(0);
            assert_eq!(app.say(&lent, "failed", json!({})).await.problem(), lost(), "somebody else has it now");
            lent = next;
        }
    }
    assert_eq!(app.pool().await[0]["status"], "failed");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn who_let_his_lease_end_has_said_nothing(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = creator(kind, &[]).await;
    app.article("a", json!({})).await;
    let lent = app.claim(json!({"lease_seconds": 10})).await.remove(0);
    app.clock.advance(Duration::from_secs(11));
    app.loops.housekeeper.step().await.expect("it ends leases");
    for said in ["failed", "published"] {
        assert_eq!(app.say(&lent, said, json!({})).await.problem(), lost());
    }
    assert_eq!((&app.pool().await[0]["status"], &app.pool().await[0]["tries"]), (&json!("pending"), &json!(1)));
    app.stop().await;
}
