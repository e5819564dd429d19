//! A request that deserves several answers gets the first one of the table; and before its sender is proven, no answer
//! tells which tasks exist.

use rstest::rstest;
use serde_json::{Value, json};

use crate::harness::{App, Kind, START};

fn is(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[rstest]
#[tokio::test]
async fn rows_1_to_5_come_one_after_the_other(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let everything = [
        ("CALLBACK_ALLOWED_IPS", "10.0.0.0/8"),
        ("CALLBACK_RATE_LIMIT", "1/h"),
        ("CALLBACK_MAX_BODY", "8"),
        ("CALLBACK_ENABLED", "false"),
    ];
    let bad = async |app: &App| app.raw_callback("t", "not even JSON").of("nobody").unsigned().send().await.problem();

    let app = App::start(kind, &everything).await;
    assert_eq!(bad(&app).await, is(403, "callbacks_disabled"));
    app.stop().await;

    let app = App::start(kind, &everything[..3]).await;
    for _ in 0..3 {
        assert_eq!(bad(&app).await, is(403, "address_not_allowed"), "and it uses up nothing of the rate");
    }
    app.stop().await;

    let app = App::start(kind, &everything[1..3]).await;
    assert_eq!(bad(&app).await, is(413, "body_too_large"));
    assert_eq!(bad(&app).await, is(429, "rate_limited"));
    app.stop().await;

    let app = App::start(kind, &[]).await;
    assert_eq!(bad(&app).await, is(404, "unknown_generator"));
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn rows_6_to_13_come_one_after_the_other(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    app.created(&json!({"id": "t", "external_id": "ext-1"})).await;
    let stale = START - 3_600;

    let unsigned = app.raw_callback("nobody", "{").of("stamped").unsigned().header("x-timestamp", stale.to_string());
    assert_eq!(unsigned.refused().await, is(401, "signature_missing"));
    let wrong_and_stale = app.raw_callback("nobody", "{").of("stamped").stamped(stale).secret("another secret");
    assert_eq!(wrong_and_stale.refused().await, is(401, "timestamp_out_of_tolerance"));
    let wrong = app.raw_callback("nobody", "{").of("stamped").stamped(START).secret("another secret");
    assert_eq!(wrong.refused().await, is(401, "signature_invalid"));
    assert_eq!(app.raw_callback("nobody", "{").refused().await, is(400, "malformed_body"));

    let answer = async |task: &str, body: Value| app.callback(task, &body).query("attempt", 9).send().await.problem();
    let impossible = json!({"percentage": 700});
    assert_eq!(answer("nobody", json!({"progress": impossible})).await, is(400, "missing_event"));
    assert_eq!(answer("nobody", json!({"event": "bogus", "progress": impossible})).await, is(400, "unknown_event"));
    assert_eq!(answer("nobody", json!({"event": "progress", "progress": impossible})).await, is(400, "invalid_event"));
    let another = json!({"event": "completed", "result": 1, "taskId": "somebody-else"});
    assert_eq!(answer("nobody", another.clone()).await, is(404, "unknown_task"));
    assert_eq!(app.callback("t", &another).refused().await, is(400, "task_mismatch"));
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_stranger_cannot_tell_which_tasks_exist(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    app.created(&json!({"id": "known", "external_id": "ext-1"})).await;
    app.created(&json!({"id": "of-bearer", "generator": "bearer"})).await;

    let told = async |task: &str, generator: &str, query: &str, body: &str| {
        let mut answers = Vec::new();
        for unsigned in [true, false] {
            let callback = app.callback_to(&format!("/callback/{task}?generator={generator}{query}"), body).secret("a guess");
            let callback = if unsigned { callback.unsigned() } else { callback };
            let answer = callback.header("x-request-id", "same").send().await;
            answer.problem();
            let names: Vec<String> = answer.headers.keys().map(ToString::to_string).filter(|name| name != "date").collect();
            answers.push((answer.status, names, answer.text));
        }
        answers
    };
    for body in ["{}", "nonsense", r#"{"event":"completed","result":1,"taskId":"ext-1"}"#] {
        for (generator, query) in
            [("default", ""), ("bearer", ""), ("bearer", "&token=guess"), ("bound", "&token=guess&attempt=7")]
        {
            let (known, unknown) = (told("known", generator, query, body).await, told("nobody", generator, query, body).await);
            assert_eq!(known, unknown);
            assert_eq!(told("of-bearer", generator, query, body).await, unknown);
        }
    }
    app.stop().await;
}
