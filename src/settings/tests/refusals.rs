use std::collections::BTreeMap;

use rstest::rstest;

use super::super::Refusal;
use super::*;

const SECRET: (&str, &str) = ("CALLBACK_SECRET_KEY", "0123456789abcdef0123456789abcdef");

fn check(environment: &[(&str, &str)]) -> Result<Vec<String>, Vec<Refusal>> {
    check_with(environment, false)
}

fn check_with(environment: &[(&str, &str)], keys_in_database: bool) -> Result<Vec<String>, Vec<Refusal>> {
    let settings = load(&sources(environment)).settings;
    let generators = settings.generator_overrides(&["fal-ai"]).unwrap();
    settings.check(&generators, keys_in_database)
}

/// The one sentence.
fn told(environment: &[(&str, &str)]) -> String {
    let refusals = check(environment).unwrap_err();
    assert_eq!(refusals.len(), 1, "{refusals:?}");
    refusals[0].to_string()
}

#[test]
fn one_secret_is_enough_to_start() {
    assert_eq!(check(&[SECRET]), Ok(vec![]));
    assert_eq!(check(&[("GENERATOR_FAL_AI_SECRET", SECRET.1)]), Ok(vec![]));
}

#[test]
fn required_signatures_need_a_secret() {
    assert_eq!(check(&[]), Err(vec![Refusal::NoSecret]));
    assert_eq!(check(&[("GENERATOR_FAL_AI_API_KEY", "no signature")]), Err(vec![Refusal::NoSecret]));
    assert_eq!(check(&[("CALLBACK_REQUIRE_SIGNATURE", "false")]), Ok(vec![]));
}

#[rstest]
#[case("changeme")]
#[case("change-me")]
#[case("secret")]
#[case("your-secret-key")]
#[case("YOUR_SECRET_KEY_HERE")]
#[case("Password")]
#[case("test")]
#[case("example")]
#[case("replace-me")]
#[case("<your-secret>")]
#[case("your-secret-key-change-in-production")]
#[case("change_me_please_1234")]
fn placeholders_are_refused(#[case] placeholder: &str) {
    let rotating = format!("{},{placeholder}", SECRET.1);
    assert!(told(&[(SECRET.0, &rotating)]).starts_with("CALLBACK_SECRET_KEY is a placeholder"));
    assert!(told(&[SECRET, ("API_KEYS", placeholder)]).starts_with("API_KEYS is a placeholder"));
    assert!(told(&[SECRET, ("GENERATOR_FAL_AI_SECRET", placeholder)]).starts_with("GENERATOR_FAL_AI_SECRET is a placeholder"));
}

#[test]
fn a_short_secret_of_our_own_is_refused_and_others_are_warned_about() {
    let of = |bytes: usize| &SECRET.1[..bytes];
    assert_eq!(check(&[(SECRET.0, of(15))]), Err(vec![Refusal::ShortSecret { name: "CALLBACK_SECRET_KEY", bytes: 15 }]));
    assert_eq!(check(&[(SECRET.0, of(16))]).unwrap().len(), 1);
    assert_eq!(check(&[(SECRET.0, of(31))]).unwrap().len(), 1);
    let warnings = check(&[SECRET, ("GENERATOR_FAL_AI_SECRET", of(15))]).unwrap();
    assert_eq!(warnings, ["GENERATOR_FAL_AI_SECRET has 15 bytes, which can be guessed"]);
}

#[test]
fn a_short_api_key_is_warned_about() {
    assert_eq!(
        check(&[SECRET, ("API_KEYS", "a-key-of-our-own,x")]).unwrap(),
        ["API_KEYS has a key of 1 bytes, which can be guessed"]
    );
    assert_eq!(check(&[SECRET, ("API_KEYS", "a-key-of-our-own")]), Ok(vec![]));
}

#[rstest]
#[case("https://user@hub.example.org")]
#[case("https://user:hush@hub.example.org/hub")]
fn nobodys_password_is_handed_out_with_callback_urls(#[case] url: &str) {
    let told = told(&[SECRET, ("CALLBACK_BASE_URL", url)]);
    assert!(told.starts_with("CALLBACK_BASE_URL has a user name in it") && !told.contains("hush"), "{told}");
}

#[test]
fn an_open_address_needs_an_api_key() {
    let open = [SECRET, ("SERVER_HOST", "0.0.0.0"), ("CALLBACK_BASE_URL", "https://hub.example.org")];
    assert!(told(&open).starts_with("The hub would listen on 0.0.0.0 without any API key"));
    assert_eq!(check_with(&open, true), Ok(vec![]));
    assert_eq!(check(&[open[0], open[1], open[2], ("API_KEYS", "a-key-of-our-own")]), Ok(vec![]));
    assert!(told(&[SECRET, ("SERVER_ADMIN_HOST", "::"), ("SERVER_ADMIN_PORT", "1")]).contains("listen on :: without"));
}

#[rstest]
#[case(None)]
#[case(Some("http://0.0.0.0:8080"))]
#[case(Some("http://localhost:8080"))]
#[case(Some("http://[::1]:8080"))]
fn an_open_server_needs_a_base_url_that_can_be_reached(#[case] base_url: Option<&str>) {
    let mut environment = vec![SECRET, ("SERVER_HOST", "0.0.0.0"), ("API_KEYS", "a-key-of-our-own")];
    environment.extend(base_url.map(|url| ("CALLBACK_BASE_URL", url)));
    let told = told(&environment);
    let expected = format!("CALLBACK_BASE_URL is {}, which generators cannot reach", base_url.unwrap_or("http://0.0.0.0:8080"));
    assert!(told.starts_with(&expected), "{told}");
}

#[test]
fn other_databases_are_refused() {
    assert!(told(&[SECRET, ("DATABASE_URL", "mysql://h/db")]).starts_with("DATABASE_URL is `mysql://h/db`, which is neither"));
    let python = told(&[SECRET, ("DATABASE_URL", "postgresql+asyncpg://u:hush@h/db")]);
    assert!(python.ends_with("write `postgres://u:***@h/db`"), "{python}");
}

#[test]
fn halves_and_zeros_are_refused() {
    assert_eq!(told(&[SECRET, ("SERVER_TLS_CERT", "cert.pem")]), "SERVER_TLS_CERT is set without SERVER_TLS_KEY");
    assert_eq!(told(&[SECRET, ("SERVER_ADMIN_HOST", "::1")]), "SERVER_ADMIN_HOST is set without SERVER_ADMIN_PORT");
    assert_eq!(told(&[SECRET, ("CALLBACK_TIMEOUT", "0")]), "CALLBACK_TIMEOUT must not be zero");
}

#[test]
fn all_refusals_are_told_at_once() {
    let settings = load(&sources(&[("SERVER_HOST", "0.0.0.0"), ("DATABASE_URL", "hub.db")])).settings;
    assert_eq!(settings.check(&BTreeMap::new(), false).unwrap_err().len(), 4);
}
