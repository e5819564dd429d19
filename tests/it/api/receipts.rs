//! What was accepted, as operators see it.

use futures_util::future::join_all;
use rstest::rstest;
use serde_json::{Value, json};

use crate::harness::{App, Kind};

fn id_of(receipt: &Value) -> String {
    receipt["id"].as_str().expect("an id").to_owned()
}

async fn all_pages(app: &App, list: &str, limit: usize) -> Vec<String> {
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = app.get(&format!("{list}limit={limit}{cursor}")).await.good(200);
        seen.extend(page["items"].as_array().expect("a list").iter().map(id_of));
        let Some(next) = page["next_cursor"].as_str() else { return seen };
        cursor = format!("&cursor={next}");
    }
}

#[rstest]
#[tokio::test]
async fn a_receipt_has_the_bytes_and_the_headers_without_secrets(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    app.created(&json!({"id": "t"})).await;
    let body = "{ \"event\" : \"progress\",\n \"progress\":{\"percentage\":50} }";
    let answer = app
        .raw_callback("t", body)
        .header("authorization", "Bearer hush")
        .header("cookie", "hush")
        .header("x-note", "kept")
        .send();
    let id = answer.await.json()["callback_id"].as_str().expect("an id").to_owned();
    let receipt = app.get(&format!("/api/callbacks/{id}")).await.good(200);
    for (member, value) in [
        ("id", json!(id)),
        ("task_id", json!("t")),
        ("generator", json!("default")),
        ("attempt", json!(1)),
        ("source", json!("callback")),
        ("event", json!("progress")),
        ("verdict", json!("accepted")),
        ("outcome", json!("applied")),
        ("reason", Value::Null),
        ("code", Value::Null),
        ("received_at", json!("2027-01-15T08:00:00Z")),
        ("body", json!(body)),
        ("body_encoding", json!("utf8")),
    ] {
        assert_eq!(receipt[member], value, "{member}");
    }
    let headers = &receipt["headers"];
    assert_eq!(
        (&headers["authorization"], &headers["cookie"], &headers["x-note"]),
        (&json!("***"), &json!("***"), &json!("kept"))
    );
    assert!(headers["x-webhook-signature"].as_str().is_some_and(|signature| signature.starts_with("sha256=")), "{headers}");
    let listed = &app.items("/api/callbacks").await[0];
    assert_eq!((&listed["id"], &listed["body"]), (&json!(id), &Value::Null));
    assert_eq!(app.post("/api/tasks/t/cancel", &json!({})).await.status, 200);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_secret_that_is_sent_itself_is_masked_whatever_its_header_is_called(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let app = App::start(kind, &[]).await;
    app.created(&json!({"id": "t", "generator": "bare"})).await;
    let send = |proof: &str| {
        app.callback("t", &json!({"event": "completed", "result": 1})).of("bare").unsigned().header("x-proof", proof).send()
    };
    assert_eq!(send("a guess").await.problem().1, "signature_invalid");
    assert_eq!(send(crate::harness::SECRET).await.outcome().1, "applied");
    let refused = app.rejections(1).await;
    for id in [id_of(&refused[0]), id_of(&app.items("/api/callbacks?verdict=accepted").await[0])] {
        let receipt = app.get(&format!("/api/callbacks/{id}")).await;
        assert_eq!(receipt.json()["headers"]["x-proof"], "***", "{}", receipt.text);
    }
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn filters_narrow_the_list(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    for (id, generator) in [("t", "default"), ("q", "quiet")] {
        app.created(&json!({"id": id, "generator": generator})).await;
    }
    app.callback("t", &json!({"event": "progress"})).taken().await;
    app.callback("t", &json!({"event": "progress"})).taken().await;
    app.callback("t", &json!({"event": "completed", "result": 1})).taken().await;
    app.callback("q", &json!({"event": "failed"})).of("quiet").taken().await;
    app.post("/api/tasks/q/retry", &json!({})).await.good(200);
    app.callback("t", &json!({"event": "bogus"})).refused().await;
    app.callback("nobody", &json!({"event": "failed"})).refused().await;
    app.rejections(2).await;
    for (query, expected) in [
        ("", 7),
        ("verdict=accepted", 5),
        ("verdict=rejected", 2),
        ("generator=quiet", 2),
        ("task_id=t", 4),
        ("task_id=nobody", 1),
        ("task_id=not%20an%20id", 0),
        ("outcome=duplicate", 1),
        ("event=progress", 2),
        ("source=operator", 1),
        ("code=unknown_task", 1),
        ("task_id=t&verdict=accepted&event=progress&outcome=applied", 1),
        ("code=unknown_task&event=progress", 0),
        ("limit=3", 3),
    ] {
        assert_eq!(app.items(&format!("/api/callbacks?{query}")).await.len(), expected, "{query}");
    }
    assert_eq!(app.items("/api/tasks/t/callbacks").await.len(), 4, "the refused one, too");
    assert_eq!(app.get("/api/tasks/nobody/callbacks").await.problem(), (404, "unknown_task".to_owned()));
    assert_eq!(app.get("/api/callbacks?verdict=maybe").await.fields(), ["verdict"]);
    app.stop().await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_have_no_doubles_and_no_gaps(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    app.created(&json!({"id": "t"})).await;
    let sent = join_all((0..60).map(async |n| {
        let callback = app.callback("t", &json!({"event": "progress", "event_id": n}));
        let answer = if n % 6 == 0 { callback.secret("a guess").send().await } else { callback.send().await };
        answer.status
    }))
    .await;
    assert_eq!(sent.iter().filter(|status| **status == 200).count(), 50);
    app.rejections(10).await;
    for list in ["/api/tasks/t/callbacks?", "/api/callbacks?", "/api/callbacks?task_id=t&"] {
        for limit in [1, 7, 60] {
            let mut seen = all_pages(&app, list, limit).await;
            assert_eq!(seen.len(), 60, "{list} {limit}");
            seen.sort();
            seen.dedup();
            assert_eq!(seen.len(), 60, "{list} {limit}");
        }
    }
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_chain_out_of_order_is_still_whole(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    // ids come from the clocks of the replicas, the chain from the order of the commits
    let app = App::start(kind, &[]).await;
    app.created(&json!({"id": "t"})).await;
    for n in 0..6 {
        app.callback("t", &json!({"event": "progress", "event_id": n})).taken().await;
    }
    let mut expected = all_pages(&app, "/api/tasks/t/callbacks?", 6).await;
    reverse_ids(&app, &expected).await;
    for limit in [1, 2, 5] {
        let mut seen = all_pages(&app, "/api/tasks/t/callbacks?", limit).await;
        seen.sort();
        expected.sort();
        assert_eq!(seen, expected, "{limit}");
    }
    app.stop().await;
}

/// Gives the receipts' ids to each other, the newest's to the oldest, with the chain as it was.
async fn reverse_ids(app: &App, ids: &[String]) {
    let literal = |id: &str| match app.database.kind {
        Kind::Sqlite => format!("x'{}'", id.replace('-', "")),
        Kind::Postgres => format!("'{id}'"),
    };
    let spare = |id: &str| id.replacen("01", "ff", 1);
    for step in 0..2 {
        for (own, others) in ids.iter().zip(ids.iter().rev()) {
            let (from, to) = if step == 0 { (own.clone(), spare(others)) } else { (spare(own), own.clone()) };
            let (from, to) = (literal(&from), literal(&to));
            app.database.execute(&format!("UPDATE hub_receipts SET id = {to} WHERE id = {from}")).await;
            app.database.execute(&format!("UPDATE hub_receipts SET previous = {to} WHERE previous = {from}")).await;
            app.database.execute(&format!("UPDATE hub_tasks SET last_receipt = {to} WHERE last_receipt = {from}")).await;
        }
    }
}
