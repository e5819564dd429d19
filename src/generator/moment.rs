//! Generators' own times: RFC 3339, or seconds or milliseconds since 1970.

use crate::domain::time::Timestamp;

use super::scalar::TimeUnit;

/// Seconds beyond this (the year 5138) are taken for milliseconds where no unit is said.
const MOST_SECONDS: f64 = 1e11;
/// The years 0 to 9999, which RFC 3339 can write.
const YEARS: std::ops::RangeInclusive<f64> = -62_167_219_200.0..=253_402_300_799.0;

/// A number, in the unit that the file says.
#[must_use]
pub(super) fn of_number(number: &str, unit: Option<TimeUnit>) -> Option<Timestamp> {
    let number: f64 = number.trim().parse().ok()?;
    let millis = match unit {
        Some(TimeUnit::Rfc3339) => return None,
        Some(unit) => unit == TimeUnit::Millis,
        None => number.abs() > MOST_SECONDS,
    };
    let seconds = if millis { number / 1e3 } else { number };
    #[expect(clippy::cast_possible_truncation, reason = "the years were checked, and a fraction of a microsecond is no loss")]
    YEARS.contains(&seconds).then(|| Timestamp::from_micros((seconds * 1e6).round() as i64))
}

/// A text: RFC 3339 unless the file says that it holds a number.
#[must_use]
pub(super) fn of_text(text: &str, unit: Option<TimeUnit>) -> Option<Timestamp> {
    match unit {
        Some(TimeUnit::Seconds | TimeUnit::Millis) => of_number(text, unit),
        Some(TimeUnit::Rfc3339) | None => Timestamp::parse(text),
    }
}
