//! Callbacks that stay away are made up for by asking.

use rstest::rstest;
use serde_json::{Value, json};

use super::{HOUR, MINUTE, SECOND, history, shown, start, submitted};
use crate::harness::Kind;
use crate::harness::generator::Reply;

#[rstest]
#[tokio::test]
async fn a_task_whose_callbacks_are_lost_reaches_its_end(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, generator) = start(kind, &[]).await;
    let job = submitted(&app, &generator, "hosted").await;
    app.later(59 * SECOND).await;
    assert_eq!(generator.count("GET /jobs"), 0, "the first question comes after a minute");
    app.later(2 * SECOND).await;
    assert_eq!(generator.count("GET /jobs"), 1);
    generator.set(&job, &json!({"status": "running", "progress": 40}));
    app.later(MINUTE).await;
    assert_eq!(app.task("t").await["progress"]["percent"], 40.0);
    generator.set(&job, &json!({"status": "done", "result": {"file": "a.png"}}));
    app.later(2 * MINUTE).await;
    let members = ["status", "result", "settled_by", "next_poll_at", "late"];
    let end = [json!("completed"), json!({"file": "a.png"}), json!("poll"), Value::Null, json!(false)];
    assert_eq!(shown(&app, &members).await, end);
    let history = history(&app).await;
    assert_eq!(history, ["submit submitted applied", "poll progress applied", "poll progress applied", "poll completed applied"]);
    let stats = app.get("/api/stats").await.good(200);
    assert_eq!((&stats["rescued"], &stats["rescued_by_generator"]["hosted"]["tasks"]), (&json!(1), &json!(1)));
    assert_eq!(app.later(HOUR).await, 0, "a settled task is not asked about");
    app.stop().await;
}

#[rstest]
#[case::failed(json!({"status": "failed", "error": {"code": "NSFW", "message": "no"}}), "failed", "NSFW")]
#[case::cancelled(json!({"status": "cancelled"}), "cancelled", "")]
#[tokio::test]
async fn other_ends_are_learnt_as_well(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
    #[case] state: Value,
    #[case] status: &str,
    #[case] code: &str,
) {
    let (app, generator) = start(kind, &[]).await;
    app.created(&json!({"id": "t", "generator": "hosted", "max_retries": 0})).await;
    app.work_off().await;
    generator.set(&generator.job(), &state);
    app.later(2 * MINUTE).await;
    let task = app.task("t").await;
    assert_eq!((&task["status"], task["error"]["code"].as_str().unwrap_or_default()), (&json!(status), code));
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn intervals_grow_and_a_callback_is_a_sign_of_life(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, generator) = start(kind, &[("TASK_TIMEOUT", "1d")]).await;
    submitted(&app, &generator, "hosted").await;
    for _ in 0..720 {
        app.later(5 * SECOND).await;
    }
    let polls = generator.count("GET /jobs");
    assert!((8..=12).contains(&polls), "60 s, 30 s, 45 s, … 600 s within the hour: {polls}");
    let url = app.task("t").await["callback_url"].as_str().expect("a URL").to_owned();
    for percent in 1..60 {
        let body = json!({"event": "progress", "progress": percent});
        app.callback_to(&url, body.to_string()).taken().await;
        app.later(MINUTE).await;
    }
    assert!(generator.count("GET /jobs") <= polls + 1, "who calls every minute need not be asked");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn completed_without_a_result_is_asked_about_at_once(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, generator) = start(kind, &[]).await;
    let job = submitted(&app, &generator, "hosted").await;
    generator.set(&job, &json!({"status": "done", "result": [1, 2]}));
    let url = app.task("t").await["callback_url"].as_str().expect("a URL").to_owned();
    let answer = app.callback_to(&url, json!({"event": "completed", "result": null}).to_string()).send().await;
    assert_eq!(answer.outcome(), (200, "hint".to_owned()));
    app.work_off().await;
    assert_eq!(shown(&app, &["status", "result", "settled_by"]).await, [json!("completed"), json!([1, 2]), json!("poll")]);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_result_that_lies_elsewhere_is_fetched(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, generator) = start(kind, &[]).await;
    let job = submitted(&app, &generator, "two-step").await;
    generator.set(&job, &json!({"status": "done", "result": "text"}));
    let not_yet = Reply::Json(400, json!({"error": "not completed yet"}));
    generator.want(&format!("GET /jobs/{job}/result"), [not_yet, Reply::Json(500, json!({}))]);
    app.later(2 * MINUTE).await;
    assert_eq!(app.status("t").await, "submitted", "what cannot be fetched yet is no failure");
    for _ in 0..2 {
        app.later(2 * MINUTE).await;
    }
    assert_eq!(shown(&app, &["status", "result"]).await, [json!("completed"), json!("text")]);
    assert_eq!(generator.count(&format!("GET /jobs/{job}/result")), 3);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn an_operator_can_have_it_asked_now(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, generator) = start(kind, &[]).await;
    let job = submitted(&app, &generator, "hosted").await;
    generator.set(&job, &json!({"status": "done", "result": 5}));
    let reconcile = async || app.post("/api/tasks/t/reconcile", &json!({})).await;
    let working = async {
        app.until(async || app.items("/api/tasks/t/callbacks").await.len() == 2).await;
        app.work_off().await;
    };
    let (answer, ()) = futures_util::future::join(reconcile(), working).await;
    let found = answer.good(200);
    assert_eq!((&found["found"], &found["status"], &found["result"]), (&json!("completed"), &json!("completed"), &json!(5)));
    assert_eq!(reconcile().await.problem(), (409, "conflict".to_owned()), "it is settled");
    assert_eq!(app.post("/api/tasks/nobody/reconcile", &json!({})).await.problem(), (404, "unknown_task".to_owned()));
    app.created(&json!({"id": "own"})).await;
    let answer = app.post("/api/tasks/own/reconcile", &json!({})).await;
    assert_eq!(answer.problem(), (409, "conflict".to_owned()), "default has no status request");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn own_code_that_reports_its_id_is_polled_for(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, generator) = start(kind, &[]).await;
    app.created(&json!({"id": "t", "generator": "hosted", "submit": false})).await;
    app.later(2 * MINUTE).await;
    assert_eq!(generator.count(""), 0, "nobody knows its id");
    generator.want("GET /jobs/mine", [Reply::Json(200, json!({"status": "done", "result": 1}))]);
    app.patch("/api/tasks/t", &json!({"external_id": "mine"})).await.good(200);
    app.later(2 * MINUTE).await;
    assert_eq!(shown(&app, &["status", "settled_by"]).await, [json!("completed"), json!("poll")]);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn polling_can_be_switched_off(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, generator) = start(kind, &[("POLL_ENABLED", "false"), ("TASK_TIMEOUT", "10m")]).await;
    submitted(&app, &generator, "hosted").await;
    app.later(5 * MINUTE).await;
    assert_eq!(generator.count("GET"), 0);
    app.later(6 * MINUTE).await;
    assert_eq!((app.status("t").await.as_str(), generator.count("GET")), ("timed_out", 0));
    app.stop().await;
}
