//! `GET /api/tasks`

use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};

use crate::harness::{App, Kind};

async fn ids(app: &App, query: &str) -> Vec<String> {
    let items = app.items(&format!("/api/tasks?{query}")).await;
    let mut ids: Vec<String> = items.iter().map(|task| task["id"].as_str().expect("an id").to_owned()).collect();
    ids.sort();
    ids
}

/// A task each minute, in many states.
async fn some_tasks(app: &App) {
    let minute = Duration::from_secs(60);
    for (id, generator, external_id, event) in [
        ("a1", "default", Value::Null, None),
        ("a2", "default", json!("ext-a2"), Some("progress")),
        ("b1", "quiet", json!("ext-b1"), Some("completed")),
        ("b2", "quiet", json!("a-foreign-id"), Some("failed")),
        ("c%_", "default", Value::Null, Some("cancelled")),
    ] {
        let id = id.replace("%_", ".x");
        app.created(&json!({"id": id, "generator": generator, "external_id": external_id, "timeout_seconds": 600})).await;
        if let Some(event) = event {
            let callback = app.callback(&id, &json!({"event": event, "result": {"large": true}})).of(generator);
            assert_eq!(callback.taken().await.1, "applied");
        }
        app.clock.advance(minute);
    }
}

#[rstest]
#[tokio::test]
async fn filters_narrow_and_combine(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    some_tasks(&app).await;
    for (query, expected) in [
        ("", vec!["a1", "a2", "b1", "b2", "c.x"]),
        ("status=submitted", vec!["a1"]),
        ("status=completed,failed", vec!["b1", "b2"]),
        ("status=pending", vec![]),
        ("generator=quiet", vec!["b1", "b2"]),
        ("generator=nobody", vec![]),
        ("external_id=ext-a2", vec!["a2"]),
        ("external_id=ext", vec![]),
        ("q=a", vec!["a1", "a2", "b2"]),
        ("q=ext-", vec!["a2", "b1"]),
        ("q=c.x", vec!["c.x"]),
        ("q=%25", vec![]),
        ("q=c_", vec![]),
        ("q=A", vec![]),
        ("created_after=2027-01-15T08:02:00Z", vec!["b1", "b2", "c.x"]),
        ("created_before=2027-01-15T08:01:00Z", vec!["a1"]),
        ("created_after=2027-01-15T09:00:00%2B01:00&created_before=2027-01-15T08:03:00Z", vec!["a1", "a2", "b1"]),
        ("settled_after=2027-01-15T08:02:30Z", vec!["b2", "c.x"]),
        ("overdue=true", vec![]),
        ("q=a&generator=default&status=submitted,processing", vec!["a1", "a2"]),
    ] {
        assert_eq!(ids(&app, query).await, expected, "{query}");
    }
    // 08:05 now; the deadlines are at 08:10 and 08:11
    app.clock.advance(Duration::from_secs(330));
    assert_eq!(ids(&app, "overdue=true").await, ["a1"]);
    app.clock.advance(Duration::from_secs(60));
    assert_eq!(ids(&app, "overdue=true").await, ["a1", "a2"]);
    assert_eq!(app.get("/api/stats").await.good(200)["overdue"], 2);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_list_shows_what_is_small_newest_first(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    some_tasks(&app).await;
    app.patch("/api/tasks/b1", &json!({"metadata": {"order": 1}})).await.good(200);
    let items = app.items("/api/tasks").await;
    let order: Vec<_> = items.iter().map(|task| task["id"].clone()).collect();
    assert_eq!(order, ["c.x", "b2", "b1", "a2", "a1"]);
    let one = &items[2];
    assert_eq!((&one["result"], &one["input"], &one["metadata"]), (&Value::Null, &Value::Null, &json!({"order": 1})));
    assert!(one.get("callback_url").is_none());
    assert_eq!(app.task("b1").await["result"], json!({"large": true}));
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn pages_have_no_doubles_and_no_gaps(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    // five of each moment, so that pages end within one
    for number in 0..35 {
        app.created(&json!({"id": format!("t{number:02}")})).await;
        if number % 5 == 4 {
            app.clock.advance(Duration::from_millis(1));
        }
    }
    for limit in [1, 3, 7, 34, 35, 200] {
        let (mut seen, mut path) = (Vec::new(), format!("/api/tasks?limit={limit}"));
        loop {
            let page = app.get(&path).await.good(200);
            let items = page["items"].as_array().expect("a list");
            assert!(!items.is_empty() && items.len() <= limit, "{limit}");
            seen.extend(items.iter().map(|task| task["id"].as_str().expect("an id").to_owned()));
            // what comes in between belongs on the first page, not on this one
            if seen.len() < 10 {
                app.clock.advance(Duration::from_millis(1));
                app.created(&json!({})).await;
            }
            let Some(cursor) = page["next_cursor"].as_str() else { break };
            path = format!("/api/tasks?limit={limit}&cursor={cursor}");
        }
        seen.retain(|id| id.starts_with('t'));
        let expected: Vec<String> =
            (0..7).rev().flat_map(|tens| (0..5).rev().map(move |one| format!("t{:02}", tens * 5 + one))).collect();
        assert_eq!(seen, expected, "{limit}");
    }
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn parameters_at_fault_are_named(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=many", "limit"),
        ("cursor=nonsense", "cursor"),
        ("cursor=", "cursor"),
        ("status=done", "status"),
        ("status=", "status"),
        ("overdue=maybe", "overdue"),
        ("created_after=yesterday", "created_after"),
        ("generator=", "generator"),
        ("limits=5", "limits"),
    ] {
        for list in ["/api/tasks", "/api/callbacks"] {
            if list == "/api/callbacks" && !["limit", "cursor", "limits"].contains(&field) {
                continue;
            }
            let answer = app.get(&format!("{list}?{query}")).await;
            assert_eq!(
                (answer.problem(), answer.fields()),
                ((422, "invalid_request".to_owned()), vec![field.to_owned()]),
                "{query}"
            );
        }
    }
    for time in ["2027-01-15T09:00:00+01:00", "2027-01-15 09:00:00+01:00"] {
        assert!(app.get(&format!("/api/tasks?settled_after={time}")).await.about("settled_after").contains("write + as %2B"));
    }
    assert!(!app.get("/api/tasks?settled_after=a+b").await.about("settled_after").contains("%2B"));
    assert!(app.get("/api/tasks?limits=5").await.about("limits").contains("did you mean limit?"));
    app.stop().await;
}
