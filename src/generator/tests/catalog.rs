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

pub(super) fn mistake(text: &str) -> String {
    load(text, &Overrides::default()).unwrap_err().to_string()
}

#[test]
fn the_built_in_files_say_what_the_contract_says() {
    let catalog = Catalog::load(&[], &Overrides::default()).unwrap();
    for (name, trust) in [("content-creator", Trust::Token), ("default", Trust::Verify), ("simulator", Trust::Verify)] {
        let it = catalog.find(name).unwrap();
        let facts = (it.trust(), it.max_retries(), it.accepted(), it.early());
        assert_eq!(facts, (trust, 3, 200, Early::Reject), "{name}");
    }
    assert!(catalog.find("nobody").is_none() && catalog.find("NOT A NAME").is_none());
}

#[test]
fn every_file_of_the_folder_is_built_in() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("generators");
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut wanted: Vec<String> = names.filter_map(|name| name.strip_suffix(".toml").map(ToOwned::to_owned)).collect();
    wanted.sort();
    let names = Catalog::names(&[]).unwrap();
    assert_eq!(names.iter().map(GeneratorName::as_str).collect::<Vec<_>>(), wanted);
}

#[test]
fn a_file_of_the_same_name_replaces_the_built_in_one() {
    let files = [("default.toml".to_owned(), format!("trust = \"token\"\n{SIGN}[event]\n[reply]\naccepted = 202"))];
    let catalog = Catalog::load(&files, &Overrides::default()).unwrap();
    let default = catalog.find("default").unwrap();
    assert_eq!((default.trust(), default.accepted(), default.max_retries()), (Trust::Token, 202, 0));
    assert_eq!(Catalog::names(&files).unwrap(), Catalog::names(&[]).unwrap());
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
    let trust = ["content-creator", "default", "simulator", "x"].map(|name| catalog.find(name).unwrap().trust());
    assert_eq!(trust, [Trust::Token, Trust::None, Trust::Verify, Trust::None]);

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
#[case::kind("max_retries = \"three\"\n[event]", "generators/x.toml:1: `max_retries` must be a whole number from 0")]
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
#[case::hosts(
    "hosts = [\n\"a\",\n\"https://cdn.example/files\"]\n[event]",
    "generators/x.toml:3: `hosts` holds `https://cdn.example/files`, which is no host like `cdn.example` or `cdn.example:8443`"
)]
#[case::about("about = \"one\\nand two\"\n[event]", "generators/x.toml:1: `about` must be one line")]
#[case::experimental("experimental = \"yes\"\n[event]", "generators/x.toml:1: `experimental` must be true or false")]
#[case::methods(
    "[event]\n[reply]\nmethods = [\"GET\"]",
    "generators/x.toml:3: `reply.methods` may not be `GET`; known are `POST`, `PUT`"
)]
#[case::content(
    "[event]\n[content]\ntitle = \"json:title\"",
    "generators/x.toml:3: `content.title` may not be `json:title`; it is `result:a.b`, `input:a.b` or `metadata:a.b`"
)]
#[case::field(
    "[event]\n[content.fields]\nx = \"result:a..b\"",
    "generators/x.toml:3: `content.fields.x` holds `a..b`, which is no path like `a.b[0].c`"
)]
#[case::content_key(
    "[event]\n[content]\ntitel = \"result:a\"",
    "generators/x.toml:3: `content.titel` is no key here; did you mean `title`?"
)]
#[case::sender(
    "[event]\n[sender]\nstops_on = [\"4xx\", \"6xx\"]",
    "generators/x.toml:3: `sender.stops_on` may not be `6xx`; it is a status like `404`, or a class like `4xx`"
)]
#[case::unreachable(
    "ingress = \"shared\"\n[event]\ntask = \"json:id\"\n[reply]\nmethods = \"PUT\"\n[[sign]]\nscheme = \"hmac\"\nheader = \"h\"",
    "generators/x.toml:1: `reply.methods` leaves out POST, and with `ingress = \"shared\"` nothing else arrives"
)]
#[case::a_list("trust = \"token\"\n[event]\nmap = [\"ok\", \"bad\"]", "generators/x.toml:3: `event.map` must be a table")]
#[case::two_meanings(
    "trust = \"token\"\n[event]\nstate = \"json:s\"\n[event.map]\ncompleted = [\"ok\", \"done\"]\nignore = \"done\"",
    "generators/x.toml:6: `event.map` says two things of `done`"
)]
#[case::items(
    "[event]\n[[sign]]\nscheme = \"hmac\"\nheader = \"h\"\ncontent = \"{ts}.{body}\"\nts = \"sig:t\"",
    "generators/x.toml:6: `sign.ts` is one of several items of the header: `item_sep`, `field_sep` and `field` say how to tell them apart"
)]
#[case::scheme(
    "[event]\n[[sign]]\nscheme = \"ed25591\"",
    "generators/x.toml:3: `sign.scheme` may not be `ed25591`; did you mean `ed25519`?"
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

