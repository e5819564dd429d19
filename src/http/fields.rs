//! Reads a request's fields one by one, so that an answer can name all that are at fault, and what was probably meant.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::problem::{Code, FieldProblem, Problem};
use crate::domain::time::Timestamp;
use crate::generator::mistake::nearest;

/// Unknown fields that an answer names; what else is wrong will show then.
const MOST_NAMED: usize = 20;
const LONGEST_SHOWN: usize = 64;

/// The members of a JSON object, or the parameters of a query, not all of them looked at yet.
pub struct Fields<'a> {
    given: BTreeMap<Cow<'a, str>, Value<'a>>,
    known: Vec<&'static str>,
    problems: Vec<FieldProblem>,
}

enum Value<'a> {
    Json(&'a RawValue),
    Text(String),
}

impl<'a> Fields<'a> {
    /// The fields of a body that is a JSON object; an empty body is an empty object.
    ///
    /// # Errors
    /// `malformed_body`.
    pub fn of_body(body: &'a [u8]) -> Result<Self, Problem> {
        let text = if body.is_empty() { b"{}" } else { body };
        let given: BTreeMap<Cow<'a, str>, &'a RawValue> = serde_json::from_slice(text)
            .map_err(|error| Problem::new(Code::MalformedBody, format!("The body is not a JSON object: {error}")))?;
        Ok(Self::new(given.into_iter().map(|(name, value)| (name, Value::Json(value))).collect()))
    }

