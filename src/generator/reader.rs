//! Reads single values of a callback and collects what is wrong with them.

use std::borrow::Cow;

use crate::domain::time::Timestamp;

use super::json::{self, Document, Kind, Reached};
use super::moment;
use super::raw::RawCallback;
use super::refusal::FieldError;
use super::scalar::{Scale, TimeUnit};
use super::source::{Pointer, Source};

pub(super) struct Reader<'a> {
    pub document: Document<'a>,
    /// Headers and query; none where only the body speaks for itself, as in a batch.
    pub envelope: Option<&'a RawCallback>,
    /// Whether a value of the wrong type is an error, or as good as absent.
    pub strict: bool,
    pub errors: Vec<FieldError>,
}

/// A value that is there.
pub(super) enum Value<'a> {
    Json(&'a serde_json::value::RawValue),
    Text(Cow<'a, str>),
}

/// Which JSON values do as a text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    Strings,
    /// Whole numbers, too, by their digits.
    Ids,
    /// Any number, as it is written.
    Numbers,
    /// Whatever is no object and no array.
    Scalars,
}

impl<'a> Reader<'a> {
    pub(super) fn fault(&mut self, field: impl Into<String>, wanted: &str) {
        let field = field.into();
        if !self.errors.iter().any(|known| known.field == field) {
            self.errors.push(FieldError::new(field, wanted));
        }
    }

    /// A fault if the file is strict about types.
    pub(super) fn complain(&mut self, field: impl Into<String>, wanted: &str) {
        if self.strict {
            self.fault(field, wanted);
        }
    }

    /// The value at a source, unless it is absent or null.
    pub(super) fn value(&mut self, source: &Source) -> Option<Value<'a>> {
        match source {
            Source::Json(pointer) => self.json(pointer).map(Value::Json),
            Source::Header(names) => self.envelope?.first_header(names).map(|value| Value::Text(String::from_utf8_lossy(value))),
            Source::Query(name) => self.envelope?.parameter(name).next().map(|value| Value::Text(Cow::Borrowed(value))),
        }
    }

    pub(super) fn json(&mut self, pointer: &Pointer) -> Option<&'a serde_json::value::RawValue> {
        match self.document.find(pointer) {
            Reached::Value(value) => Some(value),
            Reached::Absent => None,
            Reached::Blocked(steps) => {
                self.complain(pointer.upto(steps).to_string(), "must be an object or null");
                None
            }
        }
    }

    /// The first text among the sources.
    pub(super) fn text(&mut self, sources: &[Source], takes: Takes) -> Option<String> {
        sources.iter().find_map(|source| match self.value(source)? {
            Value::Text(text) => Some(text.replace('\0', "\u{fffd}")),
            Value::Json(value) => {
                let text = takes.read(value);
                if text.is_none() {
                    self.complain(source.to_string(), takes.wanted());
                }
                text
            }
        })
    }

    /// A text that goes into the task's own row: its beginning, if it is long. The receipt keeps the whole.
    pub(super) fn brief(&mut self, sources: &[Source]) -> Option<String> {
        self.text(sources, Takes::Strings).map(brief)
    }

    /// The first percentage among the sources: 0 to 100.
    pub(super) fn percent(&mut self, sources: &[Source], scale: Scale) -> Option<f64> {
        sources.iter().find_map(|source| {
            let number = match self.value(source)? {
                Value::Text(text) => number(&text, true),
                Value::Json(value) => match json::kind(value) {
                    Kind::Number => number(value.get(), false),
                    Kind::String if !self.strict || scale == Scale::Percent => {
                        json::string(value).and_then(|text| number(&text, scale == Scale::Percent))
                    }
                    _ => None,
                },
            };
            let percent = number.map(|number| if scale == Scale::Fraction { number * 100.0 } else { number });
            let percent = percent.filter(|percent| (0.0..=100.0).contains(percent));
            if percent.is_none() {
                let most = if scale == Scale::Fraction { "1" } else { "100" };
                self.complain(source.to_string(), &format!("must be a number from 0 to {most}"));
            }
            percent
        })
    }

    /// How far, of how much.
    pub(super) fn ratio(&mut self, [done, whole]: &[Source; 2]) -> Option<f64> {
        let mut plain = |source| match self.value(source)? {
            Value::Text(text) => number(&text, false),
            Value::Json(value) => number(value.get(), false),
        };
        let percent = plain(done)? / plain(whole)? * 100.0;
        (0.0..=100.0).contains(&percent).then_some(percent)
    }

    /// The generator's own time.
    pub(super) fn moment(&mut self, sources: &[Source], unit: Option<TimeUnit>) -> Option<Timestamp> {
        sources.iter().find_map(|source| {
            let moment = match self.value(source)? {
                Value::Text(text) => moment::of_text(&text, unit).or_else(|| moment::of_number(&text, unit)),
                Value::Json(value) => match json::kind(value) {
                    Kind::Number => moment::of_number(value.get(), unit),
                    Kind::String => json::string(value).and_then(|text| moment::of_text(&text, unit)),
                    _ => None,
                },
            };
            if moment.is_none() {
                self.complain(source.to_string(), "must be an RFC 3339 time, or seconds or milliseconds since 1970");
            }
            moment
        })
    }
}

impl Takes {
    pub(super) fn read(self, value: &serde_json::value::RawValue) -> Option<String> {
        let raw = value.get();
        match json::kind(value) {
            Kind::String => json::string(value),
            Kind::Number if matches!(self, Self::Numbers | Self::Scalars) => Some(raw.to_owned()),
            Kind::Number if self == Self::Ids && is_whole(raw) => Some(raw.to_owned()),
            Kind::Bool if self == Self::Scalars => Some(raw.to_owned()),
            _ => None,
        }
    }

    pub(super) const fn wanted(self) -> &'static str {
        match self {
            Self::Strings => "must be a string",
            Self::Ids => "must be a string or a whole number",
            Self::Numbers => "must be a string or a number",
            Self::Scalars => "must be a string, a number or a boolean",
        }
    }
}

fn is_whole(number: &str) -> bool {
    number.strip_prefix('-').unwrap_or(number).bytes().all(|byte| byte.is_ascii_digit())
}

fn number(text: &str, percent_sign: bool) -> Option<f64> {
    let text = text.trim();
    let text = if percent_sign { text.strip_suffix('%').unwrap_or(text) } else { text };
    // plus zero turns -0 into 0
    text.parse::<f64>().ok().filter(|number| number.is_finite()).map(|number| number + 0.0)
}

/// In bytes.
const LONGEST_BRIEF: usize = 4096;

/// A text's beginning, if it is too long for a row.
pub(super) fn brief(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(LONGEST_BRIEF));
    text
}
