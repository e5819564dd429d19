//! Ingress tokens: what the shared URL of a generator that does not sign carries. It speaks for no task, and is not enough.

use rstest::rstest;
use serde_json::{Value, json};

use super::{done, hook, ok, progress, start, start_with_generator};
use crate::harness::{App, Kind};

fn path_of(app: &App, task: &Value) -> String {
    task["callback_url"].as_str().and_then(|url| url.strip_prefix(&app.base)).expect("a URL of this hub").to_owned()
}

#[rstest]
#[tokio::test]
async fn what_it_proves_is_only_a_reason_to_ask(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, generator) = start_with_generator(kind).await;
    generator.add("gen-1", &json!({"status": "queued"}));
    let task = app.created(&json!({"id": "t", "generator": "open", "external_id": "gen-1"})).await;
    let path = path_of(&app, &task);
    assert!(path.starts_with("/hooks/open?token="), "{path}");
    let tell = |body: &Value| app.callback_to(&path, body.to_string()).unsigned();
    assert_eq!(tell(&progress("gen-1", 99)).taken().await, ok("hint"), "whatever its file believes");
    assert_eq!(tell(&done("gen-1")).taken().await, ok("hint"));
    app.work_off().await;
    let shown = app.task("t").await;
    assert_eq!(
        (&shown["status"], &shown["progress"]["percent"], &shown["result"]),
        (&json!("processing"), &Value::Null, &Value::Null)
    );
    generator.set("gen-1", &json!({"status": "done", "result": "the truth"}));
    app.later(std::time::Duration::from_secs(2)).await;
    assert_eq!(tell(&json!({"type": "job.done", "id": "2", "data": {"id": "gen-1"}})).taken().await, ok("hint"));
    app.later(std::time::Duration::from_secs(2)).await;
    let shown = app.task("t").await;
    assert_eq!(
        (&shown["status"], &shown["result"], &shown["settled_by"]),
        (&json!("completed"), &json!("the truth"), &json!("poll"))
    );
    assert_eq!(tell(&json!({"id": "c", "type": "customer.created", "data": {}})).taken().await, ok("event"));
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn it_stays_so_for_what_was_parked(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, generator) = start_with_generator(kind).await;
    generator.add("gen-1", &json!({"status": "done", "result": "the truth"}));
    let path = path_of(&app, &app.created(&json!({"id": "t", "generator": "other-open", "submit": false})).await);
    let parked = app.callback_to(&path, done("gen-1").to_string()).unsigned().send().await;
    assert_eq!(parked.outcome(), ok("parked"));
    app.patch("/api/tasks/t", &json!({"external_id": "gen-1"})).await.good(200);
    app.work_off().await;
    let task = app.task("t").await;
    assert_eq!(
        (&task["status"], &task["result"], &task["settled_by"]),
        (&json!("completed"), &json!("the truth"), &json!("poll"))
    );
    let id = parked.json()["callback_id"].as_str().expect("an id").to_owned();
    assert_eq!(app.get(&format!("/api/callbacks/{id}")).await.good(200)["outcome"], "hint");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn it_is_good_for_its_generators_shared_url_only(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = start(kind).await;
    let path = path_of(&app, &app.created(&json!({"id": "t", "generator": "open", "external_id": "gen-1"})).await);
    let others = path_of(&app, &app.created(&json!({"id": "o", "generator": "other-open", "external_id": "gen-1"})).await);
    let bearer = path_of(&app, &app.created(&json!({"id": "b", "generator": "bearer"})).await);
    let token = |path: &str| path.split_once("token=").expect("a token").1.to_owned();
    let body = progress("gen-1", 10).to_string();
    let mine = token(&path);

    assert_eq!(app.callback_to("/hooks/open", body.clone()).unsigned().refused().await, (401, "signature_missing".to_owned()));
    let forged = [
        format!("/hooks/open?token={}", token(&others)),
        format!("/hooks/open?token={}", token(&bearer)),
        format!("/hooks/open?token={}", &mine[1..]),
        format!("/hooks/open?token={mine}&token={mine}"),
        "/hooks/open?token=".to_owned(),
        // a task's own URL carries a token of its own
        format!("/callback/t?generator=open&token={mine}"),
        // and a signing generator's shared URL none
        format!("/hooks/account?token={mine}"),
        format!("/hooks/default?token={mine}"),
    ];
    for forged in forged {
        let invalid = app.callback_to(&forged, body.clone()).unsigned().refused().await;
        assert!(
            ["signature_invalid", "signature_missing"].contains(&invalid.1.as_str()) && invalid.0 == 401,
            "{forged}: {invalid:?}"
        );
    }
    assert_eq!(app.callback_to(&path, body).unsigned().taken().await, ok("hint"));
    assert_eq!(
        hook(&app, "account", &progress("gen-1", 1)).query("token", &mine).refused().await.1,
        "signature_invalid",
        "what is there is checked"
    );
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn it_is_shown_where_generators_are(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = start(kind).await;
    let task = app.created(&json!({"id": "t", "generator": "open", "external_id": "gen-1"})).await;
    let listed = app.items("/api/generators").await;
    let url_of = |name: &str| &listed.iter().find(|item| item["name"] == name).expect(name)["ingress_url"];
    assert_eq!(url_of("open"), &task["callback_url"]);
    assert_eq!(url_of("account"), &json!(format!("{}/hooks/account", app.base)));
    assert_eq!(url_of("default"), &Value::Null);
    app.stop().await;
}

/// It is not kept, but that it was there is.
#[rstest]
#[tokio::test]
async fn what_it_proved_and_was_refused_can_be_replayed(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = start(kind).await;
    let path = path_of(&app, &app.created(&json!({"id": "t", "generator": "open", "external_id": "gen-1"})).await);
    let nameless = json!({"type": "job.done", "id": "1"}).to_string();
    assert_eq!(app.callback_to(&path, nameless).unsigned().refused().await.1, "invalid_event");
    let id = app.rejections(1).await[0]["id"].as_str().expect("an id").to_owned();
    let shown = app.get(&format!("/api/callbacks/{id}")).await.good(200);
    assert_eq!((&shown["attempt"], &shown["task_id"]), (&Value::Null, &Value::Null));
    let replayed = app.post(&format!("/api/callbacks/{id}/replay"), &json!({})).await;
    assert_eq!(replayed.problem(), (409, "not_replayable".to_owned()));
    assert!(replayed.json()["detail"].as_str().expect("a sentence").contains("still cannot be read"), "{}", replayed.text);
    app.stop().await;
}
