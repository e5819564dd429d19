//! Finds its way in JSON that is known to be well-formed: a byte at a time, and without reading what it passes over.

use std::ops::Range;

/// Members of an object, or elements of a list.
pub struct Entries<'a> {
    text: &'a str,
    at: usize,
    is_list: bool,
}

/// Of the object or the list that the text is.
#[must_use]
pub fn entries(text: &str) -> Entries<'_> {
    Entries { text, at: 1, is_list: text.starts_with('[') }
}

impl<'a> Iterator for Entries<'a> {
    /// A member's name, as it is written, and where the value is.
    type Item = (Option<&'a str>, Range<usize>);

    fn next(&mut self) -> Option<Self::Item> {
        self.pass();
        if matches!(self.text.as_bytes().get(self.at)?, b']' | b'}') {
            return None;
        }
        let text = self.text;
        let name = (!self.is_list).then(|| &text[self.value()]);
        self.pass();
        Some((name, self.value()))
    }
}

impl Entries<'_> {
    /// What stands between values.
    fn pass(&mut self) {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let is_between = |byte: &u8| matches!(byte, b' ' | b'\n' | b'\r' | b'\t' | b',' | b':');
        self.at += rest.iter().position(|byte| !is_between(byte)).unwrap_or(rest.len());
    }

    fn value(&mut self) -> Range<usize> {
        let start = self.at;
        self.at += length(&self.text.as_bytes()[start..]);
        start..self.at
    }
}

/// Of the value that the text begins with.
fn length(text: &[u8]) -> usize {
    match text.first() {
        Some(b'"') => string(text),
        Some(b'{' | b'[') => nested(text),
        _ => {
            let is_end = |byte: &u8| matches!(byte, b',' | b']' | b'}' | b' ' | b'\n' | b'\r' | b'\t');
            text.iter().position(is_end).unwrap_or(text.len())
        }
    }
}

fn nested(text: &[u8]) -> usize {
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(byte) = text.get(at) {
        at += if *byte == b'"' { string(&text[at..]) } else { 1 };
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth == 1 => return at,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
    }
    at
}

/// With its quotes.
fn string(text: &[u8]) -> usize {
    let mut at = 1;
    while let Some(found) = text.get(at..).and_then(|rest| rest.iter().position(|byte| matches!(byte, b'"' | b'\\'))) {
        at += found;
        if text[at] == b'"' {
            return at + 1;
        }
        at += 2;
    }
    text.len()
}
