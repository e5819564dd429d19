//! What is broken is refused whole.

use rstest::rstest;

use super::{Folder, NEW, OLD, fault, look, padded, start, takes, with_secret};
use crate::harness::Kind;

#[rstest]
#[case::a_typo("[callback]\nmax_body = 100\n[server]\nprot = 1\n", "`server.prot` in")]
#[case::no_toml("[callback]\nmax_body = 100\n[server\n", "is not valid TOML")]
#[case::a_value("[callback]\nmax_body = \"much\"\n", "callback.max_body (")]
#[case::what_a_start_refuses("[callback]\nmax_body = 100\ntimeout = 0\n", "CALLBACK_TIMEOUT must not be zero")]
#[case::an_open_door("[callback]\nmax_body = 100\n[server]\nhost = \"0.0.0.0\"\n", "without any API key")]
#[case::a_generators_own("[callback]\nmax_body = 100\n[generators.nobody]\ntimeout = 1\n", "`generators.nobody` in")]
#[tokio::test]
async fn nothing_of_a_broken_file_counts(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
    #[case] broken: &str,
    #[case] told: &str,
) {
    let folder = Folder::new(&[("secret", OLD)]);
    let app = with_secret(kind, &folder).await;
    folder.write("secret", NEW);
    folder.write("callback-hub.toml", broken);
    assert_eq!(look(&app).await, 1);
    let fault_of_it = fault(&app).await;
    assert!(fault_of_it.contains(told), "{fault_of_it}");
    assert!(takes(&app, OLD).await && !takes(&app, NEW).await, "the old secret stays");
    app.raw_callback("t", padded(200)).secret(OLD).taken().await;
    assert_eq!(look(&app).await, 0, "once is enough for the same files");

    folder.write("callback-hub.toml", "[callback]\nmax_body = 150\n");
    assert_eq!((look(&app).await, fault(&app).await), (1, String::new()));
    assert!(takes(&app, NEW).await && !takes(&app, OLD).await);
    assert_eq!(app.raw_callback("t", padded(200)).secret(NEW).refused().await.0, 413);
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_secret_that_everybody_knows_is_refused_and_not_told(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let folder = Folder::new(&[("secret", OLD)]);
    let app = with_secret(kind, &folder).await;
    for (text, told) in [
        ("changeme-canary-in-production", "CALLBACK_SECRET_KEY is a placeholder"),
        ("canary", "CALLBACK_SECRET_KEY has 6 bytes"),
        ("\n", "CALLBACK_SECRET_KEY_FILE names the file"),
    ] {
        folder.write("secret", text);
        assert_eq!(look(&app).await, 1, "{told}");
        let fault = fault(&app).await;
        assert!(fault.contains(told) && !fault.contains("canary"), "{fault}");
        assert!(takes(&app, OLD).await);
    }
    // one that was not there when it was named is seen when it comes
    folder.write("callback-hub.toml", &format!("[delivery]\nsecret_file = \"{}\"\n", folder.file("later")));
    folder.write("secret", NEW);
    assert_eq!(look(&app).await, 1);
    assert!(fault(&app).await.contains("later, which cannot be read"), "{}", fault(&app).await);
    look(&app).await;
    folder.write("later", "a secret for letters of 32 bytes or more");
    look(&app).await;
    assert_eq!(fault(&app).await, "");
    assert!(takes(&app, NEW).await && !takes(&app, OLD).await);
    app.stop().await;
}

/// What waits for the next start does not make safe now what is open now.
#[rstest]
#[tokio::test]
async fn an_open_door_keeps_its_key(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let url = "[callback]\nbase_url = \"http://hub.example\"\n";
    let open = format!("[server]\nhost = \"0.0.0.0\"\n[api]\nkeys = [\"a-key-of-sixteen-or-more\"]\n{url}");
    let folder = Folder::new(&[("callback-hub.toml", &open)]);
    let app = start(kind, &folder, &[]).await;
    let status = async |key: Option<&str>| {
        let request = app.client.get(format!("http://127.0.0.1:{}/api/tasks", app.address.port()));
        app.send(key.into_iter().fold(request, |request, key| request.bearer_auth(key))).await.status
    };
    folder.write("callback-hub.toml", url);
    assert_eq!(look(&app).await, 1);
    assert_eq!((status(None).await, status(Some("a-key-of-sixteen-or-more")).await), (401, 200));
    app.stop().await;
}
