//! What happens when a task's time is up.

use rstest::rstest;
use serde_json::{Value, json};

use super::{HOUR, MINUTE, history, shown, start, submitted};
use crate::harness::Kind;
use crate::harness::generator::Reply;

const TEN: &[(&str, &str)] = &[("TASK_TIMEOUT", "10m")];

#[rstest]
#[tokio::test]
async fn the_generator_is_asked_once_more(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, generator) = start(kind, TEN).await;
    let job = submitted(&app, &generator, "hosted").await;
    generator.set(&job, &json!({"status": "done", "result": 1}));
    app.later(10 * MINUTE).await;
    assert_eq!(shown(&app, &["status", "settled_by", "late"]).await, [json!("completed"), json!("poll"), json!(false)]);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn one_that_still_runs_is_presumed_dead_and_may_come_back(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, generator) = start(kind, TEN).await;
    let job = submitted(&app, &generator, "hosted").await;
    generator.set(&job, &json!({"status": "running"}));
    app.later(10 * MINUTE).await;
    let task = app.task("t").await;
    assert_eq!((&task["status"], &task["settled_by"]), (&json!("timed_out"), &json!("deadline")));
    assert!(task["next_poll_at"].is_string(), "it is still asked about: {task}");
    assert_eq!(generator.count("POST /jobs"), 1, "and never submitted again by itself");
    generator.set(&job, &json!({"status": "done", "result": "late"}));
    app.later(HOUR).await;
    assert_eq!(shown(&app, &["status", "late", "result"]).await, [json!("completed"), json!(true), json!("late")]);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn the_late_window_ends(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, generator) = start(kind, &[("TASK_TIMEOUT", "10m"), ("POLL_LATE_WINDOW", "1h")]).await;
    let job = submitted(&app, &generator, "hosted").await;
    generator.set(&job, &json!({"status": "running"}));
    app.later(10 * MINUTE).await;
    for _ in 0..12 {
        app.later(10 * MINUTE).await;
    }
    let polls = generator.count("GET /jobs");
    assert_eq!(shown(&app, &["status", "next_poll_at"]).await, [json!("timed_out"), Value::Null]);
    assert_eq!((app.later(24 * HOUR).await, generator.count("GET /jobs")), (0, polls));
    let nothing = json!({});
    let asking = app.post("/api/tasks/t/reconcile", &nothing);
    let working = async {
        app.until(async || app.task("t").await["next_poll_at"].is_string()).await;
        app.work_off().await;
    };
    let (answer, ()) = futures_util::future::join(asking, working).await;
    assert_eq!((&answer.good(200)["found"], generator.count("GET /jobs")), (&json!("running"), polls + 1), "an operator may ask");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_generator_that_is_silent_gets_one_more_timeout(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, generator) = start(kind, TEN).await;
    submitted(&app, &generator, "hosted").await;
    generator.want("GET /jobs", std::iter::repeat_n(Reply::HangUp, 1000));
    app.later(10 * MINUTE).await;
    assert_eq!(shown(&app, &["status", "overdue"]).await, [json!("submitted"), json!(true)]);
    let stats = app.get("/api/stats").await.good(200);
    assert_eq!((&stats["overdue"], &stats["overdue_by_generator"]["hosted"]), (&json!(1), &json!(1)));
    for _ in 0..9 {
        app.later(MINUTE).await;
    }
    assert_eq!(app.status("t").await, "submitted");
    app.later(2 * MINUTE).await;
    assert_eq!(shown(&app, &["status", "overdue"]).await, [json!("timed_out"), json!(false)]);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn without_anybody_to_ask_time_is_up_at_once(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, generator) = start(kind, TEN).await;
    submitted(&app, &generator, "mute").await;
    app.created(&json!({"id": "own", "timeout_seconds": 60})).await;
    app.later(MINUTE).await;
    assert_eq!((app.status("own").await.as_str(), app.status("t").await.as_str()), ("timed_out", "submitted"));
    app.later(9 * MINUTE).await;
    assert_eq!(shown(&app, &["status", "next_poll_at"]).await, [json!("timed_out"), Value::Null]);
    assert_eq!(history(&app).await, ["submit submitted applied", "deadline deadline applied"]);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn it_is_submitted_again_only_where_its_file_says_so(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, generator) = start(kind, TEN).await;
    let job = submitted(&app, &generator, "resubmitting").await;
    generator.set(&job, &json!({"status": "running"}));
    app.later(10 * MINUTE).await;
    assert_eq!(shown(&app, &["status", "attempt"]).await, [json!("pending"), json!(2)]);
    app.later(MINUTE).await;
    assert_eq!(shown(&app, &["status", "external_id", "attempt"]).await, [json!("submitted"), json!("job-2"), json!(2)]);
    generator.set("job-2", &json!({"status": "running"}));
    app.later(11 * MINUTE).await;
    assert_eq!(shown(&app, &["status", "attempt"]).await, [json!("timed_out"), json!(2)], "its only retry is used up");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_retried_task_has_a_deadline_of_its_own(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, generator) = start(kind, TEN).await;
    submitted(&app, &generator, "mute").await;
    app.later(10 * MINUTE).await;
    assert_eq!(app.status("t").await, "timed_out");
    app.post("/api/tasks/t/retry", &json!({})).await.good(200);
    app.work_off().await;
    assert_eq!(shown(&app, &["status", "attempt"]).await, [json!("submitted"), json!(2)]);
    app.later(9 * MINUTE).await;
    assert_eq!(app.status("t").await, "submitted");
    app.stop().await;
}
