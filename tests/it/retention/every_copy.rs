//! A word that everything about a task holds is nowhere in the database when the task was erased.

use rstest::rstest;
use sea_orm::{ConnectionTrait, Statement};
use serde_json::json;

use super::{DAY, tidy};
use crate::harness::generator::Reply;
use crate::harness::{Database, Kind, Say, Subscriber};
use crate::ingress::{done, hook, start_with_generator};

const WORD: &str = "kumquat";

/// All rows of all tables, as text; bytes that are none as hex.
async fn everything(database: &Database) -> String {
    let connection = database.connect().await;
    let mut all = String::new();
    for table in migration::TABLES {
        let read = async |text: String| {
            let statement = Statement::from_string(connection.get_database_backend(), text);
            let row = connection.query_one_raw(statement).await.expect(table).expect("a row");
            row.try_get::<Option<String>>("", "n").expect("a text").unwrap_or_default()
        };
        let rows = match database.kind {
            Kind::Postgres => format!("SELECT string_agg(t::text, ' ') AS n FROM {table} AS t"),
            Kind::Sqlite => {
                let columns =
                    format!("SELECT group_concat('quote(' || name || ')', ' || ') AS n FROM pragma_table_info('{table}')");
                format!("SELECT group_concat({}, ' ') AS n FROM {table}", read(columns).await)
            }
        };
        all.push_str(&read(rows).await);
        all.push('\n');
    }
    connection.close().await.expect("a connection closes");
    all.to_ascii_lowercase()
}

/// As a text, or as bytes in hex.
async fn copies(database: &Database) -> usize {
    let all = everything(database).await;
    [WORD.to_owned(), hex::encode(WORD)].iter().map(|word| all.matches(word.as_str()).count()).sum()
}

#[rstest]
#[tokio::test]
async fn deleting_covers_every_copy(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, subscriber) = (super::start(kind).await, Subscriber::start().await);
    subscriber.always("/dead", Say::Status(410));
    for (path, template) in [("/", None), ("/dead", None), ("/made", Some("{\"text\": {{ data.result | tojson }}}"))] {
        let mut webhook = json!({"url": subscriber.url(path), "events": ["*"]});
        if let Some(template) = template {
            webhook["template"] = json!(template);
        }
        app.post("/api/webhooks", &webhook).await.good(201);
    }
    let new = json!({"id": "t", "generator": "own", "input": {"a": WORD}, "params": {"b": WORD}, "metadata": {"c": WORD},
        "webhook": {"url": subscriber.url("/kumquat"), "secret": "a secret of its own, of this task"}});
    app.created(&new).await;
    let body = json!({"event": "progress", "progress": {"message": WORD}});
    app.callback("t", &body).of("own").header("x-note", WORD).taken().await;
    app.callback("t", &json!({"event": "artist.uploaded", "event_id": "c1", "data": {"said": WORD}})).of("own").taken().await;
    app.post("/api/events", &json!({"event": "own", "task_id": "t", "data": WORD, "metadata": {"d": WORD}})).await.good(202);
    assert_eq!(app.callback("t", &json!({"event": "failed", "note": WORD})).of("own").secret("a guess").refused().await.0, 401);
    app.callback("t", &json!({"event": "failed", "error": {"message": "no", "details": {"e": WORD}}})).of("own").taken().await;
    app.post("/api/tasks/t/retry", &json!({})).await.good(200);
    app.callback("t", &json!({"event": "completed", "result": WORD, "event_id": "d"})).of("own").taken().await;
    app.rejections(1).await;
    app.work_off().await;
    let found = copies(&app.database).await;
    assert!(found > 10, "{found}: the word is found where it is");
    assert_eq!(app.delete("/api/tasks/t").await.status, 204);
    let left = everything(&app.database).await;
    let lines: Vec<&str> = left.lines().filter(|line| line.contains(WORD) || line.contains(&hex::encode(WORD))).collect();
    assert!(lines.is_empty(), "{lines:#?}");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn deleting_again_covers_what_came_since(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, subscriber) = (super::start(kind).await, Subscriber::start().await);
    app.post("/api/webhooks", &json!({"url": subscriber.url("/"), "events": ["*"]})).await.good(201);
    app.created(&json!({"id": "t", "generator": "own"})).await;
    app.callback("t", &json!({"event": "completed", "result": 1})).of("own").taken().await;
    assert_eq!(app.delete("/api/tasks/t").await.status, 204);
    app.clock.advance(DAY);
    app.post("/api/events", &json!({"event": "own", "task_id": "t", "data": WORD, "metadata": {"d": WORD}})).await.good(202);
    assert_eq!(app.callback("t", &json!({"event": "failed", "note": WORD})).of("own").secret("a guess").refused().await.0, 401);
    app.rejections(1).await;
    assert!(copies(&app.database).await > 0);
    assert_eq!(app.delete("/api/tasks/t").await.status, 204);
    assert_eq!(copies(&app.database).await, 0);
    app.stop().await;
}

/// Retention has taken the receipt that led to it.
#[rstest]
#[tokio::test]
async fn the_answer_to_a_submission_goes_long_after_it_came(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, server) = start_with_generator(kind).await;
    server.want("POST /jobs", [Reply::Json(200, json!({"id": "job", "note": WORD}))]);
    app.created(&json!({"id": "t", "generator": "submitting", "input": {}})).await;
    app.work_off().await;
    hook(&app, "submitting", &done("job")).taken().await;
    app.clock.advance(31 * DAY);
    tidy(&app).await;
    assert_eq!(
        (app.database.count("hub_receipts").await, copies(&app.database).await),
        (0, 1),
        "it may be needed as long as its task is there"
    );
    assert_eq!(app.delete("/api/tasks/t").await.status, 204);
    assert_eq!(copies(&app.database).await, 0);
    app.stop().await;
}
