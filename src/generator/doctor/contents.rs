//! What else a sender may have signed: another spelling of the body, or other parts of the request.

use std::collections::HashSet;

use bytes::Bytes;

use super::variation::{Label, Variation};
use crate::generator::canonical::{Form, rewritten, stringified};
use crate::generator::raw::RawCallback;
use crate::generator::template::{Part, Template, one_line};

/// What may have been signed, and how that differs from the expected.
pub(super) struct Content {
    pub parts: Vec<Bytes>,
    pub label: Label,
}

const FORMS: [(&str, &str); 8] = [
    ("kept,spaced,ascii", "json.dumps(body)"),
    ("kept,spaced,utf8", "json.dumps(body, ensure_ascii=False)"),
    ("kept,compact,ascii", "json.dumps(body, separators=(',', ':'))"),
    ("kept,compact,utf8", "json.dumps(…, separators=(',', ':'), ensure_ascii=False)"),
    ("sorted,spaced,ascii", "json.dumps(body, sort_keys=True)"),
    ("sorted,spaced,utf8", "json.dumps(body, sort_keys=True, ensure_ascii=False)"),
    ("sorted,compact,ascii", "json.dumps(…, sort_keys=True, separators=(',', ':'))"),
    ("sorted,compact,utf8", "json.dumps(…, sort_keys=True, separators=…, ensure_ascii=False)"),
];
const SEPARATORS: [(&str, &str); 4] = [("", "nothing"), (".", "dots"), (":", "colons"), ("\n", "line breaks")];
/// Headers whose values may be a timestamp or an id.
const MOST_HEADERS: usize = 4;

/// Bodies of up to this many bytes are tried with other ends of lines.
const LONGEST_SPELLED: usize = 4 << 20;
/// The same for those that are written anew, value by value, in a dozen ways: that takes a large multiple of their length.
pub(super) const LONGEST_REWRITTEN: usize = 256 << 10;

/// All contents but the expected one, each once.
pub(super) fn contents(template: &Template, raw: &RawCallback, timestamp: Option<&str>) -> Vec<Content> {
    let mut known: HashSet<Vec<u8>> = template.fill(raw, timestamp).map(|content| content.parts().concat()).into_iter().collect();
    let mut contents = Vec::new();
    let mut add = |label: Label, template: &Template, raw: &RawCallback| {
        let Some(content) = template.fill(raw, timestamp) else { return };
        if known.insert(content.parts().concat()) {
            contents.push(Content { parts: content.parts, label });
        }
    };
    for (label, parts) in structures(template) {
        add(label, &Template::of(parts), raw);
    }
    if !template.has_timestamp() {
        for (label, parts) in with_timestamp(raw) {
            add(label, &Template::of(parts), raw);
        }
    }
    let as_sent = as_sent(template);
    for (label, body) in bodies(&raw.body) {
        let raw = RawCallback { body, ..raw.clone() };
        add(label, &as_sent, &raw);
    }
    contents
}

/// The template over the bytes at hand, not over another spelling of them.
fn as_sent(template: &Template) -> Template {
    let sent = |part: &Part| if matches!(part, Part::Rewritten(_)) { Part::Body } else { part.clone() };
    Template::of(template.parts().iter().map(sent).collect())
}

/// Other parts of the same request.
fn structures(template: &Template) -> Vec<(Label, Vec<Part>)> {
    let parts = template.parts();
    let changed = |from: fn(&Part) -> bool, to: Part| -> Vec<Part> {
        parts.iter().map(|part| if from(part) { to.clone() } else { part.clone() }).collect()
    };
    let is_id = |part: &Part| matches!(part, Part::Header(_) | Part::Json(_));
    let is_time = |part: &Part| *part == Part::Timestamp;
    let is_body = |part: &Part| matches!(part, Part::Body | Part::BodyDigest | Part::Rewritten(_));
    let mut found = vec![
        (Label::plain(Variation::RawBody), changed(|part| matches!(part, Part::Rewritten(_)), Part::Body)),
        (Label::plain(Variation::BodyNotHashed), changed(|part| *part == Part::BodyDigest, Part::Body)),
        (Label::plain(Variation::BodyHashed), changed(|part| matches!(part, Part::Body | Part::Rewritten(_)), Part::BodyDigest)),
    ];
    let (has_id, has_time) = (parts.iter().any(is_id), parts.iter().any(is_time));
    if has_id && has_time {
        found.push((Label::plain(Variation::WithoutId), without(parts, is_id)));
    }
    if has_time {
        found.push((Label::plain(Variation::WithoutTimestamp), without(parts, is_time)));
    }
    if parts.len() > 1 {
        let only: Vec<Part> = parts.iter().filter(|part| is_body(part)).take(1).cloned().collect();
        found.push((Label::about(Variation::BodyOnly, &missing(has_id, has_time)), only));
    }
    for (text, word) in SEPARATORS {
        let joined = parts.iter().map(|part| if is_separator(part) { Part::Text(text.to_owned()) } else { part.clone() });
        found.push((Label::about(Variation::OtherSeparator, word), joined.collect()));
    }
    found.push((Label::plain(Variation::NothingSigned), Vec::new()));
    found
}

