//! Somebody mends a content before it is approved.

use futures_util::future::join_all;
use rstest::rstest;
use serde_json::{Value, json};

use super::{REVIEWED, creator, detail, text};
use crate::harness::{Answer, App, Kind};

async fn edit(app: &App, content: &Value, what: Value) -> Answer {
    app.patch(&format!("/api/contents/{}", text(&content["id"])), &what).await
}

#[rstest]
#[tokio::test]
async fn what_is_named_changes_and_the_rest_stays(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = creator(kind, &[REVIEWED]).await;
    let content = app.article("a", json!({})).await;
    let texts = app.database.count("hub_payloads").await;
    let edited = edit(&app, &content, json!({"title": "Dusk", "summary": "short"})).await.good(200);
    let mut expected = content.clone();
    expected["title"] = json!("Dusk");
    expected["summary"] = json!("short");
    assert_eq!(edited, expected, "the generator's count stays, too");

    let new = json!({
        "content": "three little words", "html": null, "images": ["https://e.x/3.png"], "cover_image": null,
        "fields": {"tags": ["sea", {"deep": 1}]},
    });
    let edited = edit(&app, &content, new).await.good(200);
    assert_eq!(
        (&edited["content"], &edited["word_count"], &edited["html"]),
        (&json!("three little words"), &json!(3), &Value::Null)
    );
    assert_eq!((&edited["images"], &edited["cover_image"]), (&json!(["https://e.x/3.png"]), &Value::Null));
    assert_eq!(edited["fields"], json!({"tags": ["sea", {"deep": 1}]}));
    assert_eq!(edited["title"], "Dusk");
    let emptied = edit(&app, &content, json!({"content": null, "images": null, "fields": null})).await.good(200);
    assert_eq!((&emptied["word_count"], &emptied["images"], &emptied["fields"]), (&Value::Null, &json!([]), &json!({})));
    assert_eq!(app.content(&content["id"]).await, emptied);
    assert_eq!(app.database.count("hub_payloads").await, texts, "old texts do not stay");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn bad_edits_name_every_field_and_save_nothing(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = creator(kind, &[REVIEWED]).await;
    let content = app.article("a", json!({})).await;
    let bad = json!({
        "title": 7, "summary": [], "images": ["a", 1], "fields": [], "cover_image": {}, "word_count": 3, "body": "x",
        "review_status": "approved",
    });
    let refused = edit(&app, &content, bad).await;
    assert_eq!(refused.problem(), (422, "invalid_request".to_owned()));
    let expected = ["title", "summary", "cover_image", "fields", "images", "word_count", "body", "review_status"];
    assert_eq!(refused.fields(), expected);
    for (field, value) in [
        ("title", json!("\u{0}")),
        ("content", json!("a\u{0}b")),
        ("images", json!(["a", {"url": "\u{0}"}])),
        ("fields", json!({"a": {"\u{0}": 1}})),
    ] {
        let refused = edit(&app, &content, json!({field: value})).await;
        assert_eq!((refused.problem().0, refused.fields()), (422, vec![field.to_owned()]));
    }
    let deep = format!(r#"{{"fields":{{"a":{}1{}}}}}"#, "[".repeat(126), "]".repeat(126));
    let path = format!("{}/api/contents/{}", app.base, text(&content["id"]));
    let refused = app.send(app.client.patch(path).body(deep)).await;
    assert_eq!((refused.status, refused.fields()), (422, vec!["fields".to_owned()]));
    assert_eq!(app.content(&content["id"]).await, content);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn an_approved_content_cannot_be_edited(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = creator(kind, &[]).await;
    let content = app.article("a", json!({})).await;
    let refused = edit(&app, &content, json!({"title": "Another"})).await;
    assert_eq!(refused.problem(), (409, "conflict".to_owned()));
    assert_eq!(detail(&refused), "The content is approved");
    assert_eq!(app.content(&content["id"]).await, content);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn edits_at_once_do_not_undo_each_other(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = creator(kind, &[REVIEWED]).await;
    let content = app.article("a", json!({})).await;
    let (texts, fields) = (app.database.count("hub_payloads").await, ["title", "summary", "cover_image", "html"]);
    for round in 0..10 {
        let edits = fields.map(|field| edit(&app, &content, json!({field: format!("{field} {round}")})));
        let answers = join_all(edits).await;
        let now = app.content(&content["id"]).await;
        for (field, answer) in fields.iter().zip(&answers) {
            assert_eq!(answer.status, 200, "{}", answer.text);
            assert_eq!(now[field], format!("{field} {round}"));
        }
    }
    assert_eq!(app.database.count("hub_payloads").await, texts);
    app.stop().await;
}
