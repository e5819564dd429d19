//! Constants that are sent beside `input`; their texts may have gaps.

use serde_json::{Map, Value};

use super::filling::{Filling, Known};
use super::values::Values;

#[derive(Clone, Debug)]
pub(in crate::generator) enum Constant {
    Text(Filling),
    Plain(Value),
    List(Vec<Constant>),
    Table(Vec<(String, Constant)>),
}

impl Constant {
    pub(super) fn of(value: &toml::Value, known: Known<'_>) -> Self {
        match value {
            toml::Value::String(text) => Self::Text(Filling::lenient(text, known)),
            toml::Value::Array(list) => Self::List(list.iter().map(|value| Self::of(value, known)).collect()),
            toml::Value::Table(table) => Self::Table(constants(table, known)),
            scalar => Self::Plain(plain(scalar)),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Text(filling) => filling.is_empty(),
            Self::Plain(_) => false,
            Self::List(list) => list.is_empty(),
            Self::Table(members) => members.is_empty(),
        }
    }

    pub(super) fn is_about_callback(&self) -> bool {
        match self {
            Self::Text(filling) => filling.is_about_callback(),
            Self::Plain(_) => false,
            Self::List(list) => list.iter().any(Self::is_about_callback),
            Self::Table(members) => members.iter().any(|(_, value)| value.is_about_callback()),
        }
    }

    /// None for a text in which something is absent; lists and tables go without such, and if nothing else was in
    /// them, they are absent, too.
    pub(super) fn fill(&self, values: &Values<'_>) -> Option<Value> {
        match self {
            Self::Text(filling) => filling.text(values).map(Value::from),
            Self::Plain(value) => Some(value.clone()),
            Self::List(list) => {
                let filled: Vec<Value> = list.iter().filter_map(|value| value.fill(values)).collect();
                (list.is_empty() || !filled.is_empty()).then(|| filled.into())
            }
            Self::Table(members) => {
                let filled = fill(members, values);
                (members.is_empty() || !filled.is_empty()).then(|| filled.into())
            }
        }
    }
}

pub(super) type Constants = Vec<(String, Constant)>;

pub(super) fn constants(table: &toml::Table, known: Known<'_>) -> Constants {
    table.iter().map(|(key, value)| (key.clone(), Constant::of(value, known))).collect()
}

pub(super) fn fill(constants: &Constants, values: &Values<'_>) -> Map<String, Value> {
    constants.iter().filter_map(|(key, value)| Some((key.clone(), value.fill(values)?))).collect()
}

/// Without gaps.
pub(in crate::generator) fn plain(value: &toml::Value) -> Value {
    match value {
        toml::Value::String(text) => text.as_str().into(),
        toml::Value::Integer(number) => (*number).into(),
        toml::Value::Float(number) => (*number).into(),
        toml::Value::Boolean(yes) => (*yes).into(),
        toml::Value::Datetime(moment) => moment.to_string().into(),
        toml::Value::Array(list) => list.iter().map(plain).collect(),
        toml::Value::Table(table) => table.iter().map(|(key, value)| (key.clone(), plain(value))).collect(),
    }
}
