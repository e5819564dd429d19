//! Lists of more than a page looks through: nothing is left out, and what an index holds is found at once.

use rstest::rstest;
use serde_json::Value;

use crate::harness::{App, Kind, START};

/// More than two windows.
const TASKS: u32 = 40_500;

/// All `processing` but the oldest, which has failed.
async fn fill(app: &App) {
    let now = START * 1_000_000;
    let (digest, recent) = match app.database.kind {
        Kind::Sqlite => ("zeroblob(32)", "x'00'"),
        Kind::Postgres => ("decode(repeat('00', 32), 'hex')", "'\\x00'::bytea"),
    };
    let numbers = format!("WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {TASKS})");
    let tasks = format!(
        "{numbers} INSERT INTO hub_tasks (id, generator, status, attempt, hub_submits, max_retries, timeout_us, priority, late,
         empty_answers, late_hints, submit_unknown, request_digest, receipts, recent, created_at, settled_at, settled_by,
         error_code, error_type, error_message)
         SELECT CASE n WHEN 1 THEN 'rare' ELSE 'many-' || n END, 'default', CASE n WHEN 1 THEN 'failed' ELSE 'processing' END, 1,
         false, 3, 1000000, 5, false, 0, 0, false, {digest}, 0, {recent}, {now} + n, CASE n WHEN 1 THEN {now} + 1 END,
         CASE n WHEN 1 THEN 'callback' END, CASE n WHEN 1 THEN 'A' END, CASE n WHEN 1 THEN 'B' END, CASE n WHEN 1 THEN 'C' END
         FROM numbers"
    );
    app.database.execute(&tasks).await;
    let attempts = format!(
        "{numbers} INSERT INTO hub_attempts (task_id, number, generator, submitted_at)
         SELECT CASE n WHEN 1 THEN 'rare' ELSE 'many-' || n END, 1, 'default', {now} + n FROM numbers"
    );
    app.database.execute(&attempts).await;
}

fn ids(page: &Value) -> Vec<&str> {
    page["items"].as_array().expect("a list").iter().map(|task| task["id"].as_str().expect("an id")).collect()
}

#[rstest]
#[tokio::test]
async fn what_is_rare_is_found_window_by_window_or_at_once(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    fill(&app).await;
    let (mut pages, mut path) = (0, "/api/tasks?status=failed".to_owned());
    let last = loop {
        let page = app.get(&path).await.good(200);
        pages += 1;
        match page["next_cursor"].as_str() {
            Some(cursor) => {
                assert_eq!(ids(&page), [""; 0], "nothing but the oldest has failed");
                path = format!("/api/tasks?status=failed&cursor={cursor}");
            }
            None => break page,
        }
    };
    assert_eq!((ids(&last), pages), (vec!["rare"], 3));
    for query in ["q=ra", "settled_after=2020-01-01T00:00:00Z", "q=ra&status=failed&generator=default"] {
        let page = app.get(&format!("/api/tasks?{query}")).await.good(200);
        assert_eq!((ids(&page), &page["next_cursor"]), (vec!["rare"], &Value::Null), "{query}");
    }
    let many = app.get("/api/tasks?q=many&generator=default&limit=2").await.good(200);
    assert_eq!(ids(&many), [format!("many-{TASKS}"), format!("many-{}", TASKS - 1)]);
    app.stop().await;
}
