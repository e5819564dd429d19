//! What is to be found where: one listener for all, or one for generators and one for everybody else; with TLS or without.

mod certificates;
mod clients;

use std::path::Path;

use reqwest::{Certificate, Client, Identity};
use rstest::rstest;
use serde_json::json;

use crate::harness::authority::{Authority, Signed};
use crate::harness::{App, Database, Kind};

/// The settings of an app that speaks TLS with the files of a folder.
fn settings(folder: &Path) -> [(String, String); 2] {
    let path = |file: &str| folder.join(file).display().to_string();
    [("SERVER_TLS_CERT".to_owned(), path("cert.pem")), ("SERVER_TLS_KEY".to_owned(), path("key.pem"))]
}

async fn start(kind: Kind, settings: &[(String, String)]) -> App {
    let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let mut app = App::on(&std::sync::Arc::new(Database::fresh(kind).await), &settings).await;
    app.base = format!("https://{}", app.address);
    app
}

/// Believes these authorities alone, greets anew for each request, and shows its own certificate if it has one.
fn client(roots: &[&Authority], own: Option<&Signed>) -> Client {
    let roots = roots.iter().map(|authority| Certificate::from_pem(authority.root.as_bytes()).expect("a root"));
    let mut client = Client::builder().tls_certs_only(roots).no_proxy().pool_max_idle_per_host(0);
    if let Some(own) = own {
        client = client.identity(Identity::from_pem(own.identity().as_bytes()).expect("an identity"));
    }
    client.build().expect("a client")
}

/// Everything that is not for generators, one path each.
const ADMINISTRATION: [&str; 7] =
    ["/api/tasks", "/api/stats", "/api/events", "/console/login", "/docs/", "/openapi.json", "/health/ready"];

#[rstest]
#[tokio::test]
async fn with_a_listener_for_administration_the_public_one_shows_callbacks_and_liveness_only(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let app = App::in_real_time(kind, &[("SERVER_ADMIN_PORT", "0")]).await;
    let admin = format!("http://{}", app.admin);
    assert_ne!(app.admin, app.address);
    let created = app.send(app.client.post(format!("{admin}/api/tasks")).body(json!({"id": "t"}).to_string())).await.good(201);
    let url = created["callback_url"].as_str().expect("a URL");
    assert!(url.starts_with(&app.base), "generators are told of the public one: {url}");
    for path in ADMINISTRATION {
        assert_eq!(app.get(path).await.problem(), (404, "not_found".to_owned()), "{path}");
        let answer = app.client.get(format!("{admin}{path}")).send().await.expect("an answer");
        assert!(answer.status().is_success() || answer.status().is_redirection(), "{path}: {}", answer.status());
    }
    assert_eq!(app.post("/api/tasks", &json!({})).await.problem(), (404, "not_found".to_owned()));
    for base in [&app.base, &admin] {
        app.send(app.client.get(format!("{base}/health/live"))).await.good(200);
    }
    for path in ["/callback/t", "/callback", "/hooks/default", "/api/v1/content/callback/t"] {
        let refused = app.send(app.client.post(format!("{admin}{path}")).body("{}")).await;
        assert_eq!(refused.problem(), (404, "not_found".to_owned()), "{path}");
    }
    assert_eq!(app.callback("t", &json!({"event": "completed", "result": 1})).taken().await.1, "applied");
    app.stop().await;
}

/// Who administers is not locked out by whoever floods the public listener.
#[rstest]
#[tokio::test]
async fn each_listener_has_a_cap_of_its_own(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::in_real_time(kind, &[("SERVER_ADMIN_PORT", "0"), ("SERVER_MAX_CONNECTIONS", "4")]).await;
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(tokio::net::TcpStream::connect(app.address).await.expect("a connection"));
    }
    // which keeps no connection
    let client = Client::builder().no_proxy().pool_max_idle_per_host(0).build().expect("a client");
    let is_served = async || client.get(format!("{}/health/live", app.base)).send().await.is_ok();
    app.until(async || !is_served().await).await;
    app.send(client.get(format!("http://{}/health/ready", app.admin))).await.good(200);
    drop(held);
    app.until(is_served).await;
    app.stop().await;
}
