//! Answers that say nothing, or not what was hoped for: each has a name and a consequence.

use rstest::rstest;
use serde_json::{Value, json};

use super::{HOUR, MINUTE, shown, start, submitted};
use crate::harness::Kind;
use crate::harness::generator::Reply;

fn html() -> Reply {
    Reply::Raw(200, "content-type", "text/html", b"<html>It works!</html>".to_vec())
}

fn large() -> Reply {
    Reply::Json(200, json!({"status": "running", "log": "x".repeat(10 << 20)}))
}

#[rstest]
#[case::a_word_that_nobody_mapped(Reply::Json(200, json!({"status": "pondering"})), "unknown_word")]
#[case::garbage(Reply::Raw(200, "content-type", "application/json", b"\xff{".to_vec()), "unreadable")]
#[case::no_word(Reply::Json(200, json!({})), "unreadable")]
#[case::an_error_page(html(), "unreadable")]
#[case::ten_megabytes(large(), "too_large")]
#[case::a_redirect(Reply::Raw(302, "location", "/elsewhere", Vec::new()), "redirect")]
#[case::not_known_yet(Reply::Json(404, json!({})), "not_found")]
#[case::throttled(Reply::Raw(429, "retry-after", "30", Vec::new()), "throttled")]
#[case::down(Reply::Json(503, json!({})), "server_error")]
#[case::hung_up(Reply::HangUp, "unreachable")]
#[case::key_revoked(Reply::Json(401, json!({})), "denied")]
#[case::teapot(Reply::Json(418, json!({})), "refused")]
#[tokio::test]
async fn the_task_runs_on_and_the_trouble_is_counted(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
    #[case] reply: Reply,
    #[case] found: &str,
) {
    let (app, generator) = start(kind, &[]).await;
    let job = submitted(&app, &generator, "hosted").await;
    generator.want("GET /jobs", [reply]);
    generator.set(&job, &json!({"status": "done", "result": 1}));
    app.later(61 * super::SECOND).await;
    assert_eq!(app.status("t").await, "submitted");
    let stats = app.get("/api/stats").await.good(200);
    assert_eq!(stats["polls"]["hosted"][found], 1, "{}", stats["polls"]);
    if found == "unknown_word" {
        assert_eq!(stats["unknown_words"], json!({"hosted": {"pondering": 1}}));
    }
    app.later(2 * MINUTE).await;
    assert_eq!(shown(&app, &["status", "settled_by"]).await, [json!("completed"), json!("poll")]);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_generator_that_is_down_for_an_hour_is_asked_a_bounded_number_of_times(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let (app, generator) = start(kind, &[("TASK_TIMEOUT", "1h")]).await;
    for number in 0..40 {
        app.created(&json!({"id": format!("t-{number}"), "generator": "hosted"})).await;
    }
    app.work_off().await;
    generator.want("GET /jobs", std::iter::repeat_n(Reply::Json(500, json!({})), 400));
    for _ in 0..240 {
        app.later(15 * super::SECOND).await;
    }
    let polls = generator.count("GET /jobs");
    assert!(polls < 40, "{polls} requests for 40 tasks in an hour");
    assert_eq!(generator.count("POST /jobs"), 40);
    let open = app.items("/api/tasks?status=submitted&limit=200").await.len();
    assert_eq!(open, 40, "an hour's silence is no reason to give up");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_job_that_its_generator_has_forgotten_ends_by_its_deadline(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, generator) = start(kind, &[("TASK_TIMEOUT", "10m")]).await;
    let job = submitted(&app, &generator, "hosted").await;
    generator.forget(&job);
    for _ in 0..25 {
        app.later(MINUTE).await;
    }
    assert_eq!(app.status("t").await, "timed_out");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_result_that_has_expired_is_called_so(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, generator) = start(kind, &[("TASK_TIMEOUT", "1d")]).await;
    let job = submitted(&app, &generator, "expiring").await;
    generator.forget(&job);
    app.later(2 * HOUR).await;
    for _ in 0..10 {
        app.later(10 * MINUTE).await;
    }
    let task = app.task("t").await;
    assert_eq!((&task["status"], &task["error"]["code"]), (&json!("failed"), &json!("RESULT_EXPIRED")));
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn completed_and_never_a_result_fails_after_five_more_questions(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, generator) = start(kind, &[]).await;
    let job = submitted(&app, &generator, "hosted").await;
    generator.set(&job, &json!({"status": "done", "result": Value::Null}));
    for _ in 0..12 {
        app.later(2 * MINUTE).await;
    }
    let task = app.task("t").await;
    assert_eq!((&task["status"], &task["error"]["code"]), (&json!("failed"), &json!("INVALID_RESULT")));
    assert_eq!(generator.count("GET /jobs"), 6);
    assert_eq!(generator.count("POST /jobs"), 1, "it is final");
    app.stop().await;
}
