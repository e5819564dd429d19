//! Generators that cannot be asked, but for the same submission again.

use rstest::rstest;
use serde_json::{Value, json};

use super::{HOUR, MINUTE, SECOND, history, shown, start, submitted};
use crate::harness::Kind;
use crate::harness::generator::Reply;

const PUT: &str = "PUT /predictions";

#[rstest]
#[tokio::test]
async fn a_lost_callback_is_made_up_for_by_submitting_once_more(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, generator) = start(kind, &[]).await;
    let job = submitted(&app, &generator, "container").await;
    assert_eq!((job.as_str(), generator.count(PUT)), ("t-1", 1));
    generator.set(&job, &json!({"status": "running", "progress": 40}));
    app.later(MINUTE + SECOND).await;
    assert_eq!(app.task("t").await["progress"]["percent"], 40.0);
    generator.set(&job, &json!({"status": "done", "result": [1]}));
    app.later(2 * MINUTE).await;
    let end = [json!("completed"), json!([1]), json!("poll"), json!(1)];
    assert_eq!(shown(&app, &["status", "result", "settled_by", "attempt"]).await, end);
    assert_eq!(history(&app).await, ["submit submitted applied", "poll progress applied", "poll completed applied"]);

    let asked = generator.asked(PUT);
    assert_eq!(asked.len(), 3);
    let url = app.task("t").await["callback_url"].clone();
    assert_eq!(asked[0].body, json!({"prompt": "a lighthouse", "webhook": url}));
    assert!(asked.iter().all(|again| (&again.target, &again.body) == (&asked[0].target, &asked[0].body)), "{asked:?}");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_put_that_may_have_arrived_is_repeated(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, generator) = start(kind, &[]).await;
    generator.want(PUT, [Reply::HangUp, Reply::Json(502, json!({}))]);
    app.created(&json!({"id": "t", "generator": "container"})).await;
    for _ in 0..4 {
        app.later(MINUTE).await;
    }
    assert_eq!(shown(&app, &["submit_unknown", "attempt", "external_id"]).await, [json!(false), json!(1), json!("t-1")]);
    assert_eq!(generator.job(), "t-1");
    app.stop().await;
}

/// Where the job is forgotten, asking once more would be a second job.
#[rstest]
#[tokio::test]
async fn what_the_hub_did_not_submit_and_what_is_presumed_dead_is_not_submitted_to_ask(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let (app, generator) = start(kind, &[("TASK_TIMEOUT", "10m")]).await;
    app.created(&json!({"id": "own", "generator": "container", "submit": false, "external_id": "mine"})).await;
    app.later(5 * MINUTE).await;
    let done = app.callback("own", &json!({"event": "completed"})).of("container");
    assert_eq!(done.taken().await.0, 200);
    assert_eq!((app.task("own").await["error"]["code"].clone(), generator.count("")), (json!("INVALID_RESULT"), 0));

    submitted(&app, &generator, "container").await;
    for _ in 0..11 {
        app.later(MINUTE).await;
    }
    assert_eq!(app.status("t").await, "timed_out");
    let asked = generator.count(PUT);
    app.later(HOUR).await;
    assert_eq!(generator.count(PUT), asked, "it is not started anew");
    assert_eq!(app.task("t").await["next_poll_at"], Value::Null);
    app.stop().await;
}
