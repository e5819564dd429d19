//! A letter as expressions see it: opened level by level, where they look, and never as a whole.
//!
//! Each value knows its own text, so that what is only handed on keeps its numbers as they were written.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use minijinja::value::{Enumerator, Object, ObjectRepr};
use minijinja::{Error, ErrorKind, Value};
use serde::Deserializer as _;
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// An object or a list of a letter.
pub struct Node {
    text: Arc<str>,
    span: Range<usize>,
    inside: OnceLock<Inside>,
}

/// A value of a letter, and where it is written.
#[derive(Clone)]
pub struct Part {
    pub span: Range<usize>,
    pub value: Value,
}

enum Inside {
    Object(BTreeMap<String, Part>),
    List(Vec<Part>),
    /// So many that none of them are looked at.
    Crowd(usize),
}

/// Members or elements of one level that are opened; memory is bounded by it.
pub const MOST: usize = 100_000;

impl Node {
    /// The outermost value of a JSON text; none if that is neither object nor list.
    #[must_use]
    pub fn read(text: &str) -> Option<Arc<Self>> {
        let raw: &RawValue = serde_json::from_str(text).ok()?;
        let span = span(text, raw);
        raw.get().starts_with(['{', '[']).then(|| Arc::new(Self::new(text.into(), span)))
    }

    const fn new(text: Arc<str>, span: Range<usize>) -> Self {
        Self { text, span, inside: OnceLock::new() }
    }

    #[must_use]
    pub fn raw(&self) -> &str {
        &self.text[self.span.clone()]
    }

    #[must_use]
    pub fn raw_of(&self, part: &Part) -> &str {
        &self.text[part.span.clone()]
    }

    #[must_use]
    pub fn member(&self, name: &str) -> Option<&Part> {
        if let Inside::Object(members) = self.inside() { members.get(name) } else { None }
    }

    #[must_use]
    pub fn element(&self, index: usize) -> Option<&Part> {
        if let Inside::List(elements) = self.inside() { elements.get(index) } else { None }
    }

    fn is_list(&self) -> bool {
        self.raw().starts_with('[')
    }

    fn inside(&self) -> &Inside {
        self.inside.get_or_init(|| self.open())
    }

    fn open(&self) -> Inside {
        let raw = self.raw();
        if self.is_list() {
            let elements = elements(raw);
            if elements.len() > MOST {
                return Inside::Crowd(elements.len());
            }
            return Inside::List(elements.into_iter().map(|value| self.part(value)).collect());
        }
        let members = members(raw).unwrap_or_default();
        if members.len() > MOST {
            return Inside::Crowd(members.len());
        }
        Inside::Object(members.into_iter().map(|(name, value)| (name, self.part(value))).collect())
    }

    fn part(&self, raw: &RawValue) -> Part {
        let span = span(&self.text, raw);
        let text = raw.get();
        let value = match text.as_bytes().first() {
            Some(b'"') => Value::from(string(text)),
            Some(b'{' | b'[') => Value::from_object(Self::new(self.text.clone(), span.clone())),
            Some(b't') => Value::from(true),
            Some(b'f') => Value::from(false),
            Some(b'n') | None => Value::from(()),
            Some(_) => number(text),
        };
        Part { span, value }
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.raw())
    }
}

impl Object for Node {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        if self.is_list() { ObjectRepr::Seq } else { ObjectRepr::Map }
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let part = match self.inside() {
            Inside::Object(members) => members.get(key.as_str()?),
            Inside::List(elements) => elements.get(key.as_usize()?),
            Inside::Crowd(count) => return Some(crowded(*count)),
        };
        part.map(|part| part.value.clone())
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        match self.inside() {
            Inside::Object(members) => Enumerator::Values(members.keys().map(|name| Value::from(name.as_str())).collect()),
            Inside::List(elements) => Enumerator::Seq(elements.len()),
            Inside::Crowd(count) => Enumerator::Values(vec![crowded(*count)]),
        }
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(match self.inside() {
            Inside::Object(members) => members.len(),
            Inside::List(elements) => elements.len(),
            Inside::Crowd(count) => *count,
        })
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.raw())
    }
}

/// A value that whoever touches it fails by.
fn crowded(count: usize) -> Value {
    let says = format!("{count} members are more than the {MOST} that are looked at");
    Error::new(ErrorKind::InvalidOperation, says).into()
}

/// Of a number that no float holds, infinity is the nearest.
fn number(text: &str) -> Value {
    let whole = text.parse::<i128>().map(Value::from);
    whole.unwrap_or_else(|_| Value::from(text.parse::<f64>().unwrap_or(f64::NAN)))
}

/// The text of a JSON string; what no text can hold (half of a surrogate pair) becomes U+FFFD.
#[must_use]
pub fn string(json: &str) -> String {
    if let Ok(text) = serde_json::from_str(json) {
        return text;
    }
    let bytes = serde_json::Deserializer::from_str(json).deserialize_bytes(Bytes);
    bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

fn span(text: &str, raw: &RawValue) -> Range<usize> {
    let start = (raw.get().as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
    start..start + raw.get().len()
}

/// Of the text of an object; of several with one name the last. None: it is no object.
#[must_use]
pub fn members(text: &str) -> Option<Vec<(String, &RawValue)>> {
    serde_json::Deserializer::from_str(text).deserialize_map(Members).ok()
}

fn elements(text: &str) -> Vec<&RawValue> {
    serde_json::Deserializer::from_str(text).deserialize_seq(Elements).unwrap_or_default()
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Vec<(String, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = Vec::new();
        while let Some((name, value)) = map.next_entry::<&RawValue, &RawValue>()? {
            found.push((string(name.get()), value));
        }
        Ok(found)
    }
}

struct Elements;

impl<'de> Visitor<'de> for Elements {
    type Value = Vec<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut found = Vec::new();
        while let Some(value) = list.next_element()? {
            found.push(value);
        }
        Ok(found)
    }
}

struct Bytes;

impl Visitor<'_> for Bytes {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Self::Value, E> {
        Ok(bytes.to_vec())
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(text.as_bytes().to_vec())
    }
}
