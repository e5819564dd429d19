//! What an API key may do.

use callback_hub::domain::role::Role;
use callback_hub::domain::time::Timestamp;
use callback_hub::store::Store;
use reqwest::Method;
use rstest::rstest;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::harness::{Answer, App, Kind};

/// An app with a key for each role, which is called like its role.
async fn with_a_key_each(kind: Kind) -> App {
    let app = App::start(kind, &[]).await;
    let store = Store::connect(&app.database.url, 1).await.expect("the database");
    for role in Role::ALL {
        let now = Timestamp::from_secs(crate::harness::START);
        store.add_key(&format!("the {}", role.as_str()), role, &Sha256::digest(role.as_str()), now).await.expect("a key");
    }
    store.close().await;
    app
}

async fn ask(app: &App, role: Role, method: Method, path: &str) -> Answer {
    let request = app.client.request(method, format!("{}{path}", app.base)).bearer_auth(role.as_str());
    app.send(request).await
}

const READING: [&str; 18] = [
    "GET /api/tasks",
    "GET /api/tasks/{task_id}",
    "GET /api/tasks/{task_id}/callbacks",
    "GET /api/tasks/{task_id}/deliveries",
    "GET /api/tasks/{task_id}/events",
    "GET /api/callbacks",
    "GET /api/callbacks/{callback_id}",
    "POST /api/callbacks/verify",
    "GET /api/contents",
    "GET /api/contents/{content_id}",
    "GET /api/deliveries",
    "GET /api/deliveries/{delivery_id}",
    "GET /api/events",
    "GET /api/generators",
    "GET /api/pool",
    "GET /api/stats",
    "GET /api/webhooks",
    "GET /api/webhooks/{webhook_id}",
];
const WORKING: [&str; 15] = [
    "POST /api/tasks",
    "PATCH /api/tasks/{task_id}",
    "POST /api/tasks/{task_id}/cancel",
    "POST /api/tasks/{task_id}/retry",
    "POST /api/tasks/{task_id}/reconcile",
    "POST /api/tasks/{task_id}/retry-push",
    "POST /api/events",
    "PATCH /api/contents/{content_id}",
    "POST /api/contents/{content_id}/approve",
    "POST /api/contents/{content_id}/reject",
    "POST /api/pool/claim",
    "POST /api/pool/{entry_id}/published",
    "POST /api/pool/{entry_id}/failed",
    "POST /api/pool/{entry_id}/extend",
    "POST /api/pool/{entry_id}/retry",
];
const ADMINISTRATION: [&str; 9] = [
    "DELETE /api/tasks/{task_id}",
    "POST /api/callbacks/{callback_id}/replay",
    "POST /api/deliveries/retry",
    "POST /api/deliveries/{delivery_id}/retry",
    "POST /api/webhooks",
    "PATCH /api/webhooks/{webhook_id}",
    "DELETE /api/webhooks/{webhook_id}",
    "POST /api/webhooks/{webhook_id}/test",
    "POST /api/webhooks/{webhook_id}/rotate-secret",
];

#[rstest]
#[tokio::test]
async fn each_role_may_do_what_those_before_it_may_and_no_more(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = with_a_key_each(kind).await;
    let operations = [(Role::Read, &READING[..]), (Role::Tasks, &WORKING), (Role::Admin, &ADMINISTRATION)];
    for (needed, operation) in operations.iter().flat_map(|(needed, all)| all.iter().map(move |operation| (*needed, *operation)))
    {
        let (method, path) = operation.split_once(' ').expect("a method and a path");
        // a stream would not end, and is not begun for somebody who asks for what nobody knows
        let query = if method == "GET" && path.ends_with("/events") { "?superfluous=1" } else { "" };
        let path = format!("{}{query}", path.replace(['{', '}'], ""));
        for role in Role::ALL {
            let answer = ask(&app, role, method.parse().expect("a method"), &path).await;
            assert_eq!(answer.status == 403, role < needed, "{operation} by {}: {}", role.as_str(), answer.text);
            if role < needed {
                assert_eq!(answer.problem().1, "forbidden", "{operation}");
            }
        }
    }
    app.stop().await;
}