/// The text comes after `[event]`, its first line is the third.
#[rstest]
#[case::no_way("[submit]\nurl = \"\"", "generators/x.toml:3: `submit` needs `url` or `command`")]
#[case::two_ways(
    "[submit]\nurl = \"http://a\"\ncommand = [\"a\"]",
    "generators/x.toml:5: `submit.command` and `url` exclude each other"
)]
#[case::submit_key("[submit]\nurll = \"\"", "generators/x.toml:4: `submit.urll` is no key here; did you mean `url`?")]
#[case::no_url(
    "[submit]\nurl = \"/api\"",
    "generators/x.toml:4: `submit.url` must be a URL that begins with http://, https:// or {base_url}"
)]
#[case::early_id(
    "[submit]\nurl = \"http://a/{remote_id}\"",
    "generators/x.toml:3: `submit` needs {remote_id}, which nobody knows before the submission"
)]
#[case::program(
    "[submit]\ncommand = [\"{input.program}\"]",
    "generators/x.toml:4: `submit.command` begins with the name of a program, and nothing is filled in there"
)]
#[case::place(
    "[submit]\nurl = \"http://a\"\ncallback = \"form:x\"",
    "generators/x.toml:5: `submit.callback` lies in a form, and `body` is \"json\""
)]
#[case::template(
    "[submit]\nurl = \"http://a\"\ncallback = \"query-b64json:x\"",
    "generators/x.toml:5: `submit.callback` needs `callback_template`: the JSON that holds `{url}`"
)]
#[case::clamp(
    "[submit]\nurl = \"http://a\"\n[submit.map.priority]\nclamp = [4, 1]",
    "generators/x.toml:6: `submit.map.priority.clamp` must be two numbers, the least and the most"
)]
#[case::no_change(
    "[submit]\nurl = \"http://a\"\nmap = { priority = {} }",
    "generators/x.toml:5: `submit.map` needs `clamp` or `values`"
)]
#[case::header(
    "[poll]\nurl = \"http://a\"\nheaders = { \"a b\" = \"\" }\nstate = \"json:s\"",
    "generators/x.toml:5: `poll.headers` `a b` is no header, or its value none"
)]
#[case::no_state(
    "state = \"header:x\"\n[poll]\nurl = \"http://a\"",
    "generators/x.toml:4: `poll.state` must say where in the answer the state is (`json:a.b`), as [event] does not either"
)]
#[case::poll_default(
    "[poll]\nurl = \"http://a\"\ndefault = \"completed\"",
    "generators/x.toml:5: `poll.default` may only be \"progress\": an answer without a word, and a word that nobody mapped, mean no end"
)]
#[case::backoff(
    "[poll]\nurl = \"http://a\"\nbackoff = 0.5",
    "generators/x.toml:5: `poll.backoff` must be a number from 1 to 100"
)]
#[case::every("[poll]\nurl = \"http://a\"\nevery = 0", "generators/x.toml:5: `poll.every` must be longer than nothing")]
#[case::ok(
    "[cancel]\nurl = \"http://a\"\nok = \"fine\"",
    "generators/x.toml:5: `cancel.ok` may not be `fine`; it is a list of statuses (`2xx, 404`) or a condition (`json:code in [1, 22]`)"
)]
fn a_request_must_make_sense(#[case] text: &str, #[case] expected: &str) {
    assert_eq!(mistake(&format!("trust = \"token\"\n[event]\n{text}")), expected);
}

