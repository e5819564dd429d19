//! The hub's own certificate.

use rstest::rstest;
use serde_json::json;

use super::{client, settings, start};
use crate::harness::app::{Extra, refusal};
use crate::harness::authority::Authority;
use crate::harness::callback::{SIGNATURE, signature};
use crate::harness::{App, Database, Kind};

/// Looks twice: what has just changed may still be changing.
async fn look(app: &App) -> u64 {
    let steps = [app.loops.reload.step().await, app.loops.reload.step().await];
    steps.into_iter().map(|step| step.expect("a step").handled).sum()
}

#[rstest]
#[tokio::test]
async fn whoever_speaks_tls_is_served_and_nobody_else(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (authority, folder) = (Authority::new(), tempfile::tempdir().expect("a folder"));
    authority.server().write(folder.path());
    let mut app = start(kind, &settings(folder.path())).await;
    app.client = client(&[&authority], None);
    let task = app.created(&json!({"id": "t"})).await;
    assert!(task["callback_url"].as_str().expect("a URL").starts_with(&app.base), "{task}");
    assert_eq!(app.callback("t", &json!({"event": "completed", "result": 1})).taken().await.1, "applied");
    let plain = reqwest::Client::builder().no_proxy().build().expect("a client");
    plain.get(format!("http://{}/health/live", app.address)).send().await.expect_err("it does not speak without TLS");
    let doubtful = client(&[&Authority::new()], None);
    doubtful.get(format!("{}/health/live", app.base)).send().await.expect_err("the certificate is another authority's");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_new_certificate_is_shown_to_who_connects_next_and_a_broken_one_to_nobody(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let (before, after, folder) = (Authority::new(), Authority::new(), tempfile::tempdir().expect("a folder"));
    before.server().write(folder.path());
    let app = start(kind, &settings(folder.path())).await;
    let live = format!("{}/health/live", app.base);
    let is_served = async |authority| client(&[authority], None).get(&live).send().await.is_ok();
    // keeps its connection
    let root = reqwest::Certificate::from_pem(before.root.as_bytes()).expect("a root");
    let staying = reqwest::Client::builder().tls_certs_only([root]).no_proxy().build().expect("a client");
    staying.get(&live).send().await.expect("it is served").bytes().await.expect("a body");

    after.server().write(folder.path());
    assert!(is_served(&before).await, "somebody may still be writing");
    assert_eq!(look(&app).await, 1);
    assert_eq!((is_served(&before).await, is_served(&after).await), (false, true));
    staying.get(&live).send().await.expect("its connection is none of the new certificate's business");

    // the key of another certificate, no key at all, a file that is gone
    std::fs::write(folder.path().join("key.pem"), before.server().key).expect("a file");
    assert_eq!((look(&app).await, is_served(&after).await), (1, true));
    std::fs::write(folder.path().join("key.pem"), "no key").expect("a file");
    assert_eq!((look(&app).await, is_served(&after).await), (1, true));
    std::fs::remove_file(folder.path().join("key.pem")).expect("a file");
    assert_eq!((look(&app).await, is_served(&after).await), (1, true));
    before.server().write(folder.path());
    assert_eq!((look(&app).await, is_served(&before).await), (1, true));
    app.stop().await;
}

/// Nothing is owed to whoever has not asked for anything yet.
#[rstest]
#[tokio::test]
async fn who_does_not_end_his_greeting_does_not_hold_up_the_end(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (authority, folder) = (Authority::new(), tempfile::tempdir().expect("a folder"));
    authority.server().write(folder.path());
    let app = start(kind, &settings(folder.path())).await;
    let mut held = Vec::new();
    for _ in 0..5 {
        held.push(tokio::net::TcpStream::connect(app.address).await.expect("a connection"));
    }
    // they were accepted before this one
    client(&[&authority], None).get(format!("{}/health/live", app.base)).send().await.expect("it is served");
    let begun = std::time::Instant::now();
    app.stop().await;
    assert!(begun.elapsed() < std::time::Duration::from_secs(5), "it took {:?}", begun.elapsed());
    drop(held);
}

#[rstest]
#[tokio::test]
async fn no_callback_is_refused_while_certificates_change(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (before, after, folder) = (Authority::new(), Authority::new(), tempfile::tempdir().expect("a folder"));
    before.server().write(folder.path());
    let mut app = start(kind, &settings(folder.path())).await;
    app.client = client(&[&before, &after], None);
    app.created(&json!({"id": "t"})).await;
    let url = format!("{}/callback/t", app.base);
    let sending = async {
        for percent in 0..60 {
            let body = json!({"event": "progress", "progress": {"percentage": percent}}).to_string();
            let request = app.client.post(&url).header(SIGNATURE, signature(body.as_bytes())).body(body);
            assert_eq!(app.send(request).await.outcome(), (200, "applied".to_owned()));
        }
    };
    let turning = async {
        for turn in 0..20 {
            if turn % 2 == 0 { &after } else { &before }.server().write(folder.path());
            assert_eq!(look(&app).await, 1);
        }
    };
    tokio::join!(sending, turning);
    app.stop().await;
}

#[rstest]
#[case("cert.pem", "", "SERVER_TLS_CERT")]
#[case("cert.pem", "-----BEGIN CERTIFICATE-----\nno base64 at all!\n-----END CERTIFICATE-----\n", "SERVER_TLS_CERT")]
#[case("key.pem", "", "SERVER_TLS_KEY")]
#[case("ca.pem", "", "SERVER_TLS_CLIENT_CA")]
#[tokio::test]
async fn a_start_with_a_broken_file_is_refused_and_the_setting_named(
    #[case] file: &str,
    #[case] text: &str,
    #[case] setting: &str,
) {
    let (authority, folder) = (Authority::new(), tempfile::tempdir().expect("a folder"));
    authority.server().write(folder.path());
    std::fs::write(folder.path().join("ca.pem"), &authority.root).expect("a file");
    std::fs::write(folder.path().join(file), text).expect("a file");
    let ca = ("SERVER_TLS_CLIENT_CA".to_owned(), folder.path().join("ca.pem").display().to_string());
    let settings: Vec<(String, String)> = settings(folder.path()).into_iter().chain([ca]).collect();
    let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let database = Database::fresh(Kind::Sqlite).await;
    let said = refusal(&database, Extra { settings: &settings, ..Extra::default() }).await;
    assert!(said.contains(setting) && said.contains(file), "{said}");
    assert!(!database.file().expect("a file").exists());
}
