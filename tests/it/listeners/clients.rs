//! Mutual TLS: whose clients are let in.

use rstest::rstest;
use serde_json::json;
use tempfile::TempDir;

use super::{client, settings, start};
use crate::commands::run;
use crate::harness::app::{Extra, refusal};
use crate::harness::authority::{Authority, LONG, OVER};
use crate::harness::{App, Database, Kind};

async fn start_with_clients(kind: Kind, authority: &Authority, listed: &str) -> (App, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    authority.server().write(folder.path());
    write(&folder, authority, listed);
    let ca = ("SERVER_TLS_CLIENT_CA".to_owned(), folder.path().join("ca.pem").display().to_string());
    let settings: Vec<(String, String)> = settings(folder.path()).into_iter().chain([ca]).collect();
    (start(kind, &settings).await, folder)
}

/// The authority's root, and behind it the list of what it has revoked.
fn write(folder: &TempDir, authority: &Authority, listed: &str) {
    std::fs::write(folder.path().join("ca.pem"), format!("{}{listed}", authority.root)).expect("a file");
}

#[rstest]
#[tokio::test]
async fn only_a_client_with_a_good_certificate_is_served(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let authority = Authority::new();
    let (mut app, _folder) = start_with_clients(kind, &authority, &authority.revoking(&[13])).await;
    let live = format!("{}/health/live", app.base);
    let good = authority.client(1, LONG);
    for (who, own) in [
        ("one without a certificate", None),
        ("one whose certificate is over", Some(authority.client(2, OVER))),
        ("another authority's", Some(Authority::new().client(1, LONG))),
        ("one that was revoked", Some(authority.client(13, LONG))),
    ] {
        let refused = client(&[&authority], own.as_ref()).get(&live).send().await;
        assert!(refused.is_err(), "{who} is served: {refused:?}");
    }
    app.client = client(&[&authority], Some(&good));
    app.created(&json!({"id": "t"})).await;
    assert_eq!(app.callback("t", &json!({"event": "completed", "result": 1})).taken().await.1, "applied");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn who_is_revoked_while_the_hub_runs_does_not_come_back(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let authority = Authority::new();
    let (app, folder) = start_with_clients(kind, &authority, "").await;
    let live = format!("{}/health/live", app.base);
    // the same client all along: it would resume its session if it could
    let (staying, leaving) = (authority.client(1, LONG), authority.client(2, LONG));
    let (staying, leaving) = (client(&[&authority], Some(&staying)), client(&[&authority], Some(&leaving)));
    for client in [&staying, &leaving] {
        client.get(&live).send().await.expect("it is served");
    }
    write(&folder, &authority, &authority.revoking(&[2]));
    for _ in 0..2 {
        app.loops.reload.step().await.expect("a step");
    }
    leaving.get(&live).send().await.expect_err("it was revoked");
    staying.get(&live).send().await.expect("it was not");
    app.stop().await;
}

/// What would let in somebody else than the operator means, without a word.
#[rstest]
#[case::a_list_under_another_name("X509 CRL", "CRL", "a block `CRL`")]
#[case::an_empty_file("CERTIFICATE", "CERT", "a block `CERT`")]
#[tokio::test]
async fn what_would_be_passed_over_is_refused(#[case] label: &str, #[case] other: &str, #[case] says: &str) {
    let (authority, folder) = (Authority::new(), tempfile::tempdir().expect("a folder"));
    authority.server().write(folder.path());
    let text = format!("{}{}", authority.root, authority.revoking(&[1])).replace(label, other);
    assert!(said(&folder, &text).await.contains(says));
}

#[tokio::test]
async fn only_whoever_signs_clients_is_named() {
    let (authority, folder) = (Authority::new(), tempfile::tempdir().expect("a folder"));
    authority.server().write(folder.path());
    assert!(said(&folder, &authority.client(1, LONG).cert).await.contains("may sign no others"));
    let twice = format!("{}{}{}", authority.root, Authority::new().root, authority.revoking(&[1]));
    assert!(said(&folder, &twice).await.contains("two certificates have one name"));
}

/// Why a hub does not start with that file.
async fn said(folder: &TempDir, text: &str) -> String {
    std::fs::write(folder.path().join("ca.pem"), text).expect("a file");
    let ca = ("SERVER_TLS_CLIENT_CA".to_owned(), folder.path().join("ca.pem").display().to_string());
    let settings: Vec<(String, String)> = settings(folder.path()).into_iter().chain([ca]).collect();
    let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    refusal(&Database::fresh(Kind::Sqlite).await, Extra { settings: &settings, ..Extra::default() }).await
}

/// It would revoke nobody, and nobody would notice.
#[rstest]
#[tokio::test]
async fn a_list_that_another_authority_has_made_is_refused(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let authority = Authority::new();
    let (app, folder) = start_with_clients(kind, &authority, "").await;
    let live = format!("{}/health/live", app.base);
    let own = authority.client(1, LONG);
    // of another name, and of the same name with another key
    for other in [Authority::called("another"), Authority::new()] {
        write(&folder, &authority, &other.revoking(&[1]));
        for _ in 0..2 {
            app.loops.reload.step().await.expect("a step");
        }
        client(&[&authority], Some(&own)).get(&live).send().await.expect("what counted before counts");
    }
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn operators_show_their_certificate_from_a_terminal(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let authority = Authority::new();
    let (app, folder) = start_with_clients(kind, &authority, "").await;
    let own = folder.path().join("own.pem");
    std::fs::write(&own, authority.client(1, LONG).identity()).expect("a file");
    let ca = folder.path().join("ca.pem").display().to_string();
    let (hub, own) = (("CALLBACK_HUB_URL", app.base.as_str()), own.display().to_string());
    let list = ["tasks", "list"];
    let (code, _, told) = run(&list, &[hub]).await;
    assert_eq!(code, Some(1), "the system does not know that authority: {told}");
    let (code, _, told) = run(&list, &[hub, ("CALLBACK_HUB_CA", &ca)]).await;
    assert_eq!(code, Some(1), "the hub wants to see a certificate: {told}");
    let (code, said, told) = run(&list, &[hub, ("CALLBACK_HUB_CA", &ca), ("CALLBACK_HUB_CERT", &own)]).await;
    assert_eq!((code, said.as_str()), (Some(0), "none\n"), "{told}");
    let (code, _, told) = run(&list, &[hub, ("CALLBACK_HUB_CERT", &ca)]).await;
    assert_eq!(code, Some(2), "a certificate without a key: {told}");
    app.stop().await;
}
