//! Reading JSON that a stranger wrote: in near-linear time, without recursion, and only as far as somebody asks.
//!
//! Values stay what they are in the body, spans of its text; a wanted string leaf is decoded, everything else is skipped.

use std::fmt;
use std::ops::Range;

use serde::Deserializer as _;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::source::{Pointer, Segment};

mod text;

pub use text::{storable, string};

/// How many objects and arrays may stand inside each other, the outermost counted.
pub const MAX_DEPTH: usize = 128;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("The body is not UTF-8")]
    NotUtf8,
    #[error("The body is nested deeper than {MAX_DEPTH}")]
    TooDeep,
    #[error("The body is not a JSON object")]
    NotAnObject,
    #[error("The body is not JSON: {0}")]
    NotJson(String),
}

/// A body whose whole text is known to be one JSON object, and the values of those of its keys that matter.
pub struct Document<'a> {
    text: &'a str,
    values: Vec<(String, &'a RawValue)>,
}

/// What a pointer leads to.
#[derive(Clone, Copy, Debug)]
pub enum Reached<'a> {
    Value(&'a RawValue),
    /// Nothing, or null.
    Absent,
    /// After so many steps there is a value that has no inside.
    Blocked(usize),
}

impl<'a> Reached<'a> {
    #[must_use]
    pub const fn value(self) -> Option<&'a RawValue> {
        if let Self::Value(value) = self { Some(value) } else { None }
    }
}

impl<'a> Document<'a> {
    /// # Errors
    /// What keeps the body from being a JSON object of bounded depth.
    pub fn parse<S: AsRef<str>>(body: &'a [u8], wanted: &[S]) -> Result<Self, Malformed> {
        let text = std::str::from_utf8(body).map_err(|_| Malformed::NotUtf8)?;
        if is_too_deep(body) {
            return Err(Malformed::TooDeep);
        }
        if !text.trim_start_matches([' ', '\t', '\r', '\n']).starts_with('{') {
            return Err(Malformed::NotAnObject);
        }
        let wanted: Vec<&str> = wanted.iter().map(AsRef::as_ref).collect();
        let found = members(text, &wanted).map_err(|error| Malformed::NotJson(error.to_string()))?;
        let values = wanted.iter().zip(found).filter_map(|(key, value)| Some(((*key).to_owned(), value?))).collect();
        Ok(Self { text, values })
    }

    #[must_use]
    pub fn find(&self, pointer: &Pointer) -> Reached<'a> {
        let head = self.values.iter().find(|(key, _)| key == pointer.head());
        head.map_or(Reached::Absent, |(_, value)| walk(value, pointer.tail()))
    }

    /// Whether it has any of the wanted keys, be it with null.
    #[must_use]
    pub const fn has_any(&self) -> bool {
        !self.values.is_empty()
    }

    #[must_use]
    pub const fn text(&self) -> &'a str {
        self.text
    }

    /// Where in the body a value of it lies.
    #[must_use]
    pub fn span(&self, value: &RawValue) -> Range<usize> {
        span_within(self.text, value)
    }
}

/// From a value to what lies within it.
#[must_use]
pub fn walk<'a>(mut value: &'a RawValue, steps: &[Segment]) -> Reached<'a> {
    for (step, segment) in steps.iter().enumerate() {
        let inner = match (segment, kind(value)) {
            (_, Kind::Null) => return Reached::Absent,
            (Segment::Key(key), Kind::Object) => member(value, key),
            (Segment::Index(index), Kind::Array) => element(value, *index),
            _ => return Reached::Blocked(step + 1),
        };
        let Some(inner) = inner else { return Reached::Absent };
        value = inner;
    }
    if kind(value) == Kind::Null { Reached::Absent } else { Reached::Value(value) }
}

