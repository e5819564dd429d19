//! Strings: read from their escapes, and written with Python's.

use super::Charset;

/// What a string consists of.
pub(super) enum Piece<'a> {
    /// As it stands there: neither quotes nor backslashes nor control characters.
    Plain(&'a str),
    /// Of an escape: a code point, which may be a lone surrogate.
    Code(u32),
}

/// The next piece of a string and the rest; none where a string may not go on like this.
pub(super) fn piece(text: &str) -> Option<(Piece<'_>, &str)> {
    if let Some(escape) = text.strip_prefix('\\') {
        return escaped(escape).map(|(code, rest)| (Piece::Code(code), rest));
    }
    let end = text.bytes().position(|byte| matches!(byte, b'"' | b'\\' | ..=0x1f))?;
    let (plain, rest) = text.split_at(end);
    (end > 0).then_some((Piece::Plain(plain), rest))
}

fn escaped(escape: &str) -> Option<(u32, &str)> {
    let code = match escape.as_bytes().first()? {
        b'u' => return unicode(&escape[1..]),
        b'b' => 0x8,
        b'f' => 0xc,
        b'n' => 0xa,
        b'r' => 0xd,
        b't' => 0x9,
        quoted @ (b'"' | b'\\' | b'/') => u32::from(*quoted),
        _ => return None,
    };
    Some((code, &escape[1..]))
}

fn unicode(digits: &str) -> Option<(u32, &str)> {
    let (unit, rest) = four_digits(digits)?;
    let low = || rest.strip_prefix("\\u").and_then(four_digits).filter(|(low, _)| (0xDC00..0xE000).contains(low));
    match unit {
        0xD800..0xDC00 => Some(low().map_or((unit, rest), |(low, rest)| (joined(unit, low), rest))),
        _ => Some((unit, rest)),
    }
}

const fn joined(high: u32, low: u32) -> u32 {
    0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00)
}

fn four_digits(text: &str) -> Option<(u32, &str)> {
    let (digits, rest) = text.split_at_checked(4)?;
    // from_str_radix alone would take a sign
    let hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    hex.then(|| u32::from_str_radix(digits, 16).ok()).flatten().map(|unit| (unit, rest))
}

impl Piece<'_> {
    /// Lone surrogates are written in any charset: what they lie in may still be dropped.
    pub(super) fn write(&self, charset: Charset, out: &mut Vec<u8>) {
        match self {
            Self::Plain(text) if charset == Charset::Utf8 || text.bytes().all(|byte| byte < 0x7f) => {
                out.extend_from_slice(text.as_bytes());
            }
            Self::Plain(text) => text.chars().for_each(|c| write_ascii(u32::from(c), out)),
            Self::Code(code) if charset == Charset::Ascii || *code < 0x7f => write_ascii(*code, out),
            Self::Code(_) => self.decode(out),
        }
    }

    /// As UTF-8 that also takes lone surrogates: as bytes it sorts as its code points do.
    pub(super) fn decode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Plain(text) => out.extend_from_slice(text.as_bytes()),
            Self::Code(code) => match char::from_u32(*code) {
                Some(c) => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
                None => out.extend_from_slice(&surrogate(*code)),
            },
        }
    }
}

/// The three bytes that UTF-8 would have for it.
fn surrogate(code: u32) -> [u8; 3] {
    let six = |shift: u32| u8::try_from(code >> shift & 0x3f).unwrap_or_default() | 0x80;
    [0xed, six(6), six(0)]
}

fn write_ascii(code: u32, out: &mut Vec<u8>) {
    let short = match code {
        0x22 => b'"',
        0x5c => b'\\',
        0x8 => b'b',
        0xc => b'f',
        0xa => b'n',
        0xd => b'r',
        0x9 => b't',
        0x20..0x7f => return out.push(u8::try_from(code).unwrap_or_default()),
        0x1_0000.. => {
            let above = code - 0x1_0000;
            write_unit(0xD800 + (above >> 10), out);
            return write_unit(0xDC00 + (above & 0x3ff), out);
        }
        _ => return write_unit(code, out),
    };
    out.extend_from_slice(&[b'\\', short]);
}

fn write_unit(unit: u32, out: &mut Vec<u8>) {
    out.extend_from_slice(b"\\u");
    for shift in [12, 8, 4, 0] {
        out.extend(char::from_digit(unit >> shift & 0xf, 16).map(|digit| digit as u8));
    }
}
