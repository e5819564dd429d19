//! When a signature was made, and whether it may still be believed.

use std::borrow::Cow;
use std::time::Duration;

use crate::domain::time::Timestamp;

use super::file::SignFile;
use super::json::{self, Document};
use super::raw::RawCallback;
use super::recipe::Recipe;
use super::scalar::{ClockUnit, Future};
use super::source::{ClockSource, Source};

/// Where the time stands that a signature covers, and how far off it may be.
#[derive(Debug)]
pub(super) struct Clock {
    pub source: ClockSource,
    pub unit: ClockUnit,
    tolerance: Duration,
    future: Future,
}

impl Clock {
    pub(super) fn prepare(file: &SignFile, tolerance: Duration) -> Option<Self> {
        let source = file.ts.clone()?;
        let tolerance = file.tolerance.map_or(tolerance, |period| period.0);
        let future = file.future.unwrap_or(Future::Within(tolerance));
        Some(Self { source, unit: file.ts_unit.unwrap_or(ClockUnit::Seconds), tolerance, future })
    }

    /// The time as it was sent. `values`: those of the signature's header.
    pub(super) fn read<'a>(&self, recipe: &Recipe, raw: &'a RawCallback, values: &[&'a str]) -> Option<Cow<'a, str>> {
        match &self.source {
            ClockSource::Element(key) => values.iter().find_map(|value| recipe.element(value, key)).map(Cow::Borrowed),
            ClockSource::Elsewhere(Source::Header(names)) => {
                std::str::from_utf8(raw.first_header(names)?).ok().map(Cow::Borrowed)
            }
            ClockSource::Elsewhere(Source::Query(name)) => raw.parameter(name).next().map(Cow::Borrowed),
            ClockSource::Elsewhere(Source::Json(pointer)) => {
                let document = Document::parse(&raw.body, &[pointer.head()]).ok()?;
                let value = document.find(pointer).value()?;
                Some(json::string(value).map_or(Cow::Borrowed(value.get()), Cow::Owned))
            }
        }
    }

    /// A whole number that is not negative, neither too old nor too far ahead.
    pub(super) fn allows(&self, sent: &str, arrived: Timestamp) -> bool {
        // in the unit of the timestamp, so that a whole second is not off by the fraction that it leaves out
        let (now, per_second) = match self.unit {
            ClockUnit::Seconds => (arrived.secs(), 1),
            ClockUnit::Millis => (arrived.micros().div_euclid(1_000), 1_000),
        };
        let Some(sent) = sent.trim().parse::<i64>().ok().filter(|&sent| sent >= 0) else { return false };
        let ahead = (i128::from(sent) - i128::from(now)) * 1_000 / per_second;
        let within = |limit: Duration, off: i128| off <= i128::try_from(limit.as_millis()).unwrap_or(i128::MAX);
        let future = match self.future {
            Future::Any => true,
            Future::Within(limit) => within(limit, ahead),
        };
        future && within(self.tolerance, -ahead)
    }

    /// As a sender writes it.
    pub(super) fn text(&self, now: Timestamp) -> String {
        match self.unit {
            ClockUnit::Seconds => now.secs().to_string(),
            ClockUnit::Millis => now.since(Timestamp::EPOCH).max(Duration::ZERO).as_millis().to_string(),
        }
    }
}
