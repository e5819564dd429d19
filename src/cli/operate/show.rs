//! Tables for people. What comes from outside may hold anything: nothing of it reaches the terminal but text.

use console::measure_text_width;
use serde_json::Value;

use super::api::Listed;
use crate::cli::{Outcome, say};

/// Of a cell.
const WIDEST: usize = 60;
const BETWEEN: &str = "  ";

/// A column's title, and what stands there of an item.
pub(super) type Column = (&'static str, fn(&Value) -> String);

/// A list as one document, or as a table.
pub(super) fn list(listed: &Listed, columns: &[Column], json: bool) -> Outcome {
    if json {
        return document(&serde_json::json!({"items": listed.items}));
    }
    if listed.items.is_empty() {
        say("none");
        return Ok(());
    }
    let titles = columns.iter().map(|(title, _)| (*title).to_owned()).collect();
    let rows = listed.items.iter().map(|item| columns.iter().map(|(_, cell)| shortened(&plain(&cell(item)))).collect());
    let rows: Vec<Vec<String>> = std::iter::once(titles).chain(rows).collect();
    say(aligned(&rows));
    if listed.more {
        eprintln!("callback-hub: there are more; --limit shows them");
    }
    Ok(())
}

/// An object as one document, or a line a member.
pub(super) fn object(object: &Value, json: bool) -> Outcome {
    if json {
        return document(object);
    }
    let members = object.as_object().into_iter().flatten().filter(|(_, value)| !is_empty(value));
    let rows: Vec<Vec<String>> = members.map(|(name, value)| vec![plain(name), plain(&text(value))]).collect();
    say(aligned(&rows));
    Ok(())
}

pub(super) fn document(document: &Value) -> Outcome {
    say(escaped(&serde_json::to_string_pretty(document).unwrap_or_default()));
    Ok(())
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}

/// A member as text; nothing if it is not there.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A time without what nobody reads at a glance: fractions of a second, and that it is UTC.
pub(super) fn time(value: &Value) -> String {
    let text = value.as_str().unwrap_or_default();
    text.get(..19).map(|seconds| seconds.replace('T', " ")).unwrap_or_default()
}

/// Control characters would move the cursor, or worse; those that turn the writing's direction would show another order.
pub(in crate::cli) fn plain(text: &str) -> String {
    text.chars().map(|c| if is_harmless(c) { c } else { char::REPLACEMENT_CHARACTER }).collect()
}

/// JSON for whoever reads it with his eyes, and the same to whoever parses it: what is not text is written with its number.
pub(in crate::cli) fn escaped(json: &str) -> String {
    let is_kept = |c: char| c == '\n' || is_harmless(c);
    // all of them have four digits
    json.chars().map(|c| if is_kept(c) { c.to_string() } else { format!("\\u{:04x}", u32::from(c)) }).collect()
}

fn is_harmless(c: char) -> bool {
    let turns = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    !c.is_control() && !turns && !matches!(c, '\u{2028}' | '\u{2029}')
}

fn shortened(text: &str) -> String {
    console::truncate_str(text, WIDEST, "…").into_owned()
}

fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widest = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| measure_text_width(cell)).max();
    let widths: Vec<usize> = (0..columns).map(|column| widest(column).unwrap_or(0)).collect();
    let line = |row: &Vec<String>| {
        let cells =
            row.iter().zip(&widths).map(|(cell, width)| format!("{cell}{}", " ".repeat(width - measure_text_width(cell))));
        cells.collect::<Vec<_>>().join(BETWEEN).trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_each_other() {
        let rows = [["ID", "STATUS"], ["a-long-name", "failed"], ["日本", "completed"]];
        let rows = rows.map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(aligned(&rows), "ID           STATUS\na-long-name  failed\n日本         completed");
    }

    #[test]
    fn nothing_moves_the_cursor() {
        assert_eq!(plain("\u{1b}[2Jred\r\n\u{202e}txt"), "\u{fffd}[2Jred\u{fffd}\u{fffd}\u{fffd}txt");
        let value = serde_json::json!({"text": "\u{9b}2J\u{7f}\u{202e}é\n"});
        let shown = escaped(&value.to_string());
        assert_eq!(shown, "{\"text\":\"\\u009b2J\\u007f\\u202eé\\n\"}");
        assert_eq!(serde_json::from_str::<Value>(&shown).unwrap(), value);
    }
}
