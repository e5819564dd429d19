//! What is wrong with a timestamp.

use super::variation::{Label, Variation};
use crate::domain::time::Timestamp;
use crate::generator::clock::Clock;
use crate::generator::raw::RawCallback;
use crate::generator::recipe::Recipe;
use crate::generator::scalar::ClockUnit;
use crate::generator::source::ClockSource;

/// Counts from here on are finer than seconds, and than milliseconds: neither will be reached before the year 5000.
const FROM_MILLIS: i64 = 100_000_000_000;
const FROM_MICROS: i64 = 100_000_000_000_000;
/// A timestamp in a header of another name is one of about today.
const A_DAY: i64 = 86_400;

/// None: it is good, or the recipe has none.
pub(super) fn fault(recipe: &Recipe, raw: &RawCallback) -> Option<Label> {
    let clock = recipe.clock.as_ref()?;
    let Some(text) = sent(recipe, raw) else { return Some(missing(recipe, clock, raw)) };
    if clock.allows(&text, raw.arrived) {
        return None;
    }
    let unit = match clock.unit {
        ClockUnit::Seconds => "seconds",
        ClockUnit::Millis => "milliseconds",
    };
    let text = text.trim();
    let Some(count) = text.parse::<i64>().ok().filter(|&count| count >= 0) else {
        return Some(Label::about(unreadable(text), unit));
    };
    Some(match (clock.unit, count) {
        (_, FROM_MICROS..) => Label::about(Variation::TimestampInMicros, unit),
        (ClockUnit::Seconds, FROM_MILLIS..) => Label::plain(Variation::TimestampInMillis),
        (ClockUnit::Millis, ..FROM_MILLIS) => Label::plain(Variation::TimestampInSeconds),
        (ClockUnit::Seconds, count) => off(count - raw.arrived.secs()),
        (ClockUnit::Millis, count) => off(count / 1_000 - raw.arrived.secs()),
    })
}

/// The timestamp as it was sent.
pub(super) fn sent(recipe: &Recipe, raw: &RawCallback) -> Option<String> {
    let values = recipe.presented(raw).unwrap_or_default();
    let values: Vec<&str> = values.into_iter().filter_map(|value| std::str::from_utf8(value).ok()).collect();
    recipe.clock.as_ref()?.read(recipe, raw, &values).map(std::borrow::Cow::into_owned)
}

fn missing(recipe: &Recipe, clock: &Clock, raw: &RawCallback) -> Label {
    let is_about_now = |count: i64| {
        let seconds = if count >= FROM_MILLIS { count / 1_000 } else { count };
        seconds.saturating_sub(raw.arrived.secs()).saturating_abs() < A_DAY
    };
    let is_time = |value: &[u8]| std::str::from_utf8(value).ok()?.trim().parse().ok().filter(|&count| is_about_now(count));
    match raw.headers.iter().find(|(_, value)| is_time(value).is_some()) {
        Some((name, _)) => Label::about(Variation::TimestampElsewhere, &name.to_ascii_lowercase()),
        None => Label::about(
            Variation::TimestampMissing,
            &match &clock.source {
                ClockSource::Element(key) => format!("`{key}` of {}", recipe.headers.join(", ")),
                ClockSource::Elsewhere(source) => source.to_string(),
            },
        ),
    }
}

fn unreadable(text: &str) -> Variation {
    if text.contains('-') && Timestamp::parse(text).is_some() {
        Variation::TimestampAsDate
    } else if text.contains('.') && text.parse::<f64>().is_ok_and(|number| number.is_finite() && number >= 0.0) {
        Variation::TimestampFraction
    } else {
        Variation::TimestampUnreadable
    }
}

/// `seconds`: ahead of our clock.
fn off(seconds: i64) -> Label {
    const HALF_AN_HOUR: i64 = 1_800;
    const WESTERNMOST: i64 = 14 * 3_600;
    // clocks that are set by a network, and a message's way
    const NEARLY: i64 = 60;
    let nearest = (seconds + seconds.signum() * HALF_AN_HOUR / 2) / HALF_AN_HOUR * HALF_AN_HOUR;
    let is_zone = nearest != 0 && seconds.abs() <= WESTERNMOST + NEARLY && (seconds - nearest).abs() <= NEARLY;
    let told = told(seconds);
    match seconds {
        _ if is_zone => Label::about(Variation::TimestampInLocalTime, &told),
        ..0 => Label::about(Variation::TimestampOld, &told),
        _ => Label::about(Variation::TimestampAhead, &told),
    }
}

fn told(seconds: i64) -> String {
    let (length, direction) = (seconds.unsigned_abs(), if seconds < 0 { "in the past" } else { "in the future" });
    let about = match length {
        0..=119 => String::new(),
        120..=7_199 => format!(" (about {} min)", length / 60),
        7_200..=172_799 => format!(" (about {} h)", length / 3_600),
        _ => format!(" (about {} days)", length / 86_400),
    };
    format!("{length} s{about} {direction}")
}
