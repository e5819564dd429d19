//! How values stand in the environment and in the file, for `#[serde(with = "…")]`: text, and in the file also numbers,
//! booleans and arrays of these. Writing masks secrets.

use std::fmt;

use serde::de::{DeserializeSeed, Error, SeqAccess, Visitor};
use serde::{Deserializer, Serializer};

use super::{AllowedNetwork, Text};

/// Exactly one value.
pub(crate) mod one {
    use super::*;

    pub(crate) fn serialize<S: Serializer, T: Text>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&value.show())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>, T: Text>(deserializer: D) -> Result<T, D::Error> {
        T::read(&Piece::of::<T>().deserialize(deserializer)?).map_err(Error::custom)
    }
}

/// A value that may be missing.
pub(crate) mod optional {
    use super::*;

    pub(crate) fn serialize<S: Serializer, T: Text>(value: &Option<T>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&value.as_ref().map(Text::show).unwrap_or_default())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>, T: Text>(deserializer: D) -> Result<Option<T>, D::Error> {
        one::deserialize(deserializer).map(Some)
    }
}

/// A value that the word `off` takes away.
pub(crate) mod unless_off {
    use super::*;

    pub(crate) fn serialize<S: Serializer, T: Text>(value: &Option<T>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&value.as_ref().map_or_else(|| "off".to_owned(), Text::show))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>, T: Text>(deserializer: D) -> Result<Option<T>, D::Error> {
        let text = Piece::of::<T>().deserialize(deserializer)?;
        if text.eq_ignore_ascii_case("off") { Ok(None) } else { T::read(&text).map(Some).map_err(Error::custom) }
    }
}

/// Several values, with commas between them.
pub(crate) mod list {
    use super::*;

    pub(crate) fn serialize<S: Serializer, T: Text>(values: &[T], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&joined(values))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>, T: Text>(deserializer: D) -> Result<Vec<T>, D::Error> {
        read_all(&deserializer.deserialize_any(Pieces { split: at_commas, piece: Piece::of::<T>() })?)
    }
}

/// Several values, or not set at all.
pub(crate) mod optional_list {
    use super::*;

    pub(crate) fn serialize<S: Serializer, T: Text>(values: &Option<Vec<T>>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&values.as_deref().map(joined).unwrap_or_default())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>, T: Text>(deserializer: D) -> Result<Option<Vec<T>>, D::Error> {
        list::deserialize(deserializer).map(Some)
    }
}

/// Client addresses; the word `any` (and an empty list) admits all.
pub(crate) mod addresses {
    use ipnet::IpNet;

    use super::*;

    pub(crate) fn serialize<S: Serializer>(values: &[IpNet], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&joined_or(values, "any"))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpNet>, D::Error> {
        read_all_but(deserializer, "any")
    }
}

/// Client addresses, or not set at all.
pub(crate) mod optional_addresses {
    use ipnet::IpNet;

    use super::*;

    pub(crate) fn serialize<S: Serializer>(values: &Option<Vec<IpNet>>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&values.as_deref().map(|values| joined_or(values, "any")).unwrap_or_default())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<IpNet>>, D::Error> {
        addresses::deserialize(deserializer).map(Some)
    }
}

/// Destinations; the word `none` stands for the empty list.
pub(crate) mod destinations {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(values: &[AllowedNetwork], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&joined_or(values, "none"))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<AllowedNetwork>, D::Error> {
        read_all_but(deserializer, "none")
    }
}

/// Secrets with commas between them; one that starts with `{` is a single key set, commas and all.
pub(crate) mod secrets {
    use super::*;

    pub(crate) fn serialize<S: Serializer, T: Text>(values: &[T], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&match values {
            [] => String::new(),
            [only] => only.show(),
            [first, ..] => format!("{} ({})", first.show(), values.len()),
        })
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>, T: Text>(deserializer: D) -> Result<Vec<T>, D::Error> {
        read_all(&deserializer.deserialize_any(Pieces { split: at_commas_or_key_set, piece: Piece::of::<T>() })?)
    }
}

fn read_all<T: Text, E: Error>(pieces: &[String]) -> Result<Vec<T>, E> {
    pieces.iter().map(|piece| T::read(piece).map_err(E::custom)).collect()
}

fn read_all_but<'de, D: Deserializer<'de>, T: Text>(deserializer: D, nothing: &str) -> Result<Vec<T>, D::Error> {
    let pieces = deserializer.deserialize_any(Pieces { split: at_commas, piece: Piece::of::<T>() })?;
    match pieces.as_slice() {
        [word] if word.eq_ignore_ascii_case(nothing) => Ok(Vec::new()),
        pieces => read_all(pieces),
    }
}

fn joined<T: Text>(values: &[T]) -> String {
    values.iter().map(Text::show).collect::<Vec<_>>().join(",")
}

fn joined_or<T: Text>(values: &[T], nothing: &str) -> String {
    if values.is_empty() { nothing.to_owned() } else { joined(values) }
}

fn at_commas(text: &str) -> Vec<&str> {
    text.split(',').map(str::trim).filter(|piece| !piece.is_empty()).collect()
}

fn at_commas_or_key_set(text: &str) -> Vec<&str> {
    if text.trim_start().starts_with('{') { vec![text.trim()] } else { at_commas(text) }
}

/// Text, a number or a boolean, as text.
#[derive(Clone, Copy)]
struct Piece {
    quoted: bool,
}

impl Piece {
    fn of<T: Text>() -> Self {
        Self { quoted: T::QUOTED }
    }

    fn unquoted<E: Error>(self, value: &impl ToString) -> Result<String, E> {
        if self.quoted { Err(E::custom("must be a text in quotes, not a number")) } else { Ok(value.to_string()) }
    }
}

impl<'de> DeserializeSeed<'de> for Piece {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Piece {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a single value")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<String, E> {
        Ok(text.trim().to_owned())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<String, E> {
        self.unquoted(&value)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<String, E> {
        self.unquoted(&value)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<String, E> {
        self.unquoted(&value)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<String, E> {
        self.unquoted(&value)
    }
}

/// A text that falls apart, an array of pieces, or a lone number.
struct Pieces {
    split: fn(&str) -> Vec<&str>,
    piece: Piece,
}

impl<'de> Visitor<'de> for Pieces {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok((self.split)(text).into_iter().map(str::to_owned).collect())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
        self.piece.visit_i64(value).map(|piece| vec![piece])
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Self::Value, E> {
        self.piece.visit_f64(value).map(|piece| vec![piece])
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut pieces = Vec::new();
        while let Some(piece) = items.next_element_seed(self.piece)? {
            pieces.push(piece);
        }
        Ok(pieces)
    }
}