/// Where a value lies in the text that it was read from.
fn span_within(text: &str, value: &RawValue) -> Range<usize> {
    let start = (value.get().as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
    start..start + value.get().len()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Null,
    Bool,
    Number,
    String,
    Array,
    Object,
}

#[must_use]
pub fn kind(value: &RawValue) -> Kind {
    match value.get().as_bytes().first() {
        Some(b'"') => Kind::String,
        Some(b'{') => Kind::Object,
        Some(b'[') => Kind::Array,
        Some(b't' | b'f') => Kind::Bool,
        Some(b'n') | None => Kind::Null,
        Some(_) => Kind::Number,
    }
}

/// A member of an object; of several with the same key the last.
#[must_use]
pub fn member<'a>(object: &'a RawValue, key: &str) -> Option<&'a RawValue> {
    members(object.get(), &[key]).ok()?.into_iter().next()?
}

/// The elements of an array, unless they are more than `most`.
#[must_use]
pub fn elements(array: &RawValue, most: usize) -> Option<Vec<&RawValue>> {
    let (found, count) = picked(array, |index| index < most)?;
    (count <= most).then_some(found)
}

/// The first `most` elements of an array.
#[must_use]
pub fn first_elements(array: &RawValue, most: usize) -> Vec<&RawValue> {
    picked(array, |index| index < most).map_or_else(Vec::new, |(found, _)| found)
}

fn element(array: &RawValue, wanted: usize) -> Option<&RawValue> {
    picked(array, |index| index == wanted)?.0.pop()
}

fn picked(array: &RawValue, wanted: impl Fn(usize) -> bool) -> Option<(Vec<&RawValue>, usize)> {
    serde_json::Deserializer::from_str(array.get()).deserialize_seq(Elements(wanted)).ok()
}

fn members<'a>(object: &'a str, wanted: &[&str]) -> serde_json::Result<Vec<Option<&'a RawValue>>> {
    let mut reader = serde_json::Deserializer::from_str(object);
    let found = Members(wanted).deserialize(&mut reader)?;
    reader.end()?;
    Ok(found)
}

/// A guess on text that is no JSON, exact on text that is.
#[must_use]
pub fn is_too_deep(body: &[u8]) -> bool {
    let (mut depth, mut in_string) = (0_usize, false);
    let mut bytes = body.iter();
    while let Some(byte) = bytes.next() {
        match (in_string, byte) {
            (true, b'\\') => drop(bytes.next()),
            (_, b'"') => in_string = !in_string,
            (false, b'{' | b'[') => depth += 1,
            (false, b'}' | b']') => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return true;
        }
    }
    false
}

struct Members<'w>(&'w [&'w str]);

impl<'de> DeserializeSeed<'de> for Members<'_> {
    type Value = Vec<Option<&'de RawValue>>;

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Members<'_> {
    type Value = Vec<Option<&'de RawValue>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = vec![None; self.0.len()];
        // keys are read raw, too: a lone surrogate in one of them must not spoil the others
        while let Some(key) = map.next_key::<&RawValue>()? {
            let value = map.next_value::<&RawValue>()?;
            if let Some(at) = self.0.iter().position(|wanted| is_key(key, wanted)) {
                found[at] = Some(value);
            }
        }
        Ok(found)
    }
}

fn is_key(raw: &RawValue, wanted: &str) -> bool {
    let raw_text = raw.get();
    raw_text.get(1..raw_text.len() - 1).is_some_and(|key| key == wanted)
        || (raw_text.contains('\\') && string(raw).is_some_and(|key| key == wanted))
}

struct Elements<F>(F);

impl<'de, F: Fn(usize) -> bool> Visitor<'de> for Elements<F> {
    type Value = (Vec<&'de RawValue>, usize);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let (mut found, mut count) = (Vec::new(), 0);
        loop {
            let more = if (self.0)(count) {
                list.next_element::<&RawValue>()?.map(|value| found.push(value)).is_some()
            } else {
                list.next_element::<IgnoredAny>()?.is_some()
            };
            if !more {
                return Ok((found, count));
            }
            count += 1;
        }
    }
}
