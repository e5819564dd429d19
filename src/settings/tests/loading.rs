use std::fs;
use std::time::Duration;

use rstest::rstest;

use super::*;

fn pair(value: &str, origin: &str) -> (String, String) {
    (value.to_owned(), origin.to_owned())
}

fn exposed(loaded: &Loaded) -> Vec<&str> {
    loaded.settings.callback.secret_key.iter().map(|secret| secret.expose()).collect()
}

#[test]
fn environment_before_dotenv_before_file_before_default() {
    let file = "[server]\nhost = \"10.0.0.1\"\nport = 1\nadmin_port = 4";
    let sources =
        Sources { dotenv: Some("SERVER_PORT=2\nSERVER_ADMIN_PORT=5".to_owned()), ..with_file(&[("SERVER_PORT", "3")], file) };
    let loaded = load(&sources);
    assert_eq!(shown(&loaded, "SERVER_PORT"), pair("3", "environment"));
    assert_eq!(shown(&loaded, "SERVER_ADMIN_PORT"), pair("5", ".env"));
    assert_eq!(shown(&loaded, "SERVER_HOST"), pair("10.0.0.1", "callback-hub.toml"));
    assert_eq!(shown(&loaded, "SERVER_MAX_CONNECTIONS"), pair("4096", "default"));
}

#[test]
fn the_prefix_wins_over_the_plain_name_also_from_dotenv() {
    let loaded = load(&with_dotenv(
        &[("SERVER_PORT", "1"), ("CALLBACK_HUB_LOG_LEVEL", "debug"), ("LOG_LEVEL", "loud")],
        "CALLBACK_HUB_SERVER_PORT=2",
    ));
    assert_eq!(shown(&loaded, "SERVER_PORT"), pair("2", ".env"));
    assert_eq!(shown(&loaded, "LOG_LEVEL"), pair("debug", "environment"));
}

#[test]
fn names_have_no_case_and_empty_values_are_not_set() {
    let loaded = load(&with_dotenv(&[("server_port", "1"), ("SERVER_HOST", " ")], "SERVER_HOST=10.0.0.1\nServer_Port=2"));
    assert_eq!(shown(&loaded, "SERVER_PORT"), pair("1", "environment"));
    assert_eq!(shown(&loaded, "SERVER_HOST"), pair("10.0.0.1", ".env"));
}

#[test]
fn an_all_digit_secret_keeps_its_zeros() {
    let loaded = load(&sources(&[("CALLBACK_SECRET_KEY", "0012345678901234567890, 007")]));
    assert_eq!(exposed(&loaded), ["0012345678901234567890", "007"]);
}

#[test]
fn a_secret_in_the_file_stands_in_quotes() {
    for file in ["[callback]\nsecret_key = 1_000", "[api]\nkeys = [0x10]", "[delivery]\nsecret = 1e5"] {
        assert!(refused(&with_file(&[], file)).contains("must be a text in quotes"), "{file}");
    }
}

