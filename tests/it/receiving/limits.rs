//! Bounds of size, time and room.

use std::sync::Arc;

use rstest::rstest;
use serde_json::{Value, json};

use crate::harness::app::Extra;
use crate::harness::raw::head;
use crate::harness::{App, Database, Kind};
use callback_hub::journal::Limits;

const MIB: usize = 1 << 20;

fn padded(length: usize) -> String {
    let body = r#"{"event":"completed","result":""}"#;
    body.replace("\"\"", &format!("\"{}\"", "x".repeat(length - body.len())))
}

fn too_large() -> (u16, String) {
    (413, "body_too_large".to_owned())
}

#[rstest]
#[tokio::test]
async fn sixteen_mebibytes_are_taken_and_a_byte_more_is_not(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    app.created(&json!({"id": "t"})).await;
    // announced: refused before any of it is sent
    let reply = app.exchange(head("t", b"", 16 * MIB + 1)).await;
    assert!(reply.status() == Some(413) && reply.says("body_too_large"), "{reply:?}");

    // not announced: refused as soon as it is too much
    let chunked = head("t", b"", 0).replace("Content-Length: 0", "Transfer-Encoding: chunked");
    let mut connection = app.connect().await;
    connection.send(chunked).await;
    let chunk = format!("100000\r\n{}\r\n", "x".repeat(MIB));
    for _ in 0..16 {
        assert!(connection.send(&chunk).await, "16 MiB are welcome");
    }
    connection.send("1\r\nx\r\n").await;
    let reply = connection.reply().await;
    assert!(reply.status() == Some(413) && reply.says("body_too_large"), "{reply:?}");

    let body = padded(16 * MIB);
    assert_eq!(app.raw_callback("t", body.clone()).taken().await, (200, "applied".to_owned()));
    let task = app.get("/api/tasks/t").await;
    assert_eq!(task.json()["result"].as_str().map(str::len), Some(16 * MIB - r#"{"event":"completed","result":""}"#.len()));
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_generator_may_have_a_limit_of_its_own(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[("CALLBACK_MAX_BODY", "100"), ("GENERATOR_QUIET_MAX_BODY", "1KiB")]).await;
    for (id, generator, limit) in [("d", "default", 100), ("s", "small", 200), ("q", "quiet", 1024)] {
        app.created(&json!({"id": id, "generator": generator})).await;
        assert_eq!(app.raw_callback(id, padded(limit + 1)).of(generator).refused().await, too_large(), "{generator}");
        assert_eq!(app.raw_callback(id, padded(limit)).of(generator).taken().await.1, "applied", "{generator}");
    }
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_body_that_takes_too_long_is_given_up(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[("SERVER_BODY_TIMEOUT", "200ms")]).await;
    let mut connection = app.connect().await;
    connection.send(head("t", b"", 10) + "{").await;
    let reply = connection.reply().await;
    assert!(reply.status() == Some(408) && reply.says("request_timeout"), "{reply:?}");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_head_that_takes_too_long_closes_the_connection(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[("SERVER_HEAD_TIMEOUT", "200ms")]).await;
    for beginning in ["", "POST /callback/t HTTP/1.1\r\nHost: loc"] {
        let reply = app.exchange(beginning).await;
        assert!(reply.status().is_none_or(|status| status == 408), "{reply:?}");
    }
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn more_connections_than_allowed_are_closed(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[("SERVER_MAX_CONNECTIONS", "2")]).await;
    let mut first = app.connect().await;
    let mut second = app.connect().await;
    for connection in [&mut first, &mut second] {
        connection.send("GET /health/live HTTP/1.1\r\n").await;
    }
    let third = app.exchange("GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await;
    assert_eq!(third.status(), None, "{third:?}");
    for mut connection in [first, second] {
        connection.send("Host: localhost\r\nConnection: close\r\n\r\n").await;
        assert_eq!(connection.reply().await.status(), Some(200));
    }
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn all_connections_together_have_a_bound(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[("CALLBACK_MAX_BODY", "8KiB"), ("CALLBACK_MAX_BUFFERED", "8KiB")]).await;
    for id in ["t", "u"] {
        app.created(&json!({"id": id})).await;
    }
    let body = padded(6_000);
    let mut slow = app.connect().await;
    slow.send(head("t", body.as_bytes(), body.len()) + &body[..5_999]).await;
    // what has arrived counts, and only that: so the second one is refused as soon as the first one's bytes are here
    let mut refused = None;
    app.until(async || {
        let answer = app.raw_callback("u", padded(4_000)).send().await;
        let is_refused = answer.status == 503;
        refused = Some(answer).filter(|_| is_refused);
        is_refused
    })
    .await;
    let refused = refused.expect("it was refused");
    assert_eq!(refused.problem(), (503, "unavailable".to_owned()));
    slow.send(&body[5_999..]).await;
    assert_eq!(slow.reply().await.status(), Some(200), "the first one is none the worse for it");
    assert_eq!(app.raw_callback("u", padded(4_001)).send().await.status, 200, "and its share is free again");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn one_address_that_trickles_keeps_no_other_out(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let sizes = [("CALLBACK_MAX_BODY", "8KiB"), ("CALLBACK_MAX_BUFFERED", "32KiB"), ("SERVER_TRUSTED_PROXIES", "127.0.0.1")];
    let app = App::start(kind, &sizes).await;
    app.created(&json!({"id": "t"})).await;
    // eight of these are what one address may hold
    let body = padded(1_000);
    let mut trickling = Vec::new();
    for _ in 0..12 {
        let mut connection = app.connect().await;
        let head = head("t", body.as_bytes(), body.len()).replace("Host:", "X-Forwarded-For: 192.0.2.1\r\nHost:");
        connection.send(head + &body[..999]).await;
        trickling.push(connection);
    }
    app.until(async || app.get("/api/stats").await.good(200)["callbacks"]["rejected"]["unavailable"] == 4).await;
    let from =
        async |address: &str, length| app.raw_callback("t", padded(length)).header("x-forwarded-for", address).send().await;
    let refused = from("192.0.2.1", 1_000).await;
    assert_eq!((refused.problem(), refused.retry_after()), ((503, "unavailable".to_owned()), Some(2)));
    for (address, expected) in [("192.0.2.2", "applied"), ("192.0.2.3", "duplicate")] {
        assert_eq!(from(address, 8_000).await.outcome(), (200, expected.to_owned()), "{address}");
    }
    let mut taken = 0;
    for mut connection in trickling {
        connection.send(&body[999..]).await;
        taken += usize::from(connection.reply().await.status() == Some(200));
    }
    assert_eq!(taken, 8, "who held his part is none the worse for it");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_full_journal_asks_to_come_again(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let database = Arc::new(Database::fresh(kind).await);
    let journal = Some(Limits { queue: 4, items: 2, ..Limits::default() });
    let app = App::with(&database, Extra { journal, ..Extra::default() }).await;
    app.created(&json!({"id": "t"})).await;
    let events: Vec<Value> = (0..12).map(|n| json!({"event": "progress", "event_id": n})).collect();

    let hold = database.hold().await;
    let all = futures_util::future::join_all(events.iter().map(|event| app.callback("t", event).send()));
    let release = async {
        app.until(async || app.get("/api/stats").await.good(200)["callbacks"]["rejected"]["unavailable"].is_u64()).await;
        hold.release().await;
    };
    let (answers, ()) = futures_util::future::join(all, release).await;
    for refused in answers.iter().filter(|answer| answer.status != 200) {
        assert_eq!((refused.problem(), refused.retry_after()), ((503, "unavailable".to_owned()), Some(2)));
    }
    let taken = answers.iter().filter(|answer| answer.status == 200).count();
    assert!((5..12).contains(&taken), "4 waited, and 1 or 2 were being written: {taken}");
    for (event, answer) in events.iter().zip(&answers) {
        let again = app.callback("t", event).taken().await.1;
        assert_eq!(again, if answer.status == 200 { "duplicate" } else { "applied" });
    }
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn who_is_refused_before_his_body_is_read_still_hears_why(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[("CALLBACK_ENABLED", "false")]).await;
    let body = padded(15 * MIB);
    for _ in 0..20 {
        assert_eq!(app.raw_callback("t", body.clone()).refused().await, (403, "callbacks_disabled".to_owned()));
    }
    app.stop().await;

    let app = App::start(kind, &[("CALLBACK_MAX_BODY", "64KiB")]).await;
    for _ in 0..20 {
        assert_eq!(app.raw_callback("t", body.clone()).refused().await, too_large());
    }
    app.stop().await;
}
