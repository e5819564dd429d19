//! Files, right and wrong.

use std::time::Duration;

use rstest::rstest;

use super::*;
use crate::generator::mistake::CatalogError;
use crate::generator::scalar::{Confirm, Early, Trust};

const SIGN: &str = "[[sign]]\nscheme = \"hmac\"\nheader = \"x-signature\"\n";

fn load(text: &str, overrides: &Overrides) -> Result<Catalog, CatalogError> {
    Catalog::load(&[("generators/x.toml".to_owned(), text.to_owned())], overrides)
}

fn mistake(text: &str) -> String {
    load(text, &Overrides::default()).unwrap_err().to_string()
}

#[test]
fn the_built_in_files_say_what_the_contract_says() {
    let catalog = Catalog::load(&[], &Overrides::default()).unwrap();
    let facts: Vec<_> =
        catalog.iter().map(|it| (it.name().as_str(), it.trust(), it.max_retries(), it.accepted(), it.early())).collect();
    assert_eq!(
        facts,
        [("content-creator", Trust::Token, 3, 200, Early::Reject), ("default", Trust::Verify, 3, 200, Early::Reject)]
    );
    assert!(catalog.find("nobody").is_none() && catalog.find("NOT A NAME").is_none());
}

#[test]
fn a_file_of_the_same_name_replaces_the_built_in_one() {
    let files = [("default.toml".to_owned(), format!("trust = \"token\"\n{SIGN}[event]\n[reply]\naccepted = 202"))];
    let catalog = Catalog::load(&files, &Overrides::default()).unwrap();
    let default = catalog.find("default").unwrap();
    assert_eq!((default.trust(), default.accepted(), default.max_retries(), catalog.iter().count()), (Trust::Token, 202, 0, 2));
    assert_eq!(Catalog::names(&files).unwrap().len(), 2);
}

#[test]
fn settings_go_before_the_file() {
    let text = format!(
        "timeout = \"30m\"\nmax_retries = 1\nmax_body = \"2MiB\"\nallowed_ips = [\"10.0.0.0/8\", \"::1\"]\nmax_concurrent = 4\n{SIGN}[event]\n[reply]\nearly = \"retry\"\nretry_after = 7"
    );
    let plain = load(&text, &with_secrets("x", &[])).unwrap();
    let plain = plain.find("x").unwrap();
    assert_eq!((plain.timeout(), plain.max_retries(), plain.max_body()), (Some(Duration::from_secs(1800)), 1, Some(2 << 20)));
    assert_eq!((plain.early(), plain.retry_after(), plain.max_concurrent()), (Early::Retry, Duration::from_secs(7), Some(4)));
    assert!(plain.allowed_ips().unwrap()[1].contains(&"::1".parse::<std::net::IpAddr>().unwrap()));

    let mut overrides = with_secrets("x", &[SECRET]);
    let own = overrides.generators.values_mut().next().unwrap();
    own.timeout = Some(Duration::from_secs(60));
    own.max_retries = Some(9);
    own.max_body = Some(5);
    own.trust = Some(Trust::Token);
    own.allowed_ips = Some(Vec::new());
    let set = load(&text, &overrides).unwrap();
    let set = set.find("x").unwrap();
    assert_eq!((set.timeout(), set.max_retries(), set.max_body()), (Some(Duration::from_secs(60)), 9, Some(5)));
    assert_eq!((set.trust(), set.allowed_ips(), set.has_secret()), (Trust::Token, Some(&[][..]), true));
    assert!(!format!("{overrides:?} {set:?}").contains(SECRET));
}

#[test]
fn unsigned_callbacks_need_a_permission() {
    let text = "trust = \"none\"\n[event]\n";
    assert_eq!(mistake(text), "generators/x.toml:1: `trust` is \"none\", which only CALLBACK_REQUIRE_SIGNATURE=false permits");
    let permitted = Overrides { default_unsigned: true, ..Overrides::default() };
    let catalog = load(text, &permitted).unwrap();
    let trust: Vec<Trust> = catalog.iter().map(|generator| generator.trust()).collect();
    assert_eq!(trust, [Trust::Token, Trust::None, Trust::None]);

    let mut by_setting = with_secrets("default", &[]);
    by_setting.generators.values_mut().next().unwrap().trust = Some(Trust::None);
    assert!(
        Catalog::load(&[], &by_setting).unwrap_err().to_string().starts_with("the setting `trust` of generator `default` is")
    );
}