/// The lists above are all that there is.
#[test]
fn every_operation_of_the_api_has_its_role() {
    let document = serde_json::to_value(callback_hub::http::document()).expect("JSON");
    let mut there = Vec::new();
    for (path, operations) in document["paths"].as_object().expect("paths") {
        if path.starts_with("/api/") && !path.starts_with("/api/v1/") {
            there.extend(operations.as_object().expect("operations").keys().map(|it| format!("{} {path}", it.to_uppercase())));
        }
    }
    let mut known: Vec<&str> = READING.iter().chain(&WORKING).chain(&ADMINISTRATION).copied().collect();
    there.sort_unstable();
    known.sort_unstable();
    assert_eq!(there, known);
}

/// Who looks on must not be able to call back.
#[rstest]
#[tokio::test]
async fn who_may_only_read_sees_no_token(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = with_a_key_each(kind).await;
    let create = app.client.post(format!("{}/api/tasks", app.base)).bearer_auth("tasks");
    app.send(create.body(json!({"id": "t"}).to_string())).await.good(201);
    let paths = ["/api/tasks/t", "/api/tasks", "/api/generators", "/console/tasks/t", "/console/generators/content-creator"];
    // what stands for a token in the form of a URL is none
    let has_token = |text: &str| text.replace("token={token}", "").contains("token=");
    for path in paths {
        let seen = ask(&app, Role::Read, Method::GET, path).await;
        assert!(seen.status == 200 && !has_token(&seen.text), "{path}: {}", seen.text);
    }
    assert!(has_token(&ask(&app, Role::Tasks, Method::GET, "/api/tasks/t").await.text));
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn whose_key_it_was_stands_on_what_an_operator_wished(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = with_a_key_each(kind).await;
    let create = app.client.post(format!("{}/api/tasks", app.base)).bearer_auth("tasks");
    app.send(create.body(json!({"id": "t"}).to_string())).await.good(201);
    ask(&app, Role::Tasks, Method::POST, "/api/tasks/t/cancel").await.good(200);
    ask(&app, Role::Admin, Method::POST, "/api/tasks/t/retry").await.good(200);
    let (_, outcome) = app.callback("t", &json!({"event": "progress", "progress": {"percentage": 1}})).taken().await;
    assert_eq!(outcome, "applied");
    let receipts = ask(&app, Role::Read, Method::GET, "/api/tasks/t/callbacks").await.good(200);
    let receipts = receipts["items"].as_array().expect("items").clone();
    let progress = receipts[0]["id"].as_str().expect("an id");
    ask(&app, Role::Admin, Method::POST, &format!("/api/callbacks/{progress}/replay")).await.good(200);
    let again = ask(&app, Role::Read, Method::GET, "/api/tasks/t/callbacks").await.good(200);
    let said: Vec<_> =
        again["items"].as_array().expect("items").iter().map(|it| (it["event"].clone(), it["operator"].clone())).collect();
    let expected = [
        (json!("progress"), json!("the admin")),
        (json!("progress"), json!(null)),
        (json!("retry"), json!("the admin")),
        (json!("cancel"), json!("the tasks")),
    ];
    assert_eq!(said, expected);
    app.stop().await;
}

/// A page is made of what the API answers to the same key.
#[rstest]
#[tokio::test]
async fn in_the_console_a_key_may_do_what_it_may_elsewhere(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = with_a_key_each(kind).await;
    let create = app.client.post(format!("{}/api/tasks", app.base)).bearer_auth("tasks");
    app.send(create.body(json!({"id": "t"}).to_string())).await.good(201);
    let login = app.client.post(format!("{}/console/login", app.base));
    let login = login.header("content-type", "application/x-www-form-urlencoded").body("key=read");
    let cookie = app.send(login).await.header("set-cookie").expect("a cookie").to_owned();
    let cookie = cookie.split(';').next().expect("a value").to_owned();
    let page = app.client.get(format!("{}/console/tasks/t", app.base)).header("cookie", &cookie);
    assert_eq!(app.send(page).await.status, 200);
    let cancel = app.client.post(format!("{}/console/tasks/t/cancel", app.base)).header("cookie", &cookie);
    let refused = app.send(cancel).await;
    assert!(refused.status == 403 && refused.text.contains("the role"), "{}", refused.text);
    let task = ask(&app, Role::Read, Method::GET, "/api/tasks/t").await.good(200);
    assert_eq!(task["status"], "submitted");
    app.stop().await;
}
