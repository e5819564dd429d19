//! The language of filters and templates: minijinja's expressions, without what can cost more than its text and the letter
//! are worth. Nothing is called, repeated or looped over; what is left runs on fuel.

use std::sync::LazyLock;

use minijinja::value::{Kwargs, Object, ValueKind};
use minijinja::{Environment, Error, ErrorKind, State, UndefinedBehavior, Value};

use super::json::Capped;

/// The filters there are. Each is bounded by fuel: by what it visits, and by what it makes.
pub const FILTERS: [&str; 29] = [
    "abs",
    "bool",
    "capitalize",
    "count",
    "d",
    "default",
    "first",
    "float",
    "int",
    "join",
    "last",
    "length",
    "list",
    "lower",
    "map",
    "max",
    "min",
    "reject",
    "rejectattr",
    "replace",
    "round",
    "select",
    "selectattr",
    "string",
    "times",
    "title",
    "tojson",
    "trim",
    "upper",
];

/// The tests there are, after `is`.
pub const TESTS: [&str; 27] = [
    "boolean",
    "defined",
    "divisibleby",
    "endingwith",
    "eq",
    "equalto",
    "even",
    "false",
    "float",
    "ge",
    "gt",
    "in",
    "int",
    "integer",
    "iterable",
    "le",
    "lt",
    "mapping",
    "ne",
    "none",
    "number",
    "odd",
    "sequence",
    "startingwith",
    "string",
    "true",
    "undefined",
];

/// For one expression: an instruction costs one, 64 bytes of text that are read or made another.
const FUEL: u64 = 100_000;
/// Of a [`Meter`](super::meter::Meter), for each of that.
pub const STEPS: u64 = 64;
/// What an expression takes at most, but for what it looks at in the letter.
pub const MOST_STEPS: u64 = FUEL * STEPS;

/// Says what an expression has come to, and what that took; not for users.
pub const MEASURED: &str = "measured";

/// What `tojson` makes at most, in bytes.
const LONGEST_JSON: usize = 4 << 20;

/// A constant: what is compiled refers to it for as long as it lives.
pub static LANGUAGE: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut language = Environment::new();
    language.set_debug(false);
    language.set_fuel(Some(FUEL));
    language.set_undefined_behavior(UndefinedBehavior::Chainable);
    let globals: Vec<String> = language.globals().map(|(name, _)| name.to_owned()).collect();
    for name in globals {
        language.remove_global(&name);
    }
    for name in UNBOUNDED {
        language.remove_filter(name);
    }
    language.add_filter("map", attributes);
    language.add_filter("times", times);
    language.add_filter("tojson", to_json);
    language.add_filter(MEASURED, measured);
    language.add_test("in", within);
    language
});

/// What minijinja knows too: it makes much of little, or is of no use in a JSON document.
const UNBOUNDED: [&str; 19] = [
    "attr", "batch", "chain", "dictsort", "e", "escape", "format", "groupby", "indent", "items", "lines", "pprint", "reverse",
    "safe", "slice", "sort", "split", "sum", "unique",
];

/// `list|map(attribute="url")`, and nothing else that `map` may do elsewhere.
#[expect(clippy::needless_pass_by_value, reason = "filters get their options so")]
fn attributes(values: &Value, options: Kwargs) -> Result<Value, Error> {
    let name: String = options.get("attribute")?;
    options.assert_all_used()?;
    if values.is_undefined() || values.is_none() {
        return Ok(Value::from(Vec::<Value>::new()));
    }
    let found: Result<Vec<Value>, Error> = values.try_iter()?.map(|value| value.get_attr(&name)).collect();
    found.map(Value::from)
}

/// `number|times(1000)`: the sign `*` would repeat texts and lists, too.
fn times(number: &Value, by: &Value) -> Result<Value, Error> {
    let whole = || i128::try_from(number.clone()).ok()?.checked_mul(i128::try_from(by.clone()).ok()?);
    if !number.is_number() || !by.is_number() {
        return Err(Error::new(ErrorKind::InvalidOperation, "only numbers are multiplied"));
    }
    if number.is_integer() && by.is_integer() {
        return whole().map(Value::from).ok_or_else(|| Error::new(ErrorKind::InvalidOperation, "too large a number"));
    }
    Ok(Value::from(f64::try_from(number.clone())? * f64::try_from(by.clone())?))
}

/// As much as there is fuel for.
fn to_json(state: &State, value: &Value) -> Result<String, Error> {
    let left = state.fuel_levels().map_or(u64::MAX, |(_, left)| left.saturating_mul(STEPS));
    let mut json = Capped::new(usize::try_from(left).unwrap_or(usize::MAX).min(LONGEST_JSON));
    json.value(value).map_err(|says| Error::new(ErrorKind::InvalidOperation, says))?;
    Ok(json.text())
}

/// As the operator, but that long texts cost more than short ones: a list may be asked for each element of another one.
fn within(state: &State, value: &Value, container: &Value) -> Result<bool, Error> {
    let length = |value: &Value| value.as_str().map_or(0, str::len) as u64;
    if let Some(text) = container.as_str() {
        state.consume_fuel(1 + length(container) / STEPS)?;
        return Ok(value.as_str().map_or_else(|| text.contains(&value.to_string()), |part| text.contains(part)));
    }
    match container.kind() {
        ValueKind::Map => Ok(!container.get_item(value)?.is_undefined()),
        ValueKind::Seq | ValueKind::Iterable => {
            for element in container.try_iter()? {
                state.consume_fuel(1 + length(&element).min(length(value)) / STEPS)?;
                if element == *value {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        _ => Ok(false),
    }
}

/// What an expression has said, and the steps that it has taken.
#[derive(Debug)]
pub struct Said {
    pub yes: bool,
    pub steps: u64,
}

impl Object for Said {}

fn measured(state: &State, yes: bool) -> Value {
    let steps = state.fuel_levels().map_or(0, |(consumed, _)| consumed.saturating_mul(STEPS));
    Value::from_object(Said { yes, steps })
}
