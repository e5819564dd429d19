//! Attempts that nobody waits for are stopped at their generator.

use rstest::rstest;
use serde_json::json;

use super::{HOUR, MINUTE, start, submitted};
use crate::harness::Kind;
use crate::harness::generator::Reply;

#[rstest]
#[tokio::test]
async fn a_cancelled_task_is_cancelled_at_its_generator(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, generator) = start(kind, &[]).await;
    let job = submitted(&app, &generator, "stoppable").await;
    generator.want("POST /jobs/", [Reply::Json(500, json!({}))]);
    app.post("/api/tasks/t/cancel", &json!({})).await.good(200);
    app.work_off().await;
    app.later(MINUTE).await;
    assert_eq!(generator.count(&format!("POST /jobs/{job}/cancel")), 2, "once in vain");
    assert_eq!((app.later(HOUR).await, app.status("t").await.as_str()), (0, "cancelled"));
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn it_is_given_up_after_a_few_tries(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, generator) = start(kind, &[]).await;
    submitted(&app, &generator, "stoppable").await;
    generator.want("POST /jobs/", std::iter::repeat_n(Reply::Json(500, json!({})), 100));
    app.post("/api/tasks/t/cancel", &json!({})).await.good(200);
    for _ in 0..20 {
        app.later(HOUR).await;
    }
    assert!((3..=5).contains(&generator.count("POST /jobs/")), "{}", generator.count("POST /jobs/"));
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn other_attempts_are_stopped_when_one_brings_the_result(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, generator) = start(kind, &[("TASK_TIMEOUT", "10m")]).await;
    let first = submitted(&app, &generator, "stoppable").await;
    let url = app.task("t").await["callback_url"].as_str().expect("a URL").to_owned();
    generator.set(&first, &json!({"status": "running"}));
    app.later(10 * MINUTE).await;
    app.later(MINUTE).await;
    assert_eq!(app.task("t").await["external_id"], "job-2");
    app.callback_to(&url, json!({"event": "done", "taskId": first, "result": 1}).to_string()).taken().await;
    app.work_off().await;
    assert_eq!(app.status("t").await, "completed", "a result is a result");
    assert_eq!((generator.count("POST /jobs/job-1/cancel"), generator.count("POST /jobs/job-2/cancel")), (0, 1));
    app.stop().await;
}
