//! Callbacks that beat the answer to the submission: it brings the id that they name.

use rstest::rstest;
use serde_json::json;

use super::{done, hook, ok, start_with_generator};
use crate::harness::Kind;

#[rstest]
#[tokio::test]
async fn the_answer_to_the_submission_applies_what_came_before_it(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, generator) = start_with_generator(kind).await;
    let task = app.created(&json!({"id": "t", "generator": "submitting", "input": {}})).await;
    assert_eq!(hook(&app, "submitting", &done("job-1")).taken().await, ok("parked"));
    app.work_off().await;
    let sent = generator.asked("POST /jobs");
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].body["callback_url"], format!("{}/hooks/submitting", app.base));
    assert_eq!(task["callback_url"], sent[0].body["callback_url"]);
    let task = app.task("t").await;
    assert_eq!((&task["status"], &task["external_id"]), (&json!("completed"), &json!("job-1")));
    assert_eq!((&task["result"], &task["settled_by"]), (&json!({"of": "job-1"}), &json!("callback")));
    app.stop().await;
}
