//! Files that nobody would write: every one is read, or refused with its name, a line that it has and a word of it; and what
//! is read takes callbacks without a panic.

use std::fs;
use std::path::Path;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::*;
use crate::generator::token::Capability;

const FILE: &str = "somewhere/x.toml";

/// The files of the catalog, in the order of their names.
fn files() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("generators");
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = paths.filter(|path| path.extension().is_some_and(|kind| kind == "toml")).collect();
    paths.sort();
    paths.iter().map(|path| fs::read_to_string(path).unwrap()).collect()
}

/// One thing that went wrong with a file.
#[derive(Clone, Debug)]
enum Mishap {
    Drop(Index),
    Twice(Index),
    Swap(Index, Index),
    /// Everything after the `=` of a line.
    Value(Index, String),
    /// The key before it.
    Key(Index, String),
    Line(Index, String),
    /// A piece of text in the middle of another.
    Piece(Index, String),
    Cut(Index),
}

fn mishap() -> impl Strategy<Value = Mishap> {
    let at = || any::<Index>();
    prop_oneof![
        at().prop_map(Mishap::Drop),
        at().prop_map(Mishap::Twice),
        (at(), at()).prop_map(|(one, other)| Mishap::Swap(one, other)),
        (at(), value()).prop_map(|(line, value)| Mishap::Value(line, value)),
        (at(), key()).prop_map(|(line, key)| Mishap::Key(line, key)),
        (at(), line()).prop_map(|(place, line)| Mishap::Line(place, line)),
        (at(), piece()).prop_map(|(place, piece)| Mishap::Piece(place, piece)),
        at().prop_map(Mishap::Cut),
    ]
}

fn piece() -> impl Strategy<Value = String> {
    const PIECES: &[&str] =
        &["\"", "'", "\"\"\"", "[", "]", "[[", "{", "}", "=", "#", ".", ",", "\n", "\r", "\t", "\\", "\\u", "\0", "é", "😀"];
    prop_oneof![select(PIECES).prop_map(str::to_owned), any::<String>()]
}

/// All that means something in a file, and some that means nothing.
const KEYS: &str = "name about sources experimental extends trust bind ingress hosts max_retries final_errors timeout result_ttl \
    max_concurrent resubmit_on_timeout allowed_ips max_body sign event reply submit poll cancel handshake content sender \
    scheme header strip alg item_sep field_sep field encoding key key_prefix ts ts_unit tolerance future covers_body query jwks \
    strict task id at at_unit state progress scale progress_of stage message result error data confirm default map rule if then \
    accepted early retry_after methods when signed url command method auth headers body callback callback_template extra \
    remote_id ok idempotency params lookup result_url gone_as first_after every backoff max mode title fields window retries \
    stops_on completed failed ignore started nobody é \"\"";

fn key() -> impl Strategy<Value = String> {
    let keys: Vec<&str> = KEYS.split(' ').filter(|key| !key.is_empty()).collect();
    let below = (select(keys.clone()), select(keys.clone())).prop_map(|(one, other)| format!("{one}.{other}"));
    prop_oneof![4 => select(keys).prop_map(str::to_owned), 1 => below]
}

/// Good for some key, each of them, but hardly for the one that gets it.
const VALUES: &str = r#""" | 0 | -1 | 1 | 1.5 | nan | inf | true | false | [] | {} | [1, "a"] | { a = 1 } | 1979-05-27
    | 9223372036854775807 | 18446744073709551615 | 1e400 | "hmac" | "ed25519" | "token" | "none" | "jwks" | "base64" | "prefixed"
    | "default" | "x" | "json:" | "json:a.b[0].c" | "json:a[*].b=1" | "json:a in [1, 2]" | "json:a~*" | "json:a exists"
    | "header:a|b" | "header:" | "query:q" | "sig:t" | "path" | "task" | "shared" | "{body}" | "{ts}.{body}" | "{url}" | "{"
    | "{json:sorted,compact,ascii}" | "{json:a}" | "{}" | "{base_url}/{remote_id}" | "http://a/{task_id}" | "https://a" | "5m"
    | "1KiB" | "99999999999999999999d" | "always" | "terminal" | "event" | "park" | "*" | "a.*" | "200" | ["a", "b"] | "resubmit"
    | "jwt-hs256" | "2xx, 404" | "input:a" | "metadata:a" | "result:a" | "submit:a.b" | "é😀" | ["json:a", "json:b"]"#;

fn value() -> impl Strategy<Value = String> {
    let values: Vec<&str> = VALUES.split(" | ").map(str::trim).collect();
    let nested = (1..200_usize).prop_map(|depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth)));
    let text = any::<String>().prop_map(|text| format!("{text:?}"));
    prop_oneof![8 => select(values).prop_map(str::to_owned), 1 => nested, 1 => text]
}

fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => (key(), value()).prop_map(|(key, value)| format!("{key} = {value}")),
        1 => key().prop_map(|key| format!("[{key}]")),
        1 => key().prop_map(|key| format!("[[{key}]]")),
        1 => any::<String>(),
    ]
}

