//! What strangers send, and what proven senders get wrong: always an answer below 500, and nothing lost beside it.

use futures_util::future::join;
use futures_util::future::join_all;
use rstest::rstest;
use serde_json::{Value, json};

use crate::harness::raw::head;
use crate::harness::{App, Kind};

fn completed() -> Value {
    json!({"event": "completed", "result": 1})
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_bad_callbacks_stands_in_nobodys_way(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    for number in 0..20 {
        app.created(&json!({"id": format!("t{number}")})).await;
    }
    let bad = async |number: u32| match number % 4 {
        0 => app.callback("t0", &completed()).secret("a guess").send().await.problem().0,
        1 => app.callback("t1", &completed()).unsigned().send().await.problem().0,
        2 => app.raw_callback("t2", "x".repeat(10_000)).send().await.problem().0,
        _ => app.callback("nobody", &completed()).send().await.problem().0,
    };
    let good = async |number: u32| app.callback(&format!("t{number}"), &completed()).taken().await;
    let flood = join_all((0..400).map(bad));
    let (refused, taken) = join(flood, join_all((0..20).map(good))).await;
    assert!(refused.iter().all(|status| [401, 400, 404].contains(status)), "{refused:?}");
    assert!(taken.iter().all(|outcome| *outcome == (200, "applied".to_owned())), "{taken:?}");
    let stats = app.get("/api/stats").await.good(200);
    assert_eq!(stats["tasks"]["completed"], 20);
    let rejected: u64 = stats["callbacks"]["rejected"].as_object().expect("codes").values().filter_map(Value::as_u64).sum();
    assert_eq!(rejected, 400, "{stats}");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn odd_json_is_read_or_refused_and_never_an_error_of_ours(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    let huge = "9".repeat(5_000);
    let nested = |depth: usize| format!(r#"{{"event":"completed","result":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
    let braces = |depth: usize| format!(r#"{{"event":"completed","result":{}1{}}}"#, "{\"a\":".repeat(depth), "}".repeat(depth));
    let cases: Vec<(String, u16)> = vec![
        (nested(127), 200),
        (nested(128), 400),
        (braces(127), 200),
        (braces(128), 400),
        (nested(200_000), 400),
        (format!(r#"{{"event":"completed","result":"{}"}}"#, "[".repeat(1_000)), 200),
        (r#"{"event":"progress","event":"completed","result":1,"result":2}"#.to_owned(), 200),
        (r#"{"event":"completed","event":null}"#.to_owned(), 400),
        (r#"{"event":"completed","result":"\ud800"}"#.to_owned(), 200),
        (r#"{"event":"progress","progress":{"message":"\udc00 \ud83d\ude00 \ud83d"}}"#.to_owned(), 200),
        (r#"{"\ud800":1,"event":"completed","result":1}"#.to_owned(), 200),
        (r#"{"event":"\ud800"}"#.to_owned(), 400),
        (r#"{"event":"completed","result":1e400}"#.to_owned(), 200),
        (r#"{"event":"progress","progress":{"percentage":1e400}}"#.to_owned(), 400),
        (r#"{"event":"progress","progress":{"percentage":-1e400}}"#.to_owned(), 400),
        (r#"{"event":"progress","progress":{"percentage":1e-400}}"#.to_owned(), 200),
        (format!(r#"{{"event":"completed","result":{huge}}}"#), 200),
        (format!(r#"{{"event":"progress","progress":{{"percentage":{huge}}}}}"#), 400),
        (format!(r#"{{"event":"completed","result":1,"event_id":{huge}}}"#), 200),
        (format!(r#"{{"event":"completed","result":1,"taskId":{huge}}}"#), 400),
        (format!(r#"{{"event":"completed","result":1,"timestamp":{huge}}}"#), 400),
        (r#"{"event":"completed","result":1,"timestamp":1e400}"#.to_owned(), 400),
        (r#"{"event":"completed","result":1,"timestamp":-9e18}"#.to_owned(), 400),
        (r#"{"event":"completed","result":1,"timestamp":"0000-01-01T00:00:00Z"}"#.to_owned(), 200),
        (r#"{"event":"completed","result":1,"timestamp":"9999-12-31T23:59:59Z"}"#.to_owned(), 200),
        (format!(r#"{{"event":"failed","error":{{"message":"{}"}}}}"#, "m".repeat(1 << 20)), 200),
        ("\u{feff}{\"event\":\"completed\",\"result\":1}".to_owned(), 400),
        (" \r\n\t{\"event\":\"completed\",\"result\":1} \n".to_owned(), 200),
        ("{\"event\":\"completed\",\"result\":NaN}".to_owned(), 400),
        ("{\"event\":\"completed\",\"result\":\"\u{1}\"}".to_owned(), 400),
    ];
    for (number, (body, expected)) in cases.into_iter().enumerate() {
        let id = format!("t{number}");
        app.created(&json!({"id": id})).await;
        let answer = app.raw_callback(&id, body.clone()).send().await;
        let shown: String = body.chars().take(80).collect();
        assert_eq!(answer.status, expected, "{shown}: {}", answer.text);
        let task = app.get(&format!("/api/tasks/{id}")).await;
        assert_eq!(task.status, 200, "{shown}: {}", task.text);
        if expected == 400 {
            answer.problem();
            assert_eq!(task.json()["status"], "submitted", "{shown}");
        } else {
            assert_eq!(app.raw_callback(&id, body).send().await.outcome().1, "duplicate", "{shown}");
        }
    }
    assert_eq!(app.get("/api/tasks?limit=200").await.status, 200);
    assert_eq!(app.get("/api/callbacks?limit=200").await.status, 200);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn bytes_that_are_no_text_are_refused_and_kept_as_they_are(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    app.created(&json!({"id": "t"})).await;
    let malformed = (400, "malformed_body".to_owned());
    assert_eq!(app.raw_callback("t", b"{\"event\":\"completed\",\"result\":\"\xff\"}".to_vec()).refused().await, malformed);
    assert_eq!(app.raw_callback("t", b"\x00\x01\x02\xff".to_vec()).refused().await, malformed);
    let newest = app.rejections(2).await[0]["id"].as_str().expect("an id").to_owned();
    let kept = app.get(&format!("/api/callbacks/{newest}")).await.good(200);
    assert_eq!((&kept["body"], &kept["body_encoding"]), (&json!("AAEC/w=="), &json!("base64")));
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn headers_that_are_no_ascii_cannot_be_signatures(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    app.created(&json!({"id": "t"})).await;
    for value in [b"\xc3\xa4".to_vec(), b"\xff\xfe".to_vec(), vec![b'=', 0x80]] {
        let callback = app.callback("t", &completed()).unsigned().header("x-webhook-signature", value);
        assert_eq!(callback.refused().await, (401, "signature_invalid".to_owned()));
    }
    // elsewhere they do no harm
    let callback =
        app.callback("t", &completed()).header("x-note", b"\xff caf\xc3\xa9".to_vec()).header("user-agent", b"\xfe".to_vec());
    assert_eq!(callback.taken().await, (200, "applied".to_owned()));
    let receipt = app.items("/api/tasks/t/callbacks").await[0]["id"].as_str().expect("an id").to_owned();
    let kept = app.get(&format!("/api/callbacks/{receipt}")).await.good(200);
    assert_eq!(kept["headers"]["x-note"], "\u{fffd} café");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn http_that_is_none_is_refused_and_the_next_client_served(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    app.created(&json!({"id": "t"})).await;
    let body = completed().to_string();
    let signed = head("t", body.as_bytes(), body.len());
    let requests = [
        "nonsense\r\n\r\n".to_owned(),
        "POST /callback/t HTTP/1.1\r\n\r\n".to_owned(),
        "POST /callback/t HTTP/9.9\r\nHost: localhost\r\n\r\n".to_owned(),
        format!("GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "a".repeat(100_000)),
        format!("POST /callback/t HTTP/1.1\r\nHost: localhost\r\nX-Long: {}\r\n\r\n", "a".repeat(1 << 20)),
        format!("POST /callback/t HTTP/1.1\r\nHost: localhost\r\n{}\r\n", "X-Many: 1\r\n".repeat(1_000)),
        signed.replace("Content-Length: ", "Content-Length: -"),
        signed.replace("Content-Length: ", "Content-Length: 99999999999999999999999"),
        signed.replace("Content-Length: ", "Content-Length: 1\r\nContent-Length: "),
        signed.replace("\r\n\r\n", "\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
        signed.replace("X-Webhook-Signature: ", "X-Webhook-Signature: \u{0}"),
    ];
    for request in requests {
        let reply = app.exchange(&request).await;
        let refused = reply.status().is_none_or(|status| (400..500).contains(&status));
        assert!(refused, "{}: {reply:?}", request.chars().take(100).collect::<String>());
    }
    assert_eq!(app.status("t").await, "submitted");
    assert_eq!(app.exchange(signed + &body).await.status(), Some(200));
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_body_that_breaks_off_counts_for_nothing(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    app.created(&json!({"id": "t"})).await;
    let body = completed().to_string();
    let mut connection = app.connect().await;
    connection.send(head("t", body.as_bytes(), body.len() + 1) + &body).await;
    drop(connection);
    assert_eq!(app.callback("t", &completed()).taken().await, (200, "applied".to_owned()));
    app.stop().await;
}
