//! What others have sent, as it may be shown: nothing in it is taken for markup, turns the line around or hides. Only the
//! beginning of what is long.

use std::fmt::Write;

use serde_json::value::RawValue;

/// Of what is shown on a page, in bytes.
const MOST: usize = 64 << 10;
/// Of what is shown in hexadecimal.
const MOST_BYTES: usize = 4 << 10;
/// Beyond it nothing is moved further to the right.
const DEEPEST: usize = 24;
const LINE: usize = 16;

/// How a body is shown.
pub(super) struct Shown {
    /// `json`, `text` or `binary`
    pub kind: &'static str,
    /// Markup.
    pub markup: String,
    /// Whether it goes on.
    pub cut: bool,
}

pub(super) fn body(bytes: &[u8]) -> Shown {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.contains('\0') => {
            let cut = text.len() > MOST;
            match serde_json::from_str::<&RawValue>(text).is_ok() {
                true => Shown { kind: "json", markup: json(text), cut },
                false => Shown { kind: "text", markup: self::text(text), cut },
            }
        }
        _ => Shown { kind: "binary", markup: hexadecimal(bytes), cut: bytes.len() > MOST_BYTES },
    }
}

/// Text as it stands.
pub(super) fn text(text: &str) -> String {
    marked(beginning(text).chars()) + &rest(text)
}

/// JSON with a line for each value. What is not JSON comes out as it is, with a few more lines.
pub(super) fn json(text: &str) -> String {
    let mut lines = Lines::default();
    for c in beginning(text).chars() {
        lines.take(c);
    }
    marked(lines.text.chars()) + &rest(text)
}

#[derive(Default)]
struct Lines {
    text: String,
    depth: usize,
    in_text: bool,
    escaped: bool,
    /// An object or array has begun, and may end at once.
    begun: bool,
}

impl Lines {
    fn take(&mut self, c: char) {
        if self.in_text {
            self.text.push(c);
            self.in_text = self.escaped || c != '"';
            self.escaped = !self.escaped && c == '\\';
            return;
        }
        if matches!(c, ' ' | '\n' | '\r' | '\t') {
            return;
        }
        let is_end = matches!(c, '}' | ']');
        if is_end {
            self.depth = self.depth.saturating_sub(1);
        }
        if self.begun != is_end {
            self.new_line();
        }
        self.begun = matches!(c, '{' | '[');
        self.text.push(c);
        match c {
            '"' => self.in_text = true,
            '{' | '[' => self.depth += 1,
            ',' => self.new_line(),
            ':' => self.text.push(' '),
            _ => {}
        }
    }

    fn new_line(&mut self) {
        self.text.push('\n');
        self.text.extend(std::iter::repeat_n("  ", self.depth.min(DEEPEST)));
    }
}

/// What is not shown.
fn rest(text: &str) -> String {
    match text.len() - beginning(text).len() {
        0 => String::new(),
        left => format!("\n<span class=\"mark\">… and {left} bytes more</span>"),
    }
}

/// Sixteen bytes a line: where, in hexadecimal, and as text.
fn hexadecimal(bytes: &[u8]) -> String {
    let mut lines = String::new();
    for (number, line) in bytes[..bytes.len().min(MOST_BYTES)].chunks(LINE).enumerate() {
        let _ = write!(lines, "{:08x} ", number * LINE);
        for place in 0..LINE {
            match line.get(place) {
                Some(byte) => drop(write!(lines, " {byte:02x}")),
                None => lines.push_str("   "),
            }
        }
        lines.push_str("  ");
        lines.extend(line.iter().map(|byte| if (0x20..0x7f).contains(byte) { char::from(*byte) } else { '·' }));
        lines.push('\n');
    }
    marked(lines.chars())
}

fn beginning(text: &str) -> &str {
    let mut end = text.len().min(MOST);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Escaped, and what cannot be seen is named.
fn marked(chars: impl Iterator<Item = char>) -> String {
    let mut markup = String::new();
    for c in chars {
        match c {
            '<' => markup.push_str("&lt;"),
            '>' => markup.push_str("&gt;"),
            '&' => markup.push_str("&amp;"),
            '"' => markup.push_str("&quot;"),
            '\'' => markup.push_str("&#x27;"),
            '\n' | '\t' => markup.push(c),
            _ if is_hidden(c) => drop(write!(markup, r#"<span class="mark">U+{:04X}</span>"#, u32::from(c))),
            _ => markup.push(c),
        }
    }
    markup
}

/// Control characters; marks that turn the line around, join, or take no room.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
        || matches!(c, '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_has_a_line_for_each_value() {
        let shown = json(r#"{"a":[1,{"b":"x, {y}: \"z\""}],"c":{},"d":[ ]}"#).replace("&quot;", "'");
        let lines =
            ["{", "  'a': [", "    1,", "    {", "      'b': 'x, {y}: \\'z\\''", "    }", "  ],", "  'c': {},", "  'd': []", "}"];
        assert_eq!(shown, lines.join("\n"));
    }

    #[test]
    fn depth_does_not_make_much_of_little() {
        let deep = "[".repeat(MOST);
        assert!(json(&deep).len() < MOST * 60);
    }

    #[test]
    fn what_turns_the_line_around_is_named() {
        assert_eq!(text("a\u{202e}b\u{0}"), r#"a<span class="mark">U+202E</span>b<span class="mark">U+0000</span>"#);
    }

    #[test]
    fn bytes_that_are_no_text_are_shown_as_bytes() {
        let shown = body(b"\xff\x00<b>");
        assert_eq!((shown.kind, shown.cut), ("binary", false));
        assert!(shown.markup.starts_with("00000000  ff 00 3c 62 3e "), "{}", shown.markup);
        assert!(shown.markup.ends_with("··&lt;b&gt;\n"));
    }

    #[test]
    fn only_the_beginning_of_what_is_long_is_shown() {
        let long = "é".repeat(MOST);
        let shown = body(long.as_bytes());
        assert!(shown.cut && shown.kind == "text");
        assert!(
            shown.markup.ends_with(&format!("<span class=\"mark\">… and {MOST} bytes more</span>")),
            "{}",
            shown.markup.len()
        );
        assert_eq!(body(br#"{"a":1}"#).kind, "json");
    }
}
