//! Lists of more than a page looks through: nothing is left out, and what an index holds is found at once.

use rstest::rstest;
use serde_json::Value;

use crate::harness::{App, Kind, START};

/// More than two windows.
const TASKS: u32 = 10_500;

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
         empty_answers, late_hints, submit_unknown, request_digest, receipts, recent, created_at, due_at, settled_at,
         settled_by, error_code, error_type, error_message)
         SELECT CASE n WHEN 1 THEN 'rare' ELSE 'many-' || n END, 'default', CASE n WHEN 1 THEN 'failed' ELSE 'processing' END, 1,
         false, 3, 1000000, 5, false, 0, 0, false, {digest}, 0, {recent}, {now} + n, CASE n WHEN 1 THEN NULL ELSE {now} + 1000000 END,
         CASE n WHEN 1 THEN {now} + 1 END,
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
    // no index holds apart what has failed and what is completed, taken together
    let (mut pages, mut path) = (0, "/api/tasks?status=failed,completed".to_owned());
    let last = loop {
        let page = app.get(&path).await.good(200);
        pages += 1;
        match page["next_cursor"].as_str() {
            Some(cursor) => {
                assert_eq!(ids(&page), [""; 0], "nothing but the oldest has ended");
                path = format!("/api/tasks?status=failed,completed&cursor={cursor}");
            }
            None => break page,
        }
    };
    assert_eq!((ids(&last), pages), (vec!["rare"], 3));
    for query in ["q=ra", "status=failed", "settled_after=2020-01-01T00:00:00Z", "q=ra&status=failed&generator=default"] {
        let page = app.get(&format!("/api/tasks?{query}")).await.good(200);
        assert_eq!((ids(&page), &page["next_cursor"]), (vec!["rare"], &Value::Null), "{query}");
    }
    let many = app.get("/api/tasks?q=many&generator=default&limit=2").await.good(200);
    assert_eq!(ids(&many), [format!("many-{TASKS}"), format!("many-{}", TASKS - 1)]);
    app.stop().await;
}

/// A little more than a window.
const OTHERS: u32 = 5_100;

/// Deliveries to one webhook and contents of one generator; only the oldest are others.
async fn fill_others(app: &App) {
    let numbers = format!("WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {OTHERS})");
    let id = |n: &str| match app.database.kind {
        Kind::Sqlite => format!("unhex(printf('%032x', {n}))"),
        Kind::Postgres => format!("lpad(to_hex({n}), 32, '0')::uuid"),
    };
    let (own, one, two) = (id("n"), id("1"), id("2"));
    let deliveries = format!(
        "{numbers} INSERT INTO hub_deliveries (id, event, topic, sequence, webhook, lane, status, attempts, outdated, created_at,
         settled_at, log)
         SELECT {own}, {own}, CASE n WHEN 1 THEN 'rare' ELSE 'usual' END, 0, CASE n WHEN 2 THEN {two} ELSE {one} END, 'l',
         CASE n WHEN 1 THEN 'superseded' WHEN 2 THEN 'dead' ELSE 'delivered' END, 1, false, 1, 1, '[]' FROM numbers"
    );
    let contents = format!(
        "{numbers} INSERT INTO hub_contents (id, task_id, generator, document, review, created_at, priority, stage, tries,
         publish_after, approved_at, published_at)
         SELECT {own}, 'task-' || n, CASE n WHEN 1 THEN 'g' ELSE 'h' END, {own}, CASE n WHEN 1 THEN 'approved' ELSE 'pending_review' END,
         1, 5, CASE n WHEN 1 THEN 'published' END, 0, 1, 1, 1 FROM numbers"
    );
    for statement in [deliveries, contents] {
        app.database.execute(&statement).await;
    }
}

#[rstest]
#[tokio::test]
async fn deliveries_and_contents_are_looked_through_to_the_end(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[("TASK_AUTO_APPROVE", "false")]).await;
    fill_others(&app).await;
    for (list, pages, found) in [
        ("/api/deliveries?status=superseded", 2, 1),
        ("/api/deliveries?status=dead", 1, 1),
        ("/api/deliveries?event=rare", 1, 1),
        ("/api/deliveries?event=rare&status=superseded,dead", 1, 1),
        ("/api/deliveries?webhook_id=00000000-0000-0000-0000-000000000002", 1, 1),
        ("/api/deliveries?webhook_id=00000000-0000-0000-0000-000000000001&event=rare", 2, 1),
        ("/api/deliveries?webhook_id=00000000-0000-0000-0000-000000000001&status=dead", 1, 0),
        ("/api/contents?generator=g", 2, 1),
        ("/api/contents?generator=h&review_status=approved", 1, 0),
        ("/api/contents?publish_status=published", 1, 1),
        ("/api/pool", 2, 1),
        ("/api/pool?status=published", 1, 1),
    ] {
        let (mut path, mut seen) = (list.to_owned(), (0, 0));
        loop {
            let page = app.get(&path).await.good(200);
            seen = (seen.0 + 1, seen.1 + page["items"].as_array().expect("a list").len());
            let Some(cursor) = page["next_cursor"].as_str() else { break };
            path = format!("{list}{}cursor={cursor}", if list.contains('?') { '&' } else { '?' });
        }
        assert_eq!(seen, (pages, found), "{list}");
    }
    app.stop().await;
}
