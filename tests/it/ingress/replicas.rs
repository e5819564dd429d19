//! Several apps on one database: callbacks at one side, their tasks at the other, all at once.

use std::time::Duration;

use futures_util::future::{join, join_all};
use rstest::rstest;
use serde_json::json;

use super::{done, hook, on, progress, start};
use crate::harness::Kind;

const JOBS: usize = 30;

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_comes_first_every_callback_counts_once(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let one = start(kind).await;
    let two = on(&one.database, "http://127.0.0.1:1").await;
    let jobs: Vec<String> = (0..JOBS).map(|job| format!("gen-{job:02}")).collect();
    // some before, some after, some in between
    let told = jobs.iter().enumerate().flat_map(|(nth, job)| {
        let (first, second) = if nth % 2 == 0 { (&one, &two) } else { (&two, &one) };
        [(first, progress(job, 40)), (second, progress(job, 40)), (second, done(job))]
    });
    let told: Vec<_> = told.collect();
    let telling = join_all(told.iter().map(|(app, body)| hook(app, "account", body).taken()));
    let wanted: Vec<_> =
        jobs.iter().map(|job| json!({"id": format!("t-{job}"), "generator": "account", "external_id": job})).collect();
    let creating = join_all(wanted.iter().enumerate().map(|(nth, task)| if nth % 3 == 0 { &one } else { &two }.create(task)));
    let (outcomes, created) = join(telling, creating).await;
    assert!(created.iter().all(|answer| answer.status == 201));
    assert!(outcomes.iter().all(|(status, _)| *status == 200), "{outcomes:?}");

    // at most a second later everybody has found his task
    for app in [&one, &two] {
        app.clock.advance(Duration::from_secs(1));
    }
    join(one.work_off(), two.work_off()).await;
    assert_eq!(one.database.count("hub_parked").await, 0);
    for job in &jobs {
        let task = one.task(&format!("t-{job}")).await;
        assert_eq!((&task["status"], &task["result"]), (&json!("completed"), &json!({"of": job})));
        let receipts = one.items(&format!("/api/tasks/t-{job}/callbacks")).await;
        let count = |event: &str, outcome: &str| {
            receipts.iter().filter(|receipt| receipt["event"] == event && receipt["outcome"] == outcome).count()
        };
        assert_eq!(count("completed", "applied"), 1);
        // the progress may have come after the end, and its copy may have been known while it still waited
        let all = count("progress", "applied") + count("progress", "ignored");
        assert_eq!(all, 1, "{receipts:?}");
    }
    two.stop().await;
    one.stop().await;
}
