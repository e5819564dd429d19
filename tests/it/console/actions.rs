//! What is done by buttons and forms, and what is said about it.

use rstest::rstest;
use serde_json::json;

use super::{Browser, start};
use crate::harness::{Kind, Say, Subscriber};

#[rstest]
#[tokio::test]
async fn a_task_is_cancelled_and_retried(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = start(kind).await;
    let browser = Browser::logged_in(&app).await;
    browser.task("t").await;
    let page = browser.done("/console/tasks/t/cancel", &[]).await;
    assert!(page.contains("The task is cancelled.") && page.contains("by operator"), "{page}");
    let again = browser.post("/console/tasks/t/reconcile", &[]).await;
    assert_eq!(again.status, 409, "what the API refuses is a page with its status");
    assert!(again.text.contains("The task is cancelled") && again.text.contains("<nav"), "{}", again.text);
    let page = browser.done("/console/tasks/t/retry", &[]).await;
    assert!(page.contains("on its way again"), "{page}");
    assert_eq!(browser.api("/api/tasks/t").await["attempt"], 2);
    assert_eq!(browser.post("/console/tasks/t/explode", &[]).await.status, 404);
    assert_eq!(browser.post("/console/tasks/nobody/cancel", &[]).await.status, 404);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_callback_is_replayed(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = start(kind).await;
    let browser = Browser::logged_in(&app).await;
    browser.task("t").await;
    app.callback("t", &json!({"event": "progress", "progress": {"percentage": 50}})).taken().await;
    let id = browser.first_id("/api/callbacks").await;
    let page = browser.done(&format!("/console/callbacks/{id}/replay"), &[]).await;
    assert!(page.contains("The callback was replayed."), "{page}");
    assert_ne!(browser.first_id("/api/callbacks").await, id, "it is a receipt of its own");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_webhook_is_registered_changed_tried_and_removed(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, subscriber) = (start(kind).await, Subscriber::start().await);
    let browser = Browser::logged_in(&app).await;
    let wrong = browser.post("/console/webhooks", &[("url", "ftp://x"), ("name", "mine"), ("template", "{")]).await;
    assert_eq!(wrong.status, 422);
    assert!(wrong.text.contains("<b>template</b>") && wrong.text.contains(r#"value="mine""#), "{}", wrong.text);
    let url = subscriber.url("/");
    let fields = [
        ("url", url.as_str()),
        ("name", "mine"),
        ("events", "task.completed\r\ntask.failed"),
        ("headers", "X-Team: red"),
        ("retry_delays", "never"),
        ("timeout_seconds", "2.5"),
        ("signature", "standard"),
        ("filter", ""),
    ];
    let made = browser.post("/console/webhooks", &fields).await;
    assert_eq!(made.status, 200, "the secret is shown this once");
    assert!(made.text.contains("whsec_"), "{}", made.text);
    let webhook = browser.first("/api/webhooks").await;
    let expected = json!(["task.completed", "task.failed"]);
    assert_eq!((&webhook["events"], &webhook["retry_delays"], &webhook["timeout_seconds"]), (&expected, &json!([]), &json!(2.5)));
    let here = format!("/console/webhooks/{}", webhook["id"].as_str().expect("an id"));
    assert!(!browser.page(&here).await.contains("whsec_"));

    let form = browser.page(&format!("{here}?edit=1")).await;
    assert!(form.contains("X-Team: ***"), "{form}");
    let fields = [
        ("url", url.as_str()),
        ("events", "*"),
        ("headers", "X-Team: ***"),
        ("signature", "standard"),
        ("filter", "data.x == 1 or\r\ndata.y == 2"),
    ];
    browser.done(&here, &fields).await;
    let webhook = browser.first("/api/webhooks").await;
    assert_eq!((&webhook["events"], &webhook["name"], &webhook["retry_delays"]), (&json!(["*"]), &json!(""), &json!(null)));
    assert_eq!((&webhook["headers"], &webhook["filter"]), (&json!({"X-Team": "***"}), &json!("data.x == 1 or\ndata.y == 2")));

    let tried = browser.post(&format!("{here}/test"), &[]).await;
    assert!(tried.status == 200 && tried.text.contains("200 OK"), "{}", tried.text);
    assert_eq!(subscriber.told("/")[0].header("x-team"), "red", "what is masked stays");
    assert!(browser.post(&format!("{here}/rotate-secret"), &[]).await.text.contains("Its new secret"));
    for status in ["paused", "disabled", "active"] {
        browser.done(&format!("{here}/{status}"), &[]).await;
        assert_eq!(browser.first("/api/webhooks").await["status"], status);
    }
    browser.done(&format!("{here}/delete"), &[]).await;
    assert_eq!(browser.get(&here).await.status, 404);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn dead_letters_are_counted_and_then_retried(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (app, subscriber) = (start(kind).await, Subscriber::start().await);
    let browser = Browser::logged_in(&app).await;
    subscriber.always("/", Say::Status(404));
    browser.ask("/api/webhooks", &json!({"url": subscriber.url("/"), "name": "mine"})).await;
    for event in ["a", "a", "b"] {
        browser.ask("/api/events", &json!({"event": event, "data": {}})).await;
    }
    app.work_off().await;
    assert!(browser.page("/console/deliveries?status=dead").await.contains("404"));
    let preview = browser.page("/console/deliveries/retry?event=a").await;
    assert!(preview.contains("<b>2</b> dead deliveries") && preview.contains("Retry 2"), "{preview}");
    assert_eq!(browser.api("/api/deliveries?status=dead").await["items"].as_array().expect("a list").len(), 3, "only counted");
    let page = browser.done("/console/deliveries/retry", &[("event", "a")]).await;
    assert!(page.contains("The dead deliveries are on their way again."), "{page}");
    assert_eq!(browser.api("/api/deliveries?status=dead").await["items"].as_array().expect("a list").len(), 1);

    let id = browser.first_id("/api/deliveries?status=dead").await;
    let one = browser.page(&format!("/console/deliveries/{id}")).await;
    assert!(one.contains("Send again") && one.contains("404"), "{one}");
    assert!(browser.done(&format!("/console/deliveries/{id}/retry"), &[]).await.contains("on its way again"));
    let webhook = browser.first_id("/api/webhooks").await;
    browser.done(&format!("/console/webhooks/{webhook}/disabled"), &[]).await;
    let one = browser.page(&format!("/console/deliveries/{id}")).await;
    assert!(one.contains("make it active") && !one.contains("Send again") && !one.contains("Send now"), "{one}");
    let wrong = browser.get("/console/deliveries/retry?created_after=x").await;
    assert!(wrong.status == 422 && wrong.text.contains("<b>created_after</b>"), "{}", wrong.text);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_content_is_mended_and_decided_on(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = start(kind).await;
    let browser = Browser::logged_in(&app).await;
    for id in ["a", "b"] {
        browser.ask("/api/tasks", &json!({"id": id, "generator": "content-creator", "input": {"topic": "x"}})).await;
        let result = json!({"title": format!("Title {id}"), "content": "one\ntwo"});
        let body = json!({"event": "completed", "taskId": format!("job-{id}"), "result": result});
        app.callback(id, &body).of("content-creator").send().await.good(200);
    }
    let id = browser.first_id("/api/contents?task_id=a").await;
    let here = format!("/console/review/{id}");
    let seen = async || {
        let page = browser.page(&here).await;
        page.split(r#"name="seen" value=""#).nth(1).and_then(|rest| rest.split('"').next()).expect("a state").to_owned()
    };
    let first = seen().await;
    let edit = [
        ("seen", first.as_str()),
        ("title", "Better"),
        ("content", "\r\none\r\ntwo"),
        ("summary", ""),
        ("html", ""),
        ("cover_image", ""),
    ];
    assert!(browser.done(&here, &edit).await.contains("Saved."));
    let content = browser.api(&format!("/api/contents/{id}")).await;
    assert_eq!((&content["title"], &content["content"]), (&json!("Better"), &json!("\none\ntwo")));
    // what a form does not have stays as it is
    browser.done(&here, &[("seen", &seen().await), ("title", "Better")]).await;
    assert_eq!(browser.api(&format!("/api/contents/{id}")).await["content"], "\none\ntwo");
    let late = browser.post(&here, &edit).await;
    assert!(late.status == 409 && late.text.contains("Somebody has changed it"), "{}", late.text);

    let unseen = browser.post(&format!("{here}/approve"), &[("seen", &first), ("note", "good")]).await;
    assert!(unseen.status == 409 && unseen.text.contains("Somebody has changed it"), "{}", unseen.text);

    let page = browser.done(&format!("{here}/approve"), &[("seen", &seen().await), ("note", "good")]).await;
    assert!(page.contains("Approved: it is in the publish pool.") && page.contains("good"), "{page}");
    assert!(browser.page("/console/pool").await.contains("pending"));
    assert_eq!(browser.post(&format!("{here}/reject"), &[]).await.status, 409);
    let other = browser.first_id("/api/contents?task_id=b").await;
    let list = browser.page("/console/review").await;
    let state = list.split(r#"name="seen" value=""#).nth(1).and_then(|rest| rest.split('"').next()).expect("a state");
    let list = browser.done(&format!("/console/review/{other}/reject"), &[("list", "1"), ("seen", state)]).await;
    assert!(list.contains("Nothing waits for you."), "{list}");
    assert_eq!(browser.post(&format!("/console/review/{other}/praise"), &[]).await.status, 404);
    app.stop().await;
}
