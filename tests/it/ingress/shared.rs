//! `POST /hooks/{generator}`: the task is the one whose id is in the body.

use rstest::rstest;
use serde_json::{Value, json};

use super::{done, hook, ok, progress, receipts, start};
use crate::harness::Kind;

#[rstest]
#[tokio::test]
async fn the_task_is_found_by_the_generators_id(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = start(kind).await;
    let task = app.created(&json!({"id": "t", "generator": "account", "external_id": "gen-1"})).await;
    assert_eq!(task["callback_url"], format!("{}/hooks/account", app.base), "it signs: no token is needed");
    let answer = hook(&app, "account", &progress("gen-1", 40)).send().await;
    assert_eq!(answer.outcome(), ok("applied"));
    assert_eq!((&answer.json()["task_id"], &answer.json()["status"]), (&json!("t"), &json!("processing")));
    assert_eq!(hook(&app, "account", &done("gen-1")).taken().await, ok("applied"));
    assert_eq!(hook(&app, "account", &done("gen-1")).taken().await, ok("duplicate"));
    let task = app.task("t").await;
    assert_eq!((&task["status"], &task["result"]), (&json!("completed"), &json!({"of": "gen-1"})));
    assert_eq!(app.items("/api/tasks/t/callbacks").await.len(), 3);
    assert_eq!(receipts(&app).await, ["progress applied t", "completed applied t", "completed duplicate t"]);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn the_hubs_own_id_does_as_well_and_belongs_to_its_generator(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = start(kind).await;
    app.created(&json!({"id": "t", "generator": "account"})).await;
    app.created(&json!({"id": "u", "generator": "strict", "external_id": "gen-1"})).await;
    assert_eq!(hook(&app, "account", &progress("t", 10)).taken().await, ok("applied"));
    assert_eq!(app.task("t").await["external_id"], Value::Null, "nothing is adopted where all share a path");
    // another generator's ids, of either kind, are as good as unknown
    for id in ["t", "nobody"] {
        assert_eq!(hook(&app, "strict", &progress(id, 10)).refused().await, (404, "unknown_task".to_owned()));
    }
    assert_eq!(hook(&app, "account", &progress("gen-1", 10)).taken().await, ok("parked"));
    let answer = hook(&app, "patient", &progress("t", 10)).send().await;
    assert_eq!((answer.problem(), answer.retry_after()), ((503, "unavailable".to_owned()), Some(5)));
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn the_id_says_which_attempt_is_meant(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = start(kind).await;
    app.created(&json!({"id": "t", "generator": "account", "external_id": "gen-1"})).await;
    let failed = json!({"type": "job.failed", "data": {"id": "gen-1"}});
    assert_eq!(hook(&app, "account", &failed).taken().await, ok("applied"));
    app.post("/api/tasks/t/retry", &json!({})).await.good(200);
    app.patch("/api/tasks/t", &json!({"external_id": "gen-2"})).await.good(200);
    assert_eq!(hook(&app, "account", &progress("gen-1", 10)).taken().await, ok("ignored stale_attempt"));
    assert_eq!(hook(&app, "account", &progress("gen-2", 10)).taken().await, ok("applied"));
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn its_tasks_have_a_path_of_their_own_all_the_same(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = start(kind).await;
    app.created(&json!({"id": "t", "generator": "account"})).await;
    assert_eq!(app.callback("t", &progress("gen-1", 10)).of("account").taken().await, ok("applied"));
    assert_eq!(app.task("t").await["external_id"], "gen-1", "there, the first proven callback brings the id");
    assert_eq!(hook(&app, "account", &progress("gen-1", 20)).taken().await, ok("applied"));
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn who_names_no_task_is_told_where_to(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = start(kind).await;
    for body in [
        json!({"type": "job.done"}),
        json!({"type": "job.done", "data": {}}),
        json!({"type": "job.done", "data": {"id": ""}}),
        json!({"type": "job.done", "data": {"id": "line\nbreak"}}),
        json!({"type": "job.done", "data": {"id": "x".repeat(257)}}),
    ] {
        let answer = hook(&app, "account", &body).send().await;
        assert_eq!(
            (answer.problem(), answer.fields()),
            ((400, "invalid_event".to_owned()), vec!["data.id".to_owned()]),
            "{body}"
        );
    }
    // a word that no task wants to hear needs none
    assert_eq!(hook(&app, "account", &json!({"type": "ping"})).taken().await, ok("ignored not_of_interest"));
    assert_eq!(
        hook(&app, "strict", &json!({"type": "ping", "data": {"id": "nobody"}})).taken().await,
        ok("ignored not_of_interest")
    );
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn what_nobody_wants_to_hear_is_kept_once_and_known_again(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = start(kind).await;
    let ignored = ok("ignored not_of_interest");
    let ping = |id: &str| json!({"id": id, "type": "ping"});
    let answer = hook(&app, "account", &ping("p-1")).send().await;
    assert_eq!(answer.outcome(), ignored);
    let first = answer.json()["callback_id"].as_str().expect("an id").to_owned();
    let again = hook(&app, "account", &ping("p-1")).send().await;
    assert_eq!(again.outcome(), ok("duplicate"));
    assert_eq!(hook(&app, "account", &ping("p-2")).taken().await, ignored, "another event");
    assert_eq!(hook(&app, "strict", &ping("p-1")).taken().await, ignored, "another generator's");
    // on a path of its own, about a task that nobody knows (yet)
    for id in ["nobody", "anybody"] {
        assert_eq!(app.callback(id, &ping("p-1")).of("eager").taken().await, ignored, "{id}");
        assert_eq!(app.callback(id, &ping("p-1")).of("eager").taken().await, ok("duplicate"), "{id}");
    }
    let again = again.json()["callback_id"].as_str().expect("an id").to_owned();
    let body = async |id: &str| app.get(&format!("/api/callbacks/{id}")).await.good(200)["body"].clone();
    assert_eq!((body(&first).await, body(&again).await), (json!(ping("p-1").to_string()), Value::Null));
    let replayed = app.post(&format!("/api/callbacks/{first}/replay"), &json!({})).await.good(200);
    assert_eq!(replayed["outcome"], "ignored", "an operator may look at it once more");
    app.stop().await;
}

/// At once, from two sides.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn told_at_two_apps_at_once_it_is_kept_once(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let one = start(kind).await;
    let two = super::on(&one.database, "http://127.0.0.1:1").await;
    for round in 0..10 {
        let body = json!({"id": format!("p-{round}"), "type": "ping"});
        let sent = [&one, &two, &one, &two].map(|app| hook(app, "account", &body).taken());
        let outcomes = futures_util::future::join_all(sent).await;
        let count = |outcome: &str| outcomes.iter().filter(|found| **found == ok(outcome)).count();
        assert_eq!((count("ignored not_of_interest"), count("duplicate")), (1, 3), "{outcomes:?}");
    }
    two.stop().await;
    one.stop().await;
}

#[rstest]
#[tokio::test]
async fn nobody_speaks_for_a_generator_unproven(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = crate::harness::App::start(kind, &[("CALLBACK_REQUIRE_SIGNATURE", "false")]).await;
    app.created(&json!({"id": "t"})).await;
    let body = json!({"event": "progress", "taskId": "t"}).to_string();
    assert_eq!(app.callback_to("/callback/t", body.clone()).unsigned().taken().await, ok("applied"), "permitted on its own path");
    let missing = (401, "signature_missing".to_owned());
    assert_eq!(app.callback_to("/hooks/default", body.clone()).unsigned().refused().await, missing);
    assert_eq!(app.callback_to("/hooks/default", body.clone()).secret("a guess").refused().await.1, "signature_invalid");
    for unknown in ["/hooks/nobody", "/hooks/DEFAULT", "/hooks/%ff", "/hooks/nobody?generator=default"] {
        assert_eq!(app.callback_to(unknown, body.clone()).refused().await, (404, "unknown_generator".to_owned()), "{unknown}");
    }
    let by_put = app.callback_to("/hooks/default", body).by_put().refused().await;
    assert_eq!(by_put, (405, "method_not_allowed".to_owned()));
    app.stop().await;
}
