//! What commands say, and how they end: 0 done, 1 no, 2 wrong usage or settings.

use std::sync::Arc;

use rstest::rstest;
use tokio::process::Command;

use crate::harness::{Database, Kind};

/// How it ended, its output, and what it complained about.
pub(crate) async fn run(arguments: &[&str], environment: &[(&str, &str)]) -> (Option<i32>, String, String) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut command = Command::new(env!("CARGO_BIN_EXE_callback-hub"));
    command.args(arguments).env_clear().envs(environment.iter().copied()).current_dir(folder.path());
    let output = command.output().await.expect("the hub's binary");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[tokio::test]
async fn who_does_not_sign_has_nothing_to_verify() {
    let (code, said, told) = run(&["verify", "--generator", "runpod", "--body", "/dev/null"], &[]).await;
    let expected = "callback-hub: runpod does not sign its callbacks, so that there is no signature to verify: the token in its \
                    callback URL proves them\n";
    assert_eq!((code, said.as_str(), told.as_str()), (Some(2), "", expected));
}

#[rstest]
#[tokio::test]
async fn who_revokes_the_last_key_is_warned(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let database = Arc::new(Database::fresh(kind).await);
    let settings = [("DATABASE_URL", database.url.as_str())];
    let mut ids = Vec::new();
    for _ in 0..3 {
        let (code, made, _) = run(&["keys", "create", "--json"], &settings).await;
        let made: serde_json::Value = serde_json::from_str(&made).expect("JSON");
        assert_eq!(code, Some(0));
        ids.push(made["id"].as_str().expect("an id").to_owned());
    }
    let [first, second, third] = [0, 1, 2].map(|number| ["keys", "revoke", ids[number].as_str()]);
    assert_eq!(run(&first, &settings).await, (Some(0), String::new(), String::new()), "others are left");
    let (code, _, told) = run(&second, &settings).await;
    assert!(code == Some(0) && told.is_empty(), "one is left: {told}");
    let (code, _, told) = run(&third, &settings).await;
    assert!(code == Some(0) && told.contains("that was the last API key"), "{told}");
    assert_eq!(run(&third, &settings).await.0, Some(1), "it is revoked already");
}

#[rstest]
#[case(&["migrate"])]
#[case(&["migrate", "--dry-run"])]
#[case(&["keys", "list"])]
#[tokio::test]
async fn a_database_that_the_hub_does_not_know_is_a_wrong_setting(#[case] arguments: &[&str]) {
    let (code, _, told) = run(arguments, &[("DATABASE_URL", "mysql://user:hush@localhost/hub")]).await;
    assert_eq!(code, Some(2));
    assert!(
        told.contains("DATABASE_URL is `mysql://user:***@localhost/hub`, which is neither") && !told.contains("hush"),
        "{told}"
    );
}

#[rstest]
#[case("ftp://localhost/callback/t?token=hush")]
#[case("localhost:8080")]
#[case("not a url")]
#[tokio::test]
async fn a_callback_is_sent_over_http_only(#[case] url: &str) {
    let (code, _, told) = run(&["send", "--task", "t", "--event", "completed", "--url", url], &[]).await;
    assert_eq!(code, Some(2), "{told}");
    assert!(told.contains("begins with http:// or https://") && !told.contains("hush"), "{told}");
}

#[tokio::test]
async fn a_signature_that_does_not_hold_is_explained() {
    const SECRET: &str = "a secret of these tests and of 32 bytes or more";
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("body");
    let body = "{\"event\":\"completed\",\"taskId\":\"job-1\",\"result\":{}}";
    std::fs::write(&path, format!("{body}\n")).expect("a file");
    let header = |content: &str| {
        format!("X-Webhook-Signature: {}", hex::encode(crate::harness::callback::hmac(SECRET, content.as_bytes())))
    };
    let settings = [("CALLBACK_SECRET_KEY", SECRET), ("GENERATOR_SIMULATOR_SECRET", "the secret of another generator")];
    let verify = async |header: &str, more: &[&str]| {
        let basic = ["verify", "--generator", "default", "--body", path.to_str().expect("UTF-8"), "-H", header];
        let arguments: Vec<&str> = basic.iter().chain(more).copied().collect();
        run(&arguments, &settings).await
    };
    let (code, told, _) = verify(&header(&format!("{body}\n")), &[]).await;
    assert_eq!((code, told.lines().next()), (Some(0), Some("holds")));
    let (code, told, _) = verify(&header(body), &[]).await;
    assert_eq!(code, Some(1));
    for line in [
        "refused",
        "check   signature_invalid",
        "fails   content",
        "cause   newline_stripped (tried out",
        "event   completed",
        "task    job-1",
    ] {
        assert!(told.contains(line), "{line} in {told}");
    }
    let (code, told, _) = verify(&header(body), &["--json"]).await;
    let told: serde_json::Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!(
        (code, &told["finding"]["causes"][0], &told["body"]["event"]),
        (Some(1), &"newline_stripped".into(), &"completed".into())
    );
    let other = hex::encode(crate::harness::callback::hmac("the secret of another generator", format!("{body}\n").as_bytes()));
    let (_, told, _) = verify(&format!("X-Webhook-Signature: {other}"), &[]).await;
    assert!(told.contains("secret (or key) of generator `simulator`") && !told.contains("the secret of"), "{told}");
    let (code, told, _) = verify("X-Webhook-Signature: 00", &["--secret", "another one"]).await;
    assert_eq!(code, Some(1));
    assert!(told.contains("fails   length") && told.contains("has 1 bytes"), "{told}");
}
