//! Values of `input` that a generator is stricter about: kept within bounds, or said in its own words.

use std::collections::BTreeMap;

use serde_json::Value;

use super::values::{Members, raw, text};
use crate::generator::json::{self, Kind};

#[derive(Debug)]
pub(in crate::generator) struct Change {
    pub clamp: Option<[f64; 2]>,
    pub values: BTreeMap<String, Value>,
}

impl Change {
    /// A priority that `input` does not name is the task's own.
    pub(super) fn apply(&self, input: &mut Members, key: &str, priority: u8) {
        let known = input.0.get(key).cloned();
        let Some(mut value) = known.or_else(|| raw(&priority.into()).ok().filter(|_| key == "priority")) else { return };
        let word = text(&value).and_then(|word| self.values.get(&word));
        if let Some(word) = word.and_then(|word| raw(word).ok()) {
            value = word;
        }
        let number: Option<f64> =
            Some(&value).filter(|value| json::kind(value) == Kind::Number).and_then(|value| value.get().parse().ok());
        let bound = self
            .clamp
            .zip(number)
            .and_then(|([least, most], number)| if number < least { Some(least) } else { Some(most).filter(|_| number > most) });
        if let Some(bound) = bound.and_then(|bound| raw(&number_of(bound)).ok()) {
            value = bound;
        }
        input.0.insert(key.to_owned(), value);
    }
}

/// Whole numbers without a fraction.
fn number_of(bound: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "only used where nothing is lost")]
    let whole = bound as i64;
    #[expect(clippy::cast_precision_loss, reason = "that is what is compared")]
    if whole as f64 == bound { whole.into() } else { bound.into() }
}