fn missing(has_id: bool, has_time: bool) -> String {
    match (has_id, has_time) {
        (true, true) => "the message's id and the timestamp",
        (true, false) => "the message's id",
        (false, true) => "the timestamp",
        (false, false) => "more",
    }
    .to_owned()
}

fn is_separator(part: &Part) -> bool {
    matches!(part, Part::Text(text) if text.len() == 1 && !text.chars().any(char::is_alphanumeric))
}

/// The parts but these, and but the separators that belong to them.
fn without(parts: &[Part], dropped: impl Fn(&Part) -> bool) -> Vec<Part> {
    let mut left: Vec<Part> = Vec::new();
    let mut skip_separator = false;
    for part in parts {
        if dropped(part) {
            skip_separator = true;
        } else if !(skip_separator && is_separator(part)) {
            left.push(part.clone());
            skip_separator = false;
        } else {
            skip_separator = false;
        }
    }
    while left.last().is_some_and(is_separator) {
        left.pop();
    }
    left
}

/// As most senders do it that sign a timestamp: `{ts}.{body}` and `{id}.{ts}.{body}`.
fn with_timestamp(raw: &RawCallback) -> Vec<(Label, Vec<Part>)> {
    let named = |ending: &'static str| {
        let names = raw.headers.iter().map(|(name, _)| name.to_ascii_lowercase()).filter(move |name| name.ends_with(ending));
        names.take(MOST_HEADERS)
    };
    let header = |name: &str| Part::Header(vec![name.to_owned()]);
    let text = |text: &str| Part::Text(text.to_owned());
    let mut found = Vec::new();
    for time in named("timestamp") {
        for (sep, _) in SEPARATORS {
            found.push((Label::about(Variation::WithTimestamp, &time), vec![header(&time), text(sep), Part::Body]));
        }
        for id in named("id") {
            let about = Label::about(Variation::WithTimestamp, &format!("{id} and {time}"));
            found.push((about, vec![header(&id), text("."), header(&time), text("."), Part::Body]));
        }
    }
    found
}

/// Other spellings of the body; the simplest come first, for of equal ones only the first counts.
fn bodies(body: &Bytes) -> Vec<(Label, Bytes)> {
    if body.len() > LONGEST_SPELLED {
        return Vec::new();
    }
    let Ok(text) = std::str::from_utf8(body) else { return Vec::new() };
    let mut found: Vec<(Label, Bytes)> = Vec::new();
    let mut spelled = |variation, text: String| found.push((Label::plain(variation), text.into()));
    let unix = text.replace("\r\n", "\n");
    spelled(Variation::CrlfAdded, unix.replace('\n', "\r\n"));
    spelled(Variation::CrlfRemoved, unix);
    spelled(Variation::NewlineAdded, format!("{text}\n"));
    spelled(Variation::NewlineAdded, format!("{text}\r\n"));
    spelled(Variation::NewlineStripped, text.trim_end().to_owned());
    spelled(Variation::NewlineStripped, text.trim().to_owned());
    found.push((Label::plain(Variation::LineBreaksRemoved), one_line(body)));
    if body.len() <= LONGEST_REWRITTEN {
        found.extend(written_anew(body));
    }
    found
}

/// As JSON, or as a form's value.
fn written_anew(body: &Bytes) -> Vec<(Label, Bytes)> {
    let mut found: Vec<(Label, Bytes)> = Vec::new();
    let mut spelled = |variation, text: String| found.push((Label::plain(variation), text.into()));
    let encoded: String = form_urlencoded::byte_serialize(body).collect();
    spelled(Variation::UrlEncoded, encoded.replace('+', "%20"));
    spelled(Variation::UrlEncoded, encoded);
    for (name, value) in form_urlencoded::parse(body).take(1) {
        // a body that was encoded as a whole is all name; a form has it as a value
        spelled(Variation::UrlDecoded, if value.is_empty() { name.into_owned() } else { value.into_owned() });
    }
    found.extend(stringified(body).map(|text| (Label::plain(Variation::JavaScriptJson), text.into())));
    for (form, call) in FORMS {
        let written = form.parse::<Form>().ok().and_then(|form| rewritten(body, form));
        found.extend(written.map(|text| (Label::about(Variation::PythonJson, call), text.into())));
    }
    found
}