#[rstest]
#[case::top(
    "trust = \"verify\"\nmax_retires = 3\n[event]",
    "generators/x.toml:2: `max_retires` is no key here; did you mean `max_retries`?"
)]
#[case::section(
    "[event]\n[event.map]\ncompelted = [\"x\"]",
    "generators/x.toml:3: `event.map.compelted` is no key here; did you mean `completed`?"
)]
#[case::in_sign(
    "[event]\n[[sign]]\nscheme = \"hmac\"\ntolerence = 5",
    "generators/x.toml:4: `sign.tolerence` is no key here; did you mean `tolerance`?"
)]
#[case::word("[event]\ndefault = \"ignroe\"", "generators/x.toml:2: `event.default` may not be `ignroe`; did you mean `ignore`?")]
#[case::far_word(
    "trust = \"blindly\"\n[event]",
    "generators/x.toml:1: `trust` may not be `blindly`; known are `verify`, `token`, `none`"
)]
#[case::kind(
    "max_retries = \"three\"\n[event]",
    "generators/x.toml:1: `max_retries` invalid type: string \"three\", expected u32"
)]
#[case::duration(
    "timeout = \"5 weeks\"\n[event]",
    "generators/x.toml:1: `timeout` must be whole seconds, or a number with ms, s, m, h or d"
)]
#[case::size("max_body = \"1GB\"\n[event]", "generators/x.toml:1: `max_body` must be whole bytes, or a number with KiB or MiB")]
#[case::network(
    "allowed_ips = [\"10.0.0\"]\n[event]",
    "generators/x.toml:1: `allowed_ips` holds `10.0.0`, which is no address and no network"
)]
#[case::source(
    "[event]\nstate = [\n \"body:x\"]",
    "generators/x.toml:3: `event.state` may not be `body:x`; a source is `header:NAME`, `json:a.b[0].c` or `query:NAME`"
)]
#[case::pointer(
    "[event]\nstate = \"json:a..b\"",
    "generators/x.toml:2: `event.state` holds `a..b`, which is no path like `a.b[0].c`"
)]
#[case::result(
    "[event]\nresult = \"header:x\"",
    "generators/x.toml:2: `event.result` may not be `header:x`; it lies in the body: `json:a.b`"
)]
#[case::reply("[event]\n[reply]\naccepted = 204", "generators/x.toml:3: `reply.accepted` must be 200 or 202")]
#[case::park("[event]\n[reply]\nearly = \"park\"", "generators/x.toml:3: `reply.early` may not be `park`: that is not built yet")]
#[case::shared("ingress = \"shared\"\n[event]", "generators/x.toml:1: `ingress` may not be `shared`: that is not built yet")]
#[case::submit("[event]\n[submit]\nurl = \"\"", "generators/x.toml:2: `submit` is not built yet")]
#[case::rule("[event]\n[[event.rule]]\nif = \"\"", "generators/x.toml:2: `event.rule` is not built yet")]
#[case::confirm(
    "[event]\nconfirm = \"always\"\n[[sign]]\nscheme = \"hmac\"\nheader = \"h\"",
    "generators/x.toml:2: `event.confirm` needs a status request, and those are not built yet"
)]
#[case::ed25519(
    "[event]\n[[sign]]\nscheme = \"ed25519\"",
    "generators/x.toml:3: `sign.scheme` may not be `ed25519`: that is not built yet"
)]
#[case::no_scheme("[event]\n[[sign]]\nheader = \"h\"", "generators/x.toml:2: `sign.scheme` is missing")]
#[case::no_event("trust = \"token\"", "generators/x.toml:1: `event` is missing")]
#[case::name("name = \"y\"\n[event]", "generators/x.toml:1: `name` must be the file's own name, `x`")]
#[case::no_sign("trust = \"verify\"\n[event]", "generators/x.toml:1: `trust` is \"verify\", and no [[sign]] section says how")]
#[case::bind(
    "trust = \"token\"\nbind = \"token\"\n[event]",
    "generators/x.toml:2: `bind` needs a [[sign]] section and a `trust` other than none"
)]
#[case::syntax("trust = \n[event]", "")]
fn a_mistake_is_named_with_its_place(#[case] text: &str, #[case] expected: &str) {
    let found = mistake(text);
    if expected.is_empty() {
        assert!(found.starts_with("generators/x.toml:1: `trust` "), "{found}");
    } else {
        assert_eq!(found, expected);
    }
}

#[rstest]
#[case("content = \"{bdy}\"", "has `{bdy}`")]
#[case("content = \"{body\"", "has a `{` without its `}`")]
#[case("content = \"{ts}.{body}\"", "no `ts` says where")]
#[case("content = \"{json:sorted,compact,ascii}\"", "re-serialisation is not built yet")]
#[case("content = \"{header:x-id}\"", "does not cover the body")]
#[case("field = \"v1\"", "`sign.field` needs `field_sep`")]
#[case("field_sep = \"=\"", "`sign.field_sep` needs `field`")]
#[case("key = \"jwks\"", "not built yet")]
#[case("query = \"token\"", "the callback URL always carries a token")]
fn a_recipe_must_make_sense(#[case] key: &str, #[case] expected: &str) {
    let found = mistake(&format!("[event]\n{SIGN}{key}\n"));
    assert!(found.starts_with("generators/x.toml:") && found.contains(expected), "{found}");
}

#[test]
fn settings_that_fit_no_file_are_mistakes_too() {
    let error = |overrides: &Overrides| load(&format!("[event]\n{SIGN}key = \"base64\""), overrides).unwrap_err().to_string();
    assert_eq!(
        error(&with_secrets("defualt", &[])),
        "the setting `name` of generator `defualt` is not known; did you mean `default`?"
    );
    let told = error(&with_secrets("x", &["s%cret"]));
    assert_eq!(told, "the setting `secret` of generator `x` is not base64");
    let mut asking = with_secrets("default", &[]);
    asking.generators.values_mut().next().unwrap().confirm = Some(Confirm::Terminal);
    assert!(error(&asking).contains("needs a status request"));
    let five = format!("[event]\n{}", SIGN.repeat(5));
    assert!(mistake(&five).contains("at most 4 times"));
    assert!(Catalog::load(&[("No Name.toml".to_owned(), String::new())], &Overrides::default()).is_err());
}
