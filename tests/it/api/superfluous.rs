//! What nobody asked for is refused by name, before anything is done: in bodies, and in queries that nobody reads.

use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};

use crate::harness::{Answer, App, Kind};

const NOBODY: &str = "0198f2b0-0000-7000-8000-000000000000";

async fn ask(app: &App, method: &Method, path: &str, body: Value) -> Answer {
    let request = app.client.request(method.clone(), format!("{}{path}", app.base));
    app.send(if body.is_null() { request } else { request.body(body.to_string()) }).await
}

fn invalid() -> (u16, String) {
    (422, "invalid_request".to_owned())
}

#[rstest]
#[case(Method::POST, "/api/tasks/t/cancel")]
#[case(Method::POST, "/api/tasks/t/retry")]
#[case(Method::POST, "/api/tasks/t/reconcile")]
#[case(Method::DELETE, "/api/tasks/t")]
#[case(Method::POST, "/api/callbacks/{nobody}/replay")]
#[case(Method::POST, "/api/deliveries/{nobody}/retry")]
#[case(Method::POST, "/api/webhooks/{nobody}/test")]
#[case(Method::DELETE, "/api/webhooks/{nobody}")]
#[case(Method::POST, "/api/pool/{nobody}/retry")]
#[tokio::test]
async fn what_says_all_in_its_path_takes_nothing_else(#[case] method: Method, #[case] path: &str) {
    let app = App::start(Kind::Sqlite, &[]).await;
    app.created(&json!({"id": "t"})).await;
    let path = path.replace("{nobody}", NOBODY);
    let with_body = ask(&app, &method, &path, json!({"dry_run": true, "status": "dead"})).await;
    assert_eq!((with_body.problem(), with_body.fields()), (invalid(), vec!["dry_run".to_owned(), "status".to_owned()]));
    let with_query = ask(&app, &method, &format!("{path}?dry_run=true"), Value::Null).await;
    assert_eq!((with_query.problem(), with_query.fields()), (invalid(), vec!["dry_run".to_owned()]));
    assert_eq!(ask(&app, &method, &path, json!([1])).await.problem(), (400, "malformed_body".to_owned()));
    assert_eq!(app.status("t").await, "submitted", "nothing was done");
    for body in [Value::Null, json!({})] {
        let answer = ask(&app, &method, &path, body).await;
        assert!(![400, 422].contains(&answer.status), "{} {}", answer.status, answer.text);
    }
    app.stop().await;
}

#[rstest]
#[case(Method::POST, "/api/tasks", json!({"id": "t"}))]
#[case(Method::PATCH, "/api/tasks/t", json!({"priority": 1}))]
#[case(Method::POST, "/api/webhooks", json!({"url": "https://93.184.215.14/", "signature": "none"}))]
#[case(Method::POST, "/api/events", json!({"event": "a", "data": 1}))]
#[case(Method::POST, "/api/deliveries/retry", json!({}))]
#[case(Method::POST, "/api/pool/claim", json!({}))]
#[tokio::test]
async fn what_has_a_body_takes_no_query(#[case] method: Method, #[case] path: &str, #[case] body: Value) {
    let app = App::start(Kind::Sqlite, &[]).await;
    let answer = ask(&app, &method, &format!("{path}?dry_run=true&dry_run=1"), body).await;
    assert_eq!((answer.problem(), answer.fields()), (invalid(), vec!["dry_run".to_owned()]));
    for table in ["hub_tasks", "hub_webhooks", "hub_events"] {
        assert_eq!(app.database.count(table).await, 0, "{table}");
    }
    app.stop().await;
}
