//! An operator puts back what publishers have given up.

use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};

use super::{REVIEWED, creator, detail, tasks, text};
use crate::harness::{Answer, App, Kind};

async fn retry(app: &App, id: &Value) -> Answer {
    app.post(&format!("/api/pool/{}/retry", text(id)), &json!({})).await
}

#[rstest]
#[tokio::test]
async fn a_failed_one_has_all_its_tries_before_it(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = creator(kind, &[]).await;
    let content = app.article("a", json!({})).await;
    for _ in 0..3 {
        let lent = app.claim(json!({})).await.remove(0);
        app.say(&lent, "failed", json!({"error": "too many posts today"})).await.good(200);
    }
    assert!(app.claim(json!({})).await.is_empty());
    app.clock.advance(Duration::from_secs(3600));
    let entry = retry(&app, &content["id"]).await.good(200);
    assert_eq!(
        (&entry["status"], &entry["tries"], &entry["last_error"]),
        (&json!("pending"), &json!(0), &json!("too many posts today"))
    );
    assert_eq!(entry["publish_after"], app.clock.now().to_string());
    assert_eq!(app.content(&content["id"]).await["publish_status"], "pooled");
    for tries in 1..=3 {
        let lent = app.claim(json!({})).await.remove(0);
        assert_eq!(lent["tries"], tries);
        app.say(&lent, "failed", json!({})).await.good(200);
    }
    assert_eq!(tasks(&app.items("/api/pool?status=failed").await), ["a"]);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn what_has_not_failed_stays_as_it_is(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = creator(kind, &[REVIEWED]).await;
    let (draft, content) = (app.article("draft", json!({})).await, app.article("a", json!({})).await);
    app.decide(&content, "approve", json!({})).await.good(200);
    let conflict = async |state: &str| {
        let answer = retry(&app, &content["id"]).await;
        assert_eq!(answer.problem(), (409, "conflict".to_owned()));
        assert_eq!(detail(&answer), format!("The entry is {state}: only failed ones can be offered again"));
    };
    conflict("pending").await;
    let lent = app.claim(json!({})).await.remove(0);
    conflict("publishing").await;
    app.say(&lent, "published", json!({})).await.good(200);
    conflict("published").await;
    for id in [&draft["id"], &json!("0198f2b0-0000-7000-8000-000000000000"), &json!("x")] {
        assert_eq!(retry(&app, id).await.problem(), (404, "not_found".to_owned()));
    }
    app.stop().await;
}
