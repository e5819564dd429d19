//! Dead deliveries are retried by the hundred, and the counts are true.

use rstest::rstest;
use serde_json::{Value, json};

use super::{deliveries, publish_many, secs, start, states, webhook};
use crate::harness::{App, Kind, Say};

async fn retry(app: &App, body: &Value) -> Value {
    let answer = app.post("/api/deliveries/retry", body).await.good(200);
    let count = |name: &str| answer[name].as_u64().expect(name);
    let skipped: u64 = answer["skipped"].as_object().expect("reasons").values().filter_map(Value::as_u64).sum();
    assert_eq!(count("matched"), count("retried") + skipped + count("remaining"), "{answer}");
    answer
}

fn counts(answer: &Value) -> [u64; 4] {
    [&answer["matched"], &answer["retried"], &answer["skipped"]["webhook_disabled"], &answer["remaining"]]
        .map(|count| count.as_u64().expect("a count"))
}

#[rstest]
#[tokio::test]
async fn they_come_back_slowly_and_the_oldest_first(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, subscriber) = start(kind).await;
    subscriber.always("/", Say::Status(404));
    webhook(&app, subscriber.url("/"), json!({"events": ["a", "b"]})).await;
    webhook(&app, subscriber.url("/none"), json!({"events": ["a"], "status": "disabled"})).await;
    publish_many(&app, "a", 30).await;
    publish_many(&app, "b", 5).await;
    app.work_off().await;
    assert_eq!(deliveries(&app, "&status=dead").await.len(), 65);

    let wanted = json!({"event": "a", "limit": 20, "dry_run": true});
    assert_eq!(counts(&retry(&app, &wanted).await), [60, 20, 30, 10]);
    assert_eq!(deliveries(&app, "&status=dead").await.len(), 65, "nothing but counted");
    let wanted = json!({"event": "a", "limit": 20, "status": "dead"});
    assert_eq!(counts(&retry(&app, &wanted).await), [60, 20, 30, 10]);
    let mut due: Vec<_> = deliveries(&app, "&status=pending").await;
    due.reverse();
    let ends = [&due[0], &due[19]].map(|one| one["next_attempt_at"].as_str().expect("a time").to_owned());
    assert_eq!(ends, [app.clock.now(), app.clock.now().plus(secs(19) / 100)].map(|time| time.to_string()));

    subscriber.always("/", Say::Status(200));
    let before = subscriber.told("/").len();
    app.later(secs(1)).await;
    assert_eq!(subscriber.told("/").len(), before + 20);
    assert_eq!(counts(&retry(&app, &json!({})).await), [45, 15, 30, 0]);
    app.later(secs(1)).await;
    assert_eq!(states(&app).await.iter().filter(|state| state.ends_with("delivered")).count(), 35);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn of_many_each_is_counted_once_whoever_does_not_hear(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, subscriber) = start(kind).await;
    subscriber.always("/", Say::Status(404));
    webhook(&app, subscriber.url("/"), json!({})).await;
    let deleted = webhook(&app, subscriber.url("/none"), json!({"status": "disabled"})).await;
    webhook(&app, subscriber.url("/none"), json!({"status": "disabled"})).await;
    publish_many(&app, "a", 1).await;
    app.work_off().await;
    app.delete(&format!("/api/webhooks/{deleted}")).await;
    // parts hold fewer, and one lies among the others
    let id = if kind == Kind::Sqlite { "randomblob(16)" } else { "gen_random_uuid()" };
    let columns = "event, topic, sequence, webhook, lane, status, attempts, outdated, created_at, settled_at, last_error, log";
    let again = format!(
        "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 199)
         INSERT INTO hub_deliveries (id, {columns}) SELECT {id}, {columns} FROM hub_deliveries CROSS JOIN numbers"
    );
    app.database.execute(&again).await;
    let all = |answer: &Value| {
        let [matched, retried, disabled, remaining] = counts(answer);
        [matched, retried, disabled, answer["skipped"]["webhook_deleted"].as_u64().expect("a count"), remaining]
    };
    for (limit, expected) in [(70, [600, 70, 200, 200, 130]), (130, [530, 130, 200, 200, 0]), (10, [400, 0, 200, 200, 0])] {
        let dry = retry(&app, &json!({"limit": limit, "dry_run": true})).await;
        let done = retry(&app, &json!({"limit": limit})).await;
        assert_eq!((all(&dry), all(&done)), (expected, expected));
    }
    assert_eq!(app.database.count("hub_deliveries WHERE status = 'pending'").await, 200);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn they_are_narrowed_as_lists_are(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, subscriber) = start(kind).await;
    subscriber.always("/", Say::Status(404));
    let ids =
        [webhook(&app, subscriber.url("/"), json!({"events": ["a"]})).await, webhook(&app, subscriber.url("/"), json!({})).await];
    publish_many(&app, "a", 2).await;
    let between = app.clock.now().plus(secs(5)).to_string();
    app.clock.advance(secs(10));
    publish_many(&app, "b", 1).await;
    app.work_off().await;
    let of = async |filter: Value| {
        let mut wanted = filter.clone();
        wanted["dry_run"] = json!(true);
        let query: String = filter
            .as_object()
            .expect("an object")
            .iter()
            .fold(String::new(), |query, (name, value)| format!("{query}&{name}={}", value.as_str().expect("a text")));
        let listed = deliveries(&app, &format!("{query}&status=dead")).await.len() as u64;
        (retry(&app, &wanted).await["matched"].as_u64(), listed)
    };
    assert_eq!(of(json!({})).await, (Some(5), 5));
    assert_eq!(of(json!({"webhook_id": ids[0]})).await, (Some(2), 2));
    assert_eq!(of(json!({"event": "b"})).await, (Some(1), 1));
    assert_eq!(of(json!({"created_before": between})).await, (Some(4), 4));
    assert_eq!(of(json!({"created_after": between})).await, (Some(1), 1));
    assert_eq!(of(json!({"task_id": "nobody"})).await, (Some(0), 0));
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn states_may_be_named_twice_and_in_any_order(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, subscriber) = start(kind).await;
    subscriber.say("/", [Say::Status(404)]);
    webhook(&app, subscriber.url("/"), json!({})).await;
    publish_many(&app, "a", 3).await;
    app.work_off().await;
    let many = vec!["dead"; 5_000].join(",");
    for (query, count) in
        [("dead,delivered", 3), ("delivered,dead,dead,delivered", 3), ("dead,dead", 1), (&many, 1), ("pending", 0)]
    {
        assert_eq!(deliveries(&app, &format!("&status={query}")).await.len(), count, "{query}");
    }
    for query in ["", "dead,", "dead,gone", "Dead", "dead&status=pending"] {
        assert_eq!(app.get(&format!("/api/deliveries?status={query}")).await.fields(), ["status"], "{query}");
    }
    assert_eq!(app.get("/api/tasks?status=failed,,").await.fields(), ["status"]);
    assert_eq!(app.items("/api/tasks?status=failed,failed").await.len(), 0);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn wrong_wishes_are_named(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, _) = start(kind).await;
    for (name, value) in [
        ("status", json!("delivered")),
        ("limit", json!(0)),
        ("limit", json!("many")),
        ("webhook_id", json!("w")),
        ("dry_run", json!("yes")),
        ("created_after", json!("yesterday")),
        ("webhook", json!("w")),
    ] {
        let answer = app.post("/api/deliveries/retry", &json!({name: value})).await;
        assert_eq!(answer.problem(), (422, "invalid_request".to_owned()));
        assert_eq!(answer.json()["errors"][0]["field"], name);
    }
    for query in ["status=gone", "webhook_id=w", "limit=0", "limit=201", "cursor=x", "created_after=x", "state=dead"] {
        assert_eq!(app.get(&format!("/api/deliveries?{query}")).await.problem(), (422, "invalid_request".to_owned()), "{query}");
    }
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn pages_hold_each_once(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, subscriber) = start(kind).await;
    webhook(&app, subscriber.url("/"), json!({})).await;
    publish_many(&app, "a", 5).await;
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = app.get(&format!("/api/deliveries?limit=2{cursor}")).await.good(200);
        seen.extend(page["items"].as_array().expect("a list").iter().map(|item| item["id"].to_string()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    let mut newest_first = seen.clone();
    newest_first.sort_unstable_by(|one, other| other.cmp(one));
    newest_first.dedup();
    assert_eq!((seen.len(), seen), (5, newest_first));
    app.stop().await;
}