#[test]
fn what_stands_in_braces_must_stand_for_something() {
    let found = mistake("trust = \"token\"\n[event]\n[submit]\nurl = \"http://a/{model}\"");
    assert!(found.starts_with("generators/x.toml:4: `submit.url` has `{model}`, which is neither one of"), "{found}");
    let found = mistake("trust = \"token\"\n[event]\n[submit]\ncommand = [\"a\",\n\"{b\"]");
    assert_eq!(found, "generators/x.toml:5: `submit.command` has a `{` without its `}`");
}

#[rstest]
#[case("content = \"{bdy}\"", "has `{bdy}`")]
#[case("content = \"{body\"", "has a `{` without its `}`")]
#[case("content = \"{ts}.{body}\"", "no `ts` says where")]
#[case("content = \"{json:sorted,compact}\"", "a re-serialisation is ORDER,SEPARATORS,CHARSET")]
#[case("content = \"{json:sorted,compact,asci}\"", "did you mean `ascii`?")]
#[case("content = \"{json:sorted,compact,ascii}{json:kept,compact,ascii}\"", "spells the body in two ways")]
#[case("content = \"{json:sorted,compact,ascii}{body_without_line_breaks}\"", "spells the body in two ways")]
#[case("content = \"{header:x-id}\"", "does not cover the body")]
#[case("field = \"v1\"", "`sign.field` needs `field_sep`")]
#[case("field_sep = \"=\"", "`sign.field_sep` needs `field`")]
#[case("key = \"jwks\"", "`sign.jwks` holds public keys, which make no HMAC")]
#[case("jwks = \"https://a/keys\"", "`sign.jwks` holds public keys, which make no HMAC")]
#[case("query = \"token\"", "the callback URL always carries a token")]
fn a_recipe_must_make_sense(#[case] key: &str, #[case] expected: &str) {
    let found = mistake(&format!("[event]\n{SIGN}{key}\n"));
    assert!(found.starts_with("generators/x.toml:") && found.contains(expected), "{found}");
}

#[rstest]
#[case("alg = \"sha256\"", "`sign.alg` says nothing for Ed25519")]
#[case("key = \"utf8\"", "`sign.key` may be \"base64\" or \"jwks\"")]
#[case("jwks = \"https://a/keys\"", "`sign.jwks` needs `key = \"jwks\"`")]
#[case("key = \"jwks\"\njwks = \"http://keys.example/keys\"", "`sign.jwks` must be a URL that begins with https://")]
#[case("key = \"jwks\"\njwks = \"keys\"", "`sign.jwks` must be a URL that begins with https://")]
#[case("content = \"{ts}.{body}\"", "no `ts` says where")]
#[case("content = \"{header:x-id}\"", "does not cover the body")]
fn a_recipe_for_public_keys_must_make_sense(#[case] key: &str, #[case] expected: &str) {
    let found = mistake(&format!("[event]\n[[sign]]\nscheme = \"ed25519\"\nheader = \"x-signature\"\n{key}\n"));
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
    let told = error(&asking);
    assert!(
        told.starts_with("the setting `confirm` of generator `default` is \"terminal\", and without a [poll] section"),
        "{told}"
    );
    let five = format!("[event]\n{}", SIGN.repeat(5));
    assert!(mistake(&five).contains("at most 4 times"));
    assert!(Catalog::load(&[("No Name.toml".to_owned(), String::new())], &Overrides::default()).is_err());
}
