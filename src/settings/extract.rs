//! From layers of text to types, with all faults at once.

use figment::Figment;
use figment::error::{Actual, Kind};
use serde::de::DeserializeOwned;

use super::fault::Fault;
use super::layer::{Layer, Origin};

/// Later layers win. A value at fault is noted and left out, and the rest is read again: so every fault is found.
pub(super) fn extract<T: DeserializeOwned>(layers: &mut [Layer], faults: &mut Vec<Fault>) -> Option<T> {
    loop {
        let error = match merged(layers).extract_lossy::<T>() {
            Ok(value) => return Some(value),
            Err(error) => error,
        };
        let path = match error.path.as_slice() {
            [section, key, ..] => (section.clone(), key.clone()),
            path => (path.join("."), String::new()),
        };
        let reason = reason(&error.kind);
        let Some(entry) = layers.iter_mut().rev().find_map(|layer| layer.remove(&path)) else {
            let name = format!("{}.{}", path.0, path.1);
            faults.push(Fault::Value { name, origin: Origin::Default, reason });
            return None;
        };
        faults.push(Fault::Value { name: entry.name, origin: entry.origin, reason });
    }
}

fn merged(layers: &[Layer]) -> Figment {
    layers.iter().fold(Figment::new(), |figment, layer| figment.merge(layer))
}

fn reason(kind: &Kind) -> String {
    match kind {
        Kind::InvalidType(found, expected) | Kind::InvalidValue(found, expected) => {
            let expected = match expected.as_str() {
                "u16" => "a whole number from 0 to 65535",
                "u32" => "a whole number from 0 to 4294967295",
                "a nonzero u32" => "a whole number from 1 to 4294967295",
                "a boolean" => "true or false",
                "a string" => "a text",
                other => other,
            };
            let found = match found {
                Actual::Str(text) => format!("`{text}`"),
                Actual::Bool(value) => format!("`{value}`"),
                Actual::Unsigned(number) => format!("`{number}`"),
                Actual::Signed(number) => format!("`{number}`"),
                Actual::Float(number) => format!("`{number}`"),
                Actual::Map => "a table".to_owned(),
                Actual::Seq => "an array".to_owned(),
                other => other.to_string(),
            };
            format!("must be {expected}, not {found}")
        }
        kind => kind.to_string(),
    }
}
