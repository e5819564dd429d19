//! What a generator's file says in its own words, with all that it extends: for showing it to people.

use std::fmt::Write;

use toml::{Table, Value};

/// The whole file as one table. It has been read before, so that what is in it makes sense.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Written(pub(super) Table);

impl Written {
    /// Whether the file has this section or key: `submit`, `event.map`.
    #[must_use]
    pub fn has(&self, path: &str) -> bool {
        self.at(path).is_some_and(|value| !is_nothing(value))
    }

    /// A text, or a number, as it is written.
    #[must_use]
    pub fn text(&self, path: &str) -> Option<String> {
        self.at(path).filter(|value| !is_nothing(value)).map(shown)
    }

    /// One or many.
    #[must_use]
    pub fn list(&self, path: &str) -> Vec<String> {
        match self.at(path) {
            Some(Value::Array(list)) => list.iter().map(shown).collect(),
            Some(value) if !is_nothing(value) => vec![shown(value)],
            _ => Vec::new(),
        }
    }

    /// The keys of a table.
    #[must_use]
    pub fn keys(&self, path: &str) -> Vec<&str> {
        self.at(path).and_then(Value::as_table).into_iter().flat_map(|table| table.keys().map(String::as_str)).collect()
    }

    /// The tables of a list: `sign`, `event.rule`.
    #[must_use]
    pub fn tables(&self, path: &str) -> Vec<Self> {
        let list = self.at(path).and_then(Value::as_array).into_iter().flatten();
        list.filter_map(|value| value.as_table().cloned().map(Self)).collect()
    }

    /// Every text in it.
    #[must_use]
    pub fn texts(&self) -> Vec<&str> {
        let mut texts = Vec::new();
        let mut left: Vec<&Value> = self.0.values().collect();
        while let Some(value) = left.pop() {
            match value {
                Value::String(text) => texts.push(text.as_str()),
                Value::Array(list) => left.extend(list),
                Value::Table(table) => left.extend(table.values()),
                _ => {}
            }
        }
        texts
    }

    /// As JSON; times, which JSON has not, as texts.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        super::outgoing::plain(&Value::Table(self.0.clone()))
    }

    fn at(&self, path: &str) -> Option<&Value> {
        let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
        let found = self.0.get(first)?;
        rest.map_or(Some(found), |rest| rest.split('.').try_fold(found, |value, key| value.as_table()?.get(key)))
    }
}

/// An empty text or list says as much as none.
fn is_nothing(value: &Value) -> bool {
    value.as_str().is_some_and(str::is_empty) || value.as_array().is_some_and(Vec::is_empty)
}

/// Texts without quotes, tables as they could be written.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => one_line(text),
        other => other.to_string(),
    }
}

/// A line feed would break the row that it stands in.
fn one_line(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut line, c| {
        let _ = if c.is_control() { write!(line, "{}", c.escape_default()) } else { line.write_char(c) };
        line
    })
}
