//! Parked callbacks as operators see them.

use rstest::rstest;
use serde_json::{Value, json};

use super::{done, hook, ok, progress, start};
use crate::harness::Kind;

#[rstest]
#[tokio::test]
async fn what_waits_is_listed_and_counted(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = start(kind).await;
    app.created(&json!({"id": "t", "generator": "account"})).await;
    assert_eq!(hook(&app, "account", &progress("t", 1)).taken().await, ok("applied"));
    assert_eq!(hook(&app, "account", &done("gen-1")).taken().await, ok("parked"));
    assert_eq!(app.callback("u", &done("u")).of("eager").taken().await, ok("parked"));
    assert_eq!(hook(&app, "account", &json!({"id": "c", "type": "customer.created", "data": {}})).taken().await, ok("event"));

    let parked = app.items("/api/callbacks?outcome=parked").await;
    let shown: Vec<[&Value; 5]> =
        parked.iter().map(|item| ["generator", "task_id", "waiting_for", "event", "verdict"].map(|name| &item[name])).collect();
    let expected = |generator, awaited| [json!(generator), Value::Null, json!(awaited), json!("completed"), json!("accepted")];
    assert_eq!(shown, [expected("eager", "u").each_ref(), expected("account", "gen-1").each_ref()]);
    assert_eq!(app.items("/api/callbacks?event=customer.created&generator=account").await.len(), 1);
    assert!(app.items("/api/tasks/t/callbacks").await.iter().all(|receipt| receipt["waiting_for"].is_null()));

    let stats = app.get("/api/stats").await.good(200);
    assert_eq!((&stats["parked"], &stats["parked_by_generator"]), (&json!(2), &json!({"account": 1, "eager": 1})));
    assert_eq!(stats["callbacks"]["accepted"], json!({"applied": 1, "parked": 2, "event": 1}));
    assert!(stats["loops"].as_array().expect("loops").iter().any(|one| one["name"] == "unpark"));

    let id = parked[1]["id"].as_str().expect("an id");
    let read = app.get(&format!("/api/callbacks/{id}")).await.good(200);
    assert_eq!((&read["waiting_for"], &read["body"]), (&json!("gen-1"), &json!(done("gen-1").to_string())));
    let replayed = app.post(&format!("/api/callbacks/{id}/replay"), &json!({})).await;
    assert_eq!(replayed.problem(), (409, "not_replayable".to_owned()), "it comes to its turn by itself");
    app.stop().await;
}
