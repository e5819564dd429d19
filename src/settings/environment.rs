//! The environment as a layer: names are resolved, values stay strings.
//!
//! Where several variables mean the same setting: the real environment hides an equal name of `.env`, a name with the
//! prefix hides the one without, and what is left must agree. An empty value counts as not set.

use std::collections::BTreeMap;
use std::path::PathBuf;

use figment::value::Value;

use super::dotenv;
use super::fault::Fault;
use super::generators::GeneratorEntry;
use super::layer::{Entry, Layer, Origin};
use super::names::{GENERATOR, Meaning, Names, PREFIX, is_no_setting, nearest, path};
use super::sources::Sources;
use super::text::read_text;

#[derive(Default)]
pub(super) struct Environment {
    pub(super) layer: Layer,
    pub(super) generators: Vec<GeneratorEntry>,
    pub(super) warnings: Vec<String>,
}

/// Nearer than this, an unknown name is told what it may have been meant to be.
const NEAR: usize = 3;

pub(super) fn read(sources: &Sources, names: &Names, faults: &mut Vec<Fault>) -> Environment {
    let mut environment = Environment::default();
    let mut candidates: BTreeMap<String, Vec<Candidate>> = BTreeMap::new();
    for (name, (value, origin)) in variables(sources, faults) {
        if is_no_setting(&name) {
            continue;
        }
        let (plain, prefixed) = name.strip_prefix(PREFIX).map_or((name.as_str(), false), |plain| (plain, true));
        match names.meaning(plain, prefixed) {
            Meaning::Setting { name: meant, in_file } | Meaning::Generator { name: meant, in_file } => {
                candidates.entry(meant).or_default().push(Candidate { name, value, origin, in_file, prefixed });
            }
            Meaning::Unknown => environment.warnings.push(unknown(&name, plain, &origin, names)),
            Meaning::NotOurs => {}
        }
    }
    for (meant, candidates) in candidates {
        match settle(&meant, candidates) {
            Ok(None) => {}
            Ok(Some(entry)) => match meant.strip_prefix(GENERATOR) {
                Some(rest) => environment.generators.push(GeneratorEntry::from_environment(rest, entry)),
                None => drop(environment.layer.insert(path(&meant), entry)),
            },
            Err(fault) => faults.push(fault),
        }
    }
    environment
}

/// By their names in capitals.
fn variables(sources: &Sources, faults: &mut Vec<Fault>) -> BTreeMap<String, (String, Origin)> {
    let mut variables = BTreeMap::new();
    let dotenv = dotenv::pairs(sources.dotenv.as_deref().unwrap_or_default(), faults);
    let pairs = [(dotenv, Origin::Dotenv), (sources.environment.clone(), Origin::Environment)];
    for (mut pairs, origin) in pairs {
        // the usual spelling wins over others; the sort is stable, so that a later line wins over an earlier one
        pairs.sort_by_key(|(name, _)| *name == name.to_ascii_uppercase());
        for (name, value) in pairs.into_iter().filter(|(_, value)| !value.trim().is_empty()) {
            variables.insert(name.to_ascii_uppercase(), (value, origin.clone()));
        }
    }
    variables
}

/// A variable that means a certain setting.
struct Candidate {
    name: String,
    value: String,
    origin: Origin,
    in_file: bool,
    prefixed: bool,
}

fn settle(meant: &str, mut candidates: Vec<Candidate>) -> Result<Option<Entry>, Fault> {
    if candidates.iter().any(|candidate| candidate.prefixed) {
        candidates.retain(|candidate| candidate.prefixed);
    }
    for name in candidates.iter().filter(|candidate| candidate.in_file).filter_map(|file| file.name.strip_suffix("_FILE")) {
        if candidates.iter().any(|other| other.name == name) {
            return Err(Fault::ValueAndFile { name: name.to_owned() });
        }
    }
    let mut chosen: Option<Entry> = None;
    for candidate in candidates {
        let other = entry(candidate)?;
        match &chosen {
            Some(chosen) if !same(&chosen.value, &other.value) => {
                return Err(Fault::Disagree { name: chosen.name.clone(), other: other.name });
            }
            // our own name is told rather than ContentHub's
            Some(_) if !other.name.ends_with(meant) => {}
            _ => chosen = Some(other),
        }
    }
    Ok(chosen)
}

fn entry(candidate: Candidate) -> Result<Entry, Fault> {
    let Candidate { name, value, origin, in_file, .. } = candidate;
    if in_file { secret_file(name, PathBuf::from(value)) } else { Ok(Entry { name, value: Value::from(value), origin }) }
}

/// The content of the file that a `…_FILE` setting names.
pub(super) fn secret_file(name: String, path: PathBuf) -> Result<Entry, Fault> {
    let text = read_text(&path).map_err(|error| error.to_string());
    match text.as_deref().map(|text| text.trim_end_matches(['\r', '\n'])) {
        Ok("") => Err(Fault::SecretFile { name, path, reason: "it is empty".to_owned() }),
        Ok(text) => {
            let origin = Origin::SecretFile { name: name.clone(), path };
            Ok(Entry { name, value: Value::from(text), origin })
        }
        Err(reason) => Err(Fault::SecretFile { reason: reason.to_owned(), name, path }),
    }
}

fn same(a: &Value, b: &Value) -> bool {
    let text = |value: &Value| value.as_str().unwrap_or_default().trim().to_owned();
    // True and true, 1 and yes
    text(a) == text(b) || (a.to_bool_lossy().is_some() && a.to_bool_lossy() == b.to_bool_lossy())
}

fn unknown(name: &str, plain: &str, origin: &Origin, names: &Names) -> String {
    let near = nearest(plain, names.iter()).filter(|(_, distance)| *distance <= NEAR);
    let hint = near.map(|(nearest, _)| format!("; did you mean {nearest}?")).unwrap_or_default();
    format!("{name} ({origin}) is no setting and has no effect{hint}")
}
