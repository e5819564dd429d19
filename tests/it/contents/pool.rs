//! Publishers take approved contents, and say what became of them.

use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};

use super::{REVIEWED, creator, tasks, text};
use crate::harness::app::START;
use crate::harness::{App, Kind};
use callback_hub::domain::time::Timestamp;

const SECOND: Duration = Duration::from_secs(1);

fn lost() -> (u16, String) {
    (409, "lease_lost".to_owned())
}

fn at(seconds: i64) -> String {
    Timestamp::from_secs(START + seconds).to_string()
}

#[rstest]
#[tokio::test]
async fn the_most_urgent_comes_first_and_then_what_has_waited_longest(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = creator(kind, &[]).await;
    for (task, priority) in [("a", 5), ("b", 1), ("c", 10), ("d", 5), ("e", 1)] {
        app.article(task, json!({"priority": priority})).await;
        app.clock.advance(SECOND);
    }
    assert_eq!(tasks(&app.claim(json!({})).await), ["b"], "one, if nothing is said");
    assert_eq!(tasks(&app.claim(json!({"limit": 3})).await), ["e", "a", "d"]);
    assert_eq!(tasks(&app.claim(json!({"limit": 100})).await), ["c"]);
    assert!(app.claim(json!({"limit": 100})).await.is_empty());
    let lent: Vec<_> = app.items("/api/pool?status=publishing").await;
    assert_eq!(tasks(&lent), ["e", "d", "c", "b", "a"], "lists show the newest first");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn what_is_taken_has_the_whole_content_and_is_published_once(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = creator(kind, &[]).await;
    let content = app.article("a", json!({})).await;
    let lent = app.claim(json!({"lease_seconds": 60})).await.remove(0);
    assert_eq!(
        (&lent["status"], &lent["tries"], &lent["lease_until"], &lent["publish_after"]),
        (&json!("publishing"), &json!(1), &json!(at(60)), &json!(at(0)))
    );
    let expected = json!({"publish_status": "publishing", "title": content["title"], "html": content["html"]});
    for member in ["publish_status", "title", "html"] {
        assert_eq!(lent["content"][member], expected[member], "{lent}");
    }
    assert!(lent["lease_token"].is_string());
    assert!(app.pool().await[0]["lease_token"].is_null(), "lists do not show it");

    let published = app.say(&lent, "published", json!({})).await.good(200);
    assert_eq!((&published["status"], &published["lease_until"]), (&json!("published"), &Value::Null));
    assert_eq!(published["published_at"], at(0));
    assert_eq!(app.content(&content["id"]).await["publish_status"], "published");
    for said in ["failed", "extend"] {
        assert_eq!(app.say(&lent, said, json!({})).await.problem(), lost(), "{said}");
    }
    app.later(Duration::from_secs(3600)).await;
    assert!(app.claim(json!({})).await.is_empty());
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn after_three_tries_it_is_given_up(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = creator(kind, &[]).await;
    let content = app.article("a", json!({})).await;
    for tries in 1..=3 {
        let lent = app.claim(json!({})).await.remove(0);
        assert_eq!(lent["tries"], tries);
        let said = json!({"error": format!("no {tries}"), "retry_after_seconds": 60});
        let entry = app.say(&lent, "failed", said).await.good(200);
        assert_eq!(entry["status"], if tries < 3 { "pending" } else { "failed" });
        assert_eq!(entry["last_error"], format!("no {tries}"));
        assert!(app.claim(json!({})).await.is_empty(), "not before a minute has gone by");
        app.clock.advance(60 * SECOND);
    }
    assert!(app.claim(json!({})).await.is_empty());
    assert_eq!(tasks(&app.items("/api/pool?status=failed").await), ["a"]);
    assert_eq!(app.content(&content["id"]).await["publish_status"], "failed");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_lease_that_ends_without_a_word_is_a_used_try(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = creator(kind, &[]).await;
    app.article("a", json!({})).await;
    let first = app.claim(json!({"lease_seconds": 10})).await.remove(0);
    app.clock.advance(11 * SECOND);
    assert_eq!(app.say(&first, "published", json!({})).await.problem(), lost());
    let second = app.claim(json!({})).await.remove(0);
    assert_eq!(second["tries"], 2);
    assert_ne!(second["lease_token"], first["lease_token"]);
    assert_eq!(app.say(&first, "failed", json!({})).await.problem(), lost(), "its time is over");
    app.clock.advance(301 * SECOND);
    assert_eq!(app.claim(json!({})).await.remove(0)["tries"], 3);
    app.clock.advance(301 * SECOND);
    assert!(app.claim(json!({})).await.is_empty());
    let entry = &app.pool().await[0];
    assert_eq!((&entry["status"], &entry["lease_until"]), (&json!("failed"), &Value::Null));
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn what_cannot_be_read_is_not_taken(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = creator(kind, &[]).await;
    app.article("a", json!({})).await;
    // its length can be told, its bytes cannot
    let (spoil, mend) = match kind {
        Kind::Sqlite => (
            "CREATE TABLE kept AS SELECT * FROM hub_payloads; UPDATE hub_payloads SET bytes = 7",
            "UPDATE hub_payloads SET bytes = (SELECT k.bytes FROM kept AS k WHERE k.id = hub_payloads.id); DROP TABLE kept",
        ),
        Kind::Postgres => (
            "ALTER TABLE hub_payloads ALTER COLUMN bytes TYPE TEXT USING encode(bytes, 'hex')",
            "ALTER TABLE hub_payloads ALTER COLUMN bytes TYPE BYTEA USING decode(bytes, 'hex')",
        ),
    };
    app.database.execute(spoil).await;
    // on PostgreSQL, who has seen the column with the one type will not have it with the other
    let other = App::on(&app.database, &[super::CREATOR]).await;
    assert_eq!(other.post("/api/pool/claim", &json!({})).await.status, 500);
    other.stop().await;
    app.database.execute(mend).await;
    let entry = &app.pool().await[0];
    assert_eq!((&entry["status"], &entry["tries"]), (&json!("pending"), &json!(0)));
    assert_eq!(app.claim(json!({})).await.remove(0)["tries"], 1);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_lease_can_be_made_longer_as_long_as_it_holds(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = creator(kind, &[]).await;
    app.article("a", json!({})).await;
    let lent = app.claim(json!({"lease_seconds": 10})).await.remove(0);
    app.clock.advance(9 * SECOND);
    assert_eq!(app.say(&lent, "extend", json!({"lease_seconds": 100})).await.good(200)["lease_until"], at(109));
    assert_eq!(app.say(&lent, "extend", json!({"lease_seconds": 10})).await.good(200)["lease_until"], at(109));
    app.clock.advance(50 * SECOND);
    assert!(app.claim(json!({})).await.is_empty());
    app.say(&lent, "published", json!({})).await.good(200);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn nothing_is_published_before_its_time(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = creator(kind, &[REVIEWED]).await;
    let (monday, today) = (app.article("monday", json!({"priority": 1})).await, app.article("today", json!({})).await);
    app.decide(&monday, "approve", json!({"publish_after": at(3600)})).await.good(200);
    app.decide(&today, "approve", json!({"publish_after": at(-3600)})).await.good(200);
    assert_eq!(tasks(&app.claim(json!({"limit": 9})).await), ["today"]);
    app.clock.advance(3599 * SECOND);
    assert_eq!(tasks(&app.claim(json!({"limit": 9})).await), ["today"], "which nobody has published");
    app.clock.advance(SECOND);
    assert_eq!(tasks(&app.claim(json!({"limit": 9})).await), ["monday"]);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn an_answer_holds_only_so_many_bytes_of_texts(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = creator(kind, &[REVIEWED]).await;
    for task in ["a", "b", "c", "d"] {
        let content = app.article(task, json!({})).await;
        let size = if task == "d" { 10 } else { 12 << 20 };
        let edited = app.patch(&format!("/api/contents/{}", text(&content["id"])), &json!({"content": "x".repeat(size)})).await;
        edited.good(200);
        app.decide(&content, "approve", json!({})).await.good(200);
        app.clock.advance(SECOND);
    }
    let lent = app.claim(json!({"limit": 100})).await;
    assert_eq!(tasks(&lent), ["a", "b"], "the third would be too much");
    assert_eq!(lent[1]["content"]["content"].as_str().map(str::len), Some(12 << 20));
    let pending = app.items("/api/pool?status=pending").await;
    assert_eq!(pending.iter().map(|entry| entry["tries"].as_u64()).collect::<Vec<_>>(), [Some(0), Some(0)]);
    assert_eq!(tasks(&app.claim(json!({"limit": 100})).await), ["c", "d"], "it was kept for whoever comes next");
    app.stop().await;
}

async fn refused(app: &App, path: &str, body: Value) -> (u16, Vec<String>) {
    let answer = app.post(path, &body).await;
    (answer.status, answer.fields())
}

#[rstest]
#[tokio::test]
async fn bad_requests_are_refused_by_field(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = creator(kind, &[REVIEWED]).await;
    let draft = app.article("draft", json!({})).await;
    let content = app.article("a", json!({})).await;
    app.decide(&content, "approve", json!({})).await.good(200);
    for body in [json!({"limit": 0, "lease_seconds": 9}), json!({"limit": 101, "lease_seconds": 3601})] {
        assert_eq!(refused(&app, "/api/pool/claim", body).await, (422, vec!["limit".to_owned(), "lease_seconds".to_owned()]));
    }
    assert_eq!(refused(&app, "/api/pool/claim", json!({"count": 1})).await, (422, vec!["count".to_owned()]));
    assert_eq!(app.get("/api/pool?status=pooled").await.fields(), ["status"]);
    let lent = app.claim(json!({})).await.remove(0);
    let path = |id: &Value, said: &str| format!("/api/pool/{}/{said}", text(id));
    for said in ["published", "failed", "extend"] {
        let (path, draft) = (path(&lent["id"], said), path(&draft["id"], said));
        for body in [json!({}), json!({"lease_token": null}), json!({"lease_token": 7})] {
            assert_eq!(refused(&app, &path, body).await, (422, vec!["lease_token".to_owned()]));
        }
        for token in ["another", "", "0198f2b0-0000-7000-8000-000000000000", "00000000-0000-0000-0000-000000000000"] {
            assert_eq!(app.post(&path, &json!({"lease_token": token})).await.problem(), lost());
        }
        let unknown = path.replace(text(&lent["id"]), "0198f2b0-0000-7000-8000-000000000000");
        for path in [unknown, "/api/pool/x/published".to_owned(), draft] {
            let answer = app.post(&path, &json!({"lease_token": lent["lease_token"]})).await;
            assert_eq!(answer.problem(), (404, "not_found".to_owned()), "{path}");
        }
    }
    let nul = json!({"lease_token": lent["lease_token"], "error": "no\u{0}"});
    assert_eq!(refused(&app, &path(&lent["id"], "failed"), nul).await, (422, vec!["error".to_owned()]));
    let body = json!({"lease_token": lent["lease_token"], "retry_after_seconds": 2_592_001, "error": 7});
    let fields = vec!["error".to_owned(), "retry_after_seconds".to_owned()];
    assert_eq!(refused(&app, &path(&lent["id"], "failed"), body).await, (422, fields));
    app.say(&lent, "published", json!({})).await.good(200);
    app.stop().await;
}
