//! Capability tokens: what the callback URL carries proves generators that cannot sign.

use rstest::rstest;
use serde_json::{Value, json};

use crate::harness::{App, Kind};

const KEY: &str = "bm90IGEgcmVhbCBrZXksIGJ1dCAzMiBieXRlcyBsb24=";
const OTHER_KEY: &str = "bm90IGEgcmVhbCBrZXksIGVpdGhlciwgMzIgYnl0ZXM=";

fn progress(n: u32) -> String {
    json!({"event": "progress", "event_id": n}).to_string()
}

fn url_of(task: &Value) -> String {
    task["callback_url"].as_str().expect("a URL").to_owned()
}

fn applied() -> (u16, String) {
    (200, "applied".to_owned())
}

fn invalid() -> (u16, String) {
    (401, "signature_invalid".to_owned())
}

#[rstest]
#[tokio::test]
async fn the_url_that_is_handed_out_proves_its_bearer(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    let task = app.created(&json!({"id": "t", "generator": "bearer"})).await;
    let url = url_of(&task);
    assert!(url.starts_with(&format!("{}/callback/t?generator=bearer&attempt=1&token=", app.base)), "{url}");
    assert_eq!(app.callback_to(&url, progress(1)).unsigned().taken().await, applied());
    assert_eq!(app.callback_to(&url, progress(2)).taken().await, applied(), "both are good");
    assert_eq!(app.callback_to(&url, progress(3)).secret("a guess").refused().await, invalid(), "what is there is checked");
    assert_eq!(app.callback("t", &json!({"event": "progress"})).of("bearer").taken().await, applied(), "a signature does, too");

    let shown = app.task("t").await;
    assert_eq!(url_of(&shown), url);
    let listed = &app.items("/api/tasks").await[0];
    assert!(listed.get("callback_url").is_none(), "{listed}");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_token_is_good_for_its_task_attempt_and_generator_only(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    let url = url_of(&app.created(&json!({"id": "t", "generator": "bearer"})).await);
    let others = url_of(&app.created(&json!({"id": "u", "generator": "bearer"})).await);
    app.created(&json!({"id": "b", "generator": "bound"})).await;
    let token = |url: &str| url.split_once("token=").expect("a token").1.to_owned();

    let forged = [
        others.replace("/callback/u", "/callback/t"),
        url.replace("attempt=1", "attempt=2"),
        url.replace("attempt=1", "attempt=x"),
        url.replace("generator=bearer", "generator=content-creator"),
        format!("{url}&token={}", token(&url)),
        format!("{url}&attempt=1"),
        url.replace("token=", "token=A"),
        url.replace(&token(&url), ""),
        url[..url.len() - 1].to_owned(),
    ];
    for forged in forged {
        assert_eq!(app.callback_to(&forged, progress(1)).unsigned().refused().await, invalid(), "{forged}");
    }
    let without_attempt = url.replace("attempt=1&", "");
    assert_eq!(app.callback_to(&without_attempt, progress(1)).unsigned().taken().await, applied(), "the first is meant");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_query_that_contradicts_itself_is_refused_where_its_parameter_is_looked_at(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let app = App::start(kind, &[]).await;
    app.created(&json!({"id": "t"})).await;
    app.created(&json!({"id": "q", "generator": "quiet"})).await;
    let to = |target: &str, n| app.callback_to(target, progress(n));

    let answer = to("/callback/t?attempt=1&attempt=2", 1).send().await;
    assert_eq!(answer.problem(), (400, "invalid_event".to_owned()));
    assert_eq!(answer.json()["errors"][0]["field"], "attempt");
    assert_eq!(to("/callback/t?attempt=1&attempt=2", 1).secret("a guess").refused().await, invalid(), "first the proof");
    assert_eq!(to("/callback/t?attempt=1&attempt=1", 2).taken().await, applied(), "no contradiction");

    for target in ["/callback/t?generator=default&generator=quiet", "/callback/t?generator=quiet&generator=default"] {
        let unknown = (404, "unknown_generator".to_owned());
        assert_eq!(to(target, 3).refused().await, unknown);
        assert_eq!(to(target, 3).secret("a guess").refused().await, unknown, "before the proof is looked at");
    }
    assert_eq!(to("/callback/q?generator=quiet&generator=quiet", 4).taken().await.1, "applied");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_bound_generator_needs_both(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    let url = url_of(&app.created(&json!({"id": "t", "generator": "bound"})).await);
    let missing = (401, "signature_missing".to_owned());
    assert_eq!(app.callback_to(&url, progress(1)).unsigned().refused().await, missing);
    assert_eq!(app.callback("t", &json!({"event": "progress"})).of("bound").refused().await, missing);
    assert_eq!(app.callback_to(&url, progress(1)).taken().await, applied());
    // in a batch nothing names the task that a token would be good for
    let item = json!({"task_id": "t", "event": "progress"});
    assert_eq!(app.batch(std::slice::from_ref(&item)).of("bound").refused().await, missing);
    let token = url.split_once("token=").expect("a token").1;
    assert_eq!(app.batch(&[item]).of("bound").query("token", token).refused().await, invalid());
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_token_says_which_attempt_is_meant(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    let first = url_of(&app.created(&json!({"id": "t", "generator": "bearer"})).await);
    let failed = json!({"event": "failed"}).to_string();
    assert_eq!(app.callback_to(&first, failed.clone()).unsigned().taken().await, applied());
    let second = url_of(&app.post("/api/tasks/t/retry", &json!({})).await.good(200));
    assert!(second.contains("attempt=2") && second != first);
    let stale = (200, "ignored stale_attempt".to_owned());
    assert_eq!(app.callback_to(&first, progress(1)).unsigned().taken().await, stale);
    assert_eq!(app.callback_to(&second, progress(1)).unsigned().taken().await, applied());
    assert_eq!(app.callback_to(&second, failed).unsigned().taken().await, applied());
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn tokens_outlive_the_change_of_keys(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    let before = url_of(&app.created(&json!({"id": "t", "generator": "bearer"})).await);
    let database = app.stop().await;

    let app = App::on(&database, &[("SECRETS_KEY", KEY)]).await;
    assert_eq!(app.callback_to(&before, progress(1)).unsigned().taken().await, applied(), "made before there was a key");
    let with_key = url_of(&app.task("t").await);
    assert_ne!(before.split_once("token="), with_key.split_once("token="), "the setting's key mints");
    app.stop().await;

    let app = App::on(&database, &[("SECRETS_KEY", &format!("{OTHER_KEY},{KEY}"))]).await;
    for (number, url) in [before, with_key, url_of(&app.task("t").await)].into_iter().enumerate() {
        let number = u32::try_from(number).expect("small") + 2;
        assert_eq!(app.callback_to(&url, progress(number)).unsigned().taken().await, applied(), "{url}");
    }
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn two_apps_on_one_database_make_the_same_tokens(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    let other = App::on(&app.database, &[]).await;
    let url = url_of(&app.created(&json!({"id": "t", "generator": "bearer"})).await);
    assert_eq!(other.callback_to(&url, progress(1)).unsigned().taken().await, applied());
    other.stop().await;
    app.stop().await;
}
