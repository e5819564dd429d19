//! How many words a text has.

/// Of a content: of its text, or else of its HTML.
#[must_use]
pub fn words_of(content: Option<&str>, html: Option<&str>) -> Option<u64> {
    content.or(html).map(words)
}

/// Chinese, Japanese and Korean characters count as words of their own, everything else between white space as one, if
/// there is a letter or a digit in it; HTML tags and the targets of Markdown links do not count.
#[must_use]
pub fn words(text: &str) -> u64 {
    let (mut count, mut is_in_word, mut rest) = (0, false, text);
    while let Some(first) = rest.chars().next() {
        if let Some(markup) = markup(rest) {
            rest = &rest[markup..];
            // a tag parts words, the target of a link belongs to what is linked
            is_in_word &= first != '<';
            continue;
        }
        let stands_alone = is_ideograph(first);
        count += u64::from(stands_alone || first.is_alphanumeric() && !is_in_word);
        is_in_word = !stands_alone && !first.is_whitespace() && (is_in_word || first.is_alphanumeric());
        rest = &rest[first.len_utf8()..];
    }
    count
}

/// Of tags and links; a longer one is text.
const LONGEST: usize = 4096;

/// How long the markup is that the text begins with.
fn markup(text: &str) -> Option<usize> {
    let (skipped, end) = match text.as_bytes() {
        [b'<', b'/' | b'!' | b'?' | b'a'..=b'z' | b'A'..=b'Z', ..] => (1, '>'),
        [b']', b'(', ..] => (2, ')'),
        _ => return None,
    };
    let within = &text[..text.floor_char_boundary(LONGEST)];
    within[skipped..].find(end).map(|at| skipped + at + 1)
}

const fn is_ideograph(c: char) -> bool {
    matches!(c,
        '\u{1100}'..='\u{11ff}' | '\u{3005}'..='\u{3007}' | '\u{3040}'..='\u{30ff}' | '\u{3105}'..='\u{318f}'
        | '\u{31f0}'..='\u{31ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}'
        | '\u{f900}'..='\u{faff}' | '\u{ff66}'..='\u{ff9d}' | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::words;

    #[rstest]
    #[case("", 0)]
    #[case("Lighthouses at dusk", 3)]
    #[case("don't e.g. 3.14 — half-way", 4)]
    #[case("# 标题\n\n正文😀", 4)]
    #[case("灯塔 is 7m high。", 5)]
    #[case("<p class=\"a b c\">two</p><p>words</p> a < b", 4)]
    #[case("**bold** [a link](https://a.example/b c d), - item", 4)]
    #[case("こんにちは 안녕", 7)]
    fn words_are_counted_as_a_reader_would(#[case] text: &str, #[case] count: u64) {
        assert_eq!(words(text), count, "{text}");
    }

    #[test]
    fn hostile_markup_costs_no_more_than_text() {
        assert_eq!(words(&"<a".repeat(200_000)), 1);
        assert_eq!(words(&"](".repeat(200_000)), 0);
    }
}
