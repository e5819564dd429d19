//! A letter as expressions see it: opened level by level, where they look, and never as a whole.
//!
//! Each value knows its own text, so that what is only handed on keeps its numbers as they were written. Whatever is looked
//! at is counted, and once a letter's meter is spent, there is nothing more to see.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use minijinja::Value;
use minijinja::value::{Enumerator, Object, ObjectRepr};
use serde::Deserializer as _;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

use super::meter::Meter;
use super::skip::entries;

/// An object or a list of a letter.
pub struct Node {
    text: Arc<str>,
    span: Range<usize>,
    meter: Arc<Meter>,
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
    /// Nobody has opened it in time.
    Spent,
}

/// Members or elements of one level that are opened; memory is bounded by it.
pub const MOST: usize = 100_000;

/// Steps that it takes to find a value,
const FIND: u64 = 16;
/// to make something of it,
const MAKE: u64 = 96;
/// and to hand it out.
const LOOK: u64 = 32;

impl Node {
    /// The outermost value of a JSON text; none if that is neither object nor list.
    #[must_use]
    pub fn read(text: &str) -> Option<Arc<Self>> {
        let raw: &RawValue = serde_json::from_str(text).ok()?;
        let start = (raw.get().as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
        let span = start..start + raw.get().len();
        raw.get().starts_with(['{', '[']).then(|| Arc::new(Self::new(text.into(), span, Arc::new(Meter::endless()))))
    }

    /// Of a letter that has just been written, which need not be checked again.
    #[must_use]
    pub fn of_letter(letter: &str, meter: Arc<Meter>) -> Self {
        Self::new(letter.into(), 0..letter.len(), meter)
    }

    const fn new(text: Arc<str>, span: Range<usize>, meter: Arc<Meter>) -> Self {
        Self { text, span, meter, inside: OnceLock::new() }
    }

    /// What it and everything in it is counted by.
    #[must_use]
    pub fn meter(&self) -> &Meter {
        &self.meter
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
        if !self.meter.spend(steps(raw.len(), 1)) {
            return Inside::Spent;
        }
        let mut rest = entries(raw);
        let found: Vec<_> = rest.by_ref().take(MOST + 1).collect();
        self.meter.spend(steps(found.len(), FIND));
        if found.len() > MOST {
            return Inside::Crowd(found.len() + rest.count());
        }
        if !self.meter.spend(steps(found.len(), MAKE)) {
            return Inside::Spent;
        }
        if self.is_list() {
            return Inside::List(found.into_iter().map(|(_, value)| self.part(&value)).collect());
        }
        let member = |(name, value): (Option<&str>, _)| (string(name.unwrap_or_default()), self.part(&value));
        Inside::Object(found.into_iter().map(member).collect())
    }

    fn part(&self, within: &Range<usize>) -> Part {
        let span = self.span.start + within.start..self.span.start + within.end;
        let text = &self.text[span.clone()];
        let value = match text.as_bytes().first() {
            Some(b'"') if self.meter.spend(steps(text.len(), 1)) => Value::from(string(text)),
            Some(b'"') => Value::UNDEFINED,
            Some(b'{' | b'[') => Value::from_object(Self::new(self.text.clone(), span.clone(), self.meter.clone())),
            Some(b't') => Value::from(true),
            Some(b'f') => Value::from(false),
            Some(b'n') | None => Value::from(()),
            Some(_) => number(text),
        };
        Part { span, value }
    }

    /// Whoever gets a text reads it, all of it for all that is known.
    fn hand_out(&self, part: &Part) -> Value {
        let length = part.value.as_str().map_or(0, str::len);
        if self.meter.spend(LOOK + steps(length, 1)) { part.value.clone() } else { Value::UNDEFINED }
    }
}

fn steps(count: usize, each: u64) -> u64 {
    (count as u64).saturating_mul(each)
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
            Inside::Crowd(count) => {
                self.meter.meet(*count);
                None
            }
            Inside::Spent => None,
        };
        part.map(|part| self.hand_out(part))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        match self.inside() {
            Inside::Object(members) if self.meter.spend(members.keys().map(|name| LOOK + steps(name.len(), 1)).sum()) => {
                Enumerator::Values(members.keys().map(|name| Value::from(name.as_str())).collect())
            }
            Inside::List(elements) => Enumerator::Seq(elements.len()),
            Inside::Crowd(count) => {
                self.meter.meet(*count);
                Enumerator::Empty
            }
            Inside::Object(_) | Inside::Spent => Enumerator::Empty,
        }
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(match self.inside() {
            Inside::Object(members) => members.len(),
            Inside::List(elements) => elements.len(),
            Inside::Crowd(count) => *count,
            Inside::Spent => 0,
        })
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let raw = self.raw();
        // no error: whoever makes a text of it takes that for impossible
        if self.meter.spend(steps(raw.len(), 1)) { f.write_str(raw) } else { Ok(()) }
    }
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

/// Of the text of an object; of several with one name the last. None: it is no object.
#[must_use]
pub fn members(text: &str) -> Option<Vec<(String, &RawValue)>> {
    serde_json::Deserializer::from_str(text).deserialize_map(Members).ok()
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
