//! What is wrong with a generator's file, and where: file, line, key, and the word that was probably meant.

use std::ops::Range;

use strsim::osa_distance;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CatalogError {
    #[error("{file}:{line}: `{key}` {fact}")]
    InFile { file: String, line: usize, key: String, fact: String },
    #[error("{file}: {fact}")]
    FileName { file: String, fact: String },
    #[error("the setting `{setting}` of generator `{generator}` {fact}")]
    InSettings { generator: String, setting: &'static str, fact: String },
}

/// A file while it is read: what is found wrong in it gets its place.
#[derive(Clone, Copy)]
pub struct Page<'a> {
    pub file: &'a str,
    pub text: &'a str,
}

impl Page<'_> {
    pub fn mistake(&self, span: &Range<usize>, key: &str, fact: impl Into<String>) -> CatalogError {
        CatalogError::InFile { file: self.file.to_owned(), line: self.line(span.start), key: key.to_owned(), fact: fact.into() }
    }

    /// The TOML reader's own complaint, in our words where it is about a key that nobody knows.
    pub fn unreadable(&self, mut error: toml::de::Error) -> CatalogError {
        let span = error.span().unwrap_or_default();
        let message = error.message().to_owned();
        // without its input the error shows its keys instead of a picture of the line, and that is their only door
        error.set_input(None);
        let shown = error.to_string();
        let key = shown.lines().find_map(|line| line.strip_prefix("in `")?.strip_suffix('`')).unwrap_or_default().to_owned();
        if let Some(missing) = quoted_after(&message, "missing field ").next() {
            return self.mistake(&span, &below(&key, missing), "is missing");
        }
        let Some((unknown, expected)) = unknown_field(&message) else {
            let key = if key.is_empty() { self.word_at(&span) } else { key };
            return self.mistake(&span, &key, in_words(message));
        };
        self.mistake(&span, &below(&key, unknown), format!("is no key here; {}", meant(unknown, &expected)))
    }

    fn line(&self, offset: usize) -> usize {
        1 + self.text.bytes().take(offset).filter(|&byte| byte == b'\n').count()
    }

    fn word_at(&self, span: &Range<usize>) -> String {
        let line = self.text.get(..span.start).and_then(|before| before.rsplit('\n').next()).unwrap_or_default().len();
        let rest = self.text.get(span.start - line..).unwrap_or_default();
        rest.lines().next().unwrap_or_default().split('=').next().unwrap_or_default().trim().to_owned()
    }
}

/// "`x` is none of a, b, c" with the likeliest of them named.
#[must_use]
pub fn unknown_word(word: &str, expected: &[&str]) -> String {
    format!("may not be `{word}`; {}", meant(word, expected))
}

fn meant(word: &str, expected: &[&str]) -> String {
    match nearest(word, expected) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known are {}", expected.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")),
    }
}

/// The known word that was probably meant.
#[must_use]
pub fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let near = |known: &&'a str| (osa_distance(word, known), *known);
    let (distance, known) = known.iter().map(near).min()?;
    (distance <= 1.max(word.chars().count() / 3)).then_some(known)
}

/// serde's sentence taken apart: the unknown field and the ones that it expected.
fn unknown_field(message: &str) -> Option<(&str, Vec<&str>)> {
    let mut quoted = quoted_after(message, "unknown field ");
    Some((quoted.next()?, quoted.collect()))
}

/// The reader's names for kinds of values, in words that a file's author knows.
fn in_words(message: String) -> String {
    const KINDS: [(&str, &str); 8] = [
        ("expected f64", "must be a number"),
        ("expected u32", "must be a whole number from 0"),
        ("expected u16", "must be a whole number from 0"),
        ("expected a map", "must be a table"),
        ("expected a string", "must be a text"),
        ("expected string", "must be a text"),
        ("expected a boolean", "must be true or false"),
        ("expected a sequence", "must be a list"),
    ];
    match KINDS.iter().find(|(kind, _)| message.starts_with("invalid") && message.ends_with(kind)) {
        Some((_, wanted)) => (*wanted).to_owned(),
        None => message,
    }
}

fn below(section: &str, key: &str) -> String {
    if section.is_empty() { key.to_owned() } else { format!("{section}.{key}") }
}

fn quoted_after<'a>(message: &'a str, start: &str) -> impl Iterator<Item = &'a str> {
    message.strip_prefix(start).unwrap_or_default().split('`').skip(1).step_by(2)
}
