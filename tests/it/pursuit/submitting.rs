//! Pending tasks reach their generator once, whatever happens on the way.

use rstest::rstest;
use serde_json::{Value, json};

use super::{HOUR, MINUTE, history, shown, start, submitted};
use crate::harness::Kind;
use crate::harness::generator::Reply;

#[rstest]
#[tokio::test]
async fn a_task_is_handed_to_its_generator(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, generator) = start(kind, &[]).await;
    let task = app.created(&json!({"id": "t", "generator": "hosted", "input": {"prompt": "a lighthouse"}})).await;
    assert_eq!((&task["status"], &task["submitted_at"], &task["deadline_at"]), (&json!("pending"), &Value::Null, &Value::Null));
    app.work_off().await;

    let requests = generator.asked("POST /jobs");
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].body, json!({"prompt": "a lighthouse", "callback_url": task["callback_url"]}));
    let task = app.task("t").await;
    assert_eq!(
        (&task["status"], &task["external_id"], &task["submit_unknown"]),
        (&json!("submitted"), &json!("job-1"), &json!(false))
    );
    assert!(task["submitted_at"].is_string() && task["deadline_at"].is_string() && task["next_poll_at"].is_string(), "{task}");
    assert_eq!(history(&app).await, ["submit submitted applied"]);

    let url = task["callback_url"].as_str().expect("a URL");
    app.callback_to(url, json!({"event": "completed", "taskId": "job-1", "result": 7}).to_string()).taken().await;
    let task = app.task("t").await;
    assert_eq!((&task["status"], &task["result"], &task["settled_by"]), (&json!("completed"), &json!(7), &json!("callback")));
    assert_eq!(app.work_off().await, 0, "nothing is left to do");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn own_code_still_may_submit(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, generator) = start(kind, &[]).await;
    for more in [json!({"submit": false}), json!({"external_id": "e"})] {
        let mut task = json!({"generator": "hosted"});
        task.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        assert_eq!(app.created(&task).await["status"], "submitted");
    }
    app.work_off().await;
    assert_eq!(generator.count(""), 0);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn what_cannot_be_submitted_is_refused_at_creation(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, _generator) = start(kind, &[]).await;
    let refused = async |body: Value| {
        let answer = app.create(&body).await;
        assert_eq!(answer.problem(), (422, "invalid_request".to_owned()));
        answer.fields()
    };
    assert_eq!(refused(json!({"generator": "default", "submit": true})).await, ["submit"]);
    assert_eq!(refused(json!({"generator": "content-creator", "submit": true})).await, ["submit"]);
    assert_eq!(refused(json!({"generator": "hosted", "submit": true, "external_id": "e"})).await, ["external_id"]);
    assert_eq!(refused(json!({"generator": "hosted", "input": "no object"})).await, ["input"]);
    assert_eq!(refused(json!({"generator": "shelf"})).await, ["params"]);
    let answer = app.create(&json!({"generator": "content-creator", "submit": true})).await;
    assert!(answer.about("submit").contains("GENERATOR_CONTENT_CREATOR_BASE_URL"), "{}", answer.text);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_generator_that_takes_nothing_now_is_tried_again(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, generator) = start(kind, &[]).await;
    let busy = Reply::Json(503, json!({}));
    let throttled = Reply::Raw(429, "retry-after", "90", Vec::new());
    generator.want("POST /jobs", [busy, throttled]);
    app.created(&json!({"id": "t", "generator": "hosted"})).await;
    app.work_off().await;
    assert_eq!((app.status("t").await.as_str(), generator.count("POST /jobs")), ("pending", 1));
    app.later(MINUTE).await;
    assert_eq!((app.status("t").await.as_str(), generator.count("POST /jobs")), ("pending", 2));
    app.later(MINUTE).await;
    assert_eq!(generator.count("POST /jobs"), 2, "it wanted to be left alone for 90 seconds");
    app.later(MINUTE).await;
    assert_eq!(shown(&app, &["status", "attempt", "external_id"]).await, [json!("submitted"), json!(1), json!("job-1")]);
    assert_eq!(generator.count("POST /jobs"), 3);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_refused_job_fails_for_good(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, generator) = start(kind, &[]).await;
    generator.want("POST /jobs", [Reply::Json(422, json!({"detail": "prompt is too long"}))]);
    app.created(&json!({"id": "t", "generator": "hosted"})).await;
    app.work_off().await;
    app.later(HOUR).await;
    let task = app.task("t").await;
    assert_eq!(
        (&task["status"], &task["error"]["code"], &task["settled_by"]),
        (&json!("failed"), &json!("SUBMIT_REFUSED"), &json!("submit"))
    );
    assert!(task["error"]["message"].as_str().expect("a message").contains("prompt is too long"), "{task}");
    assert_eq!((generator.count("POST /jobs"), &task["attempt"]), (1, &json!(1)), "never retried by itself");
    app.stop().await;
}

