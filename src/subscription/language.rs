//! The language of filters and templates: minijinja's expressions, without what can cost more than its text and the letter
//! are worth. Nothing is called, repeated or looped over; what is left runs on fuel.

use std::sync::LazyLock;

use minijinja::value::Kwargs;
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, Value};

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

fn to_json(value: &Value) -> Result<String, Error> {
    let mut json = Capped::new(LONGEST_JSON);
    json.value(value).map_err(|says| Error::new(ErrorKind::InvalidOperation, says))?;
    Ok(json.text())
}
