//! A template's text in pieces: JSON that is sent as it is, and strings that hold placeholders.

use serde_json::value::RawValue;

use super::tree::string;

pub enum Piece<'a> {
    Json(String),
    /// With its quotes.
    Leaf {
        literal: &'a str,
        place: String,
    },
}

/// White space between the values is left out.
///
/// # Errors
/// What keeps it from being JSON.
pub fn pieces(text: &str) -> Result<Vec<Piece<'_>>, String> {
    let checked: Result<&RawValue, _> = serde_json::from_str(text);
    checked.map_err(|error| format!("is no JSON document: {error}"))?;
    let (mut pieces, mut json, mut at) = (Vec::new(), String::new(), 0);
    while let Some(first) = text[at..].chars().next() {
        let rest = &text[at..];
        let length = if first == '"' { literal(rest) } else { first.len_utf8() };
        let token = &rest[..length];
        match first {
            '"' if is_leaf(token, &rest[length..]) => {
                refuse_statements(token, text, at)?;
                pieces.push(Piece::Json(std::mem::take(&mut json)));
                pieces.push(Piece::Leaf { literal: token, place: place(text, at) });
            }
            ' ' | '\t' | '\r' | '\n' => {}
            _ => json.push_str(token),
        }
        at += length;
    }
    pieces.push(Piece::Json(json));
    Ok(pieces)
}

/// How long a string is that the text begins with, quotes and all.
fn literal(text: &str) -> usize {
    let mut escaped = false;
    let end = text.bytes().enumerate().skip(1).find(|&(_, byte)| {
        let closes = !escaped && byte == b'"';
        escaped = !escaped && byte == b'\\';
        closes
    });
    end.map_or(text.len(), |(at, _)| at + 1)
}

/// Of a string: not the name of a member, and there is something to be filled in.
fn is_leaf(literal: &str, after: &str) -> bool {
    let is_name = after.trim_start_matches([' ', '\t', '\r', '\n']).starts_with(':');
    !is_name && (literal.contains('\\') || literal.contains('{')) && has_braces(&string(literal))
}

fn has_braces(text: &str) -> bool {
    text.contains("{{") || text.contains("{%")
}

fn refuse_statements(literal: &str, text: &str, at: usize) -> Result<(), String> {
    let statement = string(literal).contains("{%");
    let says = "holds a statement (`{% … %}`); there are only expressions, as `{{ a if b else c }}`";
    if statement { Err(format!("{says} (in {literal} at {})", place(text, at))) } else { Ok(()) }
}

fn place(text: &str, at: usize) -> String {
    let before = &text[..at];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!("line {line}, column {column}")
}