#[rstest]
#[case::server_error(Reply::Json(500, json!({"error": "oops"})))]
#[case::broken_connection(Reply::HangUp)]
#[tokio::test]
async fn an_unknown_submission_is_never_repeated(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind, #[case] reply: Reply) {
    let (app, generator) = start(kind, &[]).await;
    generator.want("POST /jobs", [reply]);
    app.created(&json!({"id": "t", "generator": "hosted", "timeout_seconds": 600})).await;
    app.work_off().await;
    let members = ["status", "submit_unknown", "external_id", "next_poll_at"];
    assert_eq!(shown(&app, &members).await, [json!("submitted"), json!(true), Value::Null, Value::Null]);
    app.later(5 * MINUTE).await;
    assert_eq!(generator.count(""), 1, "nobody can be asked about a job without an id");
    app.later(6 * MINUTE).await;
    assert_eq!((app.status("t").await.as_str(), generator.count("")), ("timed_out", 1));
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn an_unknown_submission_can_still_end_by_callback(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, generator) = start(kind, &[]).await;
    generator.want("POST /jobs", [Reply::Json(502, json!({}))]);
    let task = app.created(&json!({"id": "t", "generator": "hosted"})).await;
    app.work_off().await;
    let url = task["callback_url"].as_str().expect("a URL");
    app.callback_to(url, json!({"event": "progress", "taskId": "job-77", "progress": 20}).to_string()).taken().await;
    assert_eq!(shown(&app, &["status", "external_id"]).await, [json!("processing"), json!("job-77")]);
    app.callback_to(url, json!({"event": "done", "taskId": "job-77", "result": []}).to_string()).taken().await;
    assert_eq!(shown(&app, &["status", "submit_unknown"]).await, [json!("completed"), json!(true)]);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn where_a_key_makes_it_safe_it_is_repeated(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, generator) = start(kind, &[]).await;
    generator.want("POST /jobs", [Reply::HangUp, Reply::Json(500, json!({}))]);
    app.created(&json!({"id": "t", "generator": "secure"})).await;
    app.work_off().await;
    for _ in 0..2 {
        assert_eq!(app.status("t").await, "pending");
        app.later(MINUTE).await;
    }
    let requests = generator.asked("POST /jobs");
    let keys: Vec<&str> = requests.iter().map(|asked| asked.headers["idempotency-key"].as_str()).collect();
    assert_eq!(keys, [keys[0]; 3], "always the same key");
    assert_eq!(shown(&app, &["status", "attempt", "submit_unknown"]).await, [json!("submitted"), json!(1), json!(false)]);
    generator.job();
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_callback_that_beats_the_answer_loses_nothing(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, generator) = start(kind, &[]).await;
    let task = app.created(&json!({"id": "t", "generator": "hosted"})).await;
    let url = task["callback_url"].as_str().expect("a URL");
    generator.close().await;
    let calling = async {
        app.until(async || generator.count("POST /jobs") == 1).await;
        app.callback_to(url, json!({"event": "done", "taskId": "job-1", "result": 1}).to_string()).taken().await;
        generator.open();
    };
    futures_util::future::join(app.work_off(), calling).await;
    assert_eq!(shown(&app, &["status", "external_id", "attempt"]).await, [json!("completed"), json!("job-1"), json!(1)]);
    assert_eq!(history(&app).await, ["callback completed applied", "submit submitted applied"]);
    assert_eq!(app.later(HOUR).await, 0);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_failed_attempt_is_followed_by_another(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, generator) = start(kind, &[]).await;
    submitted(&app, &generator, "hosted").await;
    let fail = async |attempt: u32| {
        let task = app.task("t").await;
        let url = task["callback_url"].as_str().expect("a URL");
        let body = json!({"event": "failed", "taskId": format!("job-{attempt}"), "error": {"code": "OOM"}});
        app.callback_to(url, body.to_string()).taken().await;
    };
    fail(1).await;
    assert_eq!(shown(&app, &["status", "attempt"]).await, [json!("pending"), json!(2)]);
    app.work_off().await;
    assert_eq!(generator.count("POST /jobs"), 1, "not before the retry's delay");
    app.later(31 * super::SECOND).await;
    assert_eq!(shown(&app, &["status", "external_id"]).await, [json!("submitted"), json!("job-2")]);
    let second = &generator.asked("POST /jobs")[1].body["callback_url"];
    assert_eq!(second, &app.task("t").await["callback_url"], "the new attempt has a URL of its own");
    fail(2).await;
    app.later(61 * super::SECOND).await;
    fail(3).await;
    assert_eq!(shown(&app, &["status", "attempt"]).await, [json!("failed"), json!(3)], "two retries and no more");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_generator_out_there_that_cannot_reach_us_is_given_no_url(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let url = "https://api.example.com/v1";
    let (app, _generator) = start(kind, &[("GENERATOR_HOSTED_BASE_URL", url)]).await;
    let warned = app.warnings.iter().any(|warning| warning.contains("hosted") && warning.contains("CALLBACK_BASE_URL"));
    assert!(warned, "{:?}", app.warnings);
    app.stop().await;
}

#[rstest]
#[case::it_has_it(Reply::Json(200, json!({"id": "job-found"})), 1, "submitted", json!("job-found"))]
#[case::it_has_it_not(Reply::Json(404, json!({})), 2, "submitted", json!("job-1"))]
#[case::it_cannot_say(Reply::Json(500, json!({})), 1, "pending", Value::Null)]
#[case::it_has_one_that_cannot_be_named(Reply::Json(200, json!({"id": "y".repeat(300)})), 1, "pending", Value::Null)]
#[tokio::test]
async fn where_it_can_be_asked_for_our_id_it_is_asked_before_anything_is_sent_again(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
    #[case] found: Reply,
    #[case] sent: usize,
    #[case] status: &str,
    #[case] id: Value,
) {
    let (app, generator) = start(kind, &[]).await;
    generator.want("POST /jobs", [Reply::Json(500, json!({}))]);
    generator.want("GET /find/t", [found]);
    app.created(&json!({"id": "t", "generator": "findable"})).await;
    app.work_off().await;
    app.later(6 * super::SECOND).await;
    assert_eq!(generator.count("GET /find/t"), 1);
    assert_eq!((generator.count("POST /jobs"), app.status("t").await.as_str()), (sent, status));
    assert_eq!(app.task("t").await["external_id"], id);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn one_job_that_it_does_not_like_keeps_no_other_waiting(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, generator) = start(kind, &[]).await;
    generator.want("POST /jobs?model=bad", std::iter::repeat_n(Reply::Json(503, json!({})), 1000));
    app.created(&json!({"id": "bad", "generator": "shelf", "params": {"model": "bad"}, "priority": 1})).await;
    for _ in 0..20 {
        app.later(10 * super::SECOND).await;
    }
    app.created(&json!({"id": "good", "generator": "shelf", "params": {"model": "m"}, "priority": 9})).await;
    for _ in 0..20 {
        app.later(MINUTE).await;
    }
    assert_eq!((app.status("good").await.as_str(), app.status("bad").await.as_str()), ("processing", "pending"));
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_request_that_cannot_be_written_fails_its_task(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, generator) = start(kind, &[]).await;
    app.created(&json!({"id": "t", "generator": "shelf", "params": {"model": "a".repeat(70_000)}})).await;
    app.work_off().await;
    let task = app.task("t").await;
    assert_eq!((&task["status"], &task["error"]["code"]), (&json!("failed"), &json!("SUBMIT_REFUSED")));
    assert_eq!(generator.count(""), 0);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn an_answer_without_an_id_is_an_unknown_submission(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, generator) = start(kind, &[]).await;
    generator.want("POST /jobs", [Reply::Raw(200, "content-type", "text/html", b"<html>Please log in</html>".to_vec())]);
    app.created(&json!({"id": "t", "generator": "hosted"})).await;
    app.work_off().await;
    assert_eq!(shown(&app, &["status", "submit_unknown"]).await, [json!("submitted"), json!(true)]);
    app.later(MINUTE).await;
    assert_eq!(generator.count(""), 1, "it is not sent again");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn the_id_of_a_task_that_the_hub_submits_is_the_generators_to_give(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, _generator) = start(kind, &[]).await;
    app.created(&json!({"id": "t", "generator": "hosted"})).await;
    let answer = app.patch("/api/tasks/t", &json!({"external_id": "mine"})).await;
    assert_eq!((answer.problem(), answer.fields()), ((409, "conflict".to_owned()), vec!["external_id".to_owned()]));
    app.work_off().await;
    assert_eq!(app.task("t").await["external_id"], "job-1");
    app.stop().await;
}
