//! What is seen where.

use rstest::rstest;
use serde_json::json;

use super::{Browser, SETTINGS, start};
use crate::harness::{App, Kind};

#[rstest]
#[tokio::test]
async fn the_overview_counts_and_draws(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = start(kind).await;
    let browser = Browser::logged_in(&app).await;
    for id in ["a", "b"] {
        browser.task(id).await;
        app.callback(id, &json!({"event": "completed", "result": 1})).taken().await;
    }
    app.until(async || browser.page("/console").await.contains("2 applied")).await;
    for hours in [1, 6, 24] {
        let page = browser.page(&format!("/console?hours={hours}")).await;
        assert!(page.contains(r#"aria-label="Callbacks: 2 applied, 0 duplicates"#), "{page}");
        assert!(page.contains("<b>2</b><span>completed</span>") && page.contains("100.0 %"), "{page}");
    }
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_list_is_narrowed_paged_and_says_what_is_wrong(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = start(kind).await;
    let browser = Browser::logged_in(&app).await;
    for id in ["one-1", "one-2", "two-1"] {
        browser.task(id).await;
    }
    let page = browser.page("/console/tasks?q=one&status=&generator=default").await;
    assert!(page.contains(r#"data-task="one-1""#) && !page.contains(r#"data-task="two-1""#), "{page}");
    let first = browser.page("/console/tasks?q=one&limit=1").await;
    let next = first.split(r#"<a href=""#).find(|link| link.contains("cursor=")).expect("a next page");
    let next = next.split('"').next().expect("its address").replace("&amp;", "&").replace("&#x2f;", "/");
    let second = browser.page(&next).await;
    assert!(first.contains(r#"data-task="one-2""#) && second.contains(r#"data-task="one-1""#), "{next}: {second}");
    let wrong = browser.get("/console/tasks?created_after=yesterday&q=one").await;
    assert_eq!(wrong.status, 422);
    assert!(wrong.text.contains("<b>created_after</b>") && wrong.text.contains(r#"value="yesterday""#), "{}", wrong.text);
    assert_eq!(browser.get("/console/tasks/nobody").await.status, 404);
    assert_eq!(browser.get("/console/nothing/here").await.status, 404);
    assert!(browser.page("/console/tasks?said=cancelled").await.contains("The task is cancelled."));
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_refused_callback_says_why(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = start(kind).await;
    let browser = Browser::logged_in(&app).await;
    browser.task("t").await;
    let signed = r#"{"event":"completed","result":1}"#;
    let signature = crate::harness::callback::signature(signed.as_bytes());
    let request = app.client.post(format!("{}/callback/t", app.base)).body(format!("{signed}\n"));
    assert_eq!(app.send(request.header("x-webhook-signature", signature)).await.status, 401);
    app.until(async || browser.page("/console/callbacks?verdict=rejected").await.contains("newline stripped")).await;
    let id = browser.first_id("/api/callbacks?verdict=rejected").await;
    let page = browser.page(&format!("/console/callbacks/{id}")).await;
    assert!(page.contains("signature_invalid") && page.contains("The cause"), "{page}");
    assert!(browser.page("/console/tasks/t").await.contains("Callback: refused"));

    let form = browser.page(&format!("/console/check?callback={id}")).await;
    assert!(form.contains("x-webhook-signature: sha256="), "{form}");
    let fields = [("generator", "default"), ("headers", "X-Webhook-Signature: 00"), ("body", "{\"event\":\"completed\"}")];
    let verdict = browser.post("/console/check", &fields).await;
    assert_eq!(verdict.status, 200);
    assert!(verdict.text.contains("It would be refused"), "{}", verdict.text);
    let empty = browser.post("/console/check", &[]).await;
    assert!(empty.status == 422 && empty.text.contains("<b>generator</b>"), "{}", empty.text);
    let wrong = browser.post("/console/check", &[("generator", "default"), ("headers", "nonsense"), ("body", "{}")]).await;
    assert!(wrong.status == 422 && wrong.text.contains("<b>headers</b>"), "{}", wrong.text);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_task_that_nobody_knows_is_no_link(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = start(kind).await;
    let browser = Browser::logged_in(&app).await;
    let forged = app.client.post(format!("{}/callback/nobody", app.base)).body("{}").header("x-webhook-signature", "00");
    assert_eq!(app.send(forged).await.status, 401);
    app.until(async || browser.page("/console/callbacks").await.contains("/console/callbacks?task_id=nobody")).await;
    let id = browser.first_id("/api/callbacks?verdict=rejected").await;
    let page = browser.page(&format!("/console/callbacks/{id}")).await;
    assert!(page.contains("nobody, which nobody knows") && !page.contains("/console/tasks/nobody"), "{page}");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_generators_page_shows_what_it_needs_and_how_it_calls(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = start(kind).await;
    let browser = Browser::logged_in(&app).await;
    browser.task("t").await;
    for generator in browser.api("/api/generators").await["items"].as_array().expect("a list") {
        let name = generator["name"].as_str().expect("a name");
        let page = browser.page(&format!("/console/generators/{name}")).await;
        assert!(page.contains("Create a task") && page.contains("callback-hub send"), "{name}");
    }
    let page = browser.page("/console/generators/default?task=t").await;
    let url =
        browser.api("/api/tasks/t").await["callback_url"].as_str().expect("a URL").replace('/', "&#x2f;").replace('&', "&amp;");
    let url = url.replace("&amp;#x2f;", "&#x2f;");
    assert!(page.contains(&url), "{url} in {page}");
    assert!(browser.page("/console/generators/default?task=nobody").await.contains("There is no such task"));
    assert_eq!(browser.get("/console/generators/nobody").await.status, 404);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_generator_that_is_gone_is_named_and_leads_nowhere(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = start(kind).await;
    let browser = Browser::logged_in(&app).await;
    browser.task("t").await;
    for table in ["hub_tasks", "hub_attempts"] {
        app.database.execute(&format!("UPDATE {table} SET generator = 'gone'")).await;
    }
    for path in ["/console", "/console/tasks/t"] {
        let page = browser.page(path).await;
        assert!(page.contains("not configured any more") && !page.contains("/console/generators/gone"), "{path}: {page}");
    }
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn what_is_sent_where_nothing_is_taken_is_refused_on_a_page(#[values(Kind::Sqlite)] kind: Kind) {
    let app = start(kind).await;
    let browser = Browser::logged_in(&app).await;
    for path in ["/console", "/console/settings", "/console/tasks", "/console/"] {
        let answer = browser.post(path, &[]).await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some("GET,HEAD")), "{path}");
        assert!(answer.text.contains("<h1>") && answer.text.contains("This method is not for this path"), "{}", answer.text);
    }
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn settings_are_shown_with_their_origin_and_without_secrets(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = start(kind).await;
    let browser = Browser::logged_in(&app).await;
    let page = browser.page("/console/settings").await;
    assert!(page.contains("TASK_AUTO_APPROVE") && page.contains("environment") && page.contains("default"), "{page}");
    assert!(!page.contains(crate::harness::SECRET) && !page.contains(super::KEY), "{page}");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn what_nobody_uses_stays_out_of_the_way(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = start(kind).await;
    assert!(Browser::logged_in(&app).await.page("/console").await.contains("Review"));
    app.stop().await;
    let app = App::start(kind, &SETTINGS[..1]).await;
    let browser = Browser::logged_in(&app).await;
    assert!(!browser.page("/console").await.contains("Review"));
    browser.page("/console/review").await;
    browser.page("/console/pool").await;
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn style_and_script_are_kept_by_browsers(#[values(Kind::Sqlite)] kind: Kind) {
    let app = start(kind).await;
    let page = app.get("/console/login").await.text;
    let paths: Vec<&str> = page.split('"').filter(|piece| piece.starts_with("/console/assets/")).collect();
    assert!(paths.len() >= 3, "{page}");
    for path in paths {
        let asset = app.get(path).await;
        assert_eq!(asset.status, 200, "{path}");
        assert!(asset.header("cache-control").is_some_and(|kept| kept.contains("immutable")));
    }
    assert_eq!(app.get("/console/assets/console.css").await.problem().0, 404);
    app.stop().await;
}
