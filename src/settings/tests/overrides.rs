use std::time::Duration;

use super::*;

fn secret_of(settings: &Settings, loaded: &[&str], generator: &str) -> Option<String> {
    let overrides = settings.generator_overrides(loaded).unwrap();
    overrides.get(generator)?.secret.first().map(|secret| secret.expose().to_owned())
}

#[test]
fn the_longest_loaded_name_wins() {
    let settings = load(&sources(&[("GENERATOR_FAL_AI_SECRET", "long"), ("GENERATOR_FAL_SECRET", "short")])).settings;
    let loaded = ["fal", "fal-ai"];
    assert_eq!(secret_of(&settings, &loaded, "fal-ai").as_deref(), Some("long"));
    assert_eq!(secret_of(&settings, &loaded, "fal").as_deref(), Some("short"));
    assert!(settings.generator_warnings(&loaded).is_empty());
}

#[test]
fn a_name_that_leaves_no_known_key_gives_way() {
    let settings = load(&sources(&[("GENERATOR_FAL_MAX_BODY", "1KiB")])).settings;
    let overrides = settings.generator_overrides(&["fal", "fal-max"]).unwrap();
    assert_eq!(overrides["fal"].max_body.map(|size| size.bytes()), Some(1_024));
    assert!(!overrides.contains_key("fal-max"));
}

#[test]
fn environment_before_file_value_by_value() {
    let file = "[generators]\ndir = \"/etc/hub\"\n[generators.fal-ai]\nsecret = [\"file\"]\ntimeout = \"2m\"\nmax_retries = 3\nallowed_ips = \"any\"";
    let environment = [
        ("GENERATOR_FAL_AI_SECRET", "plain"),
        ("CALLBACK_HUB_GENERATOR_FAL_AI_SECRET", "prefixed"),
        ("GENERATOR_FAL_AI_TRUST", "token"),
    ];
    let settings = load(&with_file(&environment, file)).settings;
    assert_eq!(settings.generators.dir, Some(PathBuf::from("/etc/hub")));
    assert_eq!(secret_of(&settings, &["fal-ai"], "fal-ai").as_deref(), Some("prefixed"));
    let overrides = settings.generator_overrides(&["fal-ai"]).unwrap();
    let fal = &overrides["fal-ai"];
    assert_eq!((fal.timeout, fal.max_retries), (Some(Duration::from_secs(120)), Some(3)));
    assert_eq!((fal.trust.as_deref(), fal.allowed_ips.as_deref()), (Some("token"), Some(&[][..])));
}

#[test]
fn a_generators_secret_may_stand_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    std::fs::write(&path, "{\"keys\":[1,2]}\n").unwrap();
    let settings = load(&sources(&[("GENERATOR_FAL_SECRET_FILE", path.to_str().unwrap())])).settings;
    assert_eq!(secret_of(&settings, &["fal"], "fal").as_deref(), Some("{\"keys\":[1,2]}"));

    let both = refused(&sources(&[("GENERATOR_FAL_API_KEY", "k"), ("GENERATOR_FAL_API_KEY_FILE", "/nowhere")]));
    assert_eq!(both, "GENERATOR_FAL_API_KEY and GENERATOR_FAL_API_KEY_FILE are both set; set one of them");
}

#[test]
fn what_matches_nothing_is_warned_about_or_refused() {
    let settings = load(&sources(&[("GENERATOR_FLA_SECRET", "x"), ("GENERATOR_FAL_SECRTE", "x")])).settings;
    assert!(settings.generator_overrides(&["fal"]).unwrap().is_empty());
    assert_eq!(
        settings.generator_warnings(&["fal"]),
        [
            "GENERATOR_FAL_SECRTE (environment) has no effect: generator `fal` has no setting SECRTE; the nearest is SECRET",
            "GENERATOR_FLA_SECRET (environment) has no effect: it belongs to no generator that is loaded",
        ]
    );
    let in_file = load(&with_file(&[], "[generators.fla]\nsecret = \"x\"")).settings;
    assert_eq!(
        in_file.generator_overrides(&["fal"]).unwrap_err().to_string(),
        "`generators.fla` in callback-hub.toml is no generator that is loaded; the nearest is `fal`"
    );
}

#[test]
fn a_bad_value_is_told_by_its_variable() {
    let settings = load(&sources(&[("GENERATOR_FAL_TIMEOUT", "soon"), ("GENERATOR_FAL_MAX_RETRIES", "-1")])).settings;
    let told = settings.generator_overrides(&["fal"]).unwrap_err().to_string();
    assert!(told.contains("GENERATOR_FAL_TIMEOUT (environment) must be a duration"), "{told}");
    assert!(told.contains("GENERATOR_FAL_MAX_RETRIES (environment) must be a whole number"), "{told}");
}