    /// Which of two values of one name is meant nobody knows.
    #[must_use]
    pub fn of_query(query: Option<&str>) -> Self {
        let (mut given, mut repeated) = (BTreeMap::new(), BTreeSet::new());
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            let name: Cow<'a, str> = Cow::Owned(name.into_owned());
            if given.insert(name.clone(), Value::Text(value.into_owned())).is_some() {
                repeated.insert(name);
            }
        }
        given.retain(|name, _| !repeated.contains(name));
        let mut fields = Self::new(given);
        repeated.iter().take(MOST_NAMED).for_each(|name| fields.blame(&shown(name), "must not be there twice"));
        fields
    }

    const fn new(given: BTreeMap<Cow<'a, str>, Value<'a>>) -> Self {
        Self { given, known: Vec::new(), problems: Vec::new() }
    }

    /// Whether it is there, and not null.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.given.get(name).is_some_and(|value| !matches!(value, Value::Json(json) if json.get() == "null"))
    }

    /// A field of this type; absent and null are the same. `wanted` says what it should be.
    pub fn take<T: DeserializeOwned>(&mut self, name: &'static str, wanted: &str) -> Option<T> {
        match self.clean(name)? {
            Value::Json(json) if json.get() == "null" => None,
            Value::Json(json) => self.expect(name, wanted, serde_json::from_str(json.get()).ok()),
            Value::Text(text) => {
                let plain = serde_json::from_str(&text).ok();
                let parsed = plain.or_else(|| serde_json::from_value(serde_json::Value::String(text)).ok());
                self.expect(name, wanted, parsed)
            }
        }
    }

    /// A whole number of a body, in whatever way JSON spells it: 8 and 8.0 are the same.
    pub fn whole<T: TryFrom<u64>>(&mut self, name: &'static str, wanted: &str) -> Option<T> {
        let number: serde_json::Number = self.take(name, wanted)?;
        let whole = number.as_u64().or_else(|| number.as_f64().and_then(whole));
        self.expect(name, wanted, whole.and_then(|whole| T::try_from(whole).ok()))
    }

    /// A text of a query, or a string of a body, that `parse` understands.
    pub fn parse<T>(&mut self, name: &'static str, wanted: &str, parse: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let text = match self.clean(name)? {
            Value::Json(json) if json.get() == "null" => return None,
            Value::Json(json) => serde_json::from_str::<String>(json.get()).ok(),
            Value::Text(text) => Some(text),
        };
        self.expect(name, wanted, text.and_then(|text| parse(&text)))
    }

    /// A text of a query; an empty one asks for nothing that there could be.
    pub fn text(&mut self, name: &'static str, wanted: &str) -> Option<String> {
        self.parse(name, wanted, |text| Some(text.to_owned()).filter(|text| !text.is_empty()))
    }

    /// Several words with commas between them, each once and in the order of `all`, however they were given: a statement that
    /// is made of them has few forms.
    pub fn several<T: Copy + PartialEq>(
        &mut self,
        name: &'static str,
        all: &[T],
        word: impl Fn(T) -> &'static str,
    ) -> Option<Vec<T>> {
        let words: Vec<&str> = all.iter().map(|one| word(*one)).collect();
        let wanted = format!("one or several of {}", words.join(", "));
        self.parse(name, &wanted, |text| {
            let given: Vec<&str> = text.split(',').collect();
            let known = given.iter().all(|given| words.contains(given));
            known.then(|| all.iter().copied().filter(|one| given.contains(&word(*one))).collect())
        })
    }

    /// A field of a body of this type, NUL and all: it is mended before it is kept, or only its bytes are looked at.
    pub fn take_raw<T: DeserializeOwned>(&mut self, name: &'static str, wanted: &str) -> Option<T> {
        let json = self.raw(name)?;
        self.expect(name, wanted, serde_json::from_str(json.get()).ok())
    }

    pub fn time(&mut self, name: &'static str) -> Option<Timestamp> {
        const WANTED: &str = "an RFC 3339 time";
        let text = self.parse(name, WANTED, |text| Some(text.to_owned()))?;
        let time = Timestamp::parse(&text);
        if time.is_none() {
            // in a query a + is a space
            let meant = text.rsplit_once(' ').and_then(|(before, offset)| Timestamp::parse(&format!("{before}+{offset}")));
            let hint = if meant.is_some() { "; write + as %2B" } else { "" };
            self.blame(name, format!("must be {WANTED}{hint}"));
        }
        time
    }

    /// A field of a body as it stands; null is a value like any other.
    pub fn value(&mut self, name: &'static str) -> Option<&'a RawValue> {
        match self.clean(name)? {
            Value::Json(json) => Some(json),
            Value::Text(_) => None,
        }
    }

    /// A document of a body; null is no document.
    pub fn document(&mut self, name: &'static str) -> Option<&'a RawValue> {
        self.value(name).filter(|json| json.get() != "null")
    }

    /// A field of a body as it stands, NUL and all: it is mended before it is kept, or read field by field.
    pub fn raw(&mut self, name: &'static str) -> Option<&'a RawValue> {
        match self.remove(name)? {
            Value::Json(json) if json.get() != "null" => Some(json),
            _ => None,
        }
    }

    /// What `read` makes of a field. `Some(None)`: it is null, which in a change takes something away.
    pub fn change<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&mut Self, &'static str) -> Option<T>,
    ) -> Option<Option<T>> {
        let is_null = matches!(self.given.get(name), Some(Value::Json(json)) if json.get() == "null");
        let value = read(self, name);
        if is_null { Some(None) } else { value.map(Some) }
    }

    /// A field of a body that may be left out, but not be taken away.
    pub fn keep(&mut self, name: &'static str) {
        if matches!(self.given.get(name), Some(Value::Json(json)) if json.get() == "null") {
            self.blame(name, "cannot be taken away");
        }
    }

    /// The members of a field that is an object: to be read like those of a body, and brought back by [`Fields::adopt`].
    pub fn object(&mut self, name: &'static str) -> Option<Self> {
        let json = self.raw(name)?;
        let members = Self::of_body(json.get().as_bytes()).ok();
        self.expect(name, "an object", members)
    }

    /// The elements of a field that is a list.
    pub fn list(&mut self, name: &'static str) -> Option<Vec<&'a RawValue>> {
        let json = self.raw(name)?;
        self.expect(name, "a list", serde_json::from_str(json.get()).ok())
    }

    /// Whatever is wrong with a part is wrong with the whole.
    pub fn adopt(&mut self, name: &str, mut part: Self) {
        part.name_unknown();
        let within = |problem: FieldProblem| FieldProblem { field: format!("{name}.{}", problem.field), ..problem };
        self.problems.extend(part.problems.into_iter().map(within));
    }

    /// A field that may not be given, and why.
    pub fn refuse(&mut self, name: &'static str, why: &str) {
        if self.remove(name).is_some() {
            self.blame(name, why);
        }
    }

    /// Says what else is wrong, of fields that nothing is said about yet.
    pub fn blame_too(&mut self, name: &str, detail: impl Into<String>) {
        if self.problems.iter().all(|problem| problem.field != name) {
            self.blame(name, detail);
        }
    }

    pub fn blame(&mut self, name: &str, detail: impl Into<String>) {
        self.problems.push(FieldProblem { field: name.to_owned(), detail: detail.into() });
    }

    /// Complains about everything that was wrong, and everything that nobody asked for.
    ///
    /// # Errors
    /// `invalid_request`, with a field problem each.
    pub fn finish(mut self) -> Result<(), Problem> {
        self.name_unknown();
        match self.problems.as_slice() {
            [] => Ok(()),
            [first, ..] => {
                let detail = format!("{}: {}", first.field, first.detail);
                Err(Problem { errors: self.problems, ..Problem::new(Code::InvalidRequest, detail) })
            }
        }
    }

    fn name_unknown(&mut self) {
        for name in self.given.keys().take(MOST_NAMED) {
            let shown = shown(name);
            let hint = nearest(&shown, &self.known).map(|known| format!(", did you mean {known}?"));
            let detail = format!("unknown field{}", hint.unwrap_or_default());
            self.problems.push(FieldProblem { field: shown, detail });
        }
    }

    fn remove(&mut self, name: &'static str) -> Option<Value<'a>> {
        self.known.push(name);
        self.given.remove(name)
    }

    /// No field holds NUL, wherever in it: not every database keeps it in a text, and it is a mistake everywhere.
    fn clean(&mut self, name: &'static str) -> Option<Value<'a>> {
        let value = self.remove(name)?;
        let holds_nul = match &value {
            Value::Json(json) => holds_nul(json.get()),
            Value::Text(text) => text.contains('\0'),
        };
        if holds_nul {
            self.blame(name, "must not hold NUL");
            return None;
        }
        Some(value)
    }

    fn expect<T>(&mut self, name: &str, wanted: &str, value: Option<T>) -> Option<T> {
        if value.is_none() {
            self.blame(name, format!("must be {wanted}"));
        }
        value
    }
}

/// Names may be long.
fn shown(name: &str) -> String {
    name.chars().take(LONGEST_SHOWN).collect()
}

/// JSON can only hold it as an escape.
fn holds_nul(json: &str) -> bool {
    let mut rest = json;
    while let Some(at) = rest.find('\\') {
        if rest[at..].starts_with("\\u0000") {
            return true;
        }
        // the next one is escaped itself, and begins nothing
        rest = rest.get(at + 2..).unwrap_or_default();
    }
    false
}

fn whole(float: f64) -> Option<u64> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "whole, not negative, and small enough to be exact"
    )]
    let whole = || float as u64;
    (float.fract() == 0.0 && (0.0..9e15).contains(&float)).then(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_number_may_be_spelled_with_a_fraction_of_zero() {
        let body = br#"{"a": 8, "b": 8.0, "c": 8e0, "d": 8.5, "e": -8, "f": 300, "g": "8"}"#;
        let mut fields = Fields::of_body(body).unwrap();
        let read = ["a", "b", "c", "d", "e", "f", "g"].map(|name| fields.whole::<u8>(name, "a small number"));
        assert_eq!(read, [Some(8), Some(8), Some(8), None, None, None, None]);
        assert_eq!(fields.finish().unwrap_err().errors.len(), 4);
    }

    #[test]
    fn nul_is_refused_wherever_it_stands_and_only_nul() {
        let body = br#"{"a": "x\u0000", "b": {"c\u0000": [1]}, "d": "\\u0000", "e": "\\\u0000", "f": "\"", "g": "\u0000"}"#;
        let mut fields = Fields::of_body(body).unwrap();
        let read = ["a", "b", "d", "e", "f"].map(|name| fields.document(name).is_some());
        assert_eq!(read, [false, false, true, false, true]);
        assert_eq!(fields.take_raw::<String>("g", "a text").as_deref(), Some("\0"));
        let named: Vec<_> = fields.finish().unwrap_err().errors.into_iter().map(|error| error.field).collect();
        assert_eq!(named, ["a", "b", "e"]);
        let mut query = Fields::of_query(Some("a=%00&b=%2500"));
        assert!(query.parse("a", "a text", |_| Some(())).is_none() && query.parse("b", "a text", |_| Some(())).is_some());
        assert!(query.finish().is_err());
    }

    #[test]
    fn names_every_field_at_fault_and_the_word_that_was_meant() {
        let mut fields = Fields::of_body(br#"{"priority": "high", "timeout_second": 5}"#).unwrap();
        assert_eq!(fields.take::<u8>("priority", "a number from 1 to 10"), None);
        assert_eq!(fields.take::<u64>("timeout_seconds", "a number of seconds"), None);
        let problem = fields.finish().unwrap_err();
        let named: Vec<_> = problem.errors.iter().map(|error| (error.field.as_str(), error.detail.as_str())).collect();
        assert_eq!(
            named,
            [("priority", "must be a number from 1 to 10"), ("timeout_second", "unknown field, did you mean timeout_seconds?")]
        );
    }
}
