//! What the service does not start with, and that it then leaves nothing behind.

use rstest::rstest;

use crate::harness::app::{Extra, refusal};
use crate::harness::{App, Database, Kind, generators};

/// Every refusal that needs no look into the database.
#[rstest]
#[case(&[("CALLBACK_SECRET_KEY", ""), ("GENERATORS_DIR", "")], "no generator has a secret")]
#[case(&[("CALLBACK_SECRET_KEY", "changeme")], "CALLBACK_SECRET_KEY is a placeholder")]
#[case(&[("CALLBACK_SECRET_KEY", "fifteen bytes..")], "15 bytes")]
#[case(&[("SERVER_HOST", "0.0.0.0"), ("CALLBACK_BASE_URL", "https://hub.example.org")], "without any API key")]
#[case(&[("SERVER_HOST", "0.0.0.0"), ("API_KEYS", "a-key-of-our-own")], "which generators cannot reach")]
#[case(&[("SERVER_TLS_CERT", "cert.pem"), ("SERVER_TLS_KEY", "key.pem")], "SERVER_TLS_CERT is cert.pem, which cannot be read")]
#[case(&[("SERVER_ADMIN_HOST", "127.0.0.1")], "SERVER_ADMIN_HOST is set without SERVER_ADMIN_PORT")]
#[case(&[("SERVER_PORT", "39998"), ("SERVER_ADMIN_PORT", "39998")], "are both 39998")]
#[case(&[("SERVER_TLS_CERT", "/dev/zero"), ("SERVER_TLS_KEY", "key.pem")], "SERVER_TLS_CERT is /dev/zero, which is no file")]
#[case(&[("SERVER_TLS_CLIENT_CA", "ca.pem")], "SERVER_TLS_CLIENT_CA is set without SERVER_TLS_CERT")]
#[case(&[("GENERATOR_QUIET_TRUST", "none")], "CALLBACK_REQUIRE_SIGNATURE=false")]
#[case(&[("GENERATOR_QUIET_TRUST", "nobody")], "GENERATOR_QUIET_TRUST")]
#[case(&[("GENERATOR_QUIET_CONFIRM", "always")], "quiet")]
#[case(&[("CALLBACK_TIMEOUT", "0")], "CALLBACK_TIMEOUT must not be zero")]
#[case(&[("SERVER_PORT", "99999")], "SERVER_PORT")]
#[case(&[("GENERATORS_DIR", "/nowhere/at/all")], "/nowhere/at/all")]
#[case(&[("DATABASE_MIGRATE", "check")], "callback-hub migrate")]
#[tokio::test]
async fn a_refused_start_leaves_no_database_behind(#[case] settings: &[(&str, &str)], #[case] says: &str) {
    let database = Database::fresh(Kind::Sqlite).await;
    let said = refusal(&database, Extra { settings, ..Extra::default() }).await;
    assert!(said.contains(says), "{said}");
    let folder = database.file().expect("a file").parent().expect("a folder").to_owned();
    let left: Vec<_> = std::fs::read_dir(folder).expect("a folder").collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn a_generators_file_at_fault_is_named_with_its_line() {
    let database = Database::fresh(Kind::Sqlite).await;
    for (text, says) in [
        ("trust = \"verify\"\n[event]\nstat = [\"json:event\"]\n", "odd.toml"),
        ("[[sign]]\nscheme = \"hmac\"\n[event]\n", "header"),
        (&generators::unsigned(), "CALLBACK_REQUIRE_SIGNATURE=false"),
    ] {
        let said = refusal(&database, Extra { generators: &[("odd", text)], ..Extra::default() }).await;
        assert!(said.contains("odd") && said.contains(says), "{said}");
    }
    assert!(!database.file().expect("a file").exists());
}

#[rstest]
#[tokio::test]
async fn tables_of_our_names_that_are_not_ours_are_left_alone(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let database = Database::empty(kind).await;
    database.execute("CREATE TABLE hub_tasks (note TEXT)").await;
    let said = refusal(&database, Extra::default()).await;
    assert!(said.contains("hub_tasks"), "{said}");
    assert_eq!(database.count("hub_tasks").await, 0);
}

#[rstest]
#[tokio::test]
async fn tables_of_others_are_none_of_our_business(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let database = Database::empty(kind).await;
    database.execute("CREATE TABLE hubble (note TEXT)").await;
    database.execute("CREATE TABLE tasks (note TEXT)").await;
    let app = App::on(&std::sync::Arc::new(database), &[]).await;
    app.created(&serde_json::json!({})).await;
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn where_migrating_is_somebody_elses_job_the_missing_ones_are_named(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let database = std::sync::Arc::new(Database::empty(kind).await);
    let check = [("DATABASE_MIGRATE", "check")];
    let said = refusal(&database, Extra { settings: &check, ..Extra::default() }).await;
    assert!(said.contains("m0001_payloads") && said.contains("callback-hub migrate"), "{said}");
    callback_hub::store::migrate(&database.url).await.expect("the schema");
    App::on(&database, &check).await.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_port_that_is_taken_is_named(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    let port = app.address.port().to_string();
    let said = refusal(&app.database, Extra { settings: &[("SERVER_PORT", &port)], ..Extra::default() }).await;
    assert!(said.contains(&format!("127.0.0.1:{port}")), "{said}");
    app.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_restart_finds_everything_as_it_was(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let app = App::start(kind, &[]).await;
    app.created(&serde_json::json!({"id": "t", "input": {"a": 1}})).await;
    let progress = serde_json::json!({"event": "progress", "progress": {"percentage": 33.5}});
    app.callback("t", &progress).taken().await;
    let before = app.get("/api/tasks/t").await.json();
    let database = app.stop().await;
    let app = App::on(&database, &[]).await;
    let mut after = app.task("t").await;
    // only the port is another one
    after["callback_url"] = before["callback_url"].clone();
    assert_eq!(after, before);
    assert_eq!(app.callback("t", &progress).taken().await.1, "duplicate");
    app.stop().await;
}

#[tokio::test]
async fn a_generator_that_lacks_its_key_is_named() {
    let settings = [
        ("GENERATOR_REPLICATE_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYq="),
        ("GENERATOR_RUNPOD_BASE_URL", "http://127.0.0.1:1"),
        ("GENERATOR_LUMA_BASE_URL", "http://127.0.0.1:1"),
        ("GENERATOR_LUMA_API_KEY", "luma-key"),
    ];
    let app = App::start(Kind::Sqlite, &settings).await;
    let lacks = app.warnings.iter().filter(|warning| warning.contains("_API_KEY is not set")).cloned().collect::<Vec<_>>();
    let said = |setting: &str, name: &str| {
        format!("{setting} is not set: the hub submits no task of {name}, but takes each for submitted by code of your own")
    };
    let expected = [said("GENERATOR_REPLICATE_API_KEY", "replicate"), said("GENERATOR_RUNPOD_API_KEY", "runpod")];
    assert_eq!(lacks, expected, "those that nobody uses are not mentioned");
    app.stop().await;
}

/// The schema's last step is undone, and held up: so long the process lives, and is not ready.
#[rstest]
#[tokio::test]
async fn while_the_schema_is_brought_up_to_date_the_process_lives_and_is_not_ready(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let database = std::sync::Arc::new(Database::fresh(kind).await);
    callback_hub::store::migrate(&database.url).await.expect("the schema");
    database.execute("DROP TABLE hub_pulses").await;
    database.execute("DELETE FROM hub_migrations WHERE version = 'm0023_pulses'").await;
    let hold = database.hold_table("hub_migrations").await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|taken| taken.local_addr()).expect("a port").port();
    let (port, base) = (free.to_string(), format!("http://127.0.0.1:{free}"));
    // the database's clock is compared with ours
    let clock = Some(callback_hub::clock::Clock::System);
    let extra = Extra { settings: &[("SERVER_PORT", port.as_str())], clock, ..Extra::default() };
    let looking = async {
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let live = async || client.get(format!("{base}/health/live")).send().await.is_ok_and(|answer| answer.status() == 200);
        while !live().await {
            tokio::task::yield_now().await;
        }
        let ready = client.get(format!("{base}/health/ready")).send().await.expect("an answer");
        assert_eq!(ready.status(), 503);
        assert_eq!(ready.text().await.expect("a text"), r#"{"status":"migrating"}"#);
        let early = client.post(format!("{base}/callback/t")).body("{}").send().await.expect("an answer");
        assert!(early.status() == 503 && early.headers().contains_key("retry-after"), "{early:?}");
        hold.release().await;
    };
    let looking = async { tokio::time::timeout(std::time::Duration::from_secs(20), looking).await.expect("it answers in time") };
    let (app, ()) = tokio::join!(App::with(&database, extra), looking);
    app.get("/health/ready").await.good(200);
    app.created(&serde_json::json!({"id": "t"})).await;
    app.stop().await;
}
