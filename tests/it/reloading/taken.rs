//! What counts at once.

use rstest::rstest;
use serde_json::json;

use super::{Folder, NEW, OLD, fault, look, padded, start, takes, with_secret};
use crate::harness::{App, Kind, Subscriber};
use crate::webhooks::is_signed;

#[rstest]
#[tokio::test]
async fn a_secret_of_a_file_is_exchanged_with_an_overlap(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let folder = Folder::new(&[("secret", OLD)]);
    let app = with_secret(kind, &folder).await;
    assert_eq!(look(&app).await, 0, "nothing has changed");
    assert!(takes(&app, OLD).await && !takes(&app, NEW).await);

    folder.write("secret", &format!("{NEW},{OLD}\n"));
    assert_eq!(app.loops.reload.step().await.expect("a step").handled, 0, "somebody may still be writing");
    assert!(!takes(&app, NEW).await);
    assert_eq!(look(&app).await, 1);
    assert!(takes(&app, NEW).await && takes(&app, OLD).await, "both are listed");

    // as mounted files are changed: another one in its place
    folder.write("next", NEW);
    std::fs::rename(folder.path().join("next"), folder.path().join("secret")).expect("a file");
    assert_eq!(look(&app).await, 1);
    assert!(takes(&app, NEW).await && !takes(&app, OLD).await);
    assert_eq!(look(&app).await, 0, "once is enough");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn limits_change_and_the_settings_page_tells(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let folder = Folder::new(&[("callback-hub.toml", "[callback]\nmax_body = \"1KiB\"\n")]);
    let app = start(kind, &folder, &[]).await;
    app.created(&json!({"id": "t"})).await;
    let send = async || app.raw_callback("t", padded(1500)).send().await.status;
    assert_eq!(send().await, 413);
    folder.write("callback-hub.toml", "[callback]\nmax_body = \"2KiB\"\n");
    assert_eq!((look(&app).await, fault(&app).await), (1, String::new()));
    assert_eq!(send().await, 200);
    assert!(app.get("/console/settings").await.text.contains("2KiB"));

    // .env goes before the file
    folder.write(".env", "CALLBACK_MAX_BODY=1KiB\nCALLBACK_ENABLED=true\n");
    assert_eq!(look(&app).await, 1);
    assert_eq!(send().await, 413);
    folder.write(".env", "CALLBACK_ENABLED=false\n");
    assert_eq!(look(&app).await, 1);
    assert_eq!(app.raw_callback("t", padded(1500)).refused().await.1, "callbacks_disabled");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn keys_of_the_api_come_and_go(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let folder = Folder::new(&[("keys", "the-first-of-the-keys")]);
    let app = start(kind, &folder, &[("API_KEYS_FILE", &folder.file("keys"))]).await;
    let with = async |key: &str| {
        let request = app.client.get(format!("{}/api/tasks", app.base)).bearer_auth(key);
        app.send(request).await.status
    };
    assert_eq!((with("the-first-of-the-keys").await, with("the-second-of-the-keys").await), (200, 401));
    folder.write("keys", "the-second-of-the-keys");
    assert_eq!(look(&app).await, 1);
    assert_eq!((with("the-first-of-the-keys").await, with("the-second-of-the-keys").await), (401, 200));
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn tasks_have_the_new_terms_and_letters_the_new_secret(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (folder, subscriber) = (Folder::new(&[("secret", OLD)]), Subscriber::start().await);
    let settings = [
        ("DELIVERY_ALLOWED_NETWORKS", "private"),
        ("SECRETS_KEY", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="),
        ("DELIVERY_SECRET_FILE", &folder.file("secret")),
    ];
    let app = start(kind, &folder, &settings).await;
    let create = async |id: &str| app.created(&json!({"id": id, "webhook": {"url": subscriber.url("/in")}})).await;
    let before = create("a").await;
    folder.write("secret", NEW);
    folder.write("callback-hub.toml", "[task]\nmax_retries = 9\n[callback]\nbase_url = \"http://hub.example.org\"\n");
    assert_eq!(look(&app).await, 1, "both in one reading");
    let after = create("b").await;
    assert_eq!(after["max_retries"], 9);
    assert_ne!(before["max_retries"], 9);
    assert!(after["callback_url"].as_str().is_some_and(|url| url.starts_with("http://hub.example.org/callback/b")), "{after}");
    for id in ["a", "b"] {
        app.callback(id, &json!({"event": "completed", "result": 1})).taken().await;
    }
    app.work_off().await;
    let told = subscriber.told("/in");
    assert!(!told.is_empty() && told.iter().all(|told| is_signed(told, NEW) && !is_signed(told, OLD)));
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_generator_and_what_is_set_for_it_count_together(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let folder = Folder::new(&[]);
    let app = start(kind, &folder, &[]).await;
    let set = "[generators.later]\nbase_url = \"http://127.0.0.1:1\"\n";
    folder.write("callback-hub.toml", set);
    assert_eq!(look(&app).await, 1);
    assert!(fault(&app).await.contains("generators.later"), "{}", fault(&app).await);
    let event = "[event]\nstate = \"json:status\"\nmap.completed = \"done\"\n";
    app.write_generator("later", &format!("trust = \"token\"\n{event}[submit]\nurl = \"{{base_url}}/jobs\"\n"));
    assert_eq!((look(&app).await, fault(&app).await), (1, String::new()));
    assert_eq!(configured(&app, "later").await, Some(true));

    folder.write("callback-hub.toml", "");
    app.remove_generator("later");
    assert_eq!((look(&app).await, fault(&app).await), (1, String::new()), "one reading for both");
    assert_eq!(configured(&app, "later").await, None);
    app.stop().await;
}

async fn configured(app: &App, name: &str) -> Option<bool> {
    let items = app.items("/api/generators").await;
    items.iter().find(|item| item["name"] == name).and_then(|item| item["configured"].as_bool())
}
