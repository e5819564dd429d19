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

/// The JSON text with its `\u0000` escapes rewritten to `\ufffd`; none if it holds none.
#[must_use]
pub fn without_nul(json: &str) -> Option<String> {
    let mut mended = String::new();
    let (mut copied, mut at) = (0, 0);
    while let Some(found) = json[at..].find('\\').map(|found| at + found) {
        let is_nul = json[found..].starts_with(r"\u0000");
        if is_nul {
            mended.push_str(&json[copied..found]);
            mended.push_str(r"\ufffd");
            copied = found + 6;
        }
        // an escaped backslash must not be taken for the start of the next escape
        at = if is_nul { copied } else { found + 2 };
    }
    (copied > 0).then(|| mended + &json[copied..])
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
