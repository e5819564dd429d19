//! Who gets in, for how long, and whose forms are taken.

use std::time::Duration;

use callback_hub::domain::role::Role;
use callback_hub::store::Store;
use rstest::rstest;
use serde_json::json;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Browser, KEY, SETTINGS, form, start};
use crate::harness::watcher::Watcher;
use crate::harness::{App, Database, Kind};

const PAGES: [&str; 12] = [
    "/console",
    "/console/tasks",
    "/console/tasks/t",
    "/console/callbacks",
    "/console/generators",
    "/console/generators/default",
    "/console/webhooks",
    "/console/deliveries",
    "/console/review",
    "/console/pool",
    "/console/settings",
    "/console/check",
];

/// [`KEY`], whose id comes back, and `another`, in the database.
async fn keys(app: &App) -> (Store, Uuid) {
    let (store, now) = (app.store().await, app.clock.now());
    let key = store.add_key("test", Role::Admin, &Sha256::digest(KEY), now).await.expect("a key");
    store.add_key("other", Role::Admin, &Sha256::digest("another"), now).await.expect("a key");
    (store, key.id)
}

#[rstest]
#[tokio::test]
async fn each_page_wants_a_login_and_the_key_is_one(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = start(kind).await;
    for path in PAGES {
        let answer = app.get(path).await;
        let location = answer.header("location").unwrap_or_default();
        assert_eq!((answer.status, location.split('?').next()), (303, Some("/console/login")), "{path}");
    }
    assert_eq!(app.get("/console/login").await.status, 200);
    let nobody = Browser { app: &app, cookie: String::new() };
    let wrong = nobody.post("/console/login", &[("key", "another-key")]).await;
    assert_eq!((wrong.status, wrong.header("set-cookie")), (401, None));
    assert!(wrong.text.contains("This key is not valid."));

    let right = nobody.post("/console/login", &[("key", KEY), ("to", "/console/tasks?status=failed")]).await;
    assert_eq!((right.status, right.header("location")), (303, Some("/console/tasks?status=failed")));
    let cookies: Vec<_> = right.headers.get_all("set-cookie").iter().map(|cookie| cookie.to_str().expect("ASCII")).collect();
    assert_eq!(cookies.len(), 1, "{cookies:?}");
    for attribute in ["HttpOnly", "SameSite=Lax", "Path=/console"] {
        assert!(cookies[0].contains(attribute), "{cookies:?}");
    }
    let browser = Browser::logged_in(&app).await;
    browser.task("t").await;
    for path in PAGES {
        browser.page(path).await;
    }
    let answer = browser.get("/console").await;
    let policy = answer.header("content-security-policy").expect("a policy");
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(browser.get("/api/tasks").await.problem().0, 401, "the API does not know the cookie");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_session_ends_with_its_time_or_its_key(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    let (store, key) = keys(&app).await;
    let browser = Browser::logged_in(&app).await;
    browser.page("/console").await;
    store.revoke_key(key, app.clock.now()).await.expect("a revocation");
    assert_eq!(browser.get("/console").await.status, 303);
    store.close().await;

    let browser = Browser::logged_in_with(&app, "another").await;
    app.clock.advance(Duration::from_secs(12 * 3600 - 1));
    browser.page("/console").await;
    app.clock.advance(Duration::from_secs(1));
    assert_eq!(browser.get("/console").await.status, 303);
    let forged = Browser { app: &app, cookie: browser.cookie.replace("session=", "session=x") };
    assert_eq!(forged.get("/console").await.status, 303);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_session_holds_on_another_replica_and_after_a_restart(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let database = std::sync::Arc::new(Database::fresh(kind).await);
    let app = App::on(&database, &SETTINGS).await;
    let cookie = Browser::logged_in(&app).await.cookie;
    app.stop().await;
    let app = App::on(&database, &SETTINGS).await;
    Browser { app: &app, cookie: cookie.clone() }.page("/console").await;
    app.stop().await;
    // its key is not one of the settings any more
    let other = [&SETTINGS[1..], &[("API_KEYS", "quite-another-key")]].concat();
    let app = App::on(&database, &other).await;
    assert_eq!(Browser { app: &app, cookie }.get("/console").await.status, 303);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn forms_of_other_sites_do_nothing(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = start(kind).await;
    let browser = Browser::logged_in(&app).await;
    browser.task("t").await;
    for (name, value) in [("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site"), ("origin", "https://evil.example")] {
        for path in ["/console/tasks/t/cancel", "/console/login", "/console/logout"] {
            let request = app.client.post(format!("{}{path}", app.base)).header("cookie", &browser.cookie);
            let answer = app.send(form(request.header(name, value), &[("key", KEY)])).await;
            assert_eq!((answer.status, answer.header("set-cookie")), (403, None), "{name}: {value} {path}");
        }
    }
    assert_eq!(browser.api("/api/tasks/t").await["status"], "submitted");
    let request = app.client.post(format!("{}/console/tasks/t/cancel", app.base)).header("cookie", &browser.cookie);
    let own = request.header("sec-fetch-site", "same-origin").header("origin", app.base.as_str());
    assert_eq!(app.send(own).await.status, 303);
    assert_eq!(browser.api("/api/tasks/t").await["status"], "cancelled");
    let two = format!("callback_hub_session=another; {}", browser.cookie);
    assert_eq!(app.send(app.client.get(format!("{}/console", app.base)).header("cookie", two)).await.status, 200);
    assert_eq!(browser.get("/console/logout").await.header("location"), Some("/console"));
    let out = browser.post("/console/logout", &[]).await;
    assert_eq!((out.status, out.header("location")), (303, Some("/console/login")));
    assert!(out.header("set-cookie").is_some_and(|cookie| cookie.contains("Max-Age=0")));
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn without_any_key_it_is_open_to_this_machine(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    assert_eq!(app.get("/console").await.status, 200);
    let foreign = app.client.get(format!("{}/console", app.base)).header("host", "hub.example");
    let answer = app.send(foreign).await;
    assert_eq!(answer.status, 403);
    assert!(answer.text.contains("Without an API key"), "{}", answer.text);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn whoever_is_logged_in_watches_until_he_is_not(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    let (store, key) = keys(&app).await;
    let browser = Browser::logged_in(&app).await;
    assert_eq!(app.get("/console/events").await.status, 303);
    let request = app.client.get(format!("{}/console/events", app.base)).header("cookie", &browser.cookie);
    let mut watcher = Watcher::of(request).await;
    browser.task("t").await;
    let heard = watcher.next().await;
    assert_eq!((&heard.data["event"], &heard.data["task"]["id"]), (&json!("created"), &json!("t")));
    store.revoke_key(key, app.clock.now()).await.expect("a revocation");
    store.close().await;
    assert_eq!(watcher.next_or_end().await, None);
    app.stop().await;
}
