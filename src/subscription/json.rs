//! Writing JSON, up to a size.

use minijinja::Value;
use minijinja::value::ValueKind;

use super::tree::Node;

/// A text that grows no further than it may.
#[derive(Debug)]
pub struct Capped {
    text: String,
    most: usize,
}

impl Capped {
    /// In bytes.
    #[must_use]
    pub const fn new(most: usize) -> Self {
        Self { text: String::new(), most }
    }

    /// An empty one, for as much as there is still room.
    #[must_use]
    pub const fn rest(&self) -> Self {
        Self::new(self.most - self.text.len())
    }

    #[must_use]
    pub fn text(self) -> String {
        self.text
    }

    /// # Errors
    /// What there is no room for.
    pub fn push(&mut self, text: &str) -> Result<(), String> {
        if text.len() > self.most - self.text.len() {
            return Err(format!("what it makes is larger than {} bytes", self.most));
        }
        self.text.push_str(text);
        Ok(())
    }

    /// As a JSON string.
    ///
    /// # Errors
    /// What there is no room for.
    pub fn string(&mut self, text: &str) -> Result<(), String> {
        self.push(&serde_json::to_string(text).unwrap_or_default())
    }

    /// What an expression has made, as JSON: parts of the letter as they are written there.
    ///
    /// # Errors
    /// What there is no room for, and what is no value.
    pub fn value(&mut self, value: &Value) -> Result<(), String> {
        if let Some(node) = value.downcast_object_ref::<Node>() {
            return self.push(node.raw());
        }
        match value.kind() {
            ValueKind::Undefined | ValueKind::None => self.push("null"),
            ValueKind::Bool => self.push(if value.is_true() { "true" } else { "false" }),
            ValueKind::Number => self.push(&serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned())),
            ValueKind::String => self.string(value.as_str().unwrap_or_default()),
            ValueKind::Seq | ValueKind::Iterable => self.list(value),
            ValueKind::Map => self.object(value),
            _ => Err("what it makes is no JSON value".to_owned()),
        }
    }

    fn list(&mut self, list: &Value) -> Result<(), String> {
        self.push("[")?;
        for (at, element) in list.try_iter().map_err(|error| error.to_string())?.enumerate() {
            self.push(if at == 0 { "" } else { "," })?;
            self.value(&element)?;
        }
        self.push("]")
    }

    fn object(&mut self, object: &Value) -> Result<(), String> {
        self.push("{")?;
        for (at, key) in object.try_iter().map_err(|error| error.to_string())?.enumerate() {
            self.push(if at == 0 { "" } else { "," })?;
            self.string(&key.to_string())?;
            self.push(":")?;
            self.value(&object.get_item(&key).unwrap_or_default())?;
        }
        self.push("}")
    }
}
