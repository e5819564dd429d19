//! The JSON Schema knows what the reader knows: the same keys in every table, and the same words.

use std::collections::BTreeSet;

use rstest::rstest;
use serde_json::Value;

use super::catalog::mistake;
use crate::generator::schema::SCHEMA;

const NOBODY: &str = "zzzzzzzzzzzzzzzz";

fn schema() -> Value {
    serde_json::from_str(SCHEMA).unwrap()
}

/// The schema of a table by its path; `sign[]` is an item of a list, `fields.*` a member with a free name.
fn table(path: &str) -> Value {
    let schema = schema();
    let resolved = |value: &Value| match value["$ref"].as_str().and_then(|name| name.strip_prefix("#/$defs/")) {
        Some(name) => schema["$defs"][name].clone(),
        None => value.clone(),
    };
    path.split('.').filter(|step| !step.is_empty()).fold(schema.clone(), |table, step| match (step, step.strip_suffix("[]")) {
        ("*", _) => resolved(&table["additionalProperties"]),
        (_, Some(list)) => resolved(&resolved(&table["properties"][list])["items"]),
        _ => resolved(&table["properties"][step]),
    })
}

/// What a mistake says is known.
fn known(mistake: &str) -> BTreeSet<String> {
    let (_, list) = mistake.split_once("; known are ").unwrap_or_else(|| panic!("nothing is known: {mistake}"));
    list.split('`').skip(1).step_by(2).map(ToOwned::to_owned).collect()
}

#[rstest]
#[case::top("", "KEY = 1\n[event]")]
#[case::sign("sign[]", "[event]\n[[sign]]\nKEY = 1")]
#[case::event("event", "[event]\nKEY = 1")]
#[case::words("event.map", "[event.map]\nKEY = 1")]
#[case::rule("event.rule[]", "[[event.rule]]\nKEY = 1")]
#[case::reply("reply", "[event]\n[reply]\nKEY = 1")]
#[case::handshake("handshake", "[event]\n[handshake]\nKEY = 1")]
#[case::submit("submit", "[event]\n[submit]\nKEY = 1")]
#[case::change("submit.map.*", "[event]\n[submit.map.x]\nKEY = 1")]
#[case::poll("poll", "[event]\n[poll]\nKEY = 1")]
#[case::polled_words("poll.map", "[event]\n[poll.map]\nKEY = 1")]
#[case::polled_rule("poll.rule[]", "[event]\n[[poll.rule]]\nKEY = 1")]
#[case::cancel("cancel", "[event]\n[cancel]\nKEY = 1")]
#[case::content("content", "[event]\n[content]\nKEY = 1")]
#[case::sender("sender", "[event]\n[sender]\nKEY = 1")]
fn every_key_is_in_the_schema_and_no_other(#[case] path: &str, #[case] text: &str) {
    let table = table(path);
    let described: BTreeSet<String> = table["properties"].as_object().unwrap().keys().cloned().collect();
    let mut known = known(&mistake(&text.replace("KEY", NOBODY)));
    // is known only to be refused with a better reason
    known.remove("query");
    assert_eq!(described, known);
    assert_eq!(table["additionalProperties"], false, "an unknown key is refused");
}

#[rstest]
#[case("trust", "trust = VALUE\n[event]")]
#[case("bind", "bind = VALUE\n[event]")]
#[case("ingress", "ingress = VALUE\n[event]")]
#[case("sign[].scheme", "[event]\n[[sign]]\nscheme = VALUE")]
#[case("sign[].alg", "[event]\n[[sign]]\nalg = VALUE")]
#[case("sign[].encoding", "[event]\n[[sign]]\nencoding = VALUE")]
#[case("sign[].key", "[event]\n[[sign]]\nkey = VALUE")]
#[case("sign[].ts_unit", "[event]\n[[sign]]\nts_unit = VALUE")]
#[case("event.scale", "[event]\nscale = VALUE")]
#[case("event.at_unit", "[event]\nat_unit = VALUE")]
#[case("event.confirm", "[event]\nconfirm = VALUE")]
#[case("event.default", "[event]\ndefault = VALUE")]
#[case("event.rule[].then", "[[event.rule]]\nthen = VALUE")]
#[case("reply.early", "[event]\n[reply]\nearly = VALUE")]
#[case("submit.method", "[event]\n[submit]\nmethod = VALUE")]
#[case("submit.body", "[event]\n[submit]\nbody = VALUE")]
#[case("poll.gone_as", "[event]\n[poll]\ngone_as = VALUE")]
fn every_word_is_in_the_schema_and_no_other(#[case] path: &str, #[case] text: &str) {
    let words: BTreeSet<String> =
        table(path)["enum"].as_array().unwrap().iter().map(|word| word.as_str().unwrap().to_owned()).collect();
    assert_eq!(words, known(&mistake(&text.replace("VALUE", &format!("\"{NOBODY}\"")))));
}

/// Every table with the names that the page calls it by.
const PAGE: [(&str, &str); 12] = [
    ("", "At the top"),
    ("sign[]", "`[[sign]]`"),
    ("event", "`[event]`"),
    ("event.map", "`[event.map]`, `[poll.map]`"),
    ("event.rule[]", "`[[event.rule]]`, `[[poll.rule]]`"),
    ("reply", "`[reply]`"),
    ("handshake", "`[handshake]`"),
    ("submit", "`[submit]`"),
    ("poll", "`[poll]`"),
    ("cancel", "`[cancel]`"),
    ("content", "`[content]`"),
    ("sender", "`[sender]`"),
];

#[test]
fn the_page_lists_every_key_with_the_schemas_own_words() {
    let page = include_str!("../../../generators/README.md");
    for (path, title) in PAGE {
        let (_, chapter) = page.split_once(&format!("\n### {title}\n")).unwrap_or_else(|| panic!("no chapter {title}"));
        let chapter = chapter.split("\n##").next().unwrap();
        let table = table(path);
        for (key, value) in table["properties"].as_object().unwrap() {
            let row = chapter
                .lines()
                .find(|line| line.starts_with(&format!("| `{key}` |")) || line.starts_with(&format!("| `[{key}]` |")));
            let row = row.unwrap_or_else(|| panic!("{title} has no row for `{key}`"));
            let said = value["description"].as_str().unwrap_or_default();
            assert!(row.contains(&said.replace('|', "\\|")), "{title} says about `{key}`: {row}\nand the schema: {said}");
        }
    }
}
