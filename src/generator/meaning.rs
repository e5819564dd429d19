//! What a callback says about its task: the event, built from the values that its generator's file points at.

use crate::domain::event::{Event, Failure, Found, Report};
use crate::domain::task::TaskError;

use super::json::{self, Kind};
use super::reader::{Reader, Takes, brief};
use super::reading::Reading;
use super::refusal::{Code, FieldError, Refusal};
use super::rule::ruled;
use super::source::{Pointer, Source};
use super::vocabulary::{Glob, Meaning};

/// The generator's own word, and what it means.
pub(super) struct Said {
    pub word: Option<String>,
    pub meaning: Meaning,
}

/// What a rule says, whether there is a word or not; else the word for the state. A word of the wrong type is noted as a fault and means nothing.
pub(super) fn said(reader: &mut Reader<'_>, reading: &Reading) -> Result<Said, Refusal> {
    let vocabulary = &reading.vocabulary;
    let takes = if reading.strict { Takes::Strings } else { Takes::Scalars };
    let word = reader.text(&reading.state, takes);
    if let Some(meaning) = ruled(&reading.rules, &reader.document, reader.envelope) {
        return Ok(Said { word, meaning });
    }
    let Some(word) = word else {
        let is_absent = reader.errors.is_empty();
        return match vocabulary.silence() {
            Some(meaning) => Ok(Said { word: None, meaning }),
            None if is_absent => Err(missing(&reading.state)),
            // progress has the most to check, so that all faults are named at once
            None => Ok(Said { word: None, meaning: Meaning::Progress }),
        };
    };
    let Some(meaning) = vocabulary.meaning(&word) else { return Err(unknown(&word, reading)) };
    Ok(Said { word: Some(word), meaning })
}

fn missing(state: &[Source]) -> Refusal {
    let field = state.first().map(ToString::to_string).unwrap_or_default();
    let errors = vec![FieldError::new(field, "is missing")];
    Refusal::of_fields(Code::MissingEvent, "The body names no event", errors)
}

fn unknown(word: &str, reading: &Reading) -> Refusal {
    const SHOWN: usize = 64;
    let field = reading.state.first().map(ToString::to_string).unwrap_or_default();
    let word: String = word.chars().take(SHOWN).collect();
    let errors = vec![FieldError::new(field, format!("`{word}` is none of {}", reading.vocabulary.known()))];
    Refusal::of_fields(Code::UnknownEvent, "The event is not one that this generator knows", errors)
}

/// Every value is read, whatever the event is, so that a strict file refuses a wrong one wherever it stands.
pub(super) fn event(reader: &mut Reader<'_>, reading: &Reading, final_errors: &[Glob], meaning: Meaning) -> Event {
    if matches!(meaning, Meaning::NotOfInterest | Meaning::Custom) {
        return Event::NotOfInterest;
    }
    let report = report(reader, reading);
    let failure = failure(reader, &reading.error, final_errors);
    match meaning {
        Meaning::Completed => Event::Completed(result(reader, reading)),
        Meaning::Failed => Event::Failed(failure),
        Meaning::Cancelled => Event::Cancelled,
        Meaning::Progress => Event::Progress(report),
        Meaning::Started => Event::Progress(Report { percent: None, ..report }),
        Meaning::NotOfInterest | Meaning::Custom => Event::NotOfInterest,
    }
}

/// What a custom event carries: the first place that is there, or the whole body.
pub(super) fn custom_data(reader: &mut Reader<'_>, reading: &Reading) -> Found {
    match reading.data.iter().find_map(|pointer| reader.json(pointer)) {
        Some(value) => found(value.get(), reader.document.span(value)),
        None => whole_body(reader.document.text()),
    }
}

/// The generator's word, as far as it can be a name; else the name of the generator.
pub(super) fn custom_name(word: Option<String>, generator: &str) -> String {
    const LONGEST: usize = 256;
    let mut name = word.unwrap_or_default();
    name.truncate(name.floor_char_boundary(LONGEST));
    let name: String = name.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if name.trim().is_empty() { generator.to_owned() } else { name }
}

fn report(reader: &mut Reader<'_>, reading: &Reading) -> Report {
    let ratio = reading.ratio.as_ref().and_then(|ratio| reader.ratio(ratio));
    Report {
        percent: reader.percent(&reading.percent, reading.scale).or(ratio),
        stage: reader.brief(&reading.stage),
        message: reader.brief(&reading.message),
    }
}

/// Without a pointer the whole body is the result.
pub(super) fn result(reader: &mut Reader<'_>, reading: &Reading) -> Option<Found> {
    if reading.result.is_empty() {
        return Some(whole_body(reader.document.text()));
    }
    let value = reading.result.iter().find_map(|pointer| reader.json(pointer))?;
    Some(found(value.get(), reader.document.span(value)))
}

/// The whole body as the result.
pub(super) fn whole_body(text: &str) -> Found {
    found(text, 0..text.len())
}

fn found(json: &str, span: std::ops::Range<usize>) -> Found {
    json::storable(json).map_or(Found::InBody(span), |mended| Found::Rewritten(mended.into()))
}

/// Of an error that is an object.
const PARTS: [&str; 4] = ["code", "type", "message", "details"];

fn failure(reader: &mut Reader<'_>, places: &[Pointer], final_errors: &[Glob]) -> Failure {
    let mut error = TaskError::default();
    let mut retryable = true;
    let found = places.iter().find_map(|place| Some((place, reader.json(place)?)));
    match found {
        Some((place, value)) if json::kind(value) == Kind::Object => {
            let mut part = |key: &str, takes: Takes| {
                let part = json::member(value, key).filter(|part| json::kind(part) != Kind::Null)?;
                let text = takes.read(part);
                if text.is_none() {
                    reader.complain(format!("{place}.{key}"), takes.wanted());
                }
                text.map(brief)
            };
            error.code = part("code", Takes::Numbers).unwrap_or(error.code);
            error.kind = part("type", Takes::Strings).unwrap_or(error.kind);
            error.message = part("message", Takes::Strings).unwrap_or(error.message);
            let details = json::member(value, "details").filter(|details| json::kind(details) != Kind::Null);
            retryable = !details.is_some_and(forbids_retries);
            error.details = details.map(|details| kept_details(details.get()));
            // in words of its own: better kept whole than not at all
            let foreign = PARTS.iter().all(|part| json::member(value, part).is_none()) && value.get().trim() != "{}";
            if foreign && !reader.strict {
                error.details = Some(kept_details(value.get()));
            }
        }
        Some((place, value)) => {
            reader.complain(place.to_string(), "must be an object or null");
            error.message = Takes::Scalars.read(value).map_or(error.message, brief);
        }
        None => {}
    }
    retryable &= !final_errors.iter().any(|glob| glob.matches(&error.code) || glob.matches(&error.kind));
    Failure { error, retryable }
}

/// Details as they are; of very long ones the beginning, as a string.
fn kept_details(json: &str) -> String {
    const LONGEST: usize = 64 << 10;
    let text = json::storable(json).unwrap_or_else(|| json.to_owned());
    if text.len() <= LONGEST { text } else { serde_json::Value::from(&text[..text.floor_char_boundary(LONGEST)]).to_string() }
}

fn forbids_retries(details: &serde_json::value::RawValue) -> bool {
    json::kind(details) == Kind::Object && json::member(details, "retryable").is_some_and(|value| value.get() == "false")
}
