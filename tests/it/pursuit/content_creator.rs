//! content-creator as it really is, over HTTP and by its command line: what it takes, what it says, and how it calls back.

mod creator;
mod program;
mod service;

use rstest::rstest;
use serde_json::{Map, Value, json};

use self::creator::{Creator, Way};
use self::program::Program;
use self::service::Service;
use super::{MINUTE, SECOND, history, shown};
use crate::harness::{Kind, SECRET};

fn input() -> Value {
    json!({"topic": "文章主题 -- \"quoted\"", "requirements": "short", "tone": "dry", "keywords": ["a", "b c"]})
}

fn article() -> Value {
    json!({
        "content": "# 标题\n\n正文😀", "htmlContent": "<p>正文</p>", "qualityScore": 8.5, "wordCount": 9,
        "images": [{"url": "https://e.x/1.png"}, "https://e.x/2.png"], "metrics": {"seconds": 61.5},
    })
}

fn applied() -> (u16, String) {
    (200, "applied".to_owned())
}

#[rstest]
#[tokio::test]
async fn it_takes_a_job_and_calls_back(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
    #[values(Way::Http, Way::Command)] way: Way,
) {
    let creator = Creator::start(way).await;
    let app = creator.app(kind, &[]).await;
    let url = creator.submitted(&app, input()).await;
    assert_eq!(creator.callback_url(), json!(url));

    assert_eq!(creator.calls(&app, "started", json!({})).taken().await, applied());
    app.clock.advance(SECOND);
    let progress = json!({"progress": {"percentage": 40, "message": "writing", "stage": "draft"}});
    assert_eq!(creator.calls(&app, "progress", progress).taken().await, applied());
    let task = app.task("t").await;
    let expected = json!({"percent": 40.0, "message": "writing", "stage": "draft"});
    for member in ["percent", "message", "stage"] {
        assert_eq!(task["progress"][member], expected[member], "{task}");
    }
    app.clock.advance(SECOND);
    let steps = json!({"progress": {"percentage": 60, "currentStep": "images", "totalSteps": 5, "completedSteps": 3}});
    assert_eq!(creator.calls(&app, "progress", steps).taken().await, applied());
    assert_eq!(app.task("t").await["progress"]["percent"], 60.0);
    app.clock.advance(SECOND);
    assert_eq!(creator.calls(&app, "completed", json!({"result": article()})).taken().await, applied());
    assert_eq!(shown(&app, &["status", "settled_by", "result"]).await, [json!("completed"), json!("callback"), article()]);
    assert_eq!((app.later(MINUTE).await, creator.submissions(), creator.questions()), (0, 1, 0));
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn it_is_asked_when_no_callback_comes(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
    #[values(Way::Http, Way::Command)] way: Way,
) {
    let creator = Creator::start(way).await;
    let app = creator.app(kind, &[]).await;
    creator.submitted(&app, input()).await;
    creator.set(json!({"status": "running", "currentStep": "draft", "progress": 40}));
    app.later(61 * SECOND).await;
    let task = app.task("t").await;
    assert_eq!(
        (&task["status"], &task["progress"]["percent"], &task["progress"]["stage"]),
        (&json!("processing"), &json!(40.0), &json!("draft"))
    );
    creator.set(json!({"status": "waiting"}));
    app.later(MINUTE).await;
    creator.set(json!({"status": "completed", "progress": 100}));
    app.later(2 * MINUTE).await;
    assert_eq!(app.status("t").await, "processing", "a result that is not there yet is no failure");
    creator.set(json!({"result": article()}));
    app.later(3 * MINUTE).await;
    assert_eq!(shown(&app, &["status", "settled_by", "result"]).await, [json!("completed"), json!("poll"), article()]);
    assert_eq!(creator.submissions(), 1);
    let stats = app.get("/api/stats").await.good(200);
    assert_eq!(stats["unknown_words"], json!({}), "{stats}");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn it_says_by_callback_that_a_job_failed(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
    #[values(Way::Http, Way::Command)] way: Way,
) {
    let creator = Creator::start(way).await;
    let app = creator.app(kind, &[]).await;
    creator.submitted(&app, input()).await;
    let error = json!({"message": "the model is busy", "type": "LLMError", "details": {"step": "draft"}});
    assert_eq!(creator.calls(&app, "failed", json!({"error": error})).taken().await, applied());
    let task = app.task("t").await;
    assert_eq!((&task["status"], &task["settled_by"]), (&json!("failed"), &json!("callback")));
    for member in ["message", "type", "details"] {
        assert_eq!(task["error"][member], error[member], "{task}");
    }
    app.stop().await;
}

#[rstest]
#[case::failed("failed")]
#[case::cancelled("cancelled")]
#[tokio::test]
async fn it_says_so_when_it_is_asked(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
    #[values(Way::Http, Way::Command)] way: Way,
    #[case] word: &str,
) {
    let creator = Creator::start(way).await;
    let app = creator.app(kind, &[]).await;
    creator.submitted(&app, input()).await;
    creator.set(json!({"status": word}));
    app.later(61 * SECOND).await;
    assert_eq!(shown(&app, &["status", "settled_by"]).await, [json!(word), json!("poll")]);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_failed_job_is_submitted_again_under_another_id(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
    #[values(Way::Http, Way::Command)] way: Way,
) {
    let creator = Creator::start(way).await;
    let app = creator.app(kind, &[]).await;
    app.created(&json!({"id": "t", "generator": creator.generator(), "input": input()})).await;
    app.work_off().await;
    creator.calls(&app, "failed", json!({"error": {"message": "try again", "type": "Timeout"}})).taken().await;
    app.later(31 * SECOND).await;
    assert_eq!(shown(&app, &["status", "attempt"]).await, [json!("submitted"), json!(2)]);
    assert_eq!(creator.submissions(), 2);
    assert_ne!(shown(&app, &["external_id"]).await, [json!("t-1")]);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn what_its_validator_does_not_let_through_fails_for_good(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
    #[values(Way::Http, Way::Command)] way: Way,
) {
    let creator = Creator::start(way).await;
    let app = creator.app(kind, &[]).await;
    app.created(&json!({"id": "t", "generator": creator.generator(), "input": {"tone": "dry"}})).await;
    app.work_off().await;
    app.later(60 * MINUTE).await;
    let task = app.task("t").await;
    assert_eq!((&task["status"], &task["error"]["code"]), (&json!("failed"), &json!("SUBMIT_REFUSED")));
    assert!(task["error"]["message"].as_str().expect("a message").contains("topic"), "{task}");
    assert_eq!((creator.submissions(), creator.questions(), history(&app).await.len()), (1, 0, 1));
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn over_http_its_request_is_what_it_knows(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let service = Service::start().await;
    let creator = Creator::Http(service);
    let app = creator.app(kind, &[]).await;
    let url = creator.submitted(&app, input()).await;
    let Creator::Http(service) = &creator else { panic!("HTTP") };
    let mut expected = input();
    let more: Map<String, Value> = serde_json::from_value(json!({
        "mode": "async", "priority": 4, "callbackUrl": url, "callbackEnabled": true,
        "callbackEvents": ["completed", "failed", "progress"],
    }))
    .expect("an object");
    expected.as_object_mut().expect("an object").extend(more);
    assert_eq!(service.submissions(), [expected], "a priority of 5 is more than it takes");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn every_priority_is_one_that_it_takes(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let creator = Creator::Http(Service::start().await);
    let app = creator.app(kind, &[("TASK_MAX_CONCURRENT", "0")]).await;
    for priority in 1..=10 {
        let task = json!({"generator": "content-creator", "priority": priority, "input": {"topic": "T"}});
        app.created(&task).await;
    }
    let own = json!({"id": "own", "generator": "content-creator", "input": {"topic": "T", "priority": 9}});
    app.created(&own).await;
    app.work_off().await;
    let open = app.items("/api/tasks?status=submitted&limit=200").await.len();
    assert_eq!((open, creator.submissions()), (11, 11));
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn its_signature_counts_once_there_is_a_secret(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let creator = Creator::Http(Service::start().await);
    let app = creator.app(kind, &[("GENERATOR_CONTENT_CREATOR_SECRET", SECRET)]).await;
    creator.submitted(&app, input()).await;
    let progress = |percentage: u32| json!({"progress": {"percentage": percentage}});
    let invalid = (401, "signature_invalid".to_owned());
    assert_eq!(creator.calls(&app, "progress", progress(10)).in_base64().taken().await, applied());
    assert_eq!(creator.calls(&app, "progress", progress(20)).in_base64().secret("a guess").refused().await, invalid);
    assert_eq!(creator.calls(&app, "progress", progress(20)).taken().await, applied(), "its token suffices");
    let completed = creator.calls(&app, "completed", json!({"result": article()})).in_base64();
    assert_eq!(completed.taken().await, applied());
    assert_eq!(app.status("t").await, "completed");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn by_command_its_arguments_are_what_it_knows(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let creator = Creator::start(Way::Command).await;
    let app = creator.app(kind, &[]).await;
    let url = creator.submitted(&app, input()).await;
    let Creator::Command(program) = &creator else { panic!("a command") };
    let fixed = ["create", "--type", "content-creator", "--mode", "async", "--topic", "文章主题 -- \"quoted\""];
    let more = ["--task-id", "t-1", "--requirements", "short", "--tone", "dry", "--keywords", "a,b c", "--callback-url", &url];
    assert_eq!(program.calls("create"), [fixed.into_iter().chain(more).collect::<Vec<_>>()]);
    app.later(61 * SECOND).await;
    assert_eq!(program.calls("status"), [["status", "--task-id", "t-1", "--json"]]);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_command_that_is_not_there_leaves_the_task_pending(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let program = Program::new();
    let creator = Creator::Command(program);
    let app = creator.app(kind, &[]).await;
    app.created(&json!({"id": "t", "generator": "content-creator-cli", "input": input()})).await;
    app.work_off().await;
    app.later(5 * MINUTE).await;
    assert_eq!(shown(&app, &["status", "attempt", "error"]).await, [json!("pending"), json!(1), Value::Null]);
    let Creator::Command(program) = &creator else { panic!("a command") };
    program.install();
    app.later(60 * MINUTE).await;
    assert_eq!(shown(&app, &["status", "attempt"]).await, [json!("submitted"), json!(1)]);
    assert_eq!(creator.submissions(), 1);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_submission_that_hangs_is_killed_and_its_job_found_by_asking(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let program = Program::new();
    program.install();
    let alive = program.hang("create");
    let creator = Creator::Command(program);
    let app = creator.app_with(kind, &[], 3 * SECOND).await;
    app.created(&json!({"id": "t", "generator": "content-creator-cli", "input": input()})).await;
    app.work_off().await;
    alive.die_out().await;
    assert_eq!(shown(&app, &["status", "submit_unknown"]).await, [json!("submitted"), json!(true)]);
    creator.set(json!({"status": "completed", "result": article()}));
    app.later(61 * SECOND).await;
    app.later(5 * MINUTE).await;
    assert_eq!(shown(&app, &["status", "settled_by", "result"]).await, [json!("completed"), json!("poll"), article()]);
    assert_eq!(creator.submissions(), 1, "never sent again");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_question_that_hangs_is_killed_and_asked_again(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let creator = Creator::start(Way::Command).await;
    let app = creator.app_with(kind, &[], 3 * SECOND).await;
    creator.submitted(&app, input()).await;
    let Creator::Command(program) = &creator else { panic!("a command") };
    let alive = program.hang("status");
    app.later(61 * SECOND).await;
    alive.die_out().await;
    assert_eq!(app.status("t").await, "submitted");
    assert_eq!(app.get("/api/stats").await.good(200)["polls"]["content-creator-cli"]["unreachable"], 1);
    program.recover();
    creator.set(json!({"status": "completed", "result": article()}));
    app.later(5 * MINUTE).await;
    assert_eq!(shown(&app, &["status", "settled_by"]).await, [json!("completed"), json!("poll")]);
    app.stop().await;
}
