//! What `callback-hub config` shows.

use figment::value::{Num, Value};

use super::Loaded;
use super::layer::Origin;
use super::names::{Names, path};

/// One setting as it counts.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Effective {
    pub name: String,
    /// Secrets are `***`, several `*** (2)`; empty if nothing is set and there is no default.
    pub value: String,
    pub origin: String,
}

/// All settings in the order of their names, then what is set for single generators.
#[must_use]
pub fn effective(loaded: &Loaded) -> Vec<Effective> {
    let names = Names::known();
    let shown = Value::serialize(loaded.settings.with_defaults()).ok();
    let sections = names.iter().map(|name| {
        let (section, key) = path(name);
        let value = shown.as_ref().and_then(|shown| shown.find_ref(&format!("{section}.{key}")));
        let origin = loaded.origins.get(name).unwrap_or(&Origin::Default);
        Effective { name: name.to_owned(), value: value.map(plain).unwrap_or_default(), origin: origin.to_string() }
    });
    let mut generators: Vec<Effective> = Vec::new();
    for entry in loaded.settings.generator_entries() {
        let one = Effective { name: entry.name(), value: entry.shown(&names), origin: entry.origin().to_string() };
        // the environment comes behind the file, and counts
        match generators.iter_mut().find(|known| known.name == one.name) {
            Some(known) => *known = one,
            None => generators.push(one),
        }
    }
    sections.chain(generators).collect()
}

/// A value as one would write it in the environment.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::String(_, text) => text.clone(),
        Value::Bool(_, value) => value.to_string(),
        Value::Num(_, Num::F32(number)) => number.to_string(),
        Value::Num(_, Num::F64(number)) => number.to_string(),
        Value::Num(_, number) => match (number.to_u128(), number.to_i128()) {
            (Some(number), _) => number.to_string(),
            (None, number) => number.map(|number| number.to_string()).unwrap_or_default(),
        },
        Value::Array(_, values) => values.iter().map(plain).collect::<Vec<_>>().join(","),
        Value::Char(..) | Value::Empty(..) | Value::Dict(..) => String::new(),
    }
}
