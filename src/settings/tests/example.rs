//! `.env.example` lists what the code knows, no more and no less.

use std::collections::BTreeMap;

use super::super::names::Names;
use super::super::{Effective, Refusal};
use super::*;

const EXAMPLE: &str = include_str!("../../../.env.example");
const PLACEHOLDERS: [&str; 2] = ["API_KEYS", "CALLBACK_SECRET_KEY"];

/// `#NAME=value` is a setting; other comments have a space after their `#`.
fn uncommented() -> String {
    let setting = |line: &str| line.strip_prefix('#').is_some_and(|line| line.starts_with(|c: char| c.is_ascii_uppercase()));
    let lines = EXAMPLE.lines().map(|line| if setting(line) { &line[1..] } else { line });
    lines.collect::<Vec<_>>().join("\n")
}

fn listed(text: &str) -> Vec<(&str, &str)> {
    text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('=')).collect()
}

#[test]
fn it_lists_every_setting_once() {
    let text = uncommented();
    let mut names: Vec<&str> = listed(&text).into_iter().map(|(name, _)| name).collect();
    names.sort_unstable();
    assert_eq!(names, Names::known().iter().collect::<Vec<_>>());
}

#[test]
fn it_shows_the_defaults() {
    let defaults = load(&sources(&[]));
    for (name, value) in listed(&uncommented()).into_iter().filter(|(name, _)| !PLACEHOLDERS.contains(name)) {
        assert_eq!(value, shown(&defaults, name).0, "{name}");
    }
}

#[test]
fn it_can_be_read_with_every_line_uncommented() {
    let loaded = load(&with_dotenv(&[], &uncommented()));
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    let same =
        |one: &Effective| PLACEHOLDERS.contains(&one.name.as_str()) || one.value == shown(&load(&sources(&[])), &one.name).0;
    assert!(effective(&loaded).iter().all(same));
}

#[test]
fn it_changes_nothing_as_it_is() {
    let loaded = load(&with_dotenv(&[], EXAMPLE));
    assert!(loaded.origins.is_empty(), "{:?}", loaded.origins);
}

#[test]
fn its_placeholders_are_refused() {
    let settings = load(&with_dotenv(&[], &uncommented())).settings;
    let refusals = settings.check(&BTreeMap::new(), false).unwrap_err();
    let expected = ["CALLBACK_SECRET_KEY", "API_KEYS"].map(|name| Refusal::Placeholder { name: name.to_owned() });
    assert_eq!(refusals, expected);
}
