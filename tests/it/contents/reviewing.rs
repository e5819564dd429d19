//! Somebody decides.

use rstest::rstest;
use serde_json::json;

use super::{REVIEWED, creator, detail};
use crate::harness::Kind;

fn conflict() -> (u16, String) {
    (409, "conflict".to_owned())
}

#[rstest]
#[tokio::test]
async fn what_is_not_approved_waits_and_is_given_to_nobody(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = creator(kind, &[REVIEWED]).await;
    let content = app.article("a", json!({"priority": 2})).await;
    assert_eq!((&content["review_status"], &content["publish_status"]), (&json!("pending_review"), &json!("draft")));
    assert!(app.pool().await.is_empty());
    assert!(app.claim(json!({})).await.is_empty());

    let approved = app.decide(&content, "approve", json!({"note": "good"})).await.good(200);
    assert_eq!(
        (&approved["review_status"], &approved["review_note"], &approved["publish_status"]),
        (&json!("approved"), &json!("good"), &json!("pooled"))
    );
    let entry = &app.pool().await[0];
    assert_eq!((&entry["id"], &entry["content_id"]), (&content["id"], &content["id"]));
    assert_eq!((&entry["priority"], &entry["status"], &entry["tries"]), (&json!(2), &json!("pending"), &json!(0)));
    for decision in ["approve", "reject"] {
        let refused = app.decide(&content, decision, json!({"note": "again"})).await;
        assert_eq!(refused.problem(), conflict());
        assert_eq!(detail(&refused), "The content is approved");
    }
    assert_eq!(app.content(&content["id"]).await, approved);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_rejected_content_can_be_mended_and_approved_after_all(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = creator(kind, &[REVIEWED]).await;
    let content = app.article("a", json!({})).await;
    let rejected = app.decide(&content, "reject", json!({"note": "no title"})).await.good(200);
    assert_eq!((&rejected["review_status"], &rejected["review_note"]), (&json!("rejected"), &json!("no title")));
    let refused = app.decide(&content, "reject", json!({})).await;
    assert_eq!((refused.problem(), detail(&refused)), (conflict(), "The content is rejected".to_owned()));
    let path = format!("/api/contents/{}", super::text(&content["id"]));
    app.patch(&path, &json!({"title": "A title"})).await.good(200);
    let approved = app.decide(&content, "approve", json!({})).await.good(200);
    assert_eq!((&approved["title"], &approved["review_note"]), (&json!("A title"), &json!("no title")), "the note stays");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn bad_decisions_are_refused_by_field(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = creator(kind, &[REVIEWED]).await;
    let content = app.article("a", json!({})).await;
    for note in [json!(7), json!("a\u{0}b"), json!("x".repeat(10_001))] {
        let refused = app.decide(&content, "reject", json!({"note": note})).await;
        assert_eq!((refused.status, refused.fields()), (422, vec!["note".to_owned()]));
    }
    let refused = app.decide(&content, "approve", json!({"publish_after": "soon", "notes": "x"})).await;
    assert_eq!((refused.status, refused.fields()), (422, vec!["publish_after".to_owned(), "notes".to_owned()]));
    for id in ["0198f2b0-0000-7000-8000-000000000000", "nothing", "%00"] {
        for (path, body) in [("", json!({"title": "x"})), ("/approve", json!({})), ("/reject", json!({}))] {
            let path = format!("/api/contents/{id}{path}");
            let answer = if path.ends_with(id) { app.patch(&path, &body).await } else { app.post(&path, &body).await };
            assert_eq!(answer.problem(), (404, "not_found".to_owned()), "{path}");
        }
        assert_eq!(app.get(&format!("/api/contents/{id}")).await.problem(), (404, "not_found".to_owned()));
    }
    assert_eq!(app.content(&content["id"]).await, content);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn of_two_who_decide_at_once_one_is_told_that_it_is_done(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = creator(kind, &[REVIEWED]).await;
    for task in 0..10 {
        let content = app.article(&format!("t{task}"), json!({})).await;
        let (one, two) = futures_util::future::join(
            app.decide(&content, "approve", json!({"note": "one"})),
            app.decide(&content, "approve", json!({"note": "two"})),
        )
        .await;
        let mut statuses = [one.status, two.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409]);
        let note = if one.status == 200 { "one" } else { "two" };
        assert_eq!(app.content(&content["id"]).await["review_note"], note);
    }
    app.stop().await;
}
