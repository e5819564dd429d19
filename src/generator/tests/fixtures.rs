//! Of each kind of event that a preset's words and rules name, `tests/presets` has a callback.

use std::collections::BTreeSet;
use std::path::Path;

use toml::{Table, Value};

use super::*;
use crate::generator::json::Document;
use crate::generator::meaning::said;
use crate::generator::reader::Reader;
use crate::generator::vocabulary::Meaning;

/// Whether a percent counts makes no other kind of it.
const fn kind(meaning: Meaning) -> &'static str {
    match meaning {
        Meaning::Started => Meaning::Progress.as_str(),
        other => other.as_str(),
    }
}

fn named(generator: &Generator) -> BTreeSet<&'static str> {
    let reading = &generator.reading;
    let words = reading.vocabulary.words.iter().map(|(_, meaning)| *meaning);
    words.chain(reading.rules.iter().map(|rule| rule.meaning)).map(kind).collect()
}

/// What a fixture's callback says, believed or not.
fn shown(generator: &Generator, callback: &Value) -> Option<&'static str> {
    let text = |key: &str| callback.get(key).and_then(Value::as_str).unwrap_or_default();
    if callback.get("reconcile").is_some() {
        return Some(settled(callback["task"]["status"].as_str()?));
    }
    let pairs = |key: &str| {
        let table = callback.get(key).and_then(Value::as_table).cloned().unwrap_or_default();
        table.into_iter().filter_map(|(name, value)| Some((name, value.as_str()?.to_owned())))
    };
    let headers = pairs("headers").map(|(name, value)| (name, value.into_bytes())).collect();
    let raw = RawCallback { headers, query: pairs("query").collect(), ..raw(text("body").trim_matches(['\r', '\n'])) };
    let reading = &generator.reading;
    let document = Document::parse(&raw.body, &reading.wanted).ok()?;
    let mut reader = Reader { document, envelope: Some(&raw), strict: reading.strict, errors: Vec::new() };
    said(&mut reader, reading).ok().map(|said| kind(said.meaning))
}

/// Who never calls is asked, and what the task came to is what was said.
fn settled(status: &str) -> &'static str {
    ["completed", "failed", "cancelled"].into_iter().find(|known| *known == status).unwrap_or("progress")
}

#[test]
fn each_kind_of_event_of_a_preset_has_one() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/presets");
    let mut without = Vec::new();
    for generator in Catalog::load(&[], &Overrides::default()).unwrap().iter() {
        let fixtures = std::fs::read_to_string(folder.join(format!("{}.toml", generator.name()))).unwrap();
        let fixtures: Table = fixtures.parse().unwrap();
        let callbacks = fixtures["callback"].as_array().unwrap();
        let shown: BTreeSet<&str> = callbacks.iter().filter_map(|callback| shown(generator, callback)).collect();
        without.extend(named(generator).difference(&shown).map(|kind| format!("{}: {kind}", generator.name())));
    }
    assert!(without.is_empty(), "no fixture in tests/presets shows these: {without:#?}");
}