#[test]
fn a_key_set_is_one_secret() {
    let loaded = load(&sources(&[("CALLBACK_SECRET_KEY", r#"{"keys":[{"kty":"OKP"},{"kty":"OKP"}]}"#)]));
    assert_eq!(loaded.settings.callback.secret_key.len(), 1);
}

#[rstest]
#[case("true", true)]
#[case("ON", true)]
#[case("1", true)]
#[case("no", false)]
#[case("Off", false)]
#[case("0", false)]
fn booleans_have_many_words(#[case] word: &str, #[case] value: bool) {
    assert_eq!(load(&sources(&[("CALLBACK_ENABLED", word)])).settings.callback.enabled, value);
}

#[test]
fn the_file_takes_numbers_booleans_and_arrays() {
    let file = "[callback]\nenabled = false\ntimeout = 2.5\nmax_body = 1024\nsecret_key = [\"a,b\", \"c\"]\nallowed_ips = [\"10.0.0.0/8\"]\n\
                [task]\nretry_delays = [1, \"2m\"]\nmax_retries = 7\n[delivery]\nretry_delays = \"1,2\"";
    let loaded = load(&with_file(&[], file));
    let Settings { callback, task, delivery, .. } = &loaded.settings;
    assert!(!callback.enabled);
    assert_eq!((callback.timeout, callback.max_body.bytes()), (Duration::from_millis(2_500), 1_024));
    assert_eq!(exposed(&loaded), ["a,b", "c"]);
    assert_eq!(callback.allowed_ips.len(), 1);
    assert_eq!(task.retry_delays(), [1, 120].map(Duration::from_secs));
    assert_eq!(task.max_retries, Some(7));
    assert_eq!(delivery.retry_delays, [1, 2].map(Duration::from_secs));
}

#[test]
fn tasks_and_polling_know_what_was_set() {
    let settings = load(&sources(&[("TASK_TIMEOUT", "1800"), ("POLL_ENABLED", "true")])).settings;
    assert_eq!((settings.task.timeout, settings.poll.enabled), (Some(Duration::from_secs(1_800)), Some(true)));
    assert_eq!((settings.task.auto_approve, settings.poll.interval), (None, None));
    assert_eq!((settings.task.auto_approve(), settings.poll.interval()), (true, Duration::from_secs(30)));
}

#[test]
fn a_secret_may_stand_in_a_file_without_its_last_newline() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    fs::write(&path, "first,second\r\n").unwrap();
    let path = path.to_str().unwrap();

    let loaded = load(&sources(&[("CALLBACK_SECRET_KEY_FILE", path)]));
    assert_eq!(exposed(&loaded), ["first", "second"]);
    assert_eq!(shown(&loaded, "CALLBACK_SECRET_KEY"), pair("*** (2)", &format!("CALLBACK_SECRET_KEY_FILE {path}")));
    let by_theirs = load(&sources(&[("WEBHOOK_SECRET_KEY_FILE", path)]));
    assert_eq!(exposed(&by_theirs), ["first", "second"]);
    let in_file = load(&with_file(&[], &format!("[callback]\nsecret_key_file = \"{path}\"")));
    assert_eq!(exposed(&in_file), ["first", "second"]);
}

#[test]
fn a_secret_and_its_file_are_refused_together_but_not_across_precedence() {
    let both = refused(&with_dotenv(&[("API_KEYS", "a")], "API_KEYS_FILE=/nowhere"));
    assert_eq!(both, "API_KEYS and API_KEYS_FILE are both set; set one of them");
    let in_file = refused(&with_file(&[], "[api]\nkeys = \"a\"\nkeys_file = \"/nowhere\""));
    assert!(in_file.contains("api.keys_file names the file /nowhere"), "{in_file}");

    let other_programs = load(&sources(&[("CALLBACK_HUB_API_KEYS", "ours"), ("API_KEYS_FILE", "/nowhere")]));
    assert_eq!(other_programs.settings.api.keys[0].expose(), "ours");
    let over_file =
        load(&with_file(&[("SECRETS_KEY", "__________________________________________8=")], "[secrets]\nkey = \"no key\""));
    assert_eq!(over_file.settings.secrets.key.len(), 1);
}

#[test]
fn content_hubs_names_mean_ours_and_may_not_contradict_them() {
    let theirs = [
        ("WEBHOOK_ENABLED", "False"),
        ("WEBHOOK_TIMEOUT", "5"),
        ("WEBHOOK_SECRET_KEY", "abc"),
        ("WEBHOOK_CALLBACK_BASE_URL", "http://h:1/"),
    ];
    let loaded = load(&sources(&theirs));
    let callback = &loaded.settings.callback;
    assert!(!callback.enabled);
    assert_eq!((callback.timeout, exposed(&loaded)), (Duration::from_secs(5), vec!["abc"]));
    assert_eq!(loaded.settings.callback_base_url().as_str(), "http://h:1");

    load(&sources(&[("WEBHOOK_REQUIRE_SIGNATURE", "False"), ("CALLBACK_REQUIRE_SIGNATURE", "false")]));
    let differ = refused(&with_dotenv(&[("WEBHOOK_SECRET_KEY", "abc")], "CALLBACK_SECRET_KEY=xyz"));
    assert_eq!(differ, "CALLBACK_SECRET_KEY and WEBHOOK_SECRET_KEY are both set, and differ; set one of them");
}

#[test]
fn unknown_variables_of_our_sections_are_warned_about() {
    let others = [
        ("SERVER_PROT", "1"),
        ("PATH", "/bin"),
        ("WEBHOOK_FOO", "1"),
        ("CALLBACK_HUB_URL", "u"),
        ("CALLBACK_HUB_KEY", "k"),
        ("CALLBACK_HUB_FOO", "1"),
    ];
    assert_eq!(
        load(&sources(&others)).warnings,
        [
            "CALLBACK_HUB_FOO (environment) is no setting and has no effect",
            "SERVER_PROT (environment) is no setting and has no effect; did you mean SERVER_PORT?",
        ]
    );
}

#[rstest]
#[case("[server]\nprot = 1", "`server.prot` in callback-hub.toml is unknown; the nearest known one is `server.port`")]
#[case("[sevrer]\nport = 1", "`sevrer` in callback-hub.toml is unknown; the nearest known one is `server`")]
#[case("server_port = 1", "`server_port` in callback-hub.toml is unknown; the nearest known one is `server.port`")]
#[case("[server]\nPORT = 1", "`server.PORT` in callback-hub.toml is unknown; the nearest known one is `server.port`")]
#[case(
    "[generators.fal]\nsecrte = \"x\"",
    "`generators.fal.secrte` in callback-hub.toml is unknown; the nearest known one is `generators.fal.secret`"
)]
#[case("[log]\nlevel_file = \"x\"", "`log.level_file` in callback-hub.toml is unknown; the nearest known one is `log.level`")]
#[case("server = 1", "`server` in callback-hub.toml must be a table")]
fn unknown_keys_in_the_file_are_refused(#[case] file: &str, #[case] told: &str) {
    assert_eq!(refused(&with_file(&[], file)), told);
}

#[test]
fn everything_wrong_is_told_at_once_and_by_the_name_that_was_used() {
    let environment =
        [("SERVER_PORT", "99999"), ("POLL_CONCURRENCY", "0"), ("CALLBACK_ENABLED", "maybe"), ("WEBHOOK_TIMEOUT", "soon")];
    let told = refused(&with_file(&environment, "[server]\nport = true\nfoo = 1\nhost = [1]"));
    for sentence in [
        "`server.foo` in callback-hub.toml is unknown",
        "SERVER_PORT (environment) must be a whole number from 0 to 65535, not `99999`",
        "server.port (callback-hub.toml) must be a whole number from 0 to 65535, not `true`",
        "server.host (callback-hub.toml) must be a single value, not an array",
        "POLL_CONCURRENCY (environment) must be a whole number from 1 to",
        "CALLBACK_ENABLED (environment) must be true or false, not `maybe`",
        "WEBHOOK_TIMEOUT (environment) must be a duration",
    ] {
        assert!(told.contains(sentence), "{sentence}\nin\n{told}");
    }
    assert_eq!(told.lines().count(), 7, "{told}");
}

#[test]
fn broken_texts_are_told_by_line_without_quoting_them() {
    let toml = refused(&with_file(&[], "[callback]\nsecret_key = hush-hush"));
    assert!(toml.starts_with("callback-hub.toml is not valid TOML in line 2") && !toml.contains("hush"), "{toml}");
    let dotenv = refused(&with_dotenv(&[], "A=1\n\nCALLBACK_SECRET_KEY=hush hush"));
    assert!(dotenv.starts_with(".env is not NAME=value in line 3") && !dotenv.contains("hush"), "{dotenv}");
}

#[test]
fn secrets_do_not_print() {
    let environment = [
        ("CALLBACK_SECRET_KEY", "hush-1,hush-2"),
        ("API_KEYS", "hush-3"),
        ("SECRETS_KEY", "aHVzaC1odXNoLWh1c2gtaHVzaC1odXNoLWh1c2gtaHU="),
        ("DELIVERY_SECRET", "hush-4"),
        ("DATABASE_URL", "postgres://u:hush-5@h/db"),
        ("GENERATOR_FAL_SECRET", "hush-6"),
        ("GENERATOR_FAL_API_KEY", "hush-7"),
        ("GENERATOR_FAL_SECRTE", "hush-8"),
        ("GENERATOR_FAL_BASE_URL", "https://user:hush-9@fal.example"),
    ];
    let loaded = load(&sources(&environment));
    let printed = format!("{loaded:?} {:?}", effective(&loaded));
    assert!(!printed.contains("hush") && !printed.contains("aHVz"), "{printed}");
    assert_eq!(shown(&loaded, "CALLBACK_SECRET_KEY").0, "*** (2)");
    assert_eq!(shown(&loaded, "DATABASE_URL").0, "postgres://u:***@h/db");
    assert_eq!(shown(&loaded, "GENERATOR_FAL_SECRET").0, "***");
    assert_eq!(shown(&loaded, "GENERATOR_FAL_BASE_URL"), pair("https://user:***@fal.example", "environment"));
}
