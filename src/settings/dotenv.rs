//! `.env` as pairs. A `$` is an ordinary character: a secret must not change because a part of it looks like a variable.

use super::fault::Fault;

/// What the text says, in its order. Nothing enters the process.
pub(super) fn pairs(text: &str, faults: &mut Vec<Fault>) -> Vec<(String, String)> {
    let text = literal(text.trim_start_matches('\u{feff}'));
    let mut pairs = Vec::new();
    for pair in dotenvy::from_read_iter(text.as_bytes()) {
        match pair {
            Ok(pair) => pairs.push(pair),
            Err(dotenvy::Error::LineParse(part, _)) => faults.push(Fault::NotDotenv { line: line_of(&text, &part) }),
            Err(error) => faults.push(Fault::Unreadable { path: ".env".into(), reason: error.to_string() }),
        }
    }
    pairs
}

/// The parser always replaces `$NAME`, but not `\$NAME`: so every `$` that it would look at gets a backslash.
fn literal(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let (mut quote, mut before, mut characters) = (None, '\n', text.chars());
    while let Some(character) = characters.next() {
        match (character, quote) {
            ('$', None | Some('"')) => escaped.push('\\'),
            ('\\', None | Some('"')) => {
                escaped.push('\\');
                escaped.extend(characters.next());
                before = '\\';
                continue;
            }
            ('\'' | '"', None) => quote = Some(character),
            ('\'' | '"', Some(open)) if open == character => quote = None,
            ('#', None) if before.is_whitespace() => {
                // quotes of a comment open nothing
                let rest = characters.as_str();
                let end = rest.find('\n').unwrap_or(rest.len());
                escaped.push('#');
                escaped.push_str(&rest[..end]);
                characters = rest[end..].chars();
                continue;
            }
            _ => {}
        }
        escaped.push(character);
        before = character;
    }
    escaped
}

/// The parser gives back the text at fault, which may be a secret: only its place is told.
fn line_of(text: &str, part: &str) -> usize {
    let first = part.trim().lines().next().unwrap_or_default();
    text.lines().position(|line| line.contains(first)).map_or(0, |index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(String, String)> {
        let mut faults = Vec::new();
        let pairs = pairs(text, &mut faults);
        assert!(faults.is_empty(), "{faults:?}");
        pairs
    }

    #[test]
    fn a_dollar_is_an_ordinary_character() {
        for (written, meant) in [
            ("pa$HOME", "pa$HOME"),
            ("$B$$x${HOME}", "$B$$x${HOME}"),
            ("\"pa$HOME 'x' $\"", "pa$HOME 'x' $"),
            ("'pa$HOME \"x\"'", "pa$HOME \"x\""),
            (r"pa\$HOME\\$", r"pa$HOME\$"),
            (r"'pa\$HOME'", r"pa\$HOME"),
            ("a'$b'\"$c\"$d", "a$b$c$d"),
            ("$a # don't look at $b", "$a"),
            ("a#$b", "a#$b"),
            (r"a\ #$b\ '$c'", "a #$b $c"),
        ] {
            // what comes before and behind it is none the worse
            let text = format!("# it's a $comment\nB=before\nA={written}\n#it's\nC='$c'\nD=$B\n");
            let expected = [("B", "before"), ("A", meant), ("C", "$c"), ("D", "$B")];
            assert_eq!(read(&text), expected.map(|(name, value)| (name.to_owned(), value.to_owned())), "{written}");
        }
    }

    #[test]
    fn values_may_have_several_lines() {
        assert_eq!(
            read("A=\"one $B\n# two $B\"\nB=3"),
            [("A", "one $B\n# two $B"), ("B", "3")].map(|(a, b)| (a.into(), b.into()))
        );
    }

    #[test]
    fn a_line_at_fault_has_its_number_though_it_has_a_dollar() {
        let mut faults = Vec::new();
        pairs("A=$B\nC=$D\nE=$F g$H\n", &mut faults);
        assert!(matches!(faults[..], [Fault::NotDotenv { line: 3 }]), "{faults:?}");
    }
}