impl Mishap {
    fn befall(self, text: String) -> String {
        let mut lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
        let count = lines.len();
        match self {
            Self::Drop(at) => drop(lines.remove(at.index(count))),
            Self::Twice(at) => lines.insert(at.index(count), lines[at.index(count)].clone()),
            Self::Swap(one, other) => lines.swap(one.index(count), other.index(count)),
            Self::Value(at, value) => replace(&mut lines[at.index(count)], |key, _| format!("{key}= {value}")),
            Self::Key(at, key) => replace(&mut lines[at.index(count)], |_, value| format!("{key} ={value}")),
            Self::Line(at, line) => lines.insert(at.index(count), line),
            Self::Piece(at, piece) => return inserted(text, &at, &piece),
            Self::Cut(at) => return text.chars().take(at.index(text.chars().count() + 1)).collect(),
        }
        lines.join("\n")
    }
}

fn replace(line: &mut String, with: impl FnOnce(&str, &str) -> String) {
    let (key, value) = line.split_once('=').unwrap_or((line, ""));
    *line = with(key, value);
}

fn inserted(mut text: String, at: &Index, piece: &str) -> String {
    let place = text.floor_char_boundary(at.index(text.len() + 1));
    text.insert_str(place, piece);
    text
}

/// A refusal names the file, a line that it has, and something of what stands there.
fn check_refusal(told: &str, text: &str) -> Result<(), TestCaseError> {
    if told.starts_with("the setting `") {
        return Ok(());
    }
    let place = told.strip_prefix(FILE);
    prop_assert!(place.is_some(), "{told}\n{text}");
    let place = place.unwrap_or_default();
    // what only two files together say wrong has a key and no line
    if !place.starts_with(" (extends ") {
        let line = place.strip_prefix(':').and_then(|rest| rest.split_once(':')).and_then(|(line, _)| line.parse::<usize>().ok());
        prop_assert!(line.is_some_and(|line| (1..=text.split('\n').count()).contains(&line)), "{told}\n{text}");
    }
    let fact = place.split_once("` ").map(|(_, fact)| fact.trim());
    prop_assert!(fact.is_some_and(|fact| fact.len() > 5), "{told}\n{text}");
    prop_assert!(!told.contains("invalid type") && !told.contains("expected struct"), "a reader's words: {told}");
    Ok(())
}

/// The generator takes whatever comes, proven by its token or not.
fn check_reading(generator: &Arc<Generator>, body: &str) -> Result<(), TestCaseError> {
    let token = keys().mint(Capability { task: &task(), attempt: 1, generator: generator.name() });
    let bare = raw(body).with_header("x", "v1=00,t=1770552000").with_header("a", "5");
    prop_assert!(generator.trust() == crate::generator::scalar::Trust::None || verdict(bare.clone(), generator).is_err());
    if let Ok(verified) = verify(bare.with_query("token", &token), generator, &keys(), &PublishedKeys::default()) {
        let _ = decode(&verified);
    }
    Ok(())
}

fn check(text: &str, secrets: &[&str], body: &str) -> Result<(), TestCaseError> {
    match Catalog::single(&[(FILE.to_owned(), text.to_owned())], &with_secrets("x", secrets)) {
        Ok(generator) => check_reading(&Arc::new(generator), body),
        Err(error) => check_refusal(&error.to_string(), text),
    }
}

fn secret() -> impl Strategy<Value = Vec<&'static str>> {
    let public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    select(vec![vec![], vec![SECRET], vec!["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"], vec![public]])
}

fn body() -> impl Strategy<Value = &'static str> {
    const BODIES: &[&str] = &[
        "",
        "{}",
        "null",
        r#"{"status":"completed"}"#,
        r#"{"a":{"b":[{"c":1}]},"event":[]}"#,
        r#"{"type":"x","data":{"id":7},"result":{},"progress":"7%"}"#,
    ];
    select(BODIES)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn a_file_with_mishaps_is_read_or_refused_in_its_place(
        file in select(files()), mishaps in vec(mishap(), 1..4), secrets in secret(), body in body(),
    ) {
        let text = mishaps.into_iter().fold(file, |text, mishap| mishap.befall(text));
        check(&text, &secrets, body)?;
    }

    #[test]
    fn lines_in_no_order_are_read_or_refused_in_their_place(lines in vec(line(), 0..12), secrets in secret(), body in body()) {
        check(&lines.join("\n"), &secrets, body)?;
    }

    #[test]
    fn what_is_no_toml_is_refused_in_its_place(text in any::<String>()) {
        check(&text, &[], "")?;
    }

    #[test]
    fn a_name_that_is_none_is_refused_with_the_file(name in "[ -~é]{0,12}") {
        let files = [(format!("{name}.toml"), "[event]\n".to_owned())];
        if let Err(error) = Catalog::single(&files, &Overrides::default()) {
            prop_assert!(error.to_string().starts_with(&files[0].0), "{error}");
        }
    }
}
