//! String leaves: decoded so that every text the hub keeps is a text that every database takes.

use serde_json::value::RawValue;

/// The decoded text of a string; lone surrogates and NUL, which no text column holds, become U+FFFD.
#[must_use]
pub fn string(value: &RawValue) -> Option<String> {
    let literal = value.get().strip_prefix('"')?.strip_suffix('"')?;
    let mut text = String::with_capacity(literal.len());
    let mut rest = literal;
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        let (decoded, after) = escape(&rest[at + 1..])?;
        text.push(decoded);
        rest = after;
    }
    text.push_str(rest);
    Some(text)
}

/// The JSON text with escapes that strict readers and text columns refuse (`\u0000`, lone surrogates) rewritten to
/// `\ufffd`; none if it holds none.
#[must_use]
pub fn storable(json: &str) -> Option<String> {
    let mut mended = String::new();
    let (mut copied, mut at) = (0, 0);
    while let Some(found) = json[at..].find('\\').map(|found| at + found) {
        let (length, refused) = escaped(&json[found..]);
        at = found + length;
        if refused {
            mended.push_str(&json[copied..found]);
            mended.push_str(r"\ufffd");
            copied = at;
        }
    }
    (copied > 0).then(|| mended + &json[copied..])
}

/// How long the escape at the beginning is, in bytes, and whether it stands for what no text should hold.
fn escaped(json: &str) -> (usize, bool) {
    let unit = |text: &str| text.strip_prefix(r"\u").and_then(four_digits).map(|(unit, _)| unit);
    match unit(json) {
        None => (2, false),
        Some(0xD800..=0xDBFF) if matches!(unit(&json[6..]), Some(0xDC00..=0xDFFF)) => (12, false),
        Some(unit) => (6, matches!(unit, 0 | 0xD800..=0xDFFF)),
    }
}

/// What stands after a backslash: the character meant, and the rest.
fn escape(after: &str) -> Option<(char, &str)> {
    let (&letter, _) = after.as_bytes().split_first()?;
    let decoded = match letter {
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => return unicode(after.get(1..)?),
        _ => char::from(letter),
    };
    Some((decoded, after.get(1..)?))
}

fn unicode(digits: &str) -> Option<(char, &str)> {
    let (unit, rest) = four_digits(digits)?;
    if (0xD800..0xDC00).contains(&unit)
        && let Some((low, rest)) = rest.strip_prefix("\\u").and_then(four_digits)
        && (0xDC00..0xE000).contains(&low)
    {
        let astral = char::from_u32(0x1_0000 + ((unit - 0xD800) << 10) + (low - 0xDC00))?;
        return Some((astral, rest));
    }
    let decoded = char::from_u32(unit).filter(|&decoded| decoded != '\0').unwrap_or(char::REPLACEMENT_CHARACTER);
    Some((decoded, rest))
}

fn four_digits(text: &str) -> Option<(u32, &str)> {
    let (digits, rest) = text.split_at_checked(4)?;
    Some((u32::from_str_radix(digits, 16).ok()?, rest))
}
