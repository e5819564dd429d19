//! Every row of the table of errors, and what problems look like.

use rstest::rstest;
use serde_json::{Value, json};

use crate::harness::{App, Kind};

fn completed() -> Value {
    json!({"event": "completed", "result": {"url": "https://files.example/1"}})
}

fn is(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[rstest]
#[tokio::test]
async fn row_1_callbacks_may_be_switched_off(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[("CALLBACK_ENABLED", "false")]).await;
    app.created(&json!({"id": "t"})).await;
    assert_eq!(app.callback("t", &completed()).refused().await, is(403, "callbacks_disabled"));
    assert_eq!(app.batch(&[]).refused().await, is(403, "callbacks_disabled"));
    assert_eq!(app.status("t").await, "submitted");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn row_2_addresses_are_the_hubs_or_the_generators_own(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[("CALLBACK_ALLOWED_IPS", "10.0.0.0/8")]).await;
    assert_eq!(app.callback("t", &completed()).refused().await, is(403, "address_not_allowed"));
    // a list of its own goes before the hub's, either way
    assert_eq!(app.callback("t", &completed()).of("welcome").refused().await, is(404, "unknown_task"));
    app.stop().await;

    let app = App::start(kind, &[]).await;
    assert_eq!(app.callback("t", &completed()).of("fenced").refused().await, is(403, "address_not_allowed"));
    assert_eq!(app.callback("t", &completed()).refused().await, is(404, "unknown_task"));
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn row_2_a_forwarded_address_counts_behind_a_trusted_proxy_only(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let fenced = [("CALLBACK_ALLOWED_IPS", "203.0.113.0/24")];
    let app = App::start(kind, &fenced).await;
    let forwarded = async |app: &App, hops: &str| app.callback("t", &completed()).header("x-forwarded-for", hops).send().await;
    assert_eq!(forwarded(&app, "203.0.113.9").await.problem(), is(403, "address_not_allowed"));
    app.stop().await;

    let app = App::start(kind, &[fenced[0], ("SERVER_TRUSTED_PROXIES", "127.0.0.1")]).await;
    assert_eq!(forwarded(&app, "198.51.100.1, 203.0.113.9").await.problem(), is(404, "unknown_task"));
    assert_eq!(forwarded(&app, "203.0.113.9, 198.51.100.1").await.problem(), is(403, "address_not_allowed"));
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn row_3_who_comes_too_often_is_told_when_to_come_again(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[("CALLBACK_RATE_LIMIT", "2/h")]).await;
    for _ in 0..2 {
        assert_eq!(app.callback("t", &completed()).refused().await, is(404, "unknown_task"));
    }
    let answer = app.callback("t", &completed()).send().await;
    assert_eq!(answer.problem(), is(429, "rate_limited"));
    let seconds = answer.retry_after().expect("Retry-After");
    assert!((1_790..=1_800).contains(&seconds), "one more every half hour: {seconds}");
    // the management API has no such limit
    for _ in 0..4 {
        app.get("/api/tasks").await.good(200);
    }
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn row_5_a_generator_that_is_none(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    for name in ["nobody", "", "DEFAULT", "../default"] {
        assert_eq!(app.callback("t", &completed()).of(name).refused().await, is(404, "unknown_generator"), "{name}");
    }
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn rows_6_to_8_signatures_and_their_timestamps(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    use crate::harness::START;
    let app = App::start(kind, &[]).await;
    app.created(&json!({"id": "t", "generator": "stamped"})).await;
    let stamped = |timestamp: &str| app.callback("t", &completed()).of("stamped").stamped(timestamp).send();

    assert_eq!(app.callback("t", &completed()).unsigned().refused().await, is(401, "signature_missing"));
    for off in [-301, 301] {
        let answer = stamped(&(START + off).to_string()).await;
        assert_eq!(answer.problem(), is(401, "timestamp_out_of_tolerance"), "{off}");
    }
    for unreadable in ["", "soon", "1.8e9", "99999999999999999999"] {
        assert_eq!(stamped(unreadable).await.problem(), is(401, "timestamp_out_of_tolerance"), "{unreadable}");
    }
    let without = app.callback("t", &completed()).of("stamped").send().await;
    assert_eq!(without.problem(), is(401, "timestamp_out_of_tolerance"));
    assert_eq!(app.callback("t", &completed()).secret("another secret").refused().await, is(401, "signature_invalid"));
    assert_eq!(app.status("t").await, "submitted");

    assert_eq!(stamped(&(START - 300).to_string()).await.outcome(), is(200, "applied"));
    assert_eq!(stamped(&(START + 300).to_string()).await.outcome(), is(200, "duplicate"));
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn rows_9_to_11_bodies_and_the_fields_at_fault(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    app.created(&json!({"id": "t"})).await;
    let answer = async |body: &str| app.raw_callback("t", body).send().await;

    for body in ["", " ", "[]", "null", "\"x\"", "1", "{", "{}x", "{'event':1}", "{\"event\":\"progress\",}"] {
        assert_eq!(answer(body).await.problem(), is(400, "malformed_body"), "{body}");
    }
    for body in ["{}", r#"{"event":null}"#, r#"{"Event":"completed"}"#] {
        let answer = answer(body).await;
        assert_eq!((answer.problem(), answer.fields()), (is(400, "missing_event"), vec!["event".to_owned()]), "{body}");
    }
    let unknown = answer(r#"{"event":"finished"}"#).await;
    assert_eq!((unknown.problem(), unknown.fields()), (is(400, "unknown_event"), vec!["event".to_owned()]));
    for (body, field) in [
        (r#"{"event":5}"#, "event"),
        (r#"{"event":"progress","progress":{"percentage":101}}"#, "progress.percentage"),
        (r#"{"event":"progress","progress":{"percentage":-1}}"#, "progress.percentage"),
        (r#"{"event":"progress","progress":{"percentage":"50"}}"#, "progress.percentage"),
        (r#"{"event":"progress","progress":[]}"#, "progress"),
        (r#"{"event":"completed","result":1,"progress":{"stage":5}}"#, "progress.stage"),
        (r#"{"event":"failed","error":"x"}"#, "error"),
        (r#"{"event":"failed","error":{"message":5}}"#, "error.message"),
        (r#"{"event":"completed","result":1,"timestamp":"noon"}"#, "timestamp"),
        (r#"{"event":"completed","result":1,"taskId":{}}"#, "taskId"),
    ] {
        let answer = answer(body).await;
        assert_eq!((answer.problem(), answer.fields()), (is(400, "invalid_event"), vec![field.to_owned()]), "{body}");
    }
    for attempt in ["0", "-1", "one", "4294967296"] {
        let answer = app.callback("t", &completed()).query("attempt", attempt).send().await;
        assert_eq!((answer.problem(), answer.fields()), (is(400, "invalid_event"), vec!["attempt".to_owned()]), "{attempt}");
    }
    assert_eq!(app.status("t").await, "submitted");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn rows_12_and_13_whose_event_it_is(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    app.created(&json!({"id": "t", "external_id": "ext-1"})).await;
    let unknown = is(404, "unknown_task");
    assert_eq!(app.callback("nobody", &completed()).refused().await, unknown);
    assert_eq!(app.callback("t", &completed()).of("quiet").refused().await, unknown, "a task of another generator");
    for impossible in ["a%20b", "%C3%A4", "%ff", "%00", "a%2Fb", &"x".repeat(129)] {
        assert_eq!(app.callback(impossible, &completed()).refused().await, unknown, "{impossible}");
        assert_eq!(app.callback(impossible, &completed()).unsigned().refused().await, is(401, "signature_missing"));
    }

    let early = app.callback("nobody", &completed()).of("patient").send().await;
    assert_eq!((early.problem(), early.retry_after()), (is(503, "unavailable"), Some(7)));

    let mismatch = json!({"event": "completed", "result": 1, "taskId": "somebody-else"});
    assert_eq!(app.callback("t", &mismatch).refused().await, is(400, "task_mismatch"));
    let ahead = app.callback("t", &completed()).query("attempt", 2).send().await;
    assert_eq!((ahead.problem(), ahead.fields()), (is(400, "invalid_event"), vec!["attempt".to_owned()]));
    assert_eq!(app.status("t").await, "submitted");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_request_has_an_id_the_clients_or_a_new_one(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    let refused = app.callback("t", &completed()).header("x-request-id", "mine-42").send().await;
    assert_eq!((refused.problem(), refused.header("x-request-id")), (is(404, "unknown_task"), Some("mine-42")));
    let made = app.callback("t", &completed()).send().await;
    assert!(made.header("x-request-id").is_some_and(|id| id.len() == 36), "{made:?}");
    for indecent in ["two words".to_owned(), "x".repeat(129), "ä".to_owned()] {
        let answer = app.callback("t", &completed()).header("x-request-id", indecent.as_str()).send().await;
        assert_eq!(answer.problem(), is(404, "unknown_task"));
        assert_ne!(answer.header("x-request-id"), Some(indecent.as_str()));
    }
    assert_eq!(app.get("/health/live").await.headers.get_all("x-request-id").iter().count(), 1);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn what_is_not_there_and_what_is_not_done_are_problems(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    for path in ["/", "/nothing", "/callback/", "/callback/a/b", "/api", "/api/nothing", "/api/tasks/a/b", "/hooks"] {
        assert_eq!(app.get(path).await.problem(), is(404, "not_found"), "{path}");
    }
    for path in ["/callback", "/callback/t", "/api/v1/content/callback/t", "/api/tasks/t/cancel"] {
        let answer = app.get(path).await;
        assert_eq!(answer.problem(), is(405, "method_not_allowed"), "{path}");
        assert!(answer.header("allow").is_some_and(|methods| methods.contains("POST")), "{path}");
    }
    assert_eq!(app.delete("/health/live").await.problem(), is(405, "method_not_allowed"));
    assert_eq!(app.delete("/api/tasks").await.problem(), is(405, "method_not_allowed"));
    for path in ["/api/tasks/%ff", "/api/tasks/%ff/callbacks"] {
        assert_eq!(app.get(path).await.problem(), is(404, "unknown_task"), "{path}");
    }
    for path in ["/api/callbacks/%ff", "/api/callbacks/nonsense", "/api/callbacks/00000000-0000-7000-8000-000000000000"] {
        assert_eq!(app.get(path).await.problem(), is(404, "not_found"), "{path}");
    }
    app.stop().await;
}
