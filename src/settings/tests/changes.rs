use rstest::rstest;

use super::super::Change;
use super::*;

const SECRET: (&str, &str) = ("CALLBACK_SECRET_KEY", "0123456789abcdef0123456789abcdef");

/// What comes of a reading after another.
fn change(before: &[(&str, &str)], after: &[(&str, &str)]) -> Change {
    load(&sources(after)).after(&load(&sources(before)))
}

/// The names of what counts at once, and of what waits.
fn names(change: &Change) -> (Vec<&str>, Vec<&str>) {
    (change.taken.iter().map(String::as_str).collect(), change.waiting.iter().map(String::as_str).collect())
}

#[test]
fn what_is_the_same_has_not_changed_however_it_is_written() {
    let before = [SECRET, ("CALLBACK_TIMEOUT", "8s"), ("CALLBACK_MAX_BODY", "1MiB"), ("SERVER_PORT", "8080")];
    let after = [SECRET, ("CALLBACK_HUB_CALLBACK_TIMEOUT", "8000ms"), ("CALLBACK_MAX_BODY", "1024KiB")];
    assert_eq!(names(&change(&before, &after)), (vec![], vec![]));
}

#[rstest]
#[case("CALLBACK_MAX_BODY", "1KiB")]
#[case("CALLBACK_RATE_LIMIT", "5/s")]
#[case("SERVER_TRUSTED_PROXIES", "10.0.0.0/8")]
#[case("SERVER_BODY_TIMEOUT", "5")]
#[case("GENERATORS_DIR", "/somewhere")]
// as long as by default, and yet it goes before the generators' files now
#[case("TASK_TIMEOUT", "1800")]
#[case("POLL_INTERVAL", "5")]
#[case("DELIVERY_TIMEOUT", "5")]
#[case("DELIVERY_SECRET", "another secret of 32 bytes or more")]
#[case("API_KEYS", "an-api-key-of-the-tests")]
#[case("CALLBACK_SECRET_KEY", "0123456789abcdef0123456789abcdeX")]
#[case("LOG_LEVEL", "debug")]
#[case("GENERATOR_FAL_AI_SECRET", "another secret of 32 bytes or more")]
fn some_count_at_once(#[case] name: &str, #[case] value: &str) {
    // of equal names the later one counts
    let change = change(&[SECRET], &[SECRET, (name, value)]);
    assert_eq!(names(&change), (vec![name], vec![]));
    assert!(effective(&change.loaded).iter().any(|one| one.name == name && one.origin == "environment"));
}

#[rstest]
#[case("SERVER_PORT", "1")]
#[case("SERVER_TLS_CERT", "cert.pem")]
#[case("DATABASE_URL", "sqlite://other.db?mode=rwc")]
#[case("DATABASE_MAX_CONNECTIONS", "3")]
#[case("DELIVERY_CONCURRENCY", "3")]
#[case("DELIVERY_ALLOWED_NETWORKS", "private")]
#[case("SECRETS_KEY", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")]
#[case("RETENTION_DELIVERIES", "1d")]
#[case("LOG_FORMAT", "json")]
fn others_wait_and_are_shown_as_they_were(#[case] name: &str, #[case] value: &str) {
    let change = change(&[SECRET], &[SECRET, (name, value), ("CALLBACK_ENABLED", "false")]);
    assert_eq!(names(&change), (vec!["CALLBACK_ENABLED"], vec![name]));
    assert_eq!(shown(&change.loaded, name), shown(&load(&sources(&[SECRET])), name));
    assert!(!change.loaded.settings.callback.enabled);
    // and once they are as at the start again, nothing waits
    assert_eq!(load(&sources(&[SECRET])).after(&change.loaded).waiting, Vec::<String>::new());
}

#[test]
fn a_password_and_the_order_of_keys_are_seen() {
    let url = |password: &str| format!("postgres://hub:{password}@db/hub");
    let of = |password: &str, keys: &str| load(&sources(&[SECRET, ("DATABASE_URL", &url(password)), ("API_KEYS", keys)]));
    let change = of("b", "2,1").after(&of("a", "1,2"));
    assert_eq!(names(&change), (vec!["API_KEYS"], vec!["DATABASE_URL"]));
}

#[test]
fn the_files_of_secrets_are_known_whether_they_can_be_read_or_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("own"), SECRET.1).unwrap();
    std::fs::write(path("one"), "of one generator").unwrap();
    let file = |name: &str| path(name).display().to_string();
    let good = [("CALLBACK_SECRET_KEY_FILE", file("own")), ("GENERATOR_FAL_AI_SECRET_FILE", file("one"))];
    let environment = |set: &[(&str, String)]| Sources::new(set.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    assert_eq!(load(&environment(&good)).files(), [path("own"), path("one")]);
    let broken = [("API_KEYS_FILE", file("nowhere")), ("SECRETS_KEY_FILE", file("one"))];
    let mut files = Settings::load(&environment(&broken)).map(|_| ()).unwrap_err().files();
    files.sort();
    assert_eq!(files, [path("nowhere"), path("one")]);
}

#[test]
fn files_are_read_again_and_the_environment_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let environment = [("LOG_LEVEL", "debug")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    let sources = Sources::in_folder(environment, folder.path()).unwrap();
    assert_eq!(sources.files(), [folder.path().join(".env"), folder.path().join("callback-hub.toml")]);
    write(".env", "SERVER_PORT=5\nLOG_LEVEL=error");
    write("callback-hub.toml", "[server]\nport = 6\n[task]\nmax_retries = 4");
    let settings = load(&sources.read_again().unwrap()).settings;
    assert_eq!((settings.server.port, settings.task.max_retries, settings.log.level.as_str()), (5, Some(4), "debug"));
    std::fs::remove_file(folder.path().join(".env")).unwrap();
    assert_eq!(load(&sources.read_again().unwrap()).settings.server.port, 6);
}
